package limit

import (
	"context"
	_ "embed" // the Lua script
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/roomstate"
)

//go:embed gcra.lua
var gcraLua string

// Redis limits by key over all processes that share the Redis and the name. Its clock is Redis'.
type Redis struct {
	rdb    redis.UniversalClient
	name   string
	rate   gcra
	script *redis.Script
}

// NewRedis returns the limit called name.
func NewRedis(rdb redis.UniversalClient, name string, rate Rate) *Redis {
	return &Redis{rdb: rdb, name: name, rate: rate.gcra(), script: redis.NewScript(gcraLua)}
}

// Allow takes n from the key's allowance, or nothing and says how long until n would be allowed. More than the burst
// are never allowed. It may be called concurrently.
func (r *Redis) Allow(ctx context.Context, key string, n int) (ok bool, retryAfter time.Duration, err error) {
	if r.rate.interval == 0 || n <= 0 {
		return true, 0, nil
	}
	args := []any{max(r.rate.interval.Microseconds(), 1), max(r.rate.burst.Microseconds(), 1), n}
	wait, err := r.script.Run(ctx, r.rdb, []string{roomstate.LimitKey(r.name, key)}, args...).Int64()
	if err != nil {
		return false, 0, fmt.Errorf("limit %s: %w", r.name, err)
	}
	return wait == 0, time.Duration(wait) * time.Microsecond, nil
}
