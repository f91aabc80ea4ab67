package stats

import (
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
	"github.com/barrage-live/barrage/shared/history"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
)

// SampleEvery is how often Sample wants to be called.
const SampleEvery = 10 * time.Second

const (
	// sampleTurn is a little less than SampleEvery, so that whoever is called next takes the next turn.
	sampleTurn = SampleEvery - time.Second
	// sampleAge is how old a sample may be and still be told as a metric.
	sampleAge = 3 * SampleEvery
	// sampleRooms in one call of the script bound how long it holds Redis up.
	sampleRooms = 500
	dayTTL      = 8 * 24 * time.Hour // of a day's peak and viewers
)

//go:embed sample.lua
var sampleScript string

// Parts of the keys for all partitions together.
const (
	keySampler = "sampler"  // who samples now
	keyPeak    = "peak:"    // and the day: sorted set of one member, the most who watched at once
	keyViewers = "viewers:" // and the day: HyperLogLog of users who came into any room
)

func (s *Service) allKey(part string) string { return roomstate.StatsAllKey(s.deps.Space, part) }

// Sample counts who watches now, in every room in which something has happened, and writes it down: for the totals, for
// peaks that no join told of, and for history. Of all processes that call it one does the work, the others return at
// once.
func (s *Service) Sample(ctx context.Context) error {
	mine, err := s.deps.Redis.SetNX(ctx, s.allKey(keySampler), "1", sampleTurn).Result()
	if err != nil {
		return fmt.Errorf("sample viewers: %w", err)
	}
	if !mine {
		return nil
	}
	now, total := s.now(), int64(0)
	for part := range s.deps.Partitions {
		samples, err := s.samplePartition(ctx, part, now)
		if err != nil {
			return fmt.Errorf("sample viewers of partition %d: %w", part, err)
		}
		for _, one := range samples {
			total += one.Online
		}
		if err := s.deps.History.Sample(ctx, samples); err != nil {
			return fmt.Errorf("sample viewers of partition %d: %w", part, err)
		}
	}
	if err := s.notePeak(ctx, now, total); err != nil {
		return fmt.Errorf("sample viewers: %w", err)
	}
	s.viewers.Store(&sampled{at: now, online: total})
	return s.deps.History.Sample(ctx, []history.Sample{{Room: history.AllRooms, At: now, Online: total}})
}

func (s *Service) samplePartition(ctx context.Context, part int32, now time.Time) ([]history.Sample, error) {
	watched, err := s.deps.Redis.HGetAll(ctx, s.key(part, keyWatched)).Result()
	if err != nil {
		return nil, err
	}
	rooms := make([]live.RoomID, 0, len(watched))
	for text := range watched {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("watched room: %w", err)
		}
		rooms = append(rooms, live.RoomID(id))
	}
	slices.Sort(rooms)
	samples, sum := make([]history.Sample, 0, len(rooms)), int64(0)
	for some := range slices.Chunk(rooms, sampleRooms) {
		counts, err := s.deps.Presence.Audiences(ctx, some)
		if err != nil {
			return nil, err
		}
		keys, args := []string{s.key(part, keyWatched)}, make([]any, 0, 3*len(some))
		for i, room := range some {
			online := counts[i].Online
			keys = append(keys, roomstate.StatsRoomKey(s.deps.Space, part, room))
			args = append(args, int64(room), watched[strconv.FormatInt(int64(room), 10)], online)
			samples, sum = append(samples, history.Sample{Room: room, At: now, Online: online}), sum+online
		}
		if err := s.sample.Run(ctx, s.deps.Redis, keys, args...).Err(); err != nil {
			return nil, err
		}
	}
	return samples, s.deps.Redis.HSet(ctx, s.key(part, keyTotal), "online", sum).Err()
}

func (s *Service) notePeak(ctx context.Context, now time.Time, online int64) error {
	key := s.allKey(keyPeak + day(now))
	_, err := s.deps.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.ZAddGT(ctx, key, redis.Z{Member: "online", Score: float64(online)})
		p.PExpire(ctx, key, dayTTL)
		return nil
	})
	return err
}

// remember notes who came, before the batch is counted: the sets take a name any number of times, so a batch that comes
// again changes nothing.
func (s *Service) remember(ctx context.Context, viewers map[tally.Viewer]struct{}) error {
	names := make(map[string][]any)
	for v := range viewers {
		at := s.allKey(keyViewers + day(v.Time()))
		names[at] = append(names[at], int64(v.User))
	}
	if len(names) == 0 {
		return nil
	}
	_, err := s.deps.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for key, users := range names {
			for some := range slices.Chunk(users, 1000) {
				p.PFAdd(ctx, key, some...)
			}
			p.PExpire(ctx, key, dayTTL)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("remember viewers: %w", err)
	}
	return nil
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// today reads the day's peak and its viewers, within 1 %.
func (s *Service) today(ctx context.Context) (peak, viewers int64, err error) {
	name := day(s.now())
	most, err := s.deps.Redis.ZScore(ctx, s.allKey(keyPeak+name), "online").Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		return 0, 0, fmt.Errorf("peak of %s: %w", name, err)
	}
	if viewers, err = s.deps.Redis.PFCount(ctx, s.allKey(keyViewers+name)).Result(); err != nil {
		return 0, 0, fmt.Errorf("viewers of %s: %w", name, err)
	}
	return int64(most), viewers, nil
}

// sampled is what this process sampled last.
type sampled struct {
	at     time.Time
	online int64
}

// viewersGauge observes liveroom.viewer.count: the process that sampled last tells it, so that each viewer counts once.
func viewersGauge(meter metric.Meter, last *atomic.Pointer[sampled], now func() time.Time) (metric.Registration, error) {
	gauge, err := meter.Int64ObservableGauge("liveroom.viewer.count", metric.WithUnit("{viewer}"),
		metric.WithDescription("Viewers in rooms."))
	if err != nil {
		return nil, err
	}
	return meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		if s := last.Load(); s != nil && now().Sub(s.at) < sampleAge {
			o.ObserveInt64(gauge, s.online)
		}
		return nil
	}, gauge)
}
