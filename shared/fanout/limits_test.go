package fanout_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/limit"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate/redistest"
)

func limited(sender, id string, rate limit.Rate) fanout.Item {
	it := item(sender, id)
	it.Rate = rate
	return it
}

// slowRate gives nothing back while a test runs.
func slowRate(burst int) limit.Rate { return limit.Rate{Events: 0.05, Burst: burst} }

func testRates(t *testing.T, rdb redis.UniversalClient) {
	room, r := redistest.Room(), slowRate(3)
	pods := [2]*fanout.Publisher{
		fanout.NewPublisher(rdb, fanout.PublisherConfig{}), fanout.NewPublisher(rdb, fanout.PublisherConfig{DisplayRate: 1000}),
	}
	expect(t, publish(t, pods[0], room, limited("u1", "a", r), limited("u1", "b", r)), "1 2")
	got := publish(t, pods[1], room, limited("u1", "c", r), limited("u1", "d", r), item("u2", "x"), limited("u1", "a", r), limited("u3", "y", slowRate(1)))
	expect(t, got, "3 0x 4 1d 5")
	if wait := got[1].Wait; wait <= 0 || wait > 20*time.Second {
		t.Fatalf("got a wait of %v, want at most one interval", wait)
	}
	for i, o := range got {
		if i != 1 && o.Wait != 0 {
			t.Errorf("item %d: got %+v", i, o)
		}
	}
	// A step of nothing but refusals: no seq, no debt to Kafka, and the same answer to a repeat within the call.
	got = publish(t, pods[0], room, limited("u1", "d", r), limited("u1", "d", r), limited("u3", "z", slowRate(1)))
	expect(t, got, "0x 0dx 0x")
	if got[0].Wait == 0 || got[1].Wait != got[0].Wait || got[2].Wait == 0 {
		t.Fatalf("got %+v", got)
	}
	// Who has no rate is not counted, and a mark counts like a message.
	expect(t, publish(t, pods[0], room, item("u1", "free")), "6")
	mark := fanout.Item{Sender: "u4", ID: "m", Mark: true, Class: live.ClassLike, Rate: slowRate(1)}
	publish(t, pods[0], room, mark)
	if got := publish(t, pods[1], room, mark, limited("u4", "n", slowRate(1))); !got[0].Duplicate || got[1].Wait == 0 {
		t.Fatalf("got %+v", got)
	}
	if got := publish(t, pods[1], redistest.Room(), limited("u1", "e", r)); got[0].Wait != 0 {
		t.Fatalf("in another room: got %+v", got)
	}
	fast := limit.Rate{Events: 50, Burst: 1}
	expect(t, publish(t, pods[0], room, limited("u5", "a", fast)), "7")
	redistest.Await(t, "the allowance to come back", func(ctx context.Context) error {
		got, err := pods[1].Publish(ctx, room, []fanout.Item{limited("u5", "b", fast)})
		if err == nil && got[0].Wait > 0 {
			err = fmt.Errorf("wait %v", got[0].Wait)
		}
		return err
	})
	if _, err := pods[0].Publish(t.Context(), room, []fanout.Item{limited("u1", "f", slowRate(7))}); err == nil {
		t.Error("a rate was taken that needs more memory than two windows")
	}
}

// Messages that came one by one and waited for their batch together are no burst.
func testAges(t *testing.T, rdb redis.UniversalClient) {
	room, p, r := redistest.Room(), fanout.NewPublisher(rdb, fanout.PublisherConfig{}), slowRate(2)
	now := time.Now()
	batch := []fanout.Item{limited("u1", "a", r), limited("u1", "b", r), limited("u1", "c", r), limited("u1", "d", r)}
	batch[0].At, batch[1].At, batch[2].At = now.Add(-50*time.Second), now.Add(-30*time.Second), now.Add(-10*time.Second)
	expect(t, publish(t, p, room, batch...), "1 2 3 4")
	if got := publish(t, p, room, limited("u1", "e", r)); got[0].Wait == 0 {
		t.Fatalf("got %+v", got)
	}
	other := []fanout.Item{limited("u2", "a", r), limited("u2", "b", r), limited("u2", "c", r)}
	expect(t, publish(t, p, room, other...), "5 6 0x")
}
