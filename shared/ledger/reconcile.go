package ledger

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"github.com/barrage-live/barrage/shared/live"
)

// A Report is what Reconcile found. It is clean when Differences is empty.
type Report struct {
	Accounts    int64      `json:"accounts"`
	Entries     int64      `json:"entries"`
	Settled     int64      `json:"settled"`
	Refused     int64      `json:"refused"`
	Held        live.Coins `json:"held"` // all balances but that of payments: what the platform owes
	Differences []string   `json:"differences" gorm:"-"`
}

// Clean says that nothing differs.
func (r Report) Clean() bool { return len(r.Differences) == 0 }

// A check is a question whose every answer is a difference.
type check struct{ text, query string }

// maxDifferences bounds what one check lists; the count of a broken ledger's rows says no more than its first ones.
const maxDifferences = 20

// Each join looks its other side up by an index: reconciling takes as long as the ledger, not as its square.
func checks() []check {
	return []check{
		{"transfer does not sum to zero", `SELECT transfer AS what, SUM(amount) AS got, 0 AS want
			FROM ledger_entries GROUP BY transfer HAVING SUM(amount) <> 0`},
		{"balance is not the sum of its entries", `SELECT s.account AS what, s.got, s.want FROM (
			SELECT account, SUM(balance) AS got, SUM(amount) AS want FROM (
				SELECT name AS account, balance, 0 AS amount FROM ledger_accounts
				UNION ALL SELECT account, amount, 0 FROM ledger_pending
				UNION ALL SELECT account, 0, amount FROM ledger_entries) AS parts
			GROUP BY account) AS s WHERE s.got <> s.want`},
		{"balance is negative", `SELECT name AS what, balance AS got, 0 AS want
			FROM ledger_accounts WHERE balance < 0 AND name <> 'payments'`},
		{"settled order was not debited by its cost", `SELECT o.id AS what, COALESCE(-e.amount, 0) AS got, o.cost AS want
			FROM gift_orders o LEFT JOIN ledger_entries e
				ON e.transfer = CONCAT('order:', o.id) AND e.account = CONCAT('user:', o.sender_id)
			WHERE o.status = 'settled' AND COALESCE(-e.amount, 0) <> o.cost`},
		{"refused order has entries", `SELECT o.id AS what, COUNT(*) AS got, 0 AS want
			FROM gift_orders o JOIN ledger_entries e ON e.transfer = CONCAT('order:', o.id)
			WHERE o.status <> 'settled' GROUP BY o.id`},
		{"refund does not give back the cost", `SELECT o.id AS what, COALESCE(e.amount, 0) AS got, o.cost AS want
			FROM gift_orders o LEFT JOIN ledger_entries e
				ON e.transfer = CONCAT('refund:', o.id) AND e.account = CONCAT('user:', o.sender_id)
			WHERE o.refunded_ms IS NOT NULL AND COALESCE(e.amount, 0) <> o.cost`},
		{"entries of an order that does not exist", `SELECT e.transfer AS what, COUNT(*) AS got, 0 AS want
			FROM ledger_entries e LEFT JOIN gift_orders o ON o.id = SUBSTR(e.transfer, 7)
			WHERE e.transfer LIKE 'order:%' AND o.id IS NULL GROUP BY e.transfer`},
	}
}

// Reconcile checks the whole ledger as of one moment, while it is in use. An error means that it could not check.
func (l *Ledger) Reconcile(ctx context.Context) (Report, error) {
	var r Report
	err := l.store.Snapshot(ctx, func(tx *gorm.DB) error {
		const totals = `SELECT (SELECT COUNT(*) FROM ledger_accounts) AS accounts, (SELECT COUNT(*) FROM ledger_entries) AS entries,
			(SELECT COUNT(*) FROM gift_orders WHERE status = 'settled') AS settled,
			(SELECT COUNT(*) FROM gift_orders WHERE status = 'refused') AS refused,
			(SELECT COALESCE(SUM(balance), 0) FROM ledger_accounts WHERE name <> 'payments') +
			(SELECT COALESCE(SUM(amount), 0) FROM ledger_pending WHERE account <> 'payments') AS held`
		if err := tx.Raw(totals).Scan(&r).Error; err != nil {
			return err
		}
		r.Differences = []string{} // never null in JSON
		for _, c := range checks() {
			var rows []struct {
				What      string
				Got, Want int64
			}
			if err := tx.Raw(c.query + fmt.Sprintf(" LIMIT %d", maxDifferences)).Scan(&rows).Error; err != nil {
				return fmt.Errorf("%s: %w", c.text, err)
			}
			for _, row := range rows {
				r.Differences = append(r.Differences, fmt.Sprintf("%s: %s: %d, want %d", row.What, c.text, row.Got, row.Want))
			}
		}
		return nil
	})
	if err != nil {
		return Report{}, fmt.Errorf("reconcile: %w", err)
	}
	return r, nil
}
