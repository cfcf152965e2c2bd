package cqar

import (
	"context"
	"io"
	"math/rand"
	"time"

	"google.golang.org/grpc/metadata"

	resolverv1 "cqar.example/client/gen/cqc/resolver/v1"
)

const (
	pauseFirst = 100 * time.Millisecond
	pauseMax   = 2 * time.Second
)

// WatchOptions say which changes are wanted.
type WatchOptions struct {
	// From is the first revision that is wanted, and its epoch; zero: the next one.
	From Position
	// Kinds, such as venue_symbol; none: all.
	Kinds []string
	// Venues: only what is at these; none: all.
	Venues []string
}

// Watch delivers changes in their order. A lost connection is made again, and the watch goes on behind the last
// revision that it delivered: none comes twice, and none is left out. It belongs to one goroutine.
type Watch struct {
	client  *Client
	ctx     context.Context
	cancel  context.CancelFunc
	stream  resolverv1.Resolver_WatchClient
	request *resolverv1.WatchRequest
	pause   time.Duration
	isBegun bool
}

// Watch begins a watch. Next is where it connects, and where it fails.
func (c *Client) Watch(ctx context.Context, options WatchOptions) *Watch {
	ctx, cancel := context.WithCancel(ctx)
	return &Watch{
		client: c,
		ctx:    ctx,
		cancel: cancel,
		pause:  pauseFirst,
		request: &resolverv1.WatchRequest{
			FromRevision: options.From.Revision,
			Epoch:        options.From.Epoch,
			Kinds:        options.Kinds,
			VenueIds:     options.Venues,
		},
	}
}

// Close ends the watch.
func (w *Watch) Close() { w.cancel() }

// Next waits for a change set, or for a sign of life, which has none: one comes each second. Of a watch that was
// begun, NotReady is never the end: it tries again 0.1 to 2 s apart until its context ends. NotKept and
// EpochChanged end it: read everything anew, then watch again.
func (w *Watch) Next() (*resolverv1.WatchResponse, error) {
	for {
		update, err := w.receive()
		if err == nil {
			w.advance(update)
			return update, nil
		}
		w.stream = nil
		if w.ctx.Err() != nil || !w.isBegun || !Is(err, NotReady) {
			w.cancel()
			return nil, err
		}
		select {
		case <-time.After(w.nextPause()):
		case <-w.ctx.Done():
		}
	}
}

func (w *Watch) receive() (*resolverv1.WatchResponse, error) {
	if w.stream == nil {
		stream, err := w.client.resolver.Watch(w.client.outgoing(w.ctx), w.request)
		if err != nil {
			return nil, w.client.failure(err, nil)
		}
		w.stream = stream
	}
	update, err := w.stream.Recv()
	if err == io.EOF {
		return nil, &Error{Kind: NotReady, Message: "the resolver ended the watch", cause: err}
	}
	if err != nil {
		var trailer metadata.MD = w.stream.Trailer()
		return nil, w.client.failure(err, trailer)
	}
	return update, nil
}

// advance notes what was received, so that a new connection goes on behind it.
func (w *Watch) advance(update *resolverv1.WatchResponse) {
	w.isBegun, w.pause = true, pauseFirst
	freshness := update.GetFreshness()
	w.client.session.observe(positionIn(freshness))
	w.request.Epoch = freshness.GetEpoch()
	if changes := update.GetChangeSet(); changes != nil {
		w.request.FromRevision = changes.GetRevision() + 1
	} else if next := freshness.GetRevision() + 1; next > w.request.FromRevision {
		w.request.FromRevision = next
	}
}

// nextPause has jitter, since many watches lose a resolver at once.
func (w *Watch) nextPause() time.Duration {
	pause := time.Duration(float64(w.pause) * (0.5 + rand.Float64()/2))
	if w.pause *= 2; w.pause > pauseMax {
		w.pause = pauseMax
	}
	return pause
}
