package intake

import (
	"errors"

	"github.com/barrage-live/barrage/shared/limit"
)

// Settings are the operator's, the same for every process that takes danmu in: only then do they hold over all of them.
type Settings struct {
	ViewerRate float64 `env:"USER_MESSAGE_RATE" envDefault:"2"`      // messages a second of one user in a room; 0: unlimited
	StaffRate  float64 `env:"MODERATOR_MESSAGE_RATE" envDefault:"0"` // the same of moderators, the anchor and admins
}

// Burst is how many messages a user may send at once before its rate holds (CONTRACT §5).
const Burst = 5

// minRate is the slowest whose burst is forgotten no sooner than it is back: see fanout.Item.
const minRate = 0.05

// Check implements what settings.Load asks.
func (s Settings) Check() error {
	return errors.Join(checkRate("USER_MESSAGE_RATE", s.ViewerRate), checkRate("MODERATOR_MESSAGE_RATE", s.StaffRate))
}

func checkRate(name string, rate float64) error {
	if rate == 0 || rate >= minRate && rate <= 1000 {
		return nil
	}
	return errors.New(name + ": want 0, or 0.05 to 1000 messages a second")
}

// Apply puts them into c.
func (s Settings) Apply(c Config) Config {
	c.Viewers = limit.Rate{Events: s.ViewerRate, Burst: Burst}
	c.Staff = limit.Rate{Events: s.StaffRate, Burst: Burst}
	return c
}
