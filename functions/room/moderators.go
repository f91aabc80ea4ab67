package room

import (
	"context"
	"fmt"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/wire"
)

// Appoint makes the user a moderator of the room. A repeat heals what a crash cut short.
func (s *Service) Appoint(ctx context.Context, by right.Who, id live.RoomID, user live.UserID) error {
	if _, _, err := s.may(ctx, right.Appoint, by, id); err != nil {
		return err
	}
	if err := s.store.AddModerator(ctx, id, user, by.User); err != nil {
		return err
	}
	return s.setModerator(ctx, id, user, true)
}

// Dismiss undoes Appoint. Who is no moderator need not be dismissed.
func (s *Service) Dismiss(ctx context.Context, by right.Who, id live.RoomID, user live.UserID) error {
	if _, _, err := s.may(ctx, right.Appoint, by, id); err != nil {
		return err
	}
	if err := s.store.RemoveModerator(ctx, id, user); err != nil {
		return err
	}
	return s.setModerator(ctx, id, user, false)
}

// setModerator tells Redis, then the pods, which read it there.
func (s *Service) setModerator(ctx context.Context, id live.RoomID, user live.UserID, moderates bool) error {
	if err := s.state.Apply(ctx, id, 0, roomstate.Moderator(user, moderates)); err != nil {
		return err
	}
	command, err := wire.MarshalCommand(wire.Command{Order: wire.UserChanged, User: user})
	if err != nil {
		return err
	}
	if err := s.fanout.Command(ctx, id, command); err != nil {
		return fmt.Errorf("tell the pods of moderator %d of room %d: %w", user, id, err)
	}
	return nil
}

// Moderators are the room's, in the order of their appointment.
func (s *Service) Moderators(ctx context.Context, id live.RoomID) ([]store.Moderator, error) {
	if _, err := s.room(ctx, id); err != nil {
		return nil, err
	}
	return s.store.Moderators(ctx, id)
}

// restore gives a Redis that has lost the room the moderators back.
func (s *Service) restore(ctx context.Context, id live.RoomID) error {
	moderators, err := s.store.Moderators(store.Primary(ctx), id)
	if err != nil {
		return err
	}
	changes := make([]roomstate.Change, len(moderators))
	for i, m := range moderators {
		changes[i] = roomstate.Moderator(m.User, true)
	}
	return s.state.Apply(ctx, id, 0, changes...)
}
