package moderation

import (
	"context"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
	"github.com/barrage-live/barrage/shared/rulebook"
	"github.com/barrage-live/barrage/shared/wire"
)

// Appoint makes the user a moderator of the room.
func (s *Service) Appoint(ctx context.Context, by right.Who, id live.RoomID, user live.UserID) error {
	if _, _, err := s.may(ctx, right.Appoint, by, id); err != nil {
		return err
	}
	d, err := s.d.Book.Appoint(ctx, id, user, by.User)
	if err != nil {
		return err
	}
	return s.inForce(ctx, id, d, wire.Command{Order: wire.UserChanged, User: user})
}

// Dismiss undoes Appoint. Who is no moderator need not be dismissed.
func (s *Service) Dismiss(ctx context.Context, by right.Who, id live.RoomID, user live.UserID) error {
	if _, _, err := s.may(ctx, right.Appoint, by, id); err != nil {
		return err
	}
	d, err := s.d.Book.Dismiss(ctx, id, user, by.User)
	if err != nil {
		return err
	}
	return s.inForce(ctx, id, d, wire.Command{Order: wire.UserChanged, User: user})
}

// Moderators are the room's, in the order of their appointment.
func (s *Service) Moderators(ctx context.Context, id live.RoomID) ([]rulebook.Moderator, error) {
	if _, err := s.d.Rooms(ctx, id); err != nil {
		return nil, err
	}
	return s.d.Book.Moderators(ctx, id)
}
