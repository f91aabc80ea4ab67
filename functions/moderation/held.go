package moderation

import (
	"context"
	"time"

	"github.com/barrage-live/barrage/shared/held"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/review"
	"github.com/barrage-live/barrage/shared/right"
	"github.com/barrage-live/barrage/shared/rulebook"
	"github.com/barrage-live/barrage/shared/wire"
)

var errTwoHeld = live.Errorf(live.KindConflict, "ambiguous_message", "Two messages with this id wait: say whose is meant.")

// Held returns the danmu of the room that wait for a moderator, the longest waiting first.
func (s *Service) Held(ctx context.Context, by right.Who, id live.RoomID) ([]held.Danmu, error) {
	if _, _, err := s.may(ctx, right.Moderate, by, id); err != nil {
		return nil, err
	}
	return s.d.Held.List(ctx, id)
}

// Release shows a danmu that was held, and tells its sender. What a crash cuts short, a repeat finishes.
func (s *Service) Release(ctx context.Context, by right.Who, id live.RoomID, message string, sender live.UserID) error {
	sender, err := s.heldOf(ctx, by, id, message, sender)
	if err != nil {
		return err
	}
	danmu, err := s.d.Held.Release(ctx, id, sender, message)
	if err != nil {
		return err
	}
	if err := s.noteHeld(ctx, rulebook.Released, by, id, danmu); err != nil {
		return err
	}
	shown, err := s.d.Intake.Release(ctx, id, danmu)
	if err != nil {
		return err
	}
	if err := s.d.Held.Shown(ctx, id, danmu, shown.Seq); err != nil {
		return err
	}
	return s.send(ctx, id, sender, live.Message{Type: live.Ack, ID: message, Seq: shown.Seq}, wire.AckData{Shown: shown.Shown})
}

// Refuse takes a danmu that was held out of the queue, and tells its sender. It is in the log first: what the queue has
// let go can't be refused again, so an entry that failed then would be missing for good.
func (s *Service) Refuse(ctx context.Context, by right.Who, id live.RoomID, message string, sender live.UserID) error {
	sender, err := s.heldOf(ctx, by, id, message, sender)
	if err != nil {
		return err
	}
	if err := s.noteHeld(ctx, rulebook.Refused, by, id, held.Danmu{User: sender, ID: message}); err != nil {
		return err
	}
	if err := s.d.Held.Refuse(ctx, id, sender, message); err != nil {
		return err
	}
	why := review.Verdict{Kind: review.Refuse}.Err()
	return s.send(ctx, id, sender, live.Message{Type: live.ErrorReply, ID: message}, wire.ErrorData{Code: why.Code, Message: why.Message})
}

// heldOf checks that the caller may decide and that the message waits, and finds whose it is when the caller does not say.
func (s *Service) heldOf(ctx context.Context, by right.Who, id live.RoomID, message string, sender live.UserID) (live.UserID, error) {
	list, err := s.Held(ctx, by, id)
	if err != nil {
		return 0, err
	}
	var found live.UserID
	for _, d := range list {
		switch {
		case d.ID != message || sender != 0 && d.User != sender:
		case found != 0:
			return 0, errTwoHeld
		default:
			found = d.User
		}
	}
	if found == 0 {
		return 0, held.ErrUnknown
	}
	return found, nil
}

func (s *Service) noteHeld(ctx context.Context, did rulebook.Action, by right.Who, id live.RoomID, d held.Danmu) error {
	return s.d.Book.Note(ctx, rulebook.Entry{Room: id, Action: did, User: d.User, By: by.User, MessageID: d.ID, At: time.Now()})
}
