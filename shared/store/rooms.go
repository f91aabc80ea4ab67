package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/barrage-live/barrage/shared/live"
)

// Errors that users may see.
var (
	ErrRoomNotFound = live.Errorf(live.KindNotFound, "room_not_found", "There is no such room.")
	ErrNotAnchor    = live.Errorf(live.KindForbidden, "not_anchor", "Only the room's anchor may do that.")
	ErrWrongStatus  = live.Errorf(live.KindConflict, "wrong_status", "The room is not in a state that allows that.")
)

// NewRoom is a room to be made; it is not live yet.
type NewRoom struct {
	Anchor      live.UserID
	Title       string
	Cover       string
	PlaybackURL string
}

// RoomPatch changes the fields that are not nil.
type RoomPatch struct {
	Title       *string
	Cover       *string
	PlaybackURL *string
}

type roomRow struct {
	ID          int64 `gorm:"primaryKey"`
	AnchorID    int64
	Title       string
	Cover       string
	Status      int
	Hot         int64
	PlaybackURL string
	CreatedMS   Millis  `gorm:"column:created_ms"`
	UpdatedMS   Millis  `gorm:"column:updated_ms"`
	StartedMS   *Millis `gorm:"column:started_ms"`
	EndedMS     *Millis `gorm:"column:ended_ms"`
}

func (roomRow) TableName() string { return "rooms" }

// room leaves ViewerCount at 0: only Redis knows it.
func (r roomRow) room() live.Room {
	return live.Room{
		ID: live.RoomID(r.ID), AnchorID: live.UserID(r.AnchorID), Title: r.Title, Cover: r.Cover,
		Status: live.RoomStatus(r.Status), PlaybackURL: r.PlaybackURL,
		CreatedAt: r.CreatedMS.Time(), UpdatedAt: r.UpdatedMS.Time(),
		StartedAt: r.StartedMS.timeOrNil(), EndedAt: r.EndedMS.timeOrNil(),
	}
}

// CreateRoom makes a room.
func (s *Store) CreateRoom(ctx context.Context, n NewRoom) (live.Room, error) {
	now := MillisOf(time.Now())
	row := roomRow{
		AnchorID: int64(n.Anchor), Title: n.Title, Cover: n.Cover, PlaybackURL: n.PlaybackURL,
		Status: int(live.RoomNotStarted), CreatedMS: now, UpdatedMS: now,
	}
	err := retry(ctx, func() error {
		row.ID = 0
		return s.writer(ctx).Create(&row).Error
	})
	if err != nil {
		return live.Room{}, fmt.Errorf("create room of anchor %d: %w", n.Anchor, err)
	}
	return row.room(), nil
}

// Room returns a room; ErrRoomNotFound when there is none.
func (s *Store) Room(ctx context.Context, id live.RoomID) (live.Room, error) {
	var row roomRow
	if err := s.first(ctx, &row, "id = ?", int64(id)); err != nil {
		return live.Room{}, roomError(err, "room %d", id)
	}
	return row.room(), nil
}

// UpdateRoom applies the patch, whoever asks, and returns the room as it is afterwards.
func (s *Store) UpdateRoom(ctx context.Context, id live.RoomID, p RoomPatch) (live.Room, error) {
	set := map[string]any{"updated_ms": MillisOf(time.Now())}
	setIf(set, "title", p.Title)
	setIf(set, "cover", p.Cover)
	setIf(set, "playback_url", p.PlaybackURL)
	var row roomRow
	err := s.Tx(ctx, func(tx *gorm.DB) error {
		row = roomRow{}
		if err := tx.Model(&roomRow{}).Where("id = ?", int64(id)).Updates(set).Error; err != nil {
			return err
		}
		return tx.Where("id = ?", int64(id)).Take(&row).Error
	})
	if err != nil {
		return live.Room{}, roomError(err, "update room %d", id)
	}
	return row.room(), nil
}

// StartRoom makes the room live for its anchor by. A room that is live already stays as it is, with changed false, so
// of any number of callers exactly one announces the start. A stopped room starts again with a new StartedAt.
func (s *Store) StartRoom(ctx context.Context, id live.RoomID, by live.UserID) (room live.Room, changed bool, err error) {
	now := MillisOf(time.Now())
	return s.turn(ctx, id, by, live.RoomLive, []live.RoomStatus{live.RoomNotStarted, live.RoomEnded},
		map[string]any{"started_ms": now, "ended_ms": nil, "updated_ms": now})
}

// StopRoom ends the room for its anchor by; a room that has ended stays as it is, with changed false. A room that was
// never started is ErrWrongStatus.
func (s *Store) StopRoom(ctx context.Context, id live.RoomID, by live.UserID) (room live.Room, changed bool, err error) {
	now := MillisOf(time.Now())
	return s.turn(ctx, id, by, live.RoomEnded, []live.RoomStatus{live.RoomLive},
		map[string]any{"ended_ms": now, "updated_ms": now})
}

// turn sets the status by compare-and-set, and tells from the row why it did not.
func (s *Store) turn(ctx context.Context, id live.RoomID, by live.UserID, to live.RoomStatus, from []live.RoomStatus,
	set map[string]any) (live.Room, bool, error) {
	set["status"] = int(to)
	var row roomRow
	var changed bool
	err := s.Tx(ctx, func(tx *gorm.DB) error {
		row = roomRow{}
		update := tx.Model(&roomRow{}).
			Where("id = ? AND anchor_id = ? AND status IN ?", int64(id), int64(by), from).Updates(set)
		if update.Error != nil {
			return update.Error
		}
		changed = update.RowsAffected == 1
		return tx.Where("id = ?", int64(id)).Take(&row).Error
	})
	switch {
	case err != nil:
		return live.Room{}, false, roomError(err, "turn room %d to status %d", id, to)
	case live.UserID(row.AnchorID) != by:
		return live.Room{}, false, ErrNotAnchor
	case live.RoomStatus(row.Status) != to:
		return live.Room{}, false, ErrWrongStatus
	}
	return row.room(), changed, nil
}

func roomError(err error, format string, args ...any) error {
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return ErrRoomNotFound
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}
