package intake

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/limit"
	"github.com/barrage-live/barrage/shared/live"
)

// A viewer who goes from pod to pod may write no more than one who stays, whatever is sent again on the way.
func TestARateHoldsOverPods(t *testing.T) {
	onServers(t, func(t *testing.T, s servers) {
		rate := func(c *Config, _ *fanout.PublisherConfig) { c.Viewers = limit.Rate{Events: 0.05, Burst: 5} }
		pods := []*Intake{s.start(t, rate), s.start(t, rate), s.start(t, rate)}
		var acked []string
		for i := range 18 {
			msg := danmu(fmt.Sprint(i), "x")
			if i%4 == 3 {
				msg = like(fmt.Sprint(i), 2) // of another lane, of the same allowance
			}
			got := post(t, pods[i%3], user(7), s.room, msg)
			switch {
			case got.Err == nil && i < 5:
				acked = append(acked, msg.ID)
			case code(got) != CodeRateLimited || i < 5:
				t.Fatalf("message %d: got %+v", i, got)
			case got.Err.RetryAfter <= 0 || got.Err.RetryAfter > 100*time.Second:
				t.Fatalf("message %d: got retry after %v", i, got.Err.RetryAfter)
			}
		}
		for i, id := range acked {
			if i == 3 {
				continue // the like
			}
			for _, pod := range pods {
				if got := post(t, pod, user(7), s.room, danmu(id, "x")); got.Err != nil {
					t.Errorf("message %s again: got %+v", id, got)
				}
			}
		}
		if got := post(t, pods[0], user(8), s.room, danmu("a", "x")); got.Err != nil {
			t.Errorf("another viewer: got %+v", got)
		}
		if shown := s.history(t); len(shown) != 6 {
			t.Errorf("got %d messages shown, want 6", len(shown))
		}
	})
}

func TestARateByRole(t *testing.T) {
	onServers(t, func(t *testing.T, s servers) {
		free := s.start(t, func(c *Config, _ *fanout.PublisherConfig) { c.Viewers = limit.Rate{Events: 0.05, Burst: 1} })
		held := s.start(t, func(c *Config, _ *fanout.PublisherConfig) {
			c.Viewers, c.Staff = limit.Rate{Events: 0.05, Burst: 1}, limit.Rate{Events: 0.05, Burst: 3}
		})
		moderator := Sender{User: 9, Role: live.RoleModerator, Exempt: true}
		for i := range 4 {
			if got := post(t, free, moderator, s.room, danmu(fmt.Sprint("free", i), "x")); got.Err != nil {
				t.Errorf("an exempt sender: got %+v", got)
			}
		}
		for i := range 4 {
			want := ""
			if i == 3 {
				want = CodeRateLimited
			}
			if got := code(post(t, held, moderator, s.room, danmu(fmt.Sprint("held", i), "x"))); got != want {
				t.Errorf("message %d of a moderator with a rate: got %q, want %q", i, got, want)
			}
		}
	})
}

// Two pods and many at once: all that is acked is within the burst.
func TestABurstOverPodsAtOnce(t *testing.T) {
	onServers(t, func(t *testing.T, s servers) {
		const burst = 5
		rate := func(c *Config, _ *fanout.PublisherConfig) { c.Viewers = limit.Rate{Events: 0.05, Burst: burst} }
		pods := []*Intake{s.start(t, rate), s.start(t, rate)}
		var r replies
		var all sync.WaitGroup
		for pod, in := range pods {
			all.Go(func() {
				for i := range 20 {
					in.Submit(user(7), s.room, danmu(fmt.Sprint(pod, "-", i), "x"), r.expect())
				}
			})
		}
		all.Wait()
		acked := 0
		for _, got := range r.wait(t) {
			switch {
			case got.Err == nil:
				acked++
			case code(got) != CodeRateLimited:
				t.Errorf("got %+v", got)
			}
		}
		if shown := s.history(t); acked != burst || len(shown) != burst {
			t.Errorf("got %d acked and %d shown, want %d", acked, len(shown), burst)
		}
	})
}

func TestWhatIsTooMuchStopsHere(t *testing.T) {
	r := newRates(Config{Viewers: limit.Rate{Events: 0.01, Burst: 2}})
	passed := 0
	for i := range 100 {
		if r.ofSender(&entry{who: user(7), room: 1, id: fmt.Sprint(i)}) == 0 {
			passed++
		}
	}
	if want := 2 + 2*doubtfulFor; passed != want {
		t.Errorf("got %d that went to the script, want %d", passed, want)
	}
	r.told.Note(place{1, 8}, time.Hour)
	for range 1 + 2*doubtfulFor {
		r.ofSender(&entry{who: user(8), room: 1})
	}
	if wait := r.ofSender(&entry{who: user(8), room: 1}); wait <= 59*time.Minute {
		t.Errorf("got a wait of %v, want what the script said", wait)
	}
}
