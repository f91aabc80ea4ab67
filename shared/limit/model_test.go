package limit_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"github.com/barrage-live/barrage/shared/limit"
)

// granted is the model: the times at which a key was granted events. By definition, no span of time may hold more than
// the burst and what the rate gives within it.
type granted []time.Duration

func (g granted) allows(now time.Duration, n int, interval time.Duration, burst int) bool {
	if n > burst {
		return false
	}
	for i, from := range g {
		if time.Duration(len(g)-i+n-burst)*interval > now-from {
			return false
		}
	}
	return true
}

// Many keys a call, whatever comes when: the script grants exactly what the definition allows, and tells how long to
// wait exactly.
func TestScriptIsTheModel(t *testing.T) {
	server := miniredis.RunT(t)
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { _ = rdb.Close() }) // before the server
	start := time.Unix(1_700_000_000, 0)
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		interval := time.Duration(rapid.IntRange(1, 5000).Draw(t, "interval")) * time.Millisecond
		burst := rapid.IntRange(1, 6).Draw(t, "burst")
		l := limit.NewRedis(rdb, "model"+strconv.Itoa(run), limit.Rate{Events: 1, Per: interval, Burst: burst})
		now, had := time.Duration(0), map[string]granted{}
		for range rapid.IntRange(1, 40).Draw(t, "calls") {
			step := time.Duration(rapid.IntRange(0, 3000).Draw(t, "step")) * interval / 1000
			step -= step % time.Microsecond
			now += step
			server.SetTime(start.Add(now))
			server.FastForward(step)
			var uses []limit.Use
			for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c"}), 1, 3, rapid.ID).Draw(t, "keys") {
				uses = append(uses, limit.Use{Key: key, Asked: rapid.IntRange(1, burst+1).Draw(t, "events")})
			}
			waits, err := l.Take(t.Context(), uses)
			if err != nil {
				t.Fatal(err)
			}
			for i, u := range uses {
				g := had[u.Key]
				want := g.allows(now, u.Asked, interval, burst)
				if got := waits[i] == 0; got != want {
					t.Fatalf("%s, %d events at %v after %v: got %v, want %v", u.Key, u.Asked, now, g, got, want)
				}
				if want {
					for range u.Asked {
						g = append(g, now)
					}
					had[u.Key] = g
				} else if u.Asked <= burst && (g.allows(now+waits[i]-time.Microsecond, u.Asked, interval, burst) || !g.allows(now+waits[i], u.Asked, interval, burst)) {
					t.Fatalf("%s, %d events at %v after %v: told to wait %v", u.Key, u.Asked, now, g, waits[i])
				}
			}
		}
	})
}

// What has happened is charged even beyond the burst, but nobody has to wait for more than two.
func TestWhatHappenedIsCharged(t *testing.T) {
	server := miniredis.RunT(t)
	rdb := redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { _ = rdb.Close() })
	now := time.Unix(1_700_000_000, 0)
	server.SetTime(now)
	l := limit.NewRedis(rdb, "happened", limit.Rate{Events: 1, Burst: 5})
	take := func(happened, asked int) time.Duration {
		t.Helper()
		waits, err := l.Take(t.Context(), []limit.Use{{Key: "a", Happened: happened, Asked: asked}})
		if err != nil {
			t.Fatal(err)
		}
		return waits[0]
	}
	for _, c := range []struct {
		happened, asked int
		want            time.Duration
	}{
		{3, 0, 0}, {0, 1, 0}, {0, 0, 0}, {1, 1, time.Second}, {0, 0, time.Second}, {2, 0, 3 * time.Second}, {1000, 1, 6 * time.Second},
	} {
		if got := take(c.happened, c.asked); got != c.want {
			t.Fatalf("%+v: got %v", c, got)
		}
	}
	if ttl := server.TTL("limit:{happened}:a"); ttl != 10*time.Second {
		t.Errorf("got a time to live of %v, want that of two bursts", ttl)
	}
}
