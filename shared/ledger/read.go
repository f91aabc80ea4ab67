package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/plugin/dbresolver"

	"github.com/barrage-live/barrage/shared/live"
)

func (l *Ledger) primary(ctx context.Context) *gorm.DB {
	return l.store.DB().WithContext(ctx).Clauses(dbresolver.Write)
}

// Balance is what the account holds now; an account that nothing was ever booked to holds 0.
func (l *Ledger) Balance(ctx context.Context, a Account) (live.Coins, error) {
	const query = `SELECT COALESCE((SELECT balance FROM ledger_accounts WHERE name = ?), 0) +
		COALESCE((SELECT SUM(amount) FROM ledger_pending WHERE account = ?), 0)`
	var balance live.Coins
	if err := l.primary(ctx).Raw(query, a, a).Scan(&balance).Error; err != nil {
		return 0, fmt.Errorf("balance of %s: %w", a, err)
	}
	return balance, nil
}

// Entries returns at most limit entries of the account, newest first, older than the entry before (0: from the newest).
func (l *Ledger) Entries(ctx context.Context, a Account, before int64, limit int) ([]Entry, error) {
	query := l.primary(ctx).Where("account = ?", a).Order("id DESC").Limit(limit)
	if before > 0 {
		query = query.Where("id < ?", before)
	}
	var rows []entryRow
	if err := query.Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("entries of %s: %w", a, err)
	}
	entries := make([]Entry, len(rows))
	for i, r := range rows {
		entries[i] = r.entry()
	}
	return entries, nil
}

// Order returns how the order ended; ErrNoOrder when it has not, or never was.
func (l *Ledger) Order(ctx context.Context, id string) (Receipt, error) {
	var row orderRow
	err := l.primary(ctx).Where("id = ?", id).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return Receipt{}, ErrNoOrder
	}
	if err != nil {
		return Receipt{}, fmt.Errorf("read order %s: %w", id, err)
	}
	return row.receipt(true), nil
}

// EachSettled gives the ids of the orders that were settled from the time from on and before the time to to fn, a part
// at a time, until fn fails.
func (l *Ledger) EachSettled(ctx context.Context, from, to time.Time, fn func(ids []string) error) error {
	const query = `SELECT id FROM gift_orders WHERE settled_ms >= ? AND settled_ms < ? AND status = 'settled'`
	rows, err := l.primary(ctx).Raw(query, from.UnixMilli(), to.UnixMilli()).Rows()
	if err != nil {
		return fmt.Errorf("settled orders: %w", err)
	}
	defer rows.Close()
	part := make([]string, 0, insertChunk)
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return fmt.Errorf("settled orders: %w", err)
		}
		if part = append(part, id); len(part) == cap(part) {
			if err := fn(part); err != nil {
				return err
			}
			part = part[:0]
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("settled orders: %w", err)
	}
	if len(part) == 0 {
		return nil
	}
	return fn(part)
}
