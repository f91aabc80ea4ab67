package stats

import (
	"context"
	"net/http"

	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
)

// Routes registers the function's calls.
func (s *Service) Routes(api *httpapi.API) {
	httpapi.Route(api, httpapi.Op{
		Method: http.MethodGet, Path: "/api/v1/stats/rooms/{id}", Action: right.Look,
		Summary:     "A room's figures",
		Description: "The figures of the current session, or of the last one; all are 0 of a room that nothing is known of.",
	}, s.getRoom)
	httpapi.Route(api, httpapi.Op{
		Method: http.MethodGet, Path: "/api/v1/stats/hot", Action: right.Look,
		Summary:     "The hottest rooms",
		Description: "Ranked by what happens in them now: viewers who come in, danmu, likes and coins, each fading with time (by half in ten minutes, unless set otherwise).",
	}, s.getHot)
	httpapi.Route(api, httpapi.Op{
		Method: http.MethodGet, Path: "/api/v1/stats/rooms/{id}/gifters", Action: right.Look,
		Summary:     "Who gave most",
		Description: "The room's gifters of one day of UTC, today unless it says otherwise, by coins; refunds are taken off. A day is kept for a week.",
	}, s.getGifters)
	httpapi.Route(api, httpapi.Op{
		Method: http.MethodGet, Path: "/api/v1/stats/rooms/{id}/timeline", Action: right.Look,
		Summary:     "A room over time",
		Description: "What happened in each step of the span, and the most who watched at once in it; steps in which nothing happened are there too.",
		Errors:      []*live.Error{errBadSpan, errTooMany, errAway},
	}, s.getTimeline)
	httpapi.Route(api, httpapi.Op{
		Method: http.MethodGet, Path: "/api/v1/stats/overview", Action: right.Look,
		Summary:     "All rooms now and over time",
		Description: "Figures of all rooms together, some seconds old at most; the steps of the span; and how far the platform's readers are behind the log.",
		Errors:      []*live.Error{errBadSpan, errTooMany, errAway},
	}, s.getOverview)
}

type roomInput struct {
	ID live.RoomID `path:"id" minimum:"1"`
}

func (s *Service) getRoom(ctx context.Context, in *roomInput) (*httpapi.Body[RoomStats], error) {
	stats, err := s.Room(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &httpapi.Body[RoomStats]{Body: stats}, nil
}

type hotInput struct {
	Limit int `query:"limit" default:"20" minimum:"1" maximum:"100" doc:"How many rooms to return."`
}

func (s *Service) getHot(ctx context.Context, in *hotInput) (*httpapi.Body[httpapi.Page[Ranked]], error) {
	rooms, err := s.Hot(ctx, in.Limit)
	if err != nil {
		return nil, err
	}
	return &httpapi.Body[httpapi.Page[Ranked]]{Body: httpapi.NewPage(rooms, "")}, nil
}
