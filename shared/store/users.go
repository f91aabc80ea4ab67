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
	ErrUserNotFound  = live.Errorf(live.KindNotFound, "user_not_found", "There is no such user.")
	ErrUsernameTaken = live.Errorf(live.KindConflict, "username_taken", "That username is taken.")
)

// NewUser is an account to be made. Username is already normalized: the store compares bytes.
type NewUser struct {
	Username     string
	Nickname     string
	PasswordHash string
	Role         live.Role
}

// UserPatch changes the fields that are not nil.
type UserPatch struct {
	Nickname     *string
	AvatarURL    *string
	Bio          *string
	PasswordHash *string
	Role         *live.Role
}

type userRow struct {
	ID           int64 `gorm:"primaryKey"`
	Username     string
	Nickname     string
	PasswordHash string
	Role         string
	AvatarURL    string
	Bio          string
	CreatedMS    Millis `gorm:"column:created_ms"`
	UpdatedMS    Millis `gorm:"column:updated_ms"`
}

func (userRow) TableName() string { return "users" }

func (r userRow) user() live.User {
	return live.User{
		ID: live.UserID(r.ID), Username: r.Username, Nickname: r.Nickname, AvatarURL: r.AvatarURL,
		Bio: r.Bio, Role: live.Role(r.Role), CreatedAt: r.CreatedMS.Time(),
	}
}

// CreateUser makes an account; ErrUsernameTaken when the name is gone.
func (s *Store) CreateUser(ctx context.Context, n NewUser) (live.User, error) {
	now := MillisOf(time.Now())
	row := userRow{
		Username: n.Username, Nickname: n.Nickname, PasswordHash: n.PasswordHash, Role: string(n.Role),
		CreatedMS: now, UpdatedMS: now,
	}
	err := retry(ctx, func() error {
		row.ID = 0
		return s.writer(ctx).Create(&row).Error
	})
	if IsDuplicate(err) {
		return live.User{}, ErrUsernameTaken
	}
	if err != nil {
		return live.User{}, fmt.Errorf("create user: %w", err)
	}
	return row.user(), nil
}

// User returns the account with its username; ErrUserNotFound when there is none.
func (s *Store) User(ctx context.Context, id live.UserID) (live.User, error) {
	var row userRow
	if err := s.first(ctx, &row, "id = ?", int64(id)); err != nil {
		return live.User{}, userError(err, "user %d", id)
	}
	return row.user(), nil
}

// UserByName returns the account and its password hash, always from the primary: who has just registered logs in next.
func (s *Store) UserByName(ctx context.Context, username string) (live.User, string, error) {
	var row userRow
	if err := s.writer(ctx).Where("username = ?", username).Take(&row).Error; err != nil {
		return live.User{}, "", userError(err, "user by name")
	}
	return row.user(), row.PasswordHash, nil
}

// UpdateUser applies the patch and returns the account as it is afterwards.
func (s *Store) UpdateUser(ctx context.Context, id live.UserID, p UserPatch) (live.User, error) {
	set := map[string]any{"updated_ms": MillisOf(time.Now())}
	setIf(set, "nickname", p.Nickname)
	setIf(set, "avatar_url", p.AvatarURL)
	setIf(set, "bio", p.Bio)
	setIf(set, "password_hash", p.PasswordHash)
	setIf(set, "role", p.Role)
	var row userRow
	err := s.Tx(ctx, func(tx *gorm.DB) error {
		row = userRow{}
		if err := tx.Model(&userRow{}).Where("id = ?", int64(id)).Updates(set).Error; err != nil {
			return err
		}
		return tx.Where("id = ?", int64(id)).Take(&row).Error
	})
	if err != nil {
		return live.User{}, userError(err, "update user %d", id)
	}
	return row.user(), nil
}

func setIf[T any](set map[string]any, column string, v *T) {
	if v != nil {
		set[column] = *v
	}
}

func userError(err error, format string, args ...any) error {
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return ErrUserNotFound
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}
