package room

import (
	"context"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
	"github.com/barrage-live/barrage/shared/store"
)

// may returns the room, and how the caller stands to it, if the table of rights lets the caller do the action there.
// Moderators are looked up where they were appointed: what other processes remember of them may be seconds old.
func (s *Service) may(ctx context.Context, do right.Action, who right.Who, id live.RoomID) (live.Room, right.Party, error) {
	room, err := s.room(ctx, id)
	if err != nil {
		return live.Room{}, 0, err
	}
	party, err := s.party(ctx, who, room)
	if err != nil {
		return live.Room{}, 0, err
	}
	if err := right.Check(do, who, party); err != nil {
		return live.Room{}, 0, err
	}
	return room, party, nil
}

// party is how somebody stands to the room now.
func (s *Service) party(ctx context.Context, who right.Who, room live.Room) (right.Party, error) {
	if who.User == 0 || who.User == room.AnchorID || who.Role == live.RoleAdmin {
		return who.In(room.AnchorID, false), nil
	}
	moderates, err := s.store.IsModerator(store.Primary(ctx), room.ID, who.User)
	return who.In(room.AnchorID, moderates), err
}

// runner is in whose name the caller may run the room: the anchor's, also when it is an admin who does.
func (s *Service) runner(ctx context.Context, id live.RoomID) (live.UserID, error) {
	room, _, err := s.may(ctx, right.RunRoom, caller(ctx).Who(), id)
	return room.AnchorID, err
}
