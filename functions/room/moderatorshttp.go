package room

import (
	"context"
	"net/http"
	"time"

	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
)

func (s *Service) moderatorRoutes(api *httpapi.API) {
	const all, one = "/api/v1/rooms/{id}/moderators", "/api/v1/rooms/{id}/moderators/{user_id}"
	httpapi.Route(api, op(http.MethodGet, all, "List the moderators", right.Look, http.StatusOK), s.getModerators)
	httpapi.Route(api, op(http.MethodPut, one, "Make a user a moderator", right.Appoint, http.StatusNoContent), s.putModerator)
	httpapi.Route(api, op(http.MethodDelete, one, "Make a user a moderator no longer", right.Appoint, http.StatusNoContent), s.deleteModerator)
}

// MemberPath is the input of every call on one user of a room; see RoomPath.
type MemberPath struct {
	RoomPath
	UserID live.UserID `path:"user_id" minimum:"1" maximum:"9007199254740991"`
}

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
	return nil, s.Appoint(ctx, caller(ctx).Who(), in.ID, in.UserID)
}

func (s *Service) deleteModerator(ctx context.Context, in *MemberPath) (*httpapi.None, error) {
	return nil, s.Dismiss(ctx, caller(ctx).Who(), in.ID, in.UserID)
}
