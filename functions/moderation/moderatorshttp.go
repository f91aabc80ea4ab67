package moderation

import (
	"context"
	"time"

	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/live"
)

type moderator struct {
	UserID    live.UserID `json:"user_id"`
	Nickname  string      `json:"nickname"`
	AvatarURL string      `json:"avatar_url"`
	Since     time.Time   `json:"since"`
}

type moderatorsOut = httpapi.Body[httpapi.Page[moderator]]

func (s *Service) getModerators(ctx context.Context, in *RoomPath) (*moderatorsOut, error) {
	all, err := s.Moderators(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	items := make([]moderator, len(all))
	for i, m := range all {
		items[i] = moderator{UserID: m.User, Nickname: m.Nickname, AvatarURL: m.AvatarURL, Since: m.Since}
	}
	return &moderatorsOut{Body: httpapi.NewPage(items, "")}, nil
}

func (s *Service) putModerator(ctx context.Context, in *MemberPath) (*httpapi.None, error) {
	return nil, s.Appoint(ctx, caller(ctx), in.ID, in.UserID)
}

func (s *Service) deleteModerator(ctx context.Context, in *MemberPath) (*httpapi.None, error) {
	return nil, s.Dismiss(ctx, caller(ctx), in.ID, in.UserID)
}
