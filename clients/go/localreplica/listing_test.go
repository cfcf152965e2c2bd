package localreplica

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	venuesv1 "cqar.example/client/gen/cqc/venues/v1"
)

func TestScheduledChangesHoldFromTheirInstantOn(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	change := func(after time.Duration, field, value string) *venuesv1.ScheduledChange {
		return &venuesv1.ScheduledChange{
			EffectiveAt: timestamppb.New(noon.Add(after)), Field: proto.String(field), Value: proto.String(value),
		}
	}
	listing := &venuesv1.VenueSymbol{
		Exact: &venuesv1.VenueSymbolDecimals{TickSize: proto.String("0.01")},
		Scheduled: []*venuesv1.ScheduledChange{
			change(0, "tick_size", "0.1"), change(time.Minute, "status", "HALTED"), change(time.Hour, "tick_size", "1"),
		},
	}
	for _, expected := range []struct {
		after  time.Duration
		tick   string
		status string
		coming int
	}{
		{-time.Second, "0.01", "UNSPECIFIED", 3},
		{0, "0.1", "UNSPECIFIED", 2},
		{time.Minute, "0.1", "HALTED", 1},
		{time.Hour, "1", "HALTED", 0},
	} {
		told := termsAt(listing, noon.Add(expected.after))
		status := strings.TrimPrefix(told.GetStatus().String(), "MARKET_STATUS_")
		if told.GetExact().GetTickSize() != expected.tick || status != expected.status || len(told.Scheduled) != expected.coming {
			t.Errorf("after %s: %v", expected.after, told)
		}
	}
	if listing.GetExact().GetTickSize() != "0.01" {
		t.Error("the listing itself was changed")
	}
}

func TestALongKeyIsItsBeginningAndItsDigest(t *testing.T) {
	short, long := packed("a", strings.Repeat("b", 498)), packed("a", strings.Repeat("b", 499))
	if len(short) != 500 || len(long) != 464 || !strings.HasPrefix(string(long), string(short[:400])) {
		t.Errorf("%d and %d bytes", len(short), len(long))
	}
}
