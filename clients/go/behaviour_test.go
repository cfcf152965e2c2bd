package cqar_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	cqar "cqar.example/client"
	resolverv1 "cqar.example/client/gen/cqc/resolver/v1"
	"cqar.example/client/internal/behaviour"
)

// TestBehaviour asks every case of clients/behaviour/cases.json of the servers that CQAR_BEHAVIOUR names.
func TestBehaviour(t *testing.T) {
	stack := behaviour.Read(t)
	for _, asked := range stack.Table {
		asked := asked
		t.Run(asked.Name, func(t *testing.T) {
			timeout := 10 * time.Second
			if asked.TimeoutS > 0 {
				timeout = time.Duration(asked.TimeoutS) * time.Second
			}
			client, err := cqar.Dial(stack.Servers[asked.Server()], cqar.Options{Timeout: timeout})
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			answer, err := ask(client, asked, stack)
			if least := asked.CarriedAtLeast; least != nil {
				position, isSet := client.Position()
				if isSet != (*least != "") || position.Before(positionOf(stack, *least)) && isSet {
					t.Errorf("it carries %s, not %q", position, *least)
				}
			}
			asked.Compare(t, answer, err)
		})
	}
}

func positionOf(stack *behaviour.Stack, text string) cqar.Position {
	return cqar.Position{Epoch: stack.Epoch, Revision: stack.RevisionOf(text)}
}

func ask(client *cqar.Client, asked behaviour.Case, stack *behaviour.Stack) (map[string]any, error) {
	ctx := context.Background()
	if asked.Carry != "" {
		position := positionOf(stack, asked.Carry)
		if asked.CarryEpoch != "" {
			position.Epoch, _ = strconv.ParseUint(asked.CarryEpoch, 10, 64)
		}
		if err := client.Carry(position); err != nil {
			return nil, err
		}
	}
	var at []cqar.At
	if asked.AsOf != "" {
		instant, err := time.Parse(time.RFC3339, asked.AsOf)
		if err != nil {
			return nil, err
		}
		at = append(at, cqar.AsOf(instant))
	}
	switch asked.Ask {
	case "resolve":
		found, err := client.Resolve(ctx, asked.Venue, asked.Symbol, at...)
		return behaviour.Resolution(found), err
	case "batch":
		return askBatch(ctx, client, asked, at)
	case "check":
		checked, err := client.CheckOrder(ctx, &resolverv1.CheckOrderRequest{
			VenueId: asked.Venue, VenueSymbol: asked.Symbol, Price: asked.Price, Quantity: asked.Quantity,
			Side: resolverv1.OrderSide(resolverv1.OrderSide_value["ORDER_SIDE_"+asked.Side]),
		})
		return map[string]any{
			"allowed": checked.GetAllowed(), "reasons": behaviour.Codes(checked.GetReasons()), "price": checked.GetPrice(),
			"quantity": checked.GetQuantity(), "notional": checked.GetNotional(), "state": behaviour.State(checked.GetFreshness()),
		}, err
	case "watch":
		return askWatch(ctx, client, asked, stack)
	}
	return nil, fmt.Errorf("no question %q", asked.Ask)
}

func askBatch(ctx context.Context, client *cqar.Client, asked behaviour.Case, at []cqar.At) (map[string]any, error) {
	times := asked.Times
	if times == 0 {
		times = 1
	}
	var keys []cqar.Key
	for ; times > 0; times-- {
		for _, key := range asked.Keys {
			keys = append(keys, cqar.Key{Venue: key[0], Symbol: key[1]})
		}
	}
	found, err := client.ResolveBatch(ctx, keys, at...)
	answers := []any{}
	for _, resolution := range found {
		answers = append(answers, behaviour.Resolution(resolution))
	}
	return map[string]any{"count": float64(len(answers)), "answers": answers}, err
}

func askWatch(ctx context.Context, client *cqar.Client, asked behaviour.Case, stack *behaviour.Stack) (map[string]any, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	options := cqar.WatchOptions{Kinds: asked.Kinds, Venues: asked.Venues}
	if asked.From != "" {
		options.From = positionOf(stack, asked.From)
	}
	watch := client.Watch(ctx, options)
	defer watch.Close()
	update, err := watch.Next()
	set := update.GetChangeSet()
	answer := map[string]any{
		"changes": nil, "revision": fmt.Sprint(set.GetRevision()), "reason": set.GetReason(),
		"state": behaviour.State(update.GetFreshness()),
	}
	if set != nil {
		changes := []any{}
		for _, change := range set.GetChanges() {
			changes = append(changes, map[string]any{"kind": change.GetKind(), "deleted": change.GetDeleted()})
		}
		answer["changes"] = changes
	}
	if set.GetRevision() == stack.Revision {
		answer["revision"] = "head"
	}
	return answer, err
}

func TestAPositionIsReadAsItIsWritten(t *testing.T) {
	for _, text := range []string{"0:0", "1:42", "7:9223372036854775807"} {
		position, err := cqar.ParsePosition(text)
		if err != nil || position.String() != text {
			t.Errorf("%s was read as %s, %v", text, position, err)
		}
	}
	for _, text := range []string{"", "1", "1:", ":1", "1:-1", "1:9223372036854775808", "1:2:3", " 1:2"} {
		if position, err := cqar.ParsePosition(text); err == nil {
			t.Errorf("%q was read as %s", text, position)
		}
	}
}

func TestAWatchWhoseContextEndsIsOver(t *testing.T) {
	stack := behaviour.Read(t)
	client, err := cqar.Dial(stack.Servers["resolver"], cqar.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithCancel(context.Background())
	watch := client.Watch(ctx, cqar.WatchOptions{})
	if _, err := watch.Next(); err != nil {
		t.Fatal(err)
	}
	cancel()
	for range [3]int{} {
		if _, err = watch.Next(); err != nil {
			break
		}
	}
	if err == nil || !strings.Contains(err.Error(), "cancel") {
		t.Errorf("it ended with %v", err)
	}
}
