package ledger

import (
	"context"

	"gorm.io/gorm"

	"github.com/barrage-live/barrage/shared/store"
)

// onceTries is how often a transfer is tried that somebody else books, or whose account somebody else makes, at the same
// time. The second try finds it; more are for several of them at once.
const onceTries = 5

// once runs fn in a transaction on the primary. When fn runs into a unique key, another process has just booked the same
// transfer: fn runs again, and must find it.
func (l *Ledger) once(ctx context.Context, fn func(tx *gorm.DB) error) (err error) {
	for range onceTries {
		if err = l.store.Tx(ctx, fn); !store.IsDuplicate(err) {
			return err
		}
	}
	return err
}
