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

// Redis limits by key over all processes that share the Redis and the name. Its clock is Redis', its keys expire when
// their allowance is whole, and those of one name share a slot: one call decides about many.
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

// Use is what one key has used of its allowance, and what it asks for now.
type Use struct {
	Key      string
	Happened int // already; it is charged whatever it comes to
	Asked    int
}

// maxUses bounds one call of the script.
const maxUses = 500

// Allow takes n from the key's allowance, or nothing and says how long until n would be allowed. More than the burst
// are never allowed. It may be called concurrently.
func (r *Redis) Allow(ctx context.Context, key string, n int) (ok bool, retryAfter time.Duration, err error) {
	if r.rate.interval == 0 || n <= 0 {
		return true, 0, nil
	}
	waits, err := r.Take(ctx, []Use{{Key: key, Asked: n}})
	if err != nil {
		return false, 0, err
	}
	return waits[0] == 0, waits[0], nil
}

// Take charges what the keys have used, and takes what they ask for where it is allowed: all of it or nothing. It
// returns how long each has to wait for it, or for one event where nothing is asked for. A key is named once at most.
func (r *Redis) Take(ctx context.Context, uses []Use) ([]time.Duration, error) {
	waits := make([]time.Duration, 0, len(uses))
	if r.rate.interval == 0 {
		return append(waits, make([]time.Duration, len(uses))...), nil
	}
	for len(uses) > 0 {
		part := uses[:min(len(uses), maxUses)]
		uses = uses[len(part):]
		keys, args := make([]string, len(part)), make([]any, 2, 2+2*len(part))
		args[0], args[1] = max(r.rate.interval.Microseconds(), 1), max(r.rate.burst.Microseconds(), 1)
		for i, u := range part {
			keys[i] = roomstate.LimitKey(r.name, u.Key)
			args = append(args, u.Happened, u.Asked)
		}
		reply, err := r.script.Run(ctx, r.rdb, keys, args...).Int64Slice()
		if err != nil {
			return nil, fmt.Errorf("limit %s: %w", r.name, err)
		}
		if len(reply) != len(part) {
			return nil, fmt.Errorf("limit %s: %d answers for %d keys", r.name, len(reply), len(part))
		}
		for _, wait := range reply {
			waits = append(waits, time.Duration(wait)*time.Microsecond)
		}
	}
	return waits, nil
}
