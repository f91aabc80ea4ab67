package gateway

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/barrage-live/barrage/shared/intake"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/order"
	"github.com/barrage-live/barrage/shared/telemetry"
	"github.com/barrage-live/barrage/shared/wire"
)

// placer is the part of order.Door that the socket's gift door needs.
type placer interface {
	Place(ctx context.Context, r order.Request) (order.ID, error)
}

// What may wait for Kafka, and how many wait at once. A full queue refuses, and says so: nothing is dropped unseen.
const (
	ordersWaiting = 4096
	ordersAtOnce  = 32
	orderTimeout  = 10 * time.Second
)

// Orders is the GiftDoor of a pod: the same door as HTTP's, with a queue before it, since a socket's worker must not wait
// for Kafka.
type Orders struct {
	door  placer
	log   *slog.Logger
	queue chan placement

	mu     sync.RWMutex // held to put into the queue, so that nothing comes in behind the last look
	closed bool
}

type placement struct {
	request order.Request
	reply   func(order string, err *live.Error)
}

// NewOrders returns a door that takes requests while Run does.
func NewOrders(door placer, log *slog.Logger) *Orders {
	return &Orders{door: door, log: log, queue: make(chan placement, ordersWaiting)}
}

// Request implements GiftDoor.
func (o *Orders) Request(who intake.Sender, room live.RoomID, msg wire.Inbound, reply func(order string, err *live.Error)) {
	p := placement{reply: reply, request: order.Request{Sender: who.User, Nickname: who.Nickname, Role: who.Role, Room: room,
		Gift: msg.GiftID, Count: msg.GiftCount, Key: msg.ID, At: time.Now()}}
	if !o.put(p) {
		busy := live.Errorf(live.KindUnavailable, intake.CodeUnavailable, "gifts can't be taken right now; send it again with the same id")
		busy.RetryAfter = time.Second
		reply("", busy)
	}
}

// put is false when the queue is full or the door is closed.
func (o *Orders) put(p placement) bool {
	o.mu.RLock()
	defer o.mu.RUnlock()
	if o.closed {
		return false
	}
	select {
	case o.queue <- p:
		return true
	default:
		return false
	}
}

// Run places requests until ctx ends, then those that wait, and refuses what comes later. It must be called once.
func (o *Orders) Run(ctx context.Context) error {
	var workers sync.WaitGroup
	for range ordersAtOnce {
		workers.Go(func() {
			for {
				select {
				case p := <-o.queue:
					o.place(p)
				case <-ctx.Done():
					return
				}
			}
		})
	}
	workers.Wait()
	o.mu.Lock()
	o.closed = true
	o.mu.Unlock()
	for range ordersAtOnce {
		workers.Go(o.drain)
	}
	workers.Wait()
	return nil
}

func (o *Orders) drain() {
	for {
		select {
		case p := <-o.queue:
			o.place(p)
		default:
			return
		}
	}
}

// place outlives the pod's own context: what was taken in is answered.
func (o *Orders) place(p placement) {
	ctx, cancel := context.WithTimeout(context.Background(), orderTimeout)
	defer cancel()
	ctx, p.request.TraceID = telemetry.WithTrace(ctx)
	id, err := o.door.Place(ctx, p.request)
	refused, public := live.AsError(err)
	if err != nil && (!public || refused.Kind == live.KindUnavailable) {
		o.log.ErrorContext(ctx, "gift request not placed", telemetry.Err, err)
	}
	if err != nil && !public {
		refused = live.Errorf(live.KindUnavailable, intake.CodeUnavailable, "the gift could not be taken; send it again with the same id")
	}
	p.reply(string(id), refused)
}
