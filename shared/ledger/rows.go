package ledger

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/store"
)

type accountRow struct {
	Name    Account `gorm:"primaryKey"`
	Balance live.Coins
}

func (accountRow) TableName() string { return "ledger_accounts" }

type entryRow struct {
	ID        int64 `gorm:"primaryKey"`
	Transfer  string
	Account   Account
	Amount    live.Coins
	CreatedAt store.Millis `gorm:"column:created_ms"`
}

func (entryRow) TableName() string { return "ledger_entries" }

type pendingRow struct {
	ID      int64 `gorm:"primaryKey"`
	Account Account
	Amount  live.Coins
}

func (pendingRow) TableName() string { return "ledger_pending" }

type orderRow struct {
	ID          string `gorm:"primaryKey"`
	Fingerprint string
	SenderID    live.UserID
	AnchorID    live.UserID
	RoomID      live.RoomID
	GiftID      live.GiftID
	GiftCount   int
	Cost        live.Coins
	Status      Status
	Code        string
	Balance     live.Coins
	SettledAt   store.Millis  `gorm:"column:settled_ms"`
	RefundedAt  *store.Millis `gorm:"column:refunded_ms"`
}

func (orderRow) TableName() string { return "gift_orders" }

func (r orderRow) receipt(replayed bool) Receipt {
	return Receipt{
		OrderID: r.ID, Fingerprint: r.Fingerprint, Sender: r.SenderID, Anchor: r.AnchorID, Room: r.RoomID,
		Gift: r.GiftID, Count: r.GiftCount, Cost: r.Cost, Status: r.Status, Code: r.Code, Balance: r.Balance,
		SettledAt: r.SettledAt.Time(), Refunded: r.RefundedAt != nil, Replayed: replayed,
	}
}

// A leg is one amount of a transfer.
type leg struct {
	account Account
	amount  live.Coins
}

// journal collects what one transaction appends, so that it is written in three statements however long the batch is.
type journal struct {
	entries []entryRow
	pending []pendingRow
	orders  []orderRow
}

// transfer books legs, which must sum to zero. Legs of users' accounts must be applied to the balance by the caller.
func (j *journal) transfer(name string, at store.Millis, legs ...leg) {
	for _, l := range legs {
		if l.amount == 0 {
			continue
		}
		j.entries = append(j.entries, entryRow{Transfer: name, Account: l.account, Amount: l.amount, CreatedAt: at})
		if l.account.folded() {
			j.pending = append(j.pending, pendingRow{Account: l.account, Amount: l.amount})
		}
	}
}

// insertChunk keeps a statement below the bound parameters that SQLite and MySQL take.
const insertChunk = 500

func (j *journal) write(tx *gorm.DB) error {
	if len(j.orders) > 0 {
		if err := tx.CreateInBatches(j.orders, insertChunk).Error; err != nil {
			return err
		}
	}
	if len(j.entries) > 0 {
		if err := tx.CreateInBatches(j.entries, insertChunk).Error; err != nil {
			return err
		}
	}
	if len(j.pending) > 0 {
		return tx.CreateInBatches(j.pending, insertChunk).Error
	}
	return nil
}

// credit adds to a user's own balance, making the account when it is new.
func credit(tx *gorm.DB, account Account, amount live.Coins) error {
	if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&accountRow{Name: account}).Error; err != nil {
		return err
	}
	return tx.Exec("UPDATE ledger_accounts SET balance = balance + ? WHERE name = ?", amount, account).Error
}
