package held_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/barrage-live/barrage/shared/held"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/roomstate/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// told counts what pods hear.
type told struct{ n int }

func (c *told) Command(context.Context, live.RoomID, []byte) error {
	c.n++
	return nil
}

func danmu(user live.UserID, id string) held.Danmu {
	return held.Danmu{User: user, ID: id, Payload: fmt.Appendf(nil, `{"id":%q,"content":"x"}`, id)}
}

func hold(t *testing.T, q *held.Queue, room live.RoomID, danmu ...held.Danmu) []held.Outcome {
	t.Helper()
	outcomes, err := q.Hold(t.Context(), room, danmu)
	if err != nil {
		t.Fatal(err)
	}
	return outcomes
}

func list(t *testing.T, q *held.Queue, room live.RoomID) (names []string) {
	t.Helper()
	all, err := q.List(t.Context(), room)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		names = append(names, fmt.Sprint(d.User, d.ID, string(d.Payload)))
	}
	return names
}

func TestQueue(t *testing.T) {
	redistest.Suite(t, func(t *testing.T, rdb redis.UniversalClient) {
		pods, room, ctx := &told{}, redistest.Room(), t.Context()
		here, there := held.New(rdb, pods), held.New(rdb, &told{}) // of two processes
		hold(t, here, room, danmu(7, "a"), danmu(8, "a"))
		hold(t, there, room, danmu(9, "b/c d"), danmu(7, "a"))
		if got, want := fmt.Sprint(list(t, there, room)), fmt.Sprintf(`[7a%s 8a%s 9b/c d%s]`, danmu(7, "a").Payload, danmu(8, "a").Payload, danmu(9, "b/c d").Payload); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
		if pods.n != 1 {
			t.Errorf("the pods were told %d times", pods.n)
		}
		if len(list(t, here, room+1)) != 0 {
			t.Error("another room has a queue")
		}

		d, err := here.Release(ctx, room, 7, "a")
		if err != nil || string(d.Payload) != string(danmu(7, "a").Payload) {
			t.Fatalf("got %+v, %v", d, err)
		}
		if err := there.Refuse(ctx, room, 7, "a"); !errors.Is(err, held.ErrReleasing) {
			t.Errorf("refused while it is released: got %v", err)
		}
		if again, err := there.Release(ctx, room, 7, "a"); err != nil || string(again.Payload) != string(d.Payload) {
			t.Errorf("a release that was cut short: got %+v, %v", again, err)
		}
		for range 2 { // both end it
			if err := here.Shown(ctx, room, d, 42); err != nil {
				t.Fatal(err)
			}
		}
		if err := there.Refuse(ctx, room, 8, "a"); err != nil {
			t.Fatal(err)
		}
		for _, user := range []live.UserID{7, 8, 10} {
			if _, err := here.Release(ctx, room, user, "a"); !errors.Is(err, held.ErrUnknown) {
				t.Errorf("user %d, decided: got %v", user, err)
			}
			if err := here.Refuse(ctx, room, user, "a"); !errors.Is(err, held.ErrUnknown) {
				t.Errorf("user %d, decided: got %v", user, err)
			}
		}
		got := hold(t, there, room, danmu(7, "a"), danmu(8, "a"), danmu(9, "b/c d"))
		if want := []held.Outcome{{Fate: held.Released, Seq: 42}, {Fate: held.Refused}, {Fate: held.Waits}}; fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("sent again: got %v, want %v", got, want)
		}
		if got := list(t, here, room); len(got) != 1 {
			t.Errorf("got %q left", got)
		}
	})
}

func TestQueueIsBounded(t *testing.T) {
	redistest.Suite(t, func(t *testing.T, rdb redis.UniversalClient) {
		q, room := held.New(rdb, &told{}), redistest.Room()
		var all []held.Danmu
		for i := range 450 {
			all = append(all, danmu(7, fmt.Sprint(i)))
		}
		waits, noPlace := 0, 0
		for _, o := range hold(t, q, room, all...) {
			switch o.Fate {
			case held.Waits:
				waits++
			case held.NoPlace:
				noPlace++
			}
		}
		if waits != 400 || noPlace != 50 || len(list(t, q, room)) != 400 {
			t.Errorf("got %d that wait and %d without a place", waits, noPlace)
		}
		for _, key := range []string{roomstate.HeldKey(room), roomstate.HeldOrderKey(room)} {
			if ttl, err := rdb.PTTL(t.Context(), key).Result(); err != nil || ttl <= held.WaitFor || ttl > 2*held.WaitFor {
				t.Errorf("%s: got a time to live of %v, %v", key, ttl, err)
			}
		}
	})
}

// What has waited long enough is gone, and makes place.
func TestWhatWaitedTooLongIsGone(t *testing.T) {
	redistest.Suite(t, func(t *testing.T, rdb redis.UniversalClient) {
		q, room, ctx := held.New(rdb, &told{}), redistest.Room(), t.Context()
		hold(t, q, room, danmu(7, "old"), danmu(7, "young"))
		if err := rdb.ZAdd(ctx, roomstate.HeldOrderKey(room), redis.Z{Score: 1, Member: "7/old"}).Err(); err != nil {
			t.Fatal(err)
		}
		if got := list(t, q, room); len(got) != 1 {
			t.Errorf("got %q", got)
		}
		if _, err := q.Release(ctx, room, 7, "old"); !errors.Is(err, held.ErrUnknown) {
			t.Errorf("got %v", err)
		}
		hold(t, q, room, danmu(7, "new"))
		if n, err := rdb.HLen(ctx, roomstate.HeldKey(room)).Result(); err != nil || n != 2 {
			t.Errorf("got %d kept, %v", n, err)
		}
		if _, err := q.Release(ctx, room, 7, "young"); err != nil {
			t.Fatal(err)
		}
		left, err := q.List(ctx, room)
		if err != nil || len(left) != 2 || !left[0].Until.Before(left[1].Until) || left[0].ID != "young" {
			t.Errorf("a release that was begun ends soon: got %+v, %v", left, err)
		}
	})
}
