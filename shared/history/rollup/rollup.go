// Package rollup keeps history in the platform's SQL database: counts by the minute, for platforms without ClickHouse.
// Events are counted and forgotten, so there is nothing of a user in it.
package rollup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/barrage-live/barrage/shared/history"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/store"
)

// seenFor is how long events are known by their ids. Producers tell one again within minutes; what Kafka delivers again
// is known by its offset, for ever.
const seenFor = time.Hour

// Store is the history in a database. Its methods may be called concurrently.
type Store struct {
	db   *store.Store
	keep history.Keep
	now  func() time.Time
}

// New needs a database that is migrated. Of keep it uses MinuteDays.
func New(db *store.Store, keep history.Keep) (*Store, error) {
	if db == nil || keep.MinuteDays < 1 {
		return nil, errors.New("history: a database and a number of days to keep are needed")
	}
	return &Store{db: db, keep: keep, now: time.Now}, nil
}

// Sample notes the most who were seen in each minute.
func (s *Store) Sample(ctx context.Context, some []history.Sample) error {
	if len(some) == 0 {
		return nil
	}
	minutes := make(map[minuteKey]*minuteRow)
	for _, one := range some {
		m := minuteOf(minutes, one.Room, one.At)
		m.Online = max(m.Online, one.Online)
	}
	if err := s.db.Tx(ctx, func(tx *gorm.DB) error { return upsert(tx, minutes) }); err != nil {
		return fmt.Errorf("keep %d samples: %w", len(some), err)
	}
	return nil
}

// point is a row of an answer.
type point struct {
	T                                  int64
	Online, Danmu, Likes, Gifts, Coins int64
}

// Points answers the query with a point for each step.
func (s *Store) Points(ctx context.Context, q history.Query) ([]history.Point, error) {
	q = q.Aligned()
	step := q.Step.Milliseconds()
	// Who watches all rooms is sampled by itself, in room 0: peaks of rooms are of different moments and have no sum.
	db := s.db.DB().WithContext(ctx).Table("history_minutes").
		Select("minute_ms - minute_ms % ? AS t, MAX(CASE WHEN room_id = ? THEN online ELSE 0 END) AS online, "+
			"SUM(danmu) AS danmu, SUM(likes) AS likes, SUM(gifts) AS gifts, SUM(coins) AS coins", step, int64(q.Room)).
		Where("minute_ms >= ? AND minute_ms < ?", q.From.UnixMilli(), q.To.UnixMilli()).
		Group("t")
	if q.Room != history.AllRooms {
		db = db.Where("room_id = ?", int64(q.Room))
	}
	var rows []point
	if err := db.Scan(&rows).Error; err != nil {
		return nil, fmt.Errorf("points of room %d: %w", q.Room, err)
	}
	points := make([]history.Point, len(rows))
	for i, r := range rows {
		points[i] = history.Point{
			T: time.UnixMilli(r.T), Online: r.Online, Danmu: r.Danmu, Likes: r.Likes, Gifts: r.Gifts, Coins: live.Coins(r.Coins),
		}
	}
	return q.Fill(points), nil
}

// Prune forgets what is older than it shall be. It wants to be called about once an hour.
func (s *Store) Prune(ctx context.Context) error {
	now := s.now()
	return s.db.Tx(ctx, func(tx *gorm.DB) error {
		if err := tx.Exec("DELETE FROM history_seen WHERE seen_ms < ?", now.Add(-seenFor).UnixMilli()).Error; err != nil {
			return fmt.Errorf("prune ids: %w", err)
		}
		oldest := now.AddDate(0, 0, -s.keep.MinuteDays)
		if err := tx.Exec("DELETE FROM history_minutes WHERE minute_ms < ?", oldest.UnixMilli()).Error; err != nil {
			return fmt.Errorf("prune minutes: %w", err)
		}
		return nil
	})
}

// Erase forgets which events were the user's. Nothing here tells.
func (s *Store) Erase(context.Context, live.UserID) (events int64, err error) { return 0, nil }

// Migrate has nothing to do: the tables are among those of store.Migrate.
func (s *Store) Migrate(context.Context) error { return nil }

// Close has nothing to do: the database is its owner's to close.
func (s *Store) Close() {}

// Ping asks the database for a sign of life.
func (s *Store) Ping(ctx context.Context) error { return s.db.Ping(ctx) }
