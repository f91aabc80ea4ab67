package rulebook

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/store"
)

// MaxModerators is the most that one room may have: every pod keeps all of a room's.
const MaxModerators = 200

// ErrTooManyModerators may be seen by users.
var ErrTooManyModerators = live.Errorf(live.KindConflict, "too_many_moderators", "The room has as many moderators as it may have.")

// Moderator is a user who moderates a room, with what others see of it.
type Moderator struct {
	User      live.UserID
	Nickname  string
	AvatarURL string
	Since     time.Time
}

type moderatorRow struct {
	RoomID    int64        `gorm:"primaryKey;autoIncrement:false"`
	UserID    int64        `gorm:"primaryKey;autoIncrement:false"`
	By        int64        `gorm:"column:appointed_by"`
	CreatedMS store.Millis `gorm:"column:created_ms"`
}

func (moderatorRow) TableName() string { return "moderators" }

// Appoint makes the user a moderator; who is one stays as before. store.ErrUserNotFound when there is no such user.
func (b *Book) Appoint(ctx context.Context, room live.RoomID, user, by live.UserID) (Decision, error) {
	e := Entry{Room: room, Action: Appointed, User: user, By: by, At: time.Now()}
	version, err := b.decide(ctx, e, func(tx *gorm.DB) (bool, error) {
		if err := knownUser(tx, user); err != nil {
			return false, err
		}
		already, err := moderatorsOf(tx, room)
		switch {
		case err != nil || slices.Contains(already, user):
			return false, err
		case len(already) >= MaxModerators:
			return false, ErrTooManyModerators
		}
		return true, tx.Create(&moderatorRow{
			RoomID: int64(room), UserID: int64(user), By: int64(by), CreatedMS: store.MillisOf(e.At),
		}).Error
	})
	return Decision{version, []roomstate.Change{roomstate.Moderator(user, true)}}, err
}

func knownUser(tx *gorm.DB, user live.UserID) error {
	var id int64
	err := tx.Table("users").Select("id").Where("id = ?", int64(user)).Take(&id).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return store.ErrUserNotFound
	}
	return err
}

// Dismiss undoes Appoint; who is no moderator need not be dismissed.
func (b *Book) Dismiss(ctx context.Context, room live.RoomID, user, by live.UserID) (Decision, error) {
	e := Entry{Room: room, Action: Dismissed, User: user, By: by, At: time.Now()}
	version, err := b.decide(ctx, e, func(tx *gorm.DB) (bool, error) {
		gone := tx.Where("room_id = ? AND user_id = ?", int64(room), int64(user)).Delete(&moderatorRow{})
		return gone.RowsAffected > 0, gone.Error
	})
	return Decision{version, []roomstate.Change{roomstate.Moderator(user, false)}}, err
}

// IsModerator reports whether the user moderates the room now.
func (b *Book) IsModerator(ctx context.Context, room live.RoomID, user live.UserID) (bool, error) {
	var n int64
	err := b.primary(ctx).Model(&moderatorRow{}).Where("room_id = ? AND user_id = ?", int64(room), int64(user)).Count(&n).Error
	if err != nil {
		return false, fmt.Errorf("moderator %d of room %d: %w", user, room, err)
	}
	return n > 0, nil
}

// Moderators returns the room's, in the order of their appointment.
func (b *Book) Moderators(ctx context.Context, room live.RoomID) ([]Moderator, error) {
	var rows []struct {
		UserID              int64
		Nickname, AvatarURL string
		CreatedMS           store.Millis `gorm:"column:created_ms"`
	}
	err := b.primary(ctx).Table("moderators AS m").
		Select("m.user_id, u.nickname, u.avatar_url, m.created_ms").Joins("JOIN users AS u ON u.id = m.user_id").
		Where("m.room_id = ?", int64(room)).Order("m.created_ms, m.user_id").Limit(MaxModerators).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("moderators of room %d: %w", room, err)
	}
	all := make([]Moderator, len(rows))
	for i, r := range rows {
		all[i] = Moderator{User: live.UserID(r.UserID), Nickname: r.Nickname, AvatarURL: r.AvatarURL, Since: r.CreatedMS.Time()}
	}
	return all, nil
}

func moderatorsOf(tx *gorm.DB, room live.RoomID) ([]live.UserID, error) {
	var users []live.UserID
	err := tx.Model(&moderatorRow{}).Where("room_id = ?", int64(room)).Limit(MaxModerators).Pluck("user_id", &users).Error
	return users, err
}
