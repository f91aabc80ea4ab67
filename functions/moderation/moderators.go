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
	return s.stands(ctx, id, user, d, live.RoleModerator)
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
	return s.stands(ctx, id, user, d, live.RoleViewer)
}

// stands puts a decision in force, and tells the user what it is in the room from now on.
func (s *Service) stands(ctx context.Context, id live.RoomID, user live.UserID, d rulebook.Decision, as live.Role) error {
	if err := s.inForce(ctx, id, d, wire.Command{Order: wire.UserChanged, User: user}); err != nil {
		return err
	}
	return s.send(ctx, id, user, live.Message{Type: live.Standing}, wire.StandingData{Role: as})
}

// Moderators are the room's, in the order of their appointment.
func (s *Service) Moderators(ctx context.Context, id live.RoomID) ([]rulebook.Moderator, error) {
	if _, err := s.d.Rooms(ctx, id); err != nil {
		return nil, err
	}
	return s.d.Book.Moderators(ctx, id)
}
