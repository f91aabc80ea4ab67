package intake

import (
	"context"
	"time"

	"github.com/barrage-live/barrage/shared/held"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/review"
	"github.com/barrage-live/barrage/shared/telemetry"
	"github.com/barrage-live/barrage/shared/wire"
)

// hold makes danmu wait for a moderator and tells their senders so, or what became of an earlier try.
func (in *Intake) hold(room live.RoomID, batch []*entry) {
	if len(batch) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), in.RedisTimeout)
	defer cancel()
	danmu := make([]held.Danmu, len(batch))
	for i, e := range batch {
		danmu[i] = held.Danmu{User: e.who.User, ID: e.id, Payload: e.payload}
	}
	outcomes, err := in.Queue.Hold(ctx, room, danmu)
	for i, e := range batch {
		if outcomes == nil {
			in.answer(e, Reply{Err: unavailable()})
			continue
		}
		in.answer(e, replyOf(outcomes[i]))
	}
	if err != nil {
		in.Telemetry.Logger().Warn("danmu cannot be held", telemetry.Room, room, telemetry.Err, err)
	}
}

func replyOf(o held.Outcome) Reply {
	switch o.Fate {
	case held.Released:
		return Reply{Seq: o.Seq, Shown: o.Seq > 0}
	case held.Refused:
		return Reply{Err: review.Verdict{Kind: review.Refuse}.Err()}
	case held.NoPlace:
		return Reply{Err: review.Verdict{Kind: review.Failed}.Err()}
	default:
		return Reply{Err: review.Verdict{Kind: review.Hold}.Err()}
	}
}

// Release shows a danmu that was held, under its id and its sender's name, and returns when it is durable. A moderator
// has decided: neither the sender's standing and rate nor the review is asked again. A repeat is known by the id, as
// long as ids are known.
func (in *Intake) Release(ctx context.Context, room live.RoomID, d held.Danmu) (Reply, error) {
	m, err := wire.Unmarshal(d.Payload)
	if err != nil {
		return Reply{}, err
	}
	e := &entry{
		who: Sender{User: d.User}, room: room, class: live.ClassDanmu, id: d.ID, received: time.Now(), released: true,
		msg: wire.Inbound{Type: live.Danmu, ID: d.ID, Content: m.Content},
	}
	e.scope = e.who.scope()
	in.startTrace(context.WithoutCancel(ctx), e)
	if err := e.marshal(m.Data); err != nil {
		return Reply{}, err
	}
	return await(ctx, room, func(reply func(Reply)) {
		e.reply = reply
		in.enter(e)
	})
}
