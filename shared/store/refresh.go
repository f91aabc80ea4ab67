package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/barrage-live/barrage/shared/live"
)

// A refresh token names its family (one sign-in on one device) and carries a secret. The database holds one row a
// family with the hash of the one secret that is valid now, so spending a token is one conditional update: of any
// number of callers with the same token exactly one wins, and no row is left behind to clean up.

// Errors that users may see.
var (
	ErrRefreshUnknown = live.Errorf(live.KindUnauthenticated, "invalid_token", "The refresh token is not valid. Log in again.")
	ErrRefreshReused  = live.Errorf(live.KindUnauthenticated, "token_reused", "The refresh token was used before. Log in again.")
)

// RefreshHash is the SHA-256 of a family's id or of a token's secret, which are both random.
type RefreshHash [sha256.Size]byte

// Refresh is what the database knows of one refresh token.
type Refresh struct {
	Family  RefreshHash
	Secret  RefreshHash
	User    live.UserID
	Expires time.Time
}

type familyRow struct {
	Family    []byte `gorm:"primaryKey"`
	Secret    []byte
	UserID    int64
	CreatedMS Millis `gorm:"column:created_ms"`
	ExpiresMS Millis `gorm:"column:expires_ms"`
	Reused    bool
}

func (familyRow) TableName() string { return "refresh_families" }

// SaveRefresh begins a family, and forgets those of the user that have expired.
func (s *Store) SaveRefresh(ctx context.Context, r Refresh, now time.Time) error {
	row := familyRow{
		Family: r.Family[:], Secret: r.Secret[:], UserID: int64(r.User),
		CreatedMS: MillisOf(now), ExpiresMS: MillisOf(r.Expires),
	}
	err := s.Tx(ctx, func(tx *gorm.DB) error {
		expired := tx.Where("user_id = ? AND expires_ms <= ?", int64(r.User), MillisOf(now))
		if err := expired.Delete(&familyRow{}).Error; err != nil {
			return err
		}
		return tx.Create(&row).Error
	})
	if err != nil {
		return fmt.Errorf("save refresh token of user %d: %w", r.User, err)
	}
	return nil
}

// SpendRefresh replaces the valid secret of next.Family by next.Secret and returns whose it is. ErrRefreshReused: the
// secret had been spent, and the family is now revoked. ErrRefreshUnknown: no such family, or it has expired.
func (s *Store) SpendRefresh(ctx context.Context, secret RefreshHash, next Refresh, now time.Time) (live.UserID, error) {
	var user live.UserID
	err := s.Tx(ctx, func(tx *gorm.DB) error {
		won := tx.Model(&familyRow{}).
			Where("family = ? AND secret = ? AND reused = ? AND expires_ms > ?", next.Family[:], secret[:], false, MillisOf(now)).
			Updates(map[string]any{"secret": next.Secret[:], "expires_ms": MillisOf(next.Expires)})
		if won.Error != nil {
			return won.Error
		}
		var row familyRow
		if err := tx.Where("family = ?", next.Family[:]).Take(&row).Error; err != nil {
			return err
		}
		user = live.UserID(row.UserID)
		if won.RowsAffected == 1 {
			return nil
		}
		if row.ExpiresMS <= MillisOf(now) {
			return gorm.ErrRecordNotFound
		}
		user = 0
		return tx.Model(&familyRow{}).Where("family = ?", next.Family[:]).Update("reused", true).Error
	})
	switch {
	case errors.Is(err, gorm.ErrRecordNotFound):
		return 0, ErrRefreshUnknown
	case err != nil:
		return 0, fmt.Errorf("spend refresh token: %w", err)
	case user == 0:
		return 0, ErrRefreshReused
	}
	return user, nil
}

// RevokeFamily ends a sign-in. A family that doesn't exist is fine.
func (s *Store) RevokeFamily(ctx context.Context, family RefreshHash) error {
	err := retry(ctx, func() error {
		return s.writer(ctx).Where("family = ?", family[:]).Delete(&familyRow{}).Error
	})
	if err != nil {
		return fmt.Errorf("revoke refresh family: %w", err)
	}
	return nil
}

// RevokeUser ends every sign-in of the user: after a change of password or role, or a ban.
func (s *Store) RevokeUser(ctx context.Context, id live.UserID) error {
	err := retry(ctx, func() error {
		return s.writer(ctx).Where("user_id = ?", int64(id)).Delete(&familyRow{}).Error
	})
	if err != nil {
		return fmt.Errorf("revoke refresh tokens of user %d: %w", id, err)
	}
	return nil
}
