package room

import (
	"context"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
)

// runner is in whose name the caller may run the room: the anchor's, also when it is an admin who does. Moderators may
// not, so nobody asks who they are.
func (s *Service) runner(ctx context.Context, id live.RoomID) (live.UserID, error) {
	room, err := s.room(ctx, id)
	if err != nil {
		return 0, err
	}
	who := caller(ctx).Who()
	return room.AnchorID, right.Check(right.RunRoom, who, who.In(room.AnchorID, false))
}
