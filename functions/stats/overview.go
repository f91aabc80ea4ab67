package stats

import (
	"context"
	"time"

	"github.com/barrage-live/barrage/shared/history"
	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/telemetry"
)

// overviewFor is how old the figures of all rooms may be: everybody may ask for them, and they cost some round trips.
const overviewFor = 3 * time.Second

const lagTimeout = 2 * time.Second

// Overview is all rooms together: figures of now, and the steps of a span.
type Overview struct {
	Online        int64      `json:"online" doc:"When last sampled, some seconds ago."`
	PeakOnline    int64      `json:"peak_online" doc:"The most at once today (UTC)."`
	UniqueViewers int64      `json:"unique_viewers" doc:"Users who came into any room today, within 1 %; guests are not among them."`
	Danmu         int64      `json:"danmu" doc:"Of all time, as the three below."`
	Likes         int64      `json:"likes"`
	Gifts         int64      `json:"gifts"`
	Coins         live.Coins `json:"coins"`
	AsOf          time.Time  `json:"as_of"`
	Lag           []GroupLag `json:"lag" nullable:"false" doc:"How many records each reader of the log has before it; empty while Kafka is away."`
	httpapi.Page[history.Point]
}

// GroupLag is how far a reader is behind.
type GroupLag struct {
	Group   string       `json:"group"`
	Topic   stream.Topic `json:"topic"`
	Records int64        `json:"records"`
}

// present is the part of an overview that does not depend on the question.
type present struct {
	totals Totals
	lag    []GroupLag
	asOf   time.Time
}

func (s *Service) current(ctx context.Context, _ struct{}) (present, error) {
	totals, err := s.Totals(ctx)
	if err != nil {
		return present{}, err
	}
	return present{totals: totals, lag: s.lag(ctx), asOf: s.now().UTC().Truncate(time.Millisecond)}, nil
}

// lag is empty while Kafka is away: that is when an operator needs the other figures.
func (s *Service) lag(ctx context.Context) []GroupLag {
	all := []GroupLag{}
	if s.deps.Topics == nil {
		return all
	}
	ctx, cancel := context.WithTimeout(ctx, lagTimeout)
	defer cancel()
	lags, err := s.deps.Topics.Lag(ctx, s.deps.Readers)
	if err != nil {
		s.deps.Telemetry.Logger().WarnContext(ctx, "the readers' lag is not known", telemetry.Err, err)
	}
	for _, l := range lags {
		all = append(all, GroupLag{Group: l.Group, Topic: l.Topic, Records: l.Records})
	}
	return all
}

func (s *Service) getOverview(ctx context.Context, in *Span) (*httpapi.Body[Overview], error) {
	points, err := s.points(ctx, history.AllRooms, *in)
	if err != nil {
		return nil, err
	}
	p, err := s.overview.Get(ctx, struct{}{}, s.current)
	if err != nil {
		return nil, err
	}
	t := p.totals
	return &httpapi.Body[Overview]{Body: Overview{
		Online: t.Online, PeakOnline: t.PeakOnline, UniqueViewers: t.UniqueViewers,
		Danmu: t.Danmu, Likes: t.Likes, Gifts: t.Gifts, Coins: t.Coins, AsOf: p.asOf, Lag: p.lag, Page: httpapi.NewPage(points, ""),
	}}, nil
}
