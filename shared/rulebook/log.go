package rulebook

import (
	"context"
	"fmt"
	"time"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/store"
)

// Action is what a moderator did.
type Action string

// The actions.
const (
	Muted      Action = "mute"
	Unmuted    Action = "unmute"
	Banned     Action = "ban"
	Unbanned   Action = "unban"
	Kicked     Action = "kick"
	Deleted    Action = "delete"
	Released   Action = "release" // a danmu that was held
	Refused    Action = "refuse"  // the same
	Appointed  Action = "appoint"
	Dismissed  Action = "dismiss"
	Configured Action = "settings"
)

// Entry is one line of a room's log. Nothing is ever taken out of it.
type Entry struct {
	ID        int64
	Room      live.RoomID
	Action    Action
	User      live.UserID // whom it is about; 0: nobody
	By        live.UserID // 0: a server
	MessageID string
	Until     time.Time // of a mute or ban; zero: does not apply
	Reason    string
	Detail    string // of Configured: what is set now, as JSON
	At        time.Time
}

type logRow struct {
	ID        int64 `gorm:"primaryKey"`
	RoomID    int64
	Action    Action
	UserID    int64
	By        int64 `gorm:"column:decided_by"`
	MessageID string
	UntilMS   store.Millis `gorm:"column:until_ms"` // -1: for ever, 0: does not apply
	Reason    string
	Detail    string
	CreatedMS store.Millis `gorm:"column:created_ms"`
}

func (logRow) TableName() string { return "moderation_log" }

const endless = -1

func (e Entry) row() *logRow {
	until := store.Millis(0)
	if !e.Until.IsZero() {
		if until = endOf(e.Until); until == 0 {
			until = endless
		}
	}
	return &logRow{
		RoomID: int64(e.Room), Action: e.Action, UserID: int64(e.User), By: int64(e.By), MessageID: e.MessageID,
		UntilMS: until, Reason: e.Reason, Detail: e.Detail, CreatedMS: store.MillisOf(e.At),
	}
}

func (r logRow) entry() Entry {
	e := Entry{
		ID: r.ID, Room: live.RoomID(r.RoomID), Action: r.Action, User: live.UserID(r.UserID), By: live.UserID(r.By),
		MessageID: r.MessageID, Reason: r.Reason, Detail: r.Detail, At: r.CreatedMS.Time(),
	}
	switch r.UntilMS {
	case 0:
	case endless:
		e.Until = untilOf(0)
	default:
		e.Until = untilOf(r.UntilMS)
	}
	return e
}

// Note writes down what changes no rule: a kick, a deletion.
func (b *Book) Note(ctx context.Context, e Entry) error {
	if err := b.primary(ctx).Create(e.row()).Error; err != nil {
		return fmt.Errorf("note %s in room %d: %w", e.Action, e.Room, err)
	}
	return nil
}

// Log returns up to limit entries of the room, newest first, that are older than the entry before (0: from the newest).
func (b *Book) Log(ctx context.Context, room live.RoomID, before int64, limit int) ([]Entry, error) {
	query := b.primary(ctx).Where("room_id = ?", int64(room)).Order("id DESC").Limit(limit)
	if before > 0 {
		query = query.Where("id < ?", before)
	}
	var rows []logRow
	if err := query.Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("log of room %d: %w", room, err)
	}
	entries := make([]Entry, len(rows))
	for i, r := range rows {
		entries[i] = r.entry()
	}
	return entries, nil
}
