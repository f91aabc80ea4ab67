package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/limit"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/telemetry"
)

// Limits bound guessing. A name's limit holds whoever asks, so it is also how long somebody can keep its owner from
// logging in: it must refill fast.
type Limits struct {
	LoginByName       limit.Rate // zero: 10 at once, then 12 a minute
	LoginByAddress    limit.Rate // zero: 100 at once, then 60 a minute
	RegisterByAddress limit.Rate // zero: 100 at once, then 30 a minute
}

func (l Limits) withDefaults() Limits {
	set := func(r *limit.Rate, burst int, perMinute float64) {
		if *r == (limit.Rate{}) {
			*r = limit.Rate{Events: perMinute, Per: time.Minute, Burst: burst}
		}
	}
	set(&l.LoginByName, 10, 12)
	set(&l.LoginByAddress, 100, 60)
	set(&l.RegisterByAddress, 100, 30)
	return l
}

// sharedTimeout is how long a login waits for a Redis that doesn't answer.
const sharedTimeout = 500 * time.Millisecond

// throttle counts in Redis, over all processes; while Redis is away each process counts for itself, because neither
// letting everybody guess nor letting nobody in is right then.
type throttle struct {
	shared *limit.Redis
	local  *limit.Bucket[string]
	log    *slog.Logger
}

func newThrottle(rdb redis.UniversalClient, name string, rate limit.Rate, log *slog.Logger) *throttle {
	return &throttle{shared: limit.NewRedis(rdb, name, rate), local: limit.NewBucket[string](rate, 0), log: log}
}

func (t *throttle) take(ctx context.Context, key string) error {
	shared, cancel := context.WithTimeout(ctx, sharedTimeout)
	defer cancel()
	ok, after, err := t.shared.Allow(shared, key, 1)
	if err != nil && ctx.Err() != nil {
		return fmt.Errorf("throttle: %w", ctx.Err())
	}
	if err != nil {
		t.log.WarnContext(ctx, "shared limit is away, this process counts alone", telemetry.Err, err)
		ok, after = t.local.Allow(key, 1)
	}
	if ok {
		return nil
	}
	return &live.Error{
		Kind: live.KindRateLimited, Code: "rate_limited", Message: "Too many attempts. Try again later.", RetryAfter: after,
	}
}

// nameKey hides names, and bounds their length: Redis is no place for either.
func nameKey(name string) string {
	sum := sha256.Sum256([]byte(name))
	return hex.EncodeToString(sum[:16])
}

// addressKey counts IPv6 by /64, which is what one customer gets.
func addressKey(addr netip.Addr) string {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			return p.Addr().String()
		}
	}
	return addr.String()
}
