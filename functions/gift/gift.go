// Package gift is the money's function: the catalogue, wallets, and the settlement of gifts that both doors ask for.
// Only its batch handler debits anybody.
package gift

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/cache"
	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/gifters"
	"github.com/barrage-live/barrage/shared/ledger"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/order"
	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/telemetry"
)

// Deps is what the function works with.
type Deps struct {
	Store         *store.Store
	Ledger        *ledger.Ledger
	Redis         redis.UniversalClient
	Fanout        *fanout.Publisher
	Kafka         *stream.Client
	Rooms         func(ctx context.Context, id live.RoomID) (live.Room, error)
	Metrics       *telemetry.Metrics // nil: not counted
	WebhookSecret string             // empty: top-ups by admins only
	Logger        *slog.Logger
	Now           func() time.Time // nil: time.Now
}

// Service holds the business steps. Its methods may be called concurrently.
type Service struct {
	Deps
	door      *order.Door
	board     *gifters.Board
	catalogue *cache.Cache[struct{}, []store.Gift]
}

// catalogueTTL is how long a changed price may go unnoticed by the other processes.
const catalogueTTL = 5 * time.Second

// New prepares the function.
func New(d Deps) (*Service, error) {
	if d.Store == nil || d.Ledger == nil || d.Redis == nil || d.Fanout == nil || d.Kafka == nil || d.Rooms == nil {
		return nil, errors.New("gift: store, ledger, redis, fanout, kafka and rooms must be given")
	}
	if d.Logger == nil {
		d.Logger = slog.Default()
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	catalogue, err := cache.New[struct{}, []store.Gift](cache.Config{Name: "gifts", Entries: 1, TTL: catalogueTTL, Metrics: d.Metrics})
	if err != nil {
		return nil, fmt.Errorf("gift: %w", err)
	}
	return &Service{Deps: d, door: order.NewDoor(d.Kafka, d.Redis), board: gifters.New(d.Redis), catalogue: catalogue}, nil
}

// Close frees what New made.
func (s *Service) Close() { s.catalogue.Close() }

// Gifts returns the whole catalogue, what can't be bought any more included.
func (s *Service) Gifts(ctx context.Context) ([]store.Gift, error) {
	return s.catalogue.Get(ctx, struct{}{}, func(ctx context.Context, _ struct{}) ([]store.Gift, error) { return s.Store.Gifts(ctx) })
}

// PutGift makes a gift or changes it; orders that are under way settle at whichever price they find.
func (s *Service) PutGift(ctx context.Context, g store.Gift) error {
	if err := s.Store.PutGift(ctx, g); err != nil {
		return err
	}
	s.catalogue.Delete(struct{}{})
	return nil
}
