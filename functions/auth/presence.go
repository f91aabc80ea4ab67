package auth

import (
	"context"
	"net/http"
	"time"

	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
	"github.com/barrage-live/barrage/shared/roomstate"
)

// whereabouts says where users are; roomstate.State is the one in use.
type whereabouts interface {
	UsersOnline(ctx context.Context, users []live.UserID) ([]roomstate.UserPresence, error)
}

func (s *Service) presenceRoutes(api *httpapi.API) {
	httpapi.Route(api, httpapi.Op{Method: http.MethodGet, Path: "/api/v1/users/{user_id}/presence", Action: right.SeePresence,
		Summary:     "Where a user is",
		Description: "Right within 5 s after a connection, and 30 s after one whose pod was killed. Who does not exist is nowhere."}, s.getPresence)
	httpapi.Route(api, httpapi.Op{Method: http.MethodPost, Path: "/api/v1/users/presence", Action: right.SeePresence,
		Summary: "Where up to 200 users are, in the order asked"}, s.postPresence)
}

type presence struct {
	UserID     live.UserID   `json:"user_id"`
	Online     bool          `json:"online"`
	Rooms      []live.RoomID `json:"rooms" nullable:"false"`
	LastSeenAt *time.Time    `json:"last_seen_at" doc:"Forgotten after one to two weeks; of who is online, some seconds ago."`
}

func (s *Service) presence(ctx context.Context, users []live.UserID) ([]presence, error) {
	found, err := s.where.UsersOnline(ctx, users)
	if err != nil {
		return nil, err
	}
	all := make([]presence, len(found))
	for i, p := range found {
		all[i] = presence{UserID: p.User, Online: p.Online, Rooms: append([]live.RoomID{}, p.Rooms...)}
		if !p.LastSeen.IsZero() {
			all[i].LastSeenAt = &p.LastSeen
		}
	}
	return all, nil
}

func (s *Service) getPresence(ctx context.Context, in *userInput) (*httpapi.Body[presence], error) {
	one, err := s.presence(ctx, []live.UserID{live.UserID(in.UserID)})
	if err != nil {
		return nil, err
	}
	return &httpapi.Body[presence]{Body: one[0]}, nil
}

type presenceInput struct {
	Body struct {
		UserIDs []live.UserID `json:"user_ids" minItems:"1" maxItems:"200" nullable:"false"`
	}
}

func (s *Service) postPresence(ctx context.Context, in *presenceInput) (*httpapi.Body[httpapi.Page[presence]], error) {
	all, err := s.presence(ctx, in.Body.UserIDs)
	if err != nil {
		return nil, err
	}
	return &httpapi.Body[httpapi.Page[presence]]{Body: httpapi.NewPage(all, "")}, nil
}
