// Package intake is the one way by which a danmu or a like enters a room, for sockets and HTTP alike: limits, standing,
// blocked words, one script call in Redis a room batch, Kafka, and one reply.
//
// To change what a sender may do, read admit.go; how messages of a room travel together, lanes.go; what happens in
// Redis and Kafka, flush.go; how likes become one message, likes.go.
package intake

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/held"
	"github.com/barrage-live/barrage/shared/house"
	"github.com/barrage-live/barrage/shared/limit"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/telemetry"
	"github.com/barrage-live/barrage/shared/wire"
)

// publisher fans a room's batch out; fanout.Publisher is the one in use.
type publisher interface {
	Publish(ctx context.Context, room live.RoomID, items []fanout.Item) ([]fanout.Outcome, error)
	Persisted(room live.RoomID, batch uint64)
	NotPersisted(room live.RoomID, batch uint64)
}

// recorder keeps records in Kafka without ever blocking; stream.Client is the one in use.
type recorder interface {
	Enqueue(rec stream.Outgoing, done func(error)) error
	Partitions() int32
}

// standings knows who is muted or banned; roomstate.State is the one in use.
type standings interface {
	Standing(ctx context.Context, room live.RoomID, user live.UserID) (roomstate.Standing, error)
}

// judge says what the room's moderators and the operator let danmu be; house.Rules is the one in use.
type judge interface {
	Judge(ctx context.Context, room live.RoomID, batch []house.Danmu) []house.Verdict
}

// queue is where danmu wait for a moderator; held.Queue is the one in use.
type queue interface {
	Hold(ctx context.Context, room live.RoomID, danmu []held.Danmu) ([]held.Outcome, error)
}

// Config is what an Intake works with. Publisher, Kafka and State have no default.
type Config struct {
	Publisher publisher
	Kafka     recorder
	State     standings
	House     judge                // nil: everything may be said
	Queue     queue                // of what House wants to be held; nil: senders hear so, and nobody keeps it
	Pod       string               // names this process among all that publish likes
	Telemetry *telemetry.Telemetry // nil: discarded

	Viewers limit.Rate // of one viewer in a room, over all processes; zero: unlimited
	Staff   limit.Rate // the same of who is exempt from the room's rules
	Rooms   limit.Rate // what this process takes in for one room; zero: unlimited

	BatchWindow    time.Duration // between two batches of a room; 0 is 5 ms
	LikeWindow     time.Duration // over which a room's likes are summed; 0 is 1 s
	JudgeTimeout   time.Duration // after it, too, if House has not judged; 0 is 3 s
	RedisTimeout   time.Duration // after it senders hear unavailable; 0 is 1 s
	PersistTimeout time.Duration // after it senders hear not_persisted; 0 is 5 s
	MaxWaiting     int           // bytes of messages that wait for Redis, all rooms; 0 is 64 MiB
}

// Intake takes messages in. Its methods may be called concurrently.
type Intake struct {
	Config
	meters   meters
	rates    *rates
	messages *lanes
	likes    *lanes
	kafka    sync.WaitGroup // batches that wait for Kafka
}

// Bounds of one room's queue. A room's batch is one script call: 256 messages keep Redis busy for about a millisecond.
const (
	batchItems = 256
	batchBytes = 128 << 10
	roomItems  = 4096
	roomBytes  = 2 << 20
)

// New makes an Intake, which runs until Close.
func New(cfg Config) (*Intake, error) {
	switch {
	case cfg.Publisher == nil, cfg.Kafka == nil, cfg.State == nil:
		return nil, fmt.Errorf("intake needs a publisher, Kafka and room state")
	case cfg.Pod == "":
		return nil, fmt.Errorf("intake needs the pod's name")
	}
	in := &Intake{Config: cfg.withDefaults()}
	in.meters = newMeters(in.Telemetry.Metrics)
	in.rates = newRates(cfg)
	b := bounds{
		window: in.BatchWindow, eager: true, batchItems: batchItems, batchBytes: batchBytes,
		roomItems: roomItems, roomBytes: roomBytes, totalBytes: in.MaxWaiting,
	}
	in.messages = newLanes(b, in.flush)
	b.window, b.eager = in.LikeWindow, false
	b.batchItems, b.batchBytes = roomItems, roomBytes // a window's likes are one message however many they are
	in.likes = newLanes(b, in.flushLikes)
	return in, nil
}

// Submit takes one checked message (wire.ParseInbound, wire.Inbound.Check) in and calls reply exactly once: at once
// when it is refused, else when it is in Kafka or has failed, from another goroutine. reply must not block. Messages
// that one goroutine submits to a room appear in their order.
func (in *Intake) Submit(who Sender, room live.RoomID, msg wire.Inbound, reply func(Reply)) {
	in.submit(context.Background(), who, room, msg, reply)
}

// submit takes the trace of ctx, and nothing else of it.
func (in *Intake) submit(ctx context.Context, who Sender, room live.RoomID, msg wire.Inbound, reply func(Reply)) {
	e := &entry{who: who, room: room, msg: msg, received: time.Now(), reply: reply}
	e.class = msg.Type.Class()
	if err := in.admit(ctx, e); err != nil {
		in.answer(e, Reply{Err: err})
		return
	}
	in.enter(e)
}

func (in *Intake) enter(e *entry) {
	to := in.messages
	if e.msg.Type == live.Like {
		to = in.likes
	}
	if err := to.add(e.room, e); err != nil {
		in.meters.shed(e, err)
		in.answer(e, Reply{Err: refusal(err)})
	}
}

// Post is Submit for callers that wait, as part of the trace in ctx. It checks msg, and its error is a *live.Error or
// ctx's; after ctx's the message may still have entered.
func (in *Intake) Post(ctx context.Context, who Sender, room live.RoomID, msg wire.Inbound) (Reply, error) {
	msg, err := msg.Check()
	if err != nil {
		return Reply{}, err
	}
	return await(ctx, room, func(reply func(Reply)) { in.submit(context.WithoutCancel(ctx), who, room, msg, reply) })
}

func await(ctx context.Context, room live.RoomID, begin func(reply func(Reply))) (Reply, error) {
	replies := make(chan Reply, 1)
	begin(func(r Reply) { replies <- r })
	select {
	case r := <-replies:
		if r.Err != nil {
			return Reply{}, r.Err
		}
		return r, nil
	case <-ctx.Done():
		return Reply{}, fmt.Errorf("post to room %d: %w", room, ctx.Err())
	}
}

// Close takes nothing more, sends what waits on its way, and returns when every sender has had a reply. That takes at
// most RedisTimeout a batch, and PersistTimeout.
func (in *Intake) Close() {
	in.likes.close()
	in.messages.close()
	in.kafka.Wait()
}

func (c Config) withDefaults() Config {
	c.BatchWindow = orDefault(c.BatchWindow, 5*time.Millisecond)
	c.LikeWindow = orDefault(c.LikeWindow, time.Second)
	c.JudgeTimeout = orDefault(c.JudgeTimeout, 3*time.Second)
	c.RedisTimeout = orDefault(c.RedisTimeout, time.Second)
	c.PersistTimeout = orDefault(c.PersistTimeout, 5*time.Second)
	c.MaxWaiting = orDefault(c.MaxWaiting, 64<<20)
	if c.Telemetry == nil {
		c.Telemetry = telemetry.Discard()
	}
	return c
}

func orDefault[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}
