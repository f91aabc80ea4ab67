package rulebook

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/store"
)

// NewState returns the room state kept in rdb, which takes from the book what Redis has lost. The caller owes a Close.
func NewState(rdb redis.UniversalClient, b *Book, cfg roomstate.Config) (*roomstate.State, error) {
	var state *roomstate.State
	cfg.Restore = func(ctx context.Context, room live.RoomID) error {
		rules, err := b.Rules(ctx, room)
		if err != nil {
			return err
		}
		return state.Restore(ctx, room, rules)
	}
	state, err := roomstate.New(rdb, cfg)
	return state, err
}

// checkedRooms bounds one look at the copies.
const checkedRooms = 10_000

// HealCopies compares the versions of the rooms that something was decided for since a time with those in Redis, and
// restores the copies that are behind: a decision may have got no further than the database, and a Redis that was
// replaced by its replica may have lost the last ones. It returns the rooms it restored.
func (b *Book) HealCopies(ctx context.Context, state *roomstate.State, since time.Time) ([]live.RoomID, error) {
	var rows []rulesRow
	err := b.primary(ctx).Select("room_id", "version").Where("changed_ms >= ?", store.MillisOf(since)).
		Order("changed_ms DESC").Limit(checkedRooms).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("rooms decided for since %s: %w", since, err)
	}
	rooms := make([]live.RoomID, len(rows))
	for i, r := range rows {
		rooms[i] = live.RoomID(r.RoomID)
	}
	versions, err := state.Versions(ctx, rooms)
	if err != nil {
		return nil, err
	}
	var healed []live.RoomID
	for i, r := range rows {
		if versions[i] < 0 || versions[i] >= r.Version { // none: whoever asks for them restores them
			continue
		}
		rules, err := b.Rules(ctx, rooms[i])
		if err != nil {
			return healed, err
		}
		if err := state.Restore(ctx, rooms[i], rules); err != nil {
			return healed, err
		}
		healed = append(healed, rooms[i])
	}
	return healed, nil
}
