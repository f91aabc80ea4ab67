package intake

import (
	"context"
	"encoding/json"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/wire"
)

// flushLikes adds up what a room was liked in one window and sends the sum as one message; each sender's ack comes with
// it, and bears its seq.
func (in *Intake) flushLikes(room live.RoomID, batch []*entry) {
	ctx, cancel := context.WithTimeout(context.Background(), in.RedisTimeout)
	defer cancel()
	batch = in.admitted(ctx, room, batch)
	if len(batch) == 0 {
		return
	}
	sum := in.sumLikes(room, batch)
	if err := sum.encodeLikes(); err != nil {
		in.answer(sum, Reply{Err: err})
		return
	}
	if err := in.messages.add(room, sum); err != nil {
		in.meters.shed(sum, err)
		in.answer(sum, Reply{Err: refusal(err)})
	}
}

// sumLikes counts an id that a sender repeated once. The sum is remembered as the pod's own.
func (in *Intake) sumLikes(room live.RoomID, batch []*entry) *entry {
	sum := &entry{
		who: batch[0].who, room: room, class: live.ClassLike, received: time.Now(),
		id: ulid.Make().String(), scope: "p" + in.Pod, ctx: batch[0].ctx, traceID: batch[0].traceID, sum: batch,
	}
	sum.msg.Type = live.Like
	type key struct{ scope, id string }
	seen := make(map[key]bool, len(batch))
	for _, e := range batch {
		if k := (key{e.scope, e.id}); !seen[k] {
			seen[k] = true
			sum.msg.LikeCount += e.msg.LikeCount
		}
		if e.who.User != sum.who.User {
			sum.who = Sender{} // many viewers', so nobody's
		}
	}
	return sum
}

func (e *entry) encodeLikes() *live.Error {
	data, err := json.Marshal(wire.LikeData{Nickname: e.who.Nickname, Role: e.who.Role, Count: e.msg.LikeCount})
	if err != nil {
		return unencodable()
	}
	return e.marshal(data)
}
