package intake

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/oklog/ulid/v2"

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
	if err := in.spend(e); err != nil {
		return err
	}
	if in.Words != nil && e.class == live.ClassDanmu && in.Words.Blocks(e.room, e.msg.Content) {
		return live.Errorf(live.KindForbidden, CodeBlockedWord, "the room does not want a word of this message")
	}
	e.id = e.msg.ID
	if e.id == "" {
		e.id = ulid.Make().String()
	}
	in.startTrace(ctx, e)
	if e.class == live.ClassLike {
		return nil // it travels inside a sum
	}
	return e.encode()
}

func (in *Intake) spend(e *entry) *live.Error {
	if e.who.Exempt {
		return nil
	}
	if in.Users != nil {
		if ok, after := in.Users.Allow(e.who.User, 1); !ok {
			return rateLimited(after, "you write too fast")
		}
	}
	if in.Rooms != nil {
		if ok, after := in.Rooms.Allow(e.room, 1); !ok {
			in.meters.shed(e, errRoomRate)
			return rateLimited(after, "the room is too busy")
		}
	}
	return nil
}

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
func (in *Intake) admitted(ctx context.Context, room live.RoomID, batch []*entry) []*entry {
	kept := batch[:0]
	for _, e := range batch {
		if e.sum != nil {
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
