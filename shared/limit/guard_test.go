package limit_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/limit"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/roomstate/redistest"
)

// counted is how many commands a client has sent.
type counted struct{ atomic.Int64 }

func (c *counted) DialHook(next redis.DialHook) redis.DialHook { return next }
func (c *counted) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.Add(1)
		return next(ctx, cmd)
	}
}
func (c *counted) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// slow gives nothing back while a test runs.
func slow(burst int) limit.Rate { return limit.Rate{Events: 1, Per: time.Hour, Burst: burst} }

func TestGuardHoldsOverProcesses(t *testing.T) {
	redistest.Suite(t, func(t *testing.T, rdb redis.UniversalClient) {
		name := "guard" + strconv.FormatInt(int64(redistest.Room()), 36)
		for _, ahead := range []int{0, 3} {
			c := limit.GuardConfig{Name: name + strconv.Itoa(ahead), Rate: slow(20), Redis: rdb, Ahead: ahead, Away: func(err error) { t.Error(err) }}
			processes := []*limit.Guard{limit.NewGuard(c), limit.NewGuard(c), limit.NewGuard(c)}
			allowed := 0
			for i := range 90 {
				wait := processes[i%3].Allow(t.Context(), "a")
				if wait == 0 {
					allowed++
				} else if wait > time.Duration(1+len(processes)*ahead)*time.Hour {
					t.Fatalf("got a wait of %v", wait)
				}
			}
			if most := 20 + len(processes)*ahead; allowed < 20 || allowed > most {
				t.Errorf("%d ahead: got %d allowed, want 20 to %d", ahead, allowed, most)
			}
			if wait := processes[0].Allow(t.Context(), "b"); wait != 0 {
				t.Errorf("another key: got a wait of %v", wait)
			}
		}
	})
}

func TestGuardTellsManyKeysAtOnce(t *testing.T) {
	rdb, calls := redistest.Embedded(t), &counted{}
	rdb.AddHook(calls)
	g := limit.NewGuard(limit.GuardConfig{Name: "many", Rate: slow(1000), Redis: rdb, Ahead: 1_000_000})
	for i := range 5000 {
		g.Allow(t.Context(), fmt.Sprint(i))
	}
	if got := calls.Load(); got < 10 || got > 500 { // more than ten only where it takes long
		t.Errorf("got %d calls for 5000 keys", got)
	}
	if n, err := rdb.Exists(t.Context(), roomstate.LimitKey("many", "0"), roomstate.LimitKey("many", "4000")).Result(); err != nil || n != 2 {
		t.Errorf("got %d of two keys, %v", n, err)
	}
}

func TestGuardDoesNotAskAboutWhoWasRefused(t *testing.T) {
	rdb, calls := redistest.Embedded(t), &counted{}
	rdb.AddHook(calls)
	c := limit.GuardConfig{Name: "refused", Rate: slow(2), Redis: rdb}
	here, elsewhere := limit.NewGuard(c), limit.NewGuard(c)
	for range 2 {
		elsewhere.Allow(t.Context(), "a")
	}
	if here.Allow(t.Context(), "a") == 0 {
		t.Fatal("the other process' events do not count")
	}
	before := calls.Load()
	for range 100 {
		if here.Allow(t.Context(), "a") == 0 || elsewhere.Allow(t.Context(), "a") == 0 {
			t.Fatal("got an event too many")
		}
	}
	if got := calls.Load() - before; got != 0 {
		t.Errorf("got %d calls about a key that has to wait", got)
	}
	if limit.NewGuard(limit.GuardConfig{}).Allow(t.Context(), "a") != 0 {
		t.Error("no rate: got a refusal")
	}
}

func TestGuardWithoutRedisDecidesAlone(t *testing.T) {
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1, DialerRetries: 1})
	t.Cleanup(func() { _ = rdb.Close() }) // it was never connected
	var away int
	for name, c := range map[string]limit.GuardConfig{
		"away": {Name: "away", Rate: slow(3), Redis: rdb, Away: func(error) { away++ }},
		"none": {Name: "none", Rate: slow(3)},
	} {
		g, allowed := limit.NewGuard(c), 0
		for range 10 {
			if g.Allow(t.Context(), "a") == 0 {
				allowed++
			}
		}
		if allowed != 3 {
			t.Errorf("%s: got %d allowed, want 3", name, allowed)
		}
	}
	if away == 0 {
		t.Error("nobody heard that Redis is away")
	}
}

func TestGuardTogether(t *testing.T) {
	rdb := redistest.Embedded(t)
	c := limit.GuardConfig{Name: "together", Rate: slow(50), Redis: rdb}
	processes := []*limit.Guard{limit.NewGuard(c), limit.NewGuard(c)}
	var allowed atomic.Int64
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for range 20 {
				if processes[i%2].Allow(t.Context(), "a") == 0 {
					allowed.Add(1)
				}
			}
		})
	}
	all.Wait()
	if got := allowed.Load(); got != 50 {
		t.Errorf("got %d allowed, want 50", got)
	}
}

func TestRefusals(t *testing.T) {
	r := limit.NewRefusals[int](10)
	if r.Left(1) != 0 {
		t.Error("got a wait for nobody")
	}
	for key := range 100 {
		r.Note(key, time.Hour)
	}
	if left := r.Left(99); left <= 59*time.Minute || left > time.Hour {
		t.Errorf("got %v", left)
	}
	known := 0
	for key := range 100 {
		if r.Left(key) > 0 {
			known++
		}
	}
	if known != 10 {
		t.Errorf("got %d remembered, want 10", known)
	}
	r.Note(99, -time.Second)
	if r.Left(99) != 0 {
		t.Error("got a wait whose time is over")
	}
}
