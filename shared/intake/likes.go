package intake

import (
	"context"
	"encoding/json"
	"sync/atomic"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/wire"
)

// flushLikes adds up what a room was liked in one window and sends the sum as one message; each sender's ack comes with
// it, and bears its seq. Before that the likes' ids are remembered in Redis, so that none is shown twice.
func (in *Intake) flushLikes(room live.RoomID, batch []*entry) {
	if batch = in.admitted(room, batch); len(batch) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), in.RedisTimeout)
	defer cancel()
	batch = withTwins(batch)
	marks := make([]fanout.Item, len(batch))
	for i, e := range batch {
		marks[i] = fanout.Item{
			Sender: e.scope, ID: e.id, Class: e.class, Mark: true, Rate: in.rates.of(e.who), At: e.received,
		}
	}
	outcomes, err := in.Publisher.Publish(ctx, room, marks)
	if err != nil {
		for _, e := range batch {
			in.answer(e, Reply{Err: unavailable()})
		}
		return
	}
	if batch, outcomes = in.withinRate(batch, outcomes); len(batch) > 0 {
		in.sendLikes(room, batch, outcomes)
	}
}

// withTwins leaves out what a sender repeated within the window: it gets the first one's reply.
func withTwins(batch []*entry) []*entry {
	type name struct{ scope, id string }
	first := make(map[name]*entry, len(batch))
	kept := batch[:0]
	for _, e := range batch {
		n := name{e.scope, e.id}
		if twin := first[n]; twin != nil {
			twin.twins = append(twin.twins, e)
			continue
		}
		first[n] = e
		kept = append(kept, e)
	}
	return kept
}

// sendLikes sorts the likes: new ones are shown in the sum; known ones are acked again; those that are known, but not
// known to be in Kafka, as after the death of the pod that had them, are stored without being shown a second time.
func (in *Intake) sendLikes(room live.RoomID, batch []*entry, outcomes []fanout.Outcome) {
	var fresh, unstored []*entry
	for i, e := range batch {
		switch o := outcomes[i]; {
		case o.Duplicate && o.Persisted:
			in.answer(e, Reply{Shown: true})
		case o.Duplicate:
			unstored = append(unstored, e)
		default:
			fresh = append(fresh, e)
		}
	}
	c := &claim{room: room, batch: outcomes[0].Batch, publisher: in.Publisher}
	c.left.Store(int32(len(unstored) + min(1, len(fresh))))
	if len(fresh) > 0 {
		in.sendSum(in.sumOf(room, fresh), c)
	}
	in.storeAlone(unstored, c)
}

// sumOf adds likes up. The sum is remembered as the pod's own; it bears a viewer's name when all are one viewer's.
func (in *Intake) sumOf(room live.RoomID, likes []*entry) *entry {
	sum := &entry{
		who: likes[0].who, room: room, class: live.ClassLike, received: time.Now(), scope: "p" + in.Pod,
		id: ulid.Make().String(), ctx: likes[0].ctx, traceID: likes[0].traceID, sum: likes,
	}
	sum.msg.Type = live.Like
	for _, e := range likes {
		sum.msg.LikeCount += e.msg.LikeCount
		if e.who.User != sum.who.User {
			sum.who = Sender{}
		}
	}
	return sum
}

func (in *Intake) sendSum(sum *entry, c *claim) {
	sum.claim = c
	if err := sum.encodeLikes(); err != nil {
		in.answer(sum, Reply{Err: err})
		return
	}
	if err := in.messages.add(sum.room, sum); err != nil {
		in.meters.shed(sum, err)
		in.answer(sum, Reply{Err: refusal(err)})
	}
}

func (in *Intake) storeAlone(likes []*entry, c *claim) {
	var encoded []*entry
	var outcomes []fanout.Outcome
	for _, e := range likes {
		e.claim = c
		if err := e.encodeLikes(); err != nil {
			in.answer(e, Reply{Err: err})
			continue
		}
		encoded = append(encoded, e)
		outcomes = append(outcomes, fanout.Outcome{Shown: true})
	}
	if len(encoded) > 0 {
		in.persist(encoded, outcomes)
	}
}

func (e *entry) encodeLikes() *live.Error {
	data, err := json.Marshal(wire.LikeData{Nickname: e.who.Nickname, Role: e.who.Role, Count: e.msg.LikeCount})
	if err != nil {
		return unencodable()
	}
	return e.marshal(data)
}

// claim is one batch of remembered likes: it is in Kafka when all messages that came of it are.
type claim struct {
	room      live.RoomID
	batch     uint64
	publisher publisher
	left      atomic.Int32
	failed    atomic.Bool
}

func (c *claim) done(stored bool) {
	if !stored {
		c.failed.Store(true)
	}
	if c.left.Add(-1) > 0 {
		return
	}
	if c.failed.Load() {
		c.publisher.NotPersisted(c.room, c.batch)
	} else {
		c.publisher.Persisted(c.room, c.batch)
	}
}
