package room

import (
	"context"
	"fmt"

	"github.com/oklog/ulid/v2"

	"github.com/barrage-live/barrage/shared/intake"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
	"github.com/barrage-live/barrage/shared/token"
	"github.com/barrage-live/barrage/shared/wire"
)

// Messages returns up to limit of the room's messages that came before the seq (0: the newest), oldest first.
func (s *Service) Messages(ctx context.Context, id live.RoomID, before live.Seq, limit int) ([]live.Message, error) {
	if _, err := s.room(ctx, id); err != nil {
		return nil, err
	}
	stored, err := s.history.Before(ctx, id, before, limit)
	if err != nil {
		return nil, err
	}
	messages := make([]live.Message, 0, len(stored))
	for _, one := range stored {
		m, err := wire.Unmarshal(one.Payload)
		if err != nil {
			return nil, fmt.Errorf("message %d of room %d: %w", one.Seq, id, err)
		}
		m.Seq = one.Seq
		messages = append(messages, m)
	}
	return messages, nil
}

// Say brings a danmu or a like into the room by the sockets' rules, and returns when it is durable. The id is the
// caller's own, or made here.
func (s *Service) Say(ctx context.Context, who token.Identity, id live.RoomID, in wire.Inbound) (intake.Reply, error) {
	room, err := s.liveRoom(ctx, id)
	if err != nil {
		return intake.Reply{}, err
	}
	if in.ID == "" {
		in.ID = ulid.Make().String()
	}
	standing, err := s.state.Standing(ctx, id, who.User)
	if err != nil {
		return intake.Reply{}, err
	}
	party := who.Who().In(room.AnchorID, standing.Moderator)
	sender := intake.Sender{
		User: who.User, Nickname: who.Nickname, Role: party.Role(),
		Exempt: right.Check(right.SpeakFreely, who.Who(), party) == nil,
	}
	return s.intake.Post(ctx, sender, id, in)
}
