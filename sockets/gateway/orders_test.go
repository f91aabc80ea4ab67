package gateway

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/barrage-live/barrage/shared/intake"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/order"
	"github.com/barrage-live/barrage/shared/wire"
)

// heldDoor places requests once it is opened.
type heldDoor struct {
	open chan struct{}
	err  error
}

func (d heldDoor) Place(_ context.Context, r order.Request) (order.ID, error) {
	<-d.open
	return r.ID(), d.err
}

func askFor(o *Orders, reply func(string, *live.Error)) {
	o.Request(intake.Sender{User: 7}, 1, wire.Inbound{Type: live.Gift, ID: "k", GiftID: 1, GiftCount: 1}, reply)
}

// Whatever the moment at which the pod ends, each request is answered exactly once.
func TestEveryGiftRequestIsAnsweredOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		door := heldDoor{open: make(chan struct{})}
		o := NewOrders(door, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		var running, asking sync.WaitGroup
		running.Go(func() {
			if err := o.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		var placed, refused atomic.Int64
		const askers, each = 20, 400 // more than may wait
		for range askers {
			asking.Go(func() {
				for range each {
					askFor(o, func(id string, err *live.Error) {
						switch {
						case err == nil && id != "":
							placed.Add(1)
						case err != nil && err.Code == intake.CodeUnavailable && err.RetryAfter > 0:
							refused.Add(1)
						default:
							t.Errorf("got %q, %v", id, err)
						}
					})
				}
			})
		}
		synctest.Wait() // the queue is full, and every worker waits for the door
		if refused.Load() == 0 {
			t.Error("a full queue refused nobody")
		}
		cancel()
		close(door.open)
		asking.Wait()
		running.Wait()
		if got := placed.Load() + refused.Load(); got != askers*each {
			t.Errorf("%d of %d requests were answered", got, askers*each)
		}
		before := refused.Load()
		askFor(o, func(_ string, err *live.Error) {
			if err != nil {
				refused.Add(1)
			}
		})
		if refused.Load() != before+1 {
			t.Error("a closed door took a request")
		}
	})
}

func TestAGiftThatCannotBePlacedShowsNoInternals(t *testing.T) {
	for _, tc := range []struct {
		err  error
		code string
	}{{errors.New("dial tcp 10.0.0.7"), intake.CodeUnavailable}, {order.ErrKeyReused, "key_reused"}} {
		door := heldDoor{open: make(chan struct{}), err: tc.err}
		close(door.open)
		o := NewOrders(door, slog.New(slog.DiscardHandler))
		ctx, cancel := context.WithCancel(t.Context())
		got := make(chan *live.Error, 1)
		askFor(o, func(_ string, err *live.Error) { got <- err })
		cancel() // what waits is placed all the same
		if err := o.Run(ctx); err != nil {
			t.Error(err)
		}
		if e := <-got; e == nil || e.Code != tc.code {
			t.Errorf("got %v, want code %s", e, tc.code)
		}
	}
}
