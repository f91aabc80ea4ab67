package room

import (
	"context"
	"time"

	"github.com/barrage-live/barrage/shared/live"
)

// Audience answers a join or a leave: how many watch, and where the room's messages are.
type Audience struct {
	RoomID      live.RoomID `json:"room_id"`
	ViewerCount int64       `json:"viewer_count"`
	SocketURL   string      `json:"socket_url"`
}

// Join counts the user as a viewer for a minute, without a socket; joining again, or a socket, keeps it so.
func (s *Service) Join(ctx context.Context, user live.UserID, id live.RoomID) (Audience, error) {
	if _, err := s.liveRoom(ctx, id); err != nil {
		return Audience{}, err
	}
	standing, err := s.state.Standing(ctx, id, user)
	if err != nil {
		return Audience{}, err
	}
	if standing.Banned(time.Now()) {
		return Audience{}, ErrBanned
	}
	count, err := s.state.Join(ctx, id, user)
	if err != nil {
		return Audience{}, err
	}
	s.metrics.ViewerJoined.Add(ctx, 1)
	return s.audience(id, count.Online), nil
}

// Leave takes back what Join did. Who has not joined, or has left, or is in a room that has ended: nothing to take back.
func (s *Service) Leave(ctx context.Context, user live.UserID, id live.RoomID) (Audience, error) {
	if _, err := s.room(ctx, id); err != nil {
		return Audience{}, err
	}
	count, err := s.state.Leave(ctx, id, user)
	if err != nil {
		return Audience{}, err
	}
	s.metrics.ViewerLeft.Add(ctx, 1)
	return s.audience(id, count.Online), nil
}

func (s *Service) audience(id live.RoomID, online int64) Audience {
	s.counts.Set(id, online)
	return Audience{RoomID: id, ViewerCount: online, SocketURL: s.socketURL}
}

// Viewers returns up to limit of those who watch, and how many there are.
func (s *Service) Viewers(ctx context.Context, id live.RoomID, limit int) ([]live.UserID, int64, error) {
	if _, err := s.room(ctx, id); err != nil {
		return nil, 0, err
	}
	return s.state.Viewers(ctx, id, limit)
}
