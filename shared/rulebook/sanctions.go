package rulebook

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/store"
)

// kind of a sanction, as the table has it.
type kind string

const (
	mute kind = "mute"
	ban  kind = "ban"
)

type sanctionRow struct {
	RoomID    int64        `gorm:"primaryKey;autoIncrement:false"`
	Kind      kind         `gorm:"primaryKey"`
	UserID    int64        `gorm:"primaryKey;autoIncrement:false"`
	UntilMS   store.Millis `gorm:"column:until_ms"` // 0: for ever
	Reason    string
	By        int64        `gorm:"column:decided_by"`
	CreatedMS store.Millis `gorm:"column:created_ms"`
}

func (sanctionRow) TableName() string { return "sanctions" }

// Sanction is a mute or a ban that is in force.
type Sanction struct {
	User   live.UserID
	Until  time.Time // roomstate.Forever: until it is lifted
	Reason string
	By     live.UserID // 0: a server
	Since  time.Time
}

// Mute forbids the user to speak in the room.
func (b *Book) Mute(ctx context.Context, room live.RoomID, s Sanction) (Decision, error) {
	return b.impose(ctx, room, mute, s)
}

// Ban keeps the user out of the room.
func (b *Book) Ban(ctx context.Context, room live.RoomID, s Sanction) (Decision, error) {
	return b.impose(ctx, room, ban, s)
}

func (b *Book) impose(ctx context.Context, room live.RoomID, k kind, s Sanction) (Decision, error) {
	e := Entry{Room: room, Action: Action(k), User: s.User, By: s.By, Until: s.Until, Reason: s.Reason, At: s.Since}
	version, err := b.decide(ctx, e, func(tx *gorm.DB) (bool, error) {
		if err := forgetEnded(tx, room, s.Since); err != nil {
			return false, err
		}
		return true, tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&sanctionRow{
			RoomID: int64(room), Kind: k, UserID: int64(s.User), UntilMS: endOf(s.Until), Reason: s.Reason, By: int64(s.By),
			CreatedMS: store.MillisOf(s.Since),
		}).Error
	})
	return Decision{version, []roomstate.Change{k.change(s.User, roomstate.Sanction{Until: s.Until, Reason: s.Reason})}}, err
}

// Unmute undoes Mute; who is not muted need not be.
func (b *Book) Unmute(ctx context.Context, room live.RoomID, user, by live.UserID) (Decision, error) {
	return b.lift(ctx, room, mute, Unmuted, user, by)
}

// Unban undoes Ban; who is not banned need not be.
func (b *Book) Unban(ctx context.Context, room live.RoomID, user, by live.UserID) (Decision, error) {
	return b.lift(ctx, room, ban, Unbanned, user, by)
}

func (b *Book) lift(ctx context.Context, room live.RoomID, k kind, action Action, user, by live.UserID) (Decision, error) {
	e := Entry{Room: room, Action: action, User: user, By: by, At: time.Now()}
	version, err := b.decide(ctx, e, func(tx *gorm.DB) (bool, error) {
		if err := forgetEnded(tx, room, e.At); err != nil {
			return false, err
		}
		gone := tx.Where("room_id = ? AND kind = ? AND user_id = ?", int64(room), k, int64(user)).Delete(&sanctionRow{})
		return gone.RowsAffected > 0, gone.Error
	})
	return Decision{version, []roomstate.Change{k.change(user, roomstate.Sanction{})}}, err
}

func (k kind) change(user live.UserID, s roomstate.Sanction) roomstate.Change {
	if k == ban {
		return roomstate.Ban(user, s)
	}
	return roomstate.Mute(user, s)
}

// forgetEnded keeps the table at the size of what is in force.
func forgetEnded(tx *gorm.DB, room live.RoomID, now time.Time) error {
	return tx.Where("room_id = ? AND until_ms > 0 AND until_ms <= ?", int64(room), store.MillisOf(now)).Delete(&sanctionRow{}).Error
}

func endOf(until time.Time) store.Millis {
	if !until.Before(roomstate.Forever()) {
		return 0
	}
	return store.MillisOf(until)
}

func untilOf(end store.Millis) time.Time {
	if end == 0 {
		return roomstate.Forever()
	}
	return end.Time()
}

func inForce(tx *gorm.DB, room live.RoomID, k kind) (map[live.UserID]roomstate.Sanction, error) {
	var rows []sanctionRow
	if err := active(tx, room, k).Find(&rows).Error; err != nil {
		return nil, err
	}
	found := make(map[live.UserID]roomstate.Sanction, len(rows))
	for _, r := range rows {
		found[live.UserID(r.UserID)] = roomstate.Sanction{Until: untilOf(r.UntilMS), Reason: r.Reason}
	}
	return found, nil
}

func active(tx *gorm.DB, room live.RoomID, k kind) *gorm.DB {
	return tx.Where("room_id = ? AND kind = ? AND (until_ms = 0 OR until_ms > ?)", int64(room), k, store.MillisOf(time.Now()))
}

// Mutes returns up to limit of those in force, by user, behind the user after; more tells whether there are others.
func (b *Book) Mutes(ctx context.Context, room live.RoomID, after live.UserID, limit int) (list []Sanction, more bool, err error) {
	return b.list(ctx, room, mute, after, limit)
}

// Bans is Mutes for bans.
func (b *Book) Bans(ctx context.Context, room live.RoomID, after live.UserID, limit int) (list []Sanction, more bool, err error) {
	return b.list(ctx, room, ban, after, limit)
}

func (b *Book) list(ctx context.Context, room live.RoomID, k kind, after live.UserID, limit int) ([]Sanction, bool, error) {
	var rows []sanctionRow
	err := active(b.primary(ctx), room, k).Where("user_id > ?", int64(after)).Order("user_id").Limit(limit + 1).Find(&rows).Error
	if err != nil {
		return nil, false, fmt.Errorf("%ss of room %d: %w", k, room, err)
	}
	more := len(rows) > limit
	list := make([]Sanction, min(len(rows), limit))
	for i := range list {
		r := rows[i]
		list[i] = Sanction{User: live.UserID(r.UserID), Until: untilOf(r.UntilMS), Reason: r.Reason, By: live.UserID(r.By), Since: r.CreatedMS.Time()}
	}
	return list, more, nil
}
