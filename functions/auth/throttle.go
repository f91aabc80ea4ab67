package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"time"

	"github.com/barrage-live/barrage/shared/httpapi"
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

// throttle counts over all processes, see limit.Guard.
type throttle struct{ guard *limit.Guard }

func newThrottle(d Deps, name string, rate limit.Rate) throttle {
	away := func(err error) { d.Logger.Warn("shared limit is away, this process counts alone", telemetry.Err, err) }
	return throttle{limit.NewGuard(limit.GuardConfig{Name: name, Rate: rate, Redis: d.Redis, Away: away})}
}

func (t throttle) take(ctx context.Context, key string) error {
	after := t.guard.Allow(ctx, key)
	if ctx.Err() != nil {
		return fmt.Errorf("throttle: %w", ctx.Err())
	}
	if after == 0 {
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

// addressKey counts households; see there.
func addressKey(addr netip.Addr) string { return httpapi.Household(addr).String() }
