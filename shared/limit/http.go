package limit

import (
	"context"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/telemetry"
)

// HTTPSettings are the operator's for requests. A whole company or a mobile network may share an address.
type HTTPSettings struct {
	AddressRate float64 `env:"HTTP_ADDRESS_RATE" envDefault:"200"` // requests a second from one address to a function; 0: unlimited
	UserRate    float64 `env:"HTTP_USER_RATE" envDefault:"50"`     // the same of one user
}

// Check implements what settings.Load asks.
func (s HTTPSettings) Check() error {
	if s.AddressRate < 0 || s.UserRate < 0 {
		return errors.New("HTTP_ADDRESS_RATE, HTTP_USER_RATE: must not be negative")
	}
	return nil
}

// burstSeconds is how much may come at once, in seconds of the rate; aheadOf is the part of that which a process may let
// through before the others count it.
const (
	burstSeconds = 3
	aheadOf      = 20
)

// Guards are the limits of the requests to all processes of a function. Redis may be nil: then each counts for itself.
func (s HTTPSettings) Guards(function string, rdb redis.UniversalClient, t *telemetry.Telemetry) (address, user *Guard) {
	guard := func(what string, rate float64) *Guard {
		name := "http-" + function + "-" + what
		burst := max(int(burstSeconds*rate), 1)
		labels := telemetry.Labels(telemetry.LabelFunction, function)
		return NewGuard(GuardConfig{
			Name: name, Rate: Rate{Events: rate, Burst: burst}, Ahead: burst / aheadOf, Redis: rdb,
			Away: func(err error) {
				t.Metrics.LimitUnshared.Add(context.Background(), 1, labels)
				t.Logger().Warn("shared limit is away, this process counts alone", telemetry.Err, fmt.Errorf("%s: %w", name, err))
			},
		})
	}
	return guard("address", s.AddressRate), guard("user", s.UserRate)
}
