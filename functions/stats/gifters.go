package stats

import (
	"context"
	"time"

	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/live"
)

// Gifter is a place in a room's ranking of a day. The gift function counts; this one only reads.
type Gifter struct {
	Rank     int         `json:"rank"`
	UserID   live.UserID `json:"user_id"`
	Nickname string      `json:"nickname,omitempty" doc:"As of the user's last gift."`
	Score    live.Coins  `json:"score" doc:"Coins."`
}

// Gifters returns who gave most to the room on the day of UTC that day lies in.
func (s *Service) Gifters(ctx context.Context, room live.RoomID, day time.Time, limit int) ([]Gifter, error) {
	places, err := s.board.Top(ctx, room, day, limit)
	if err != nil {
		return nil, err
	}
	ranked := make([]Gifter, len(places))
	for i, p := range places {
		ranked[i] = Gifter{Rank: p.Rank, UserID: p.User, Nickname: p.Nickname, Score: p.Coins}
	}
	return ranked, nil
}

type giftersInput struct {
	ID    live.RoomID `path:"id" minimum:"1" maximum:"9007199254740991"`
	Day   string      `query:"day" format:"date" doc:"YYYY-MM-DD, in UTC; empty: today."`
	Limit int         `query:"limit" default:"20" minimum:"1" maximum:"100" doc:"How many gifters to return."`
}

var errBadDay = live.Errorf(live.KindInvalid, "bad_day", "day is a date such as 2026-11-24")

func (s *Service) getGifters(ctx context.Context, in *giftersInput) (*httpapi.Body[httpapi.Page[Gifter]], error) {
	day := s.now()
	if in.Day != "" {
		var err error
		if day, err = time.Parse(time.DateOnly, in.Day); err != nil {
			return nil, errBadDay
		}
	}
	ranked, err := s.Gifters(ctx, in.ID, day, in.Limit)
	if err != nil {
		return nil, err
	}
	return &httpapi.Body[httpapi.Page[Gifter]]{Body: httpapi.NewPage(ranked, "")}, nil
}
