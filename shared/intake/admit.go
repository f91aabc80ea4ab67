package intake

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/barrage-live/barrage/shared/house"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/wire"
)

// admit decides all that needs no other machine, and makes the message as the room will see it.
func (in *Intake) admit(ctx context.Context, e *entry) *live.Error {
	if e.who.Guest() {
		return live.Errorf(live.KindForbidden, CodeGuest, "sign in to write")
	}
	e.scope = e.who.scope()
	e.id = e.msg.ID
	if e.id == "" {
		e.id = ulid.Make().String()
	}
	if err := in.spend(e); err != nil {
		return err
	}
	in.startTrace(ctx, e)
	if e.class == live.ClassLike {
		return nil // it travels inside a sum
	}
	return e.encode()
}

// spend asks the local half of the rates; see rates.go.
func (in *Intake) spend(e *entry) *live.Error {
	if wait := in.rates.ofSender(e); wait > 0 {
		return rateLimited(wait, tooFast)
	}
	if wait := in.rates.ofRoom(e); wait > 0 {
		in.meters.shed(e, errRoomRate)
		return rateLimited(wait, "the room is too busy")
	}
	return nil
}

const tooFast = "you write too fast"

var errRoomRate = errors.New("room's rate is reached")

func rateLimited(after time.Duration, why string) *live.Error {
	return &live.Error{Kind: live.KindRateLimited, Code: CodeRateLimited, Message: why, RetryAfter: max(after, time.Millisecond)}
}

// refusal is what the sender hears when its message could not even wait.
func refusal(err error) *live.Error {
	if errors.Is(err, errClosed) {
		return unavailable()
	}
	return rateLimited(time.Second, "the room is too busy")
}

// encode makes the payload: the message without seq.
func (e *entry) encode() *live.Error {
	data, err := json.Marshal(wire.DanmuData{
		Nickname: e.who.Nickname, Role: e.who.Role,
		Color: e.msg.Danmu.Color, Mode: e.msg.Danmu.Mode, Size: e.msg.Danmu.Size,
	})
	if err != nil {
		return unencodable()
	}
	return e.marshal(data)
}

func (e *entry) marshal(data json.RawMessage) *live.Error {
	payload, err := wire.Marshal(live.Message{
		Type: e.msg.Type, ID: e.id, RoomID: e.room, UserID: e.who.User, Content: e.msg.Content, Data: data,
		Timestamp: e.received.UnixMilli(), TraceID: e.traceID,
	})
	if err != nil {
		return unencodable()
	}
	e.payload = payload
	return nil
}

// unencodable is text that is not UTF-8, which wire.Inbound.Check does not let pass, nor a token's nickname.
func unencodable() *live.Error {
	return live.Errorf(live.KindInvalid, wire.CodeBadMessage, "the message cannot be encoded")
}

// admitted asks the room's state about the senders of a batch and answers those that may not write. A sender that
// nothing is known about, because Redis does not answer, may not: a ban must not end with an outage.
func (in *Intake) admitted(room live.RoomID, batch []*entry) []*entry {
	ctx, cancel := context.WithTimeout(context.Background(), in.RedisTimeout)
	defer cancel()
	kept := batch[:0]
	for _, e := range batch {
		if e.sum != nil || e.released {
			kept = append(kept, e)
			continue
		}
		if err := in.standing(ctx, room, e); err != nil {
			in.answer(e, Reply{Err: err})
			continue
		}
		kept = append(kept, e)
	}
	return kept
}

func (in *Intake) standing(ctx context.Context, room live.RoomID, e *entry) *live.Error {
	s, err := in.State.Standing(ctx, room, e.who.User)
	if err != nil {
		return unavailable()
	}
	return refusedBy(s, e)
}

func refusedBy(s roomstate.Standing, e *entry) *live.Error {
	switch {
	case s.Banned(e.received):
		return live.Errorf(live.KindForbidden, CodeBanned, "you are banned from this room")
	case e.class == live.ClassDanmu && s.Muted(e.received):
		return &live.Error{Kind: live.KindForbidden, Code: CodeMuted, Message: "you are muted in this room", RetryAfter: s.MutedUntil.Sub(e.received)}
	}
	return nil
}

// judged answers those of a batch that the house does not let through, and changes what it wants to be shown otherwise.
// It has its own time: the operator's review may take longer than Redis.
func (in *Intake) judged(room live.RoomID, batch []*entry) []*entry {
	if in.House == nil {
		return batch
	}
	var danmu []house.Danmu
	for _, e := range batch {
		if e.judgeable() {
			danmu = append(danmu, house.Danmu{
				User: e.who.User, Nickname: e.who.Nickname, ID: e.id, Content: e.msg.Content, Exempt: e.who.Exempt,
			})
		}
	}
	if len(danmu) == 0 {
		return batch
	}
	ctx, cancel := context.WithTimeout(context.Background(), in.JudgeTimeout)
	defer cancel()
	verdicts := in.House.Judge(ctx, room, danmu)
	kept := batch[:0]
	var hold []*entry
	for _, e := range batch {
		if e.judgeable() {
			v := verdicts[0]
			verdicts = verdicts[1:]
			if v.Held && in.Queue != nil {
				hold = append(hold, e)
				continue
			}
			if err := e.obey(v); err != nil {
				in.answer(e, Reply{Err: err})
				continue
			}
		}
		kept = append(kept, e)
	}
	in.hold(room, hold)
	return kept
}

func (e *entry) judgeable() bool { return e.sum == nil && !e.released && e.class == live.ClassDanmu }

func (e *entry) obey(v house.Verdict) *live.Error {
	if v.Err != nil || v.Content == "" || v.Content == e.msg.Content {
		return v.Err
	}
	e.msg.Content = v.Content
	return e.encode()
}
