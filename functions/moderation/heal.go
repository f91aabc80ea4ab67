package moderation

import (
	"context"
	"time"

	"github.com/barrage-live/barrage/shared/wire"
)

// healBack is how long ago a decision may have been written down whose copy in Redis is still looked after: outages end
// sooner, and whoever decides again heals the rest.
const healBack = 24 * time.Hour

// Heal brings into force what was decided and written down, and got no further: the process died, or Redis was away. A
// pod that holds a banned user closes the connection with its next renewal of leases.
func (s *Service) Heal(ctx context.Context) error {
	healed, err := s.d.Book.HealCopies(ctx, s.d.State, time.Now().Add(-healBack))
	for _, id := range healed {
		if tellErr := s.command(ctx, id, wire.Command{Order: wire.SettingsChanged}); tellErr != nil {
			return tellErr
		}
	}
	return err
}
