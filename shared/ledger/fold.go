package ledger

import (
	"context"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/barrage-live/barrage/shared/live"
)

// foldChunk is how many pending rows one transaction folds: small enough to hold its locks for milliseconds.
const foldChunk = 2000

// Fold moves what was appended to accounts into their balances and returns how many rows it folded. Balances are right
// before, while and after; folding only keeps them quick to read. Any number of processes may fold at once.
func (l *Ledger) Fold(ctx context.Context) (int, error) {
	var names []Account
	if err := l.primary(ctx).Model(&pendingRow{}).Distinct("account").Order("account").Pluck("account", &names).Error; err != nil {
		return 0, fmt.Errorf("fold: %w", err)
	}
	folded := 0
	for _, name := range names {
		for {
			var n int
			err := l.store.Tx(ctx, func(tx *gorm.DB) error {
				var err error
				n, err = foldSome(tx, name)
				return err
			})
			if err != nil {
				return folded, fmt.Errorf("fold %s: %w", name, err)
			}
			folded += n
			if n < foldChunk {
				break
			}
		}
	}
	return folded, nil
}

// foldSome locks the account first: two folders take turns, and never fold one row twice.
func foldSome(tx *gorm.DB, name Account) (int, error) {
	if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&accountRow{Name: name}).Error; err != nil {
		return 0, err
	}
	var account accountRow
	if err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("name = ?", name).Take(&account).Error; err != nil {
		return 0, err
	}
	var rows []pendingRow
	if err := tx.Where("account = ?", name).Order("amount DESC").Limit(foldChunk).Find(&rows).Error; err != nil {
		return 0, err
	}
	if len(rows) == 0 {
		return 0, nil
	}
	var sum live.Coins
	ids := make([]int64, len(rows))
	for i, r := range rows {
		sum += r.Amount
		ids[i] = r.ID
	}
	if err := tx.Exec("UPDATE ledger_accounts SET balance = balance + ? WHERE name = ?", sum, name).Error; err != nil {
		return 0, err
	}
	r := tx.Exec("DELETE FROM ledger_pending WHERE id IN ?", ids)
	if r.Error == nil && r.RowsAffected != int64(len(ids)) {
		return 0, fmt.Errorf("%d of %d pending rows were folded by somebody else", int64(len(ids))-r.RowsAffected, len(ids))
	}
	return len(rows), r.Error
}
