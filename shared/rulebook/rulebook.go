// Package rulebook is where moderators' decisions are kept for good: who is muted, banned or a moderator, a room's
// settings and words, and who decided it. Redis holds a copy (package roomstate) for those who ask for every message.
//
// Each decision is one transaction that gives the room's rules their next version, so that a copy which has missed one
// is known by its version and made anew.
package rulebook

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
	"gorm.io/plugin/dbresolver"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/store"
)

// Book reads and writes decisions. Its methods may be called concurrently, by any number of processes.
type Book struct{ store *store.Store }

// New returns the book in the store.
func New(s *store.Store) *Book { return &Book{store: s} }

type rulesRow struct {
	RoomID      int64 `gorm:"primaryKey;autoIncrement:false"`
	Version     int64
	SlowMS      int64 `gorm:"column:slow_ms"`
	Adaptive    bool
	DisplayRate int
	Words       string
	ChangedMS   store.Millis `gorm:"column:changed_ms"`
}

func (rulesRow) TableName() string { return "room_rules" }

// Decision is what was decided, and the version of the room's rules with it.
type Decision struct {
	Version int64
	Changes []roomstate.Change // what Redis has to hear; see roomstate.State.Apply
}

// decide writes a decision down. change reports whether anything is other than before: only then it is in the log. A
// repeat has a new version all the same, by which a copy that missed the first one is healed.
func (b *Book) decide(ctx context.Context, e Entry, change func(tx *gorm.DB) (bool, error)) (version int64, err error) {
	err = b.store.Tx(ctx, func(tx *gorm.DB) error {
		// First: it locks the room's row, and with it the order of the room's decisions.
		if version, err = nextVersion(tx, e.Room); err != nil {
			return err
		}
		changed, err := change(tx)
		if err != nil || !changed {
			return err
		}
		return tx.Create(e.row()).Error
	})
	if _, public := live.AsError(err); public {
		return 0, err
	}
	if err != nil {
		return 0, fmt.Errorf("%s in room %d: %w", e.Action, e.Room, err)
	}
	return version, nil
}

func nextVersion(tx *gorm.DB, room live.RoomID) (int64, error) {
	now := store.MillisOf(time.Now())
	err := tx.Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "room_id"}},
		DoUpdates: clause.Assignments(map[string]any{"version": gorm.Expr("room_rules.version + 1"), "changed_ms": now}),
	}).Create(&rulesRow{RoomID: int64(room), Version: 1, ChangedMS: now}).Error
	if err != nil {
		return 0, err
	}
	var row rulesRow
	err = tx.Select("version").Where("room_id = ?", int64(room)).Take(&row).Error
	return row.Version, err
}

func (b *Book) primary(ctx context.Context) *gorm.DB {
	return b.store.DB().WithContext(ctx).Clauses(dbresolver.Write)
}

// Rules are all that is in force in the room, as of one moment.
func (b *Book) Rules(ctx context.Context, room live.RoomID) (roomstate.Rules, error) {
	var rules roomstate.Rules
	err := b.store.Snapshot(ctx, func(tx *gorm.DB) error {
		row, err := rulesOf(tx, room)
		if err != nil {
			return err
		}
		rules = roomstate.Rules{Version: row.Version, Settings: row.settings(), Words: splitWords(row.Words)}
		if rules.Mutes, err = inForce(tx, room, mute); err != nil {
			return err
		}
		if rules.Bans, err = inForce(tx, room, ban); err != nil {
			return err
		}
		rules.Moderators, err = moderatorsOf(tx, room)
		return err
	})
	if err != nil {
		return roomstate.Rules{}, fmt.Errorf("rules of room %d: %w", room, err)
	}
	return rules, nil
}

// rulesOf returns the zero row, of version 0, for a room where nothing was ever decided.
func rulesOf(tx *gorm.DB, room live.RoomID) (rulesRow, error) {
	var row rulesRow
	err := tx.Where("room_id = ?", int64(room)).Limit(1).Find(&row).Error
	return row, err
}
