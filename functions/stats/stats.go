// Package stats is the counting function: it folds the log into counts and the ranking of hot rooms, each record once
// however often it is delivered, and answers what people look at.
package stats

import (
	"cmp"
	"context"
	_ "embed" // the script
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"go.opentelemetry.io/otel/metric"

	"github.com/barrage-live/barrage/functions/stats/tally"
	"github.com/barrage-live/barrage/shared/cache"
	"github.com/barrage-live/barrage/shared/gifters"
	"github.com/barrage-live/barrage/shared/history"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/telemetry"
)

// presence is who watches now, in the order of the rooms; roomstate.State is the one in use.
type presence interface {
	Audiences(ctx context.Context, rooms []live.RoomID) ([]roomstate.Count, error)
}

// Record is what is kept for looking back; rollup.Store and clickhouse.Store are the ones in use.
type Record interface {
	Put(ctx context.Context, b history.Batch) error
	Sample(ctx context.Context, some []history.Sample) error
	Points(ctx context.Context, q history.Query) ([]history.Point, error)
}

// topics knows the identity of topics and how far groups are behind them; stream.Client is the one in use.
type topics interface {
	TopicID(ctx context.Context, t stream.Topic) (string, error)
	Lag(ctx context.Context, groups []stream.Reader) ([]stream.Lag, error)
}

// Deps is what the function works with. Redis, Presence and History have no default.
type Deps struct {
	Redis      redis.UniversalClient
	Presence   presence
	History    Record
	Topics     topics               // nil: no topic is ever deleted and made again, and nobody is behind
	Readers    []stream.Reader      // whose lag the overview tells
	Partitions int32                // of the log; 0 is stream.DefaultPartitions
	Heat       Heat                 // what makes a room hot
	Telemetry  *telemetry.Telemetry // nil: none

	// Space names the keys; "" is "stats". Another name counts the log a second time, beside the live counts.
	Space string
	// SeenIDs is how many ids of events each partition remembers at least, to know those that producers told twice;
	// 0 is 100,000. They are forgotten after 15 minutes without a new one.
	SeenIDs int
}

// Heat says what makes a room hot; hosts fill it from the environment.
type Heat = tally.Heat

// Service holds the business steps. Its methods may be called concurrently.
type Service struct {
	deps   Deps
	board  *gifters.Board
	script *redis.Script // applies a window
	sample *redis.Script
	now    func() time.Time

	viewers  atomic.Pointer[sampled]
	gauge    metric.Registration
	overview *cache.Cache[struct{}, present]
}

//go:embed apply.lua
var applyScript string

const (
	seenTTL = 15 * time.Minute
	roomTTL = 30 * 24 * time.Hour // without an event; what is older is history
	// maxHot rooms of each partition stay in the ranking.
	maxHot = 1000
)

// New prepares the function.
func New(d Deps) (*Service, error) {
	if d.Redis == nil || d.Presence == nil || d.History == nil {
		return nil, errors.New("stats: redis, presence and history must be given")
	}
	d.Partitions = cmp.Or(d.Partitions, stream.DefaultPartitions)
	d.Space = cmp.Or(d.Space, "stats")
	d.SeenIDs = cmp.Or(d.SeenIDs, 100_000)
	d.Heat = d.Heat.WithDefaults()
	if d.Telemetry == nil {
		d.Telemetry = telemetry.Discard()
	}
	s := &Service{
		deps: d, board: gifters.New(d.Redis), script: redis.NewScript(applyScript), sample: redis.NewScript(sampleScript), now: time.Now,
	}
	var err error
	if s.gauge, err = viewersGauge(d.Telemetry.Meter(), &s.viewers, s.now); err != nil {
		return nil, fmt.Errorf("stats: %w", err)
	}
	s.overview, err = cache.New[struct{}, present](cache.Config{Name: "overview", Entries: 1, TTL: overviewFor, Metrics: d.Telemetry.Metrics})
	if err != nil {
		return nil, fmt.Errorf("stats: %w", err)
	}
	return s, nil
}

// Close ends what New began.
func (s *Service) Close() {
	_ = s.gauge.Unregister() // fails only for a registration that is none
	s.overview.Close()
}

// RoomStats are the figures of a room's current session, or of its last one.
type RoomStats struct {
	RoomID        live.RoomID `json:"room_id"`
	Online        int64       `json:"online"`
	PeakOnline    int64       `json:"peak_online"`
	UniqueViewers int64       `json:"unique_viewers"`
	Danmu         int64       `json:"danmu"`
	Likes         int64       `json:"likes"`
	Gifts         int64       `json:"gifts"`
	Coins         live.Coins  `json:"coins"`
	AsOf          time.Time   `json:"as_of"`
}

// Room returns the figures of a room; all are 0 of one that nothing is known of.
func (s *Service) Room(ctx context.Context, room live.RoomID) (RoomStats, error) {
	part := stream.RoomPartition(room, s.deps.Partitions)
	kept, err := s.deps.Redis.HGetAll(ctx, roomstate.StatsRoomKey(s.deps.Space, part, room)).Result()
	if err != nil {
		return RoomStats{}, fmt.Errorf("counts of room %d: %w", room, err)
	}
	viewers, err := s.deps.Presence.Audiences(ctx, []live.RoomID{room})
	if err != nil {
		return RoomStats{}, fmt.Errorf("viewers of room %d: %w", room, err)
	}
	out := RoomStats{RoomID: room, Online: viewers[0].Online, UniqueViewers: viewers[0].Unique, AsOf: s.now().UTC().Truncate(time.Millisecond)}
	for field, to := range map[string]*int64{
		"danmu": &out.Danmu, "likes": &out.Likes, "gifts": &out.Gifts, "coins": (*int64)(&out.Coins), "peak": &out.PeakOnline,
	} {
		text, ok := kept[field]
		if !ok {
			continue
		}
		if *to, err = strconv.ParseInt(text, 10, 64); err != nil {
			return RoomStats{}, fmt.Errorf("counts of room %d: %s: %w", room, field, err)
		}
	}
	out.PeakOnline = max(out.PeakOnline, out.Online)
	return out, nil
}

// Ranked is a place in a ranking of rooms.
type Ranked struct {
	Rank   int         `json:"rank"`
	RoomID live.RoomID `json:"room_id"`
	Score  float64     `json:"score" doc:"1 is one danmu just now; it fades by half in the half-life, ten minutes by default."`
}

// minScore is the least that is shown: below it a room has cooled off.
const minScore = 0.001

// Hot returns the hottest rooms, merged from the rankings of all partitions.
func (s *Service) Hot(ctx context.Context, limit int) ([]Ranked, error) {
	parts := make([]*redis.ZSliceCmd, s.deps.Partitions)
	_, err := s.deps.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range parts {
			parts[i] = p.ZRevRangeWithScores(ctx, s.key(int32(i), keyHot), 0, int64(limit)-1)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("hot rooms: %w", err)
	}
	now := s.now()
	var all []Ranked
	for _, part := range parts {
		for _, z := range part.Val() {
			room, err := strconv.ParseInt(fmt.Sprint(z.Member), 10, 64)
			if err != nil {
				return nil, fmt.Errorf("hot rooms: %w", err)
			}
			if score := s.deps.Heat.Score(z.Score, now); score >= minScore {
				all = append(all, Ranked{RoomID: live.RoomID(room), Score: score})
			}
		}
	}
	slices.SortFunc(all, func(a, b Ranked) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.RoomID, b.RoomID))
	})
	all = all[:min(limit, len(all))]
	for i := range all {
		all[i].Rank = i + 1
	}
	return all, nil
}

// Parts of a partition's keys.
const (
	keyHot        = "hot"             // sorted set: room → log2 of its heat
	keyTotal      = "total"           // hash: danmu, likes, gifts, coins of all its rooms, ever; online when last sampled
	keyWatched    = "watched"         // hash: room → viewers when last sampled, or "new"
	keyGeneration = "seen:generation" // which of the two sets of ids takes new ones
	keySeen0      = "seen:0"
	keySeen1      = "seen:1"
)

// keyWatermark holds the offset behind the last record of the topic's partition that is counted, and the topic's id.
func keyWatermark(t stream.Topic) string { return "at:" + string(t) }

func (s *Service) key(partition int32, part string) string {
	return roomstate.StatsKey(s.deps.Space, partition, part)
}
