package limit_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/limit"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/roomstate/redistest"
)

func TestRedis(t *testing.T) {
	redistest.Suite(t, func(t *testing.T, rdb redis.UniversalClient) {
		name, ctx := "test"+strconv.FormatInt(int64(redistest.Room()), 36), t.Context()
		slow := limit.NewRedis(rdb, name, limit.Rate{Events: 12, Per: time.Minute, Burst: 3})
		elsewhere := limit.NewRedis(rdb, name, limit.Rate{Events: 12, Per: time.Minute, Burst: 3})
		for i, want := range []bool{true, true, true, false} {
			l := slow
			if i%2 == 1 {
				l = elsewhere
			}
			ok, wait, err := l.Allow(ctx, "a", 1)
			if err != nil || ok != want || ok != (wait == 0) {
				t.Fatalf("call %d: got %v, %v, %v, want %v", i, ok, wait, err, want)
			}
			if !ok && (wait < 4*time.Second || wait > 5*time.Second) {
				t.Fatalf("got retry after %v, want almost 5 s", wait)
			}
		}
		if ok, wait, err := slow.Allow(ctx, "b", 4); ok || wait <= 0 || err != nil {
			t.Fatalf("got %v, %v, %v for more than the burst", ok, wait, err)
		}
		if ok, _, err := slow.Allow(ctx, "b", 3); !ok || err != nil {
			t.Fatalf("got %v, %v for the whole burst of another key", ok, err)
		}
		ttl, err := rdb.PTTL(ctx, roomstate.LimitKey(name, "a")).Result()
		if err != nil || ttl <= 0 || ttl > 15*time.Second {
			t.Fatalf("got a time to live of %v, %v", ttl, err)
		}

		fast := limit.NewRedis(rdb, name+"f", limit.Rate{Events: 20, Burst: 1})
		if ok, _, err := fast.Allow(ctx, "a", 1); !ok || err != nil {
			t.Fatalf("got %v, %v", ok, err)
		}
		redistest.Await(t, "the allowance to come back", func(ctx context.Context) error {
			ok, wait, err := fast.Allow(ctx, "a", 1)
			if err == nil && !ok {
				err = fmt.Errorf("retry after %v", wait)
			}
			return err
		})
		if ok, _, err := limit.NewRedis(rdb, name, limit.Rate{}).Allow(ctx, "a", 100); !ok || err != nil {
			t.Fatalf("got %v, %v without a rate", ok, err)
		}
	})
}
