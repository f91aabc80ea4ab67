package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/barrage-live/barrage/shared/live"
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
	RoomID    int64  `gorm:"primaryKey;autoIncrement:false"`
	UserID    int64  `gorm:"primaryKey;autoIncrement:false"`
	By        int64  `gorm:"column:appointed_by"`
	CreatedMS Millis `gorm:"column:created_ms"`
}

func (moderatorRow) TableName() string { return "moderators" }

// AddModerator makes the user a moderator; who is one stays as before. ErrUserNotFound when there is no such user.
func (s *Store) AddModerator(ctx context.Context, room live.RoomID, user, by live.UserID) error {
	row := moderatorRow{RoomID: int64(room), UserID: int64(user), By: int64(by), CreatedMS: MillisOf(time.Now())}
	err := s.Tx(ctx, func(tx *gorm.DB) error {
		if err := tx.Where("id = ?", int64(user)).Take(&userRow{}).Error; err != nil {
			return err
		}
		var others int64
		if err := tx.Model(&moderatorRow{}).Where("room_id = ? AND user_id <> ?", int64(room), int64(user)).Count(&others).Error; err != nil {
			return err
		}
		if others >= MaxModerators {
			return ErrTooManyModerators
		}
		return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row).Error
	})
	if _, public := live.AsError(err); public {
		return err
	}
	if err != nil {
		return userError(err, "add moderator %d of room %d", user, room)
	}
	return nil
}

// RemoveModerator undoes AddModerator.
func (s *Store) RemoveModerator(ctx context.Context, room live.RoomID, user live.UserID) error {
	err := s.writer(ctx).Where("room_id = ? AND user_id = ?", int64(room), int64(user)).Delete(&moderatorRow{}).Error
	if err != nil {
		return fmt.Errorf("remove moderator %d of room %d: %w", user, room, err)
	}
	return nil
}

// IsModerator reports whether the user moderates the room.
func (s *Store) IsModerator(ctx context.Context, room live.RoomID, user live.UserID) (bool, error) {
	var n int64
	err := s.reader(ctx).Model(&moderatorRow{}).Where("room_id = ? AND user_id = ?", int64(room), int64(user)).Count(&n).Error
	if err != nil {
		return false, fmt.Errorf("moderator %d of room %d: %w", user, room, err)
	}
	return n > 0, nil
}

// Moderators returns the room's, in the order of their appointment.
func (s *Store) Moderators(ctx context.Context, room live.RoomID) ([]Moderator, error) {
	var rows []struct {
		UserID              int64
		Nickname, AvatarURL string
		CreatedMS           Millis `gorm:"column:created_ms"`
	}
	err := s.reader(ctx).Table("moderators AS m").
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
