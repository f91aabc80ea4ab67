package stats

import (
	"context"
	"fmt"
	"strconv"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/functions/stats/tally"
	"github.com/barrage-live/barrage/shared/live"
)

// Totals are the figures of all rooms together: Counts of all time, the rest of today (UTC).
type Totals struct {
	tally.Counts
	Online        int64 // when last sampled
	PeakOnline    int64 // the most in any sample of today
	UniqueViewers int64 // users who came into any room today, within 1 %; guests have no name to know them by
}

// Totals sums the partitions.
func (s *Service) Totals(ctx context.Context) (Totals, error) {
	parts := make([]*redis.MapStringStringCmd, s.deps.Partitions)
	_, err := s.deps.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range parts {
			parts[i] = p.HGetAll(ctx, s.key(int32(i), keyTotal))
		}
		return nil
	})
	if err != nil {
		return Totals{}, fmt.Errorf("totals: %w", err)
	}
	var sum Totals
	for _, part := range parts {
		var n [5]int64
		for i, field := range [...]string{"danmu", "likes", "gifts", "coins", "online"} {
			if text, ok := part.Val()[field]; ok {
				if n[i], err = strconv.ParseInt(text, 10, 64); err != nil {
					return Totals{}, fmt.Errorf("totals: %s: %w", field, err)
				}
			}
		}
		sum.Counts.Add(tally.Counts{Danmu: n[0], Likes: n[1], Gifts: n[2], Coins: live.Coins(n[3])})
		sum.Online += n[4]
	}
	if sum.PeakOnline, sum.UniqueViewers, err = s.today(ctx); err != nil {
		return Totals{}, err
	}
	sum.PeakOnline = max(sum.PeakOnline, sum.Online)
	return sum, nil
}
