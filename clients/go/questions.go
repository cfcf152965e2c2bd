package cqar

import (
	"context"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	resolverv1 "cqar.example/client/gen/cqc/resolver/v1"
)

// Key is a venue and the venue's own spelling, compared exactly.
type Key struct {
	Venue, Symbol string
}

// At is an instant that a question is about.
type At struct {
	instant *timestamppb.Timestamp
}

// AsOf asks for what held at an instant, or will hold then by what is known now. Such an answer has no verdict.
func AsOf(instant time.Time) At { return At{timestamppb.New(instant)} }

func asOf(times []At) *timestamppb.Timestamp {
	if len(times) == 0 {
		return nil
	}
	return times[len(times)-1].instant
}

// Resolve tells what a spelling means, how it trades, and whether it may be traded now. A spelling that means
// nothing is NotFound; a delisted one is an answer, with its status.
func (c *Client) Resolve(ctx context.Context, venue, symbol string, at ...At) (*resolverv1.Resolution, error) {
	request := &resolverv1.ResolveRequest{VenueId: venue, VenueSymbol: symbol, AsOf: asOf(at)}
	var found *resolverv1.Resolution
	err := c.ask(ctx, func(ctx context.Context, options ...grpc.CallOption) error {
		answer, err := c.resolver.Resolve(ctx, request, options...)
		found = answer.GetResolution()
		return err
	})
	if err != nil {
		return nil, err
	}
	c.session.observe(positionIn(found.GetFreshness()))
	return found, nil
}

// ResolveBatch resolves any number of keys, in their order; each KeysMax of them are of one revision. A key that
// means nothing has the status NOT_FOUND and a reason (GetNotFound). Every answer has its batch's freshness.
func (c *Client) ResolveBatch(ctx context.Context, keys []Key, at ...At) ([]*resolverv1.Resolution, error) {
	ctx, cancel := c.bounded(ctx)
	defer cancel()
	answers := make([]*resolverv1.Resolution, 0, len(keys))
	for start := 0; start < len(keys); start += KeysMax {
		end := start + KeysMax
		if end > len(keys) {
			end = len(keys)
		}
		request := &resolverv1.ResolveBatchRequest{AsOf: asOf(at)}
		for _, key := range keys[start:end] {
			wanted := &resolverv1.VenueSymbolKey{VenueId: key.Venue, VenueSymbol: key.Symbol}
			request.Keys = append(request.Keys, wanted)
		}
		err := c.ask(ctx, func(ctx context.Context, options ...grpc.CallOption) error {
			answer, err := c.resolver.ResolveBatch(ctx, request, options...)
			for _, found := range answer.GetResolutions() {
				found.Freshness = answer.GetFreshness()
			}
			answers = append(answers, answer.GetResolutions()...)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return answers, nil
}

// CheckOrder tells whether an order may be sent, and rounds it to the venue's tick and lot. An order that is
// refused is an answer: see GetAllowed and GetReasons.
func (c *Client) CheckOrder(
	ctx context.Context, order *resolverv1.CheckOrderRequest,
) (*resolverv1.CheckOrderResponse, error) {
	var checked *resolverv1.CheckOrderResponse
	err := c.ask(ctx, func(ctx context.Context, options ...grpc.CallOption) (err error) {
		checked, err = c.resolver.CheckOrder(ctx, order, options...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return checked, nil
}

// Status tells what the resolver holds, and how far behind it may be.
func (c *Client) Status(ctx context.Context) (*resolverv1.GetStatusResponse, error) {
	var told *resolverv1.GetStatusResponse
	err := c.ask(ctx, func(ctx context.Context, options ...grpc.CallOption) (err error) {
		told, err = c.resolver.GetStatus(ctx, &resolverv1.GetStatusRequest{}, options...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return told, nil
}
