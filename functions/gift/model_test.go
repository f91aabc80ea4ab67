package gift_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/ledger"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/order"
	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/storetest"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/wire"
)

// crashes cuts calls to Redis at random, half of them behind their effect, as the death of the process would.
type crashes struct{ perMille, hit atomic.Int64 }

var errCrash = errors.New("crash")

func (c *crashes) now() bool {
	if rand.Int64N(1000) >= c.perMille.Load() {
		return false
	}
	c.hit.Add(1)
	return true
}

func (c *crashes) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (c *crashes) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if c.now() {
			return errCrash
		}
		if err := next(ctx, cmd); err != nil {
			return err
		}
		if c.now() {
			cmd.SetErr(errCrash)
			return errCrash
		}
		return nil
	}
}

func (c *crashes) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if c.now() {
			return errCrash
		}
		return next(ctx, cmds)
	}
}

// TestEveryOrderIsSettledOnceAndAnnounced delivers requests in random batches, many of them again, to eight workers at
// once, each of which may die between any two steps and is then replaced; refunds and top-ups go on beside. Whatever
// happened: coins are conserved, no order ends twice, and Kafka and the room have the event of each settled one under
// its id.
func TestEveryOrderIsSettledOnceAndAnnounced(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		storetest.DefaultChecks(t, "12")
		if strings.HasSuffix(t.Name(), "/sqlite") {
			storetest.DefaultChecks(t, "4")
		}
		b := newBench(t, s)
		var c crashes
		b.redis.(*redis.Client).AddHook(&c)
		b.topUp(alice, 600, "a")
		b.topUp(bob, 100, "b")
		paid := live.Coins(700)
		run := 0
		rapid.Check(t, func(rt *rapid.T) {
			run++
			steps := drawDeliveries(rt, run)
			c.perMille.Store(15)
			b.deliver(rt, steps, true)
			c.perMille.Store(0)
			b.deliver(rt, steps, false) // what Kafka delivers again in the end
			amount := live.Coins(rapid.IntRange(1, 30).Draw(rt, "coins"))
			paid += amount
			b.topUp(alice, amount, fmt.Sprint("run", run))
			b.verify(rt, steps, paid)
		})
		if c.hit.Load() == 0 {
			t.Error("nothing crashed: the test proves less than it says")
		}
	})
}

// A delivery is a batch of requests, or a refund.
type delivery struct {
	batch  []order.Request
	refund order.ID
}

func drawDeliveries(t *rapid.T, run int) []delivery {
	one := rapid.Custom(func(t *rapid.T) order.Request {
		n := rapid.IntRange(0, 40).Draw(t, "order") // the same number is the same request
		who := []live.UserID{alice, bob}[n%2]
		room := liveRoom
		if n%13 == 12 {
			room = endedRoom
		}
		return request(who, room, live.GiftID(n%2+1), n%3+1, fmt.Sprintf("%d-%d", run, n))
	})
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) delivery {
		if rapid.IntRange(0, 5).Draw(t, "kind") == 0 {
			return delivery{refund: one.Draw(t, "refund").ID()}
		}
		return delivery{batch: rapid.SliceOfN(one, 1, 8).Draw(t, "batch")}
	}), 8, 24).Draw(t, "deliveries")
}

// deliver lets eight workers handle the deliveries; with dying, calls are also cut at random moments and not repeated.
func (b *bench) deliver(t *rapid.T, steps []delivery, dying bool) {
	queue := make(chan delivery, len(steps))
	for _, s := range steps {
		queue <- s
	}
	close(queue)
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for s := range queue {
				ctx, end := b.t.Context(), context.CancelFunc(func() {})
				if dying && rand.IntN(3) == 0 {
					ctx, end = context.WithTimeout(ctx, time.Duration(rand.IntN(30_000))*time.Microsecond)
				}
				if err := b.do(ctx, s); err != nil && !dying {
					t.Errorf("%+v: %v", s, err)
				}
				end()
			}
		})
	}
	workers.Wait()
}

func (b *bench) do(ctx context.Context, s delivery) error {
	if s.refund != "" {
		_, err := b.service.Refund(ctx, s.refund)
		if _, business := live.AsError(err); business {
			return nil // not settled, or refunded before
		}
		return err
	}
	batch := make([]stream.Record, len(s.batch))
	for i, r := range s.batch {
		m, err := r.Message()
		if err != nil {
			return err
		}
		value, err := wire.Marshal(m)
		if err != nil {
			return err
		}
		batch[i] = stream.Record{Topic: stream.LiveGiftRequests, Offset: int64(i), Value: value}
	}
	done, err := b.service.HandleRequests(ctx, batch)
	if err == nil && done != len(batch) {
		err = fmt.Errorf("%d of %d done", done, len(batch))
	}
	return err
}

func (b *bench) verify(t *rapid.T, steps []delivery, paid live.Coins) {
	b.service.Now = func() time.Time { return time.Now().Add(5 * time.Minute) } // every order is old enough to have its event
	report, err := b.service.Reconcile(b.t.Context(), time.Now().Add(-time.Hour))
	if err != nil || !report.Clean() || report.Held != paid {
		t.Fatalf("paid in %d: %+v, %v", paid, report, err)
	}
	shown := b.shownIDs(t)
	for _, s := range steps {
		for _, r := range s.batch {
			receipt, err := b.ledger.Order(b.t.Context(), string(r.ID()))
			if err != nil {
				t.Fatalf("order %s has no end: %v", r.ID(), err)
			}
			want := 0
			if receipt.Status == ledger.Settled {
				want = 1
			}
			if got := shown[receipt.OrderID]; got != want {
				t.Fatalf("order %s is %s and was shown %d times", receipt.OrderID, receipt.Status, got)
			}
		}
	}
}

// shownIDs counts how often the room's history holds each gift.
func (b *bench) shownIDs(t *rapid.T) map[string]int {
	stored, _, err := fanout.NewHistory(b.redis).Latest(b.t.Context(), liveRoom, 500)
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]int{}
	for _, one := range stored {
		m, err := wire.Unmarshal(one.Payload)
		if err != nil || m.Type != live.Gift {
			t.Fatalf("%s: %v", one.Payload, err)
		}
		ids[m.ID]++
	}
	return ids
}
