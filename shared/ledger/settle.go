package ledger

import (
	"context"
	"fmt"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/barrage-live/barrage/shared/live"
)

// Settle ends the orders in their sequence, in one transaction, and returns their receipts in the same sequence. An order
// that ended before, in this batch or ever, gets its first receipt again. A refusal is a receipt, not an error; after an
// error nothing has happened, and the same call may be made again.
func (l *Ledger) Settle(ctx context.Context, orders []Order) ([]Receipt, error) {
	if len(orders) == 0 {
		return nil, nil
	}
	var receipts []Receipt
	err := l.once(ctx, func(tx *gorm.DB) error {
		var err error
		receipts, err = l.settle(tx, orders)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("settle %d orders from %s on: %w", len(orders), orders[0].ID, err)
	}
	return receipts, nil
}

func (l *Ledger) settle(tx *gorm.DB, orders []Order) ([]Receipt, error) {
	// Locks come first: an order belongs to its sender, so behind the senders' locks nobody else can end it.
	balances, err := lockSenders(tx, orders)
	if err != nil {
		return nil, err
	}
	ended, err := endedOrders(tx, orders)
	if err != nil {
		return nil, err
	}
	receipts := make([]Receipt, len(orders))
	debits := map[Account]live.Coins{}
	var j journal
	at := l.clock()
	for i, o := range orders {
		if row, ok := ended[o.ID]; ok {
			receipts[i] = row.receipt(true)
			continue
		}
		row := decide(o, balances[User(o.Sender)])
		row.SettledAt = at
		if row.Status == Settled {
			share := l.anchorShare(row.Cost)
			j.transfer("order:"+o.ID, at, leg{User(o.Sender), -row.Cost}, leg{Anchor(o.Anchor), share}, leg{Platform, row.Cost - share})
			debits[User(o.Sender)] += row.Cost
			balances[User(o.Sender)] = row.Balance
		}
		j.orders = append(j.orders, row)
		ended[o.ID] = row
		receipts[i] = row.receipt(false)
	}
	if err := debit(tx, debits); err != nil {
		return nil, err
	}
	return receipts, j.write(tx)
}

// decide is the whole business rule of a gift.
func decide(o Order, balance live.Coins) orderRow {
	row := orderRow{ID: o.ID, Fingerprint: o.Fingerprint, SenderID: o.Sender, AnchorID: o.Anchor, RoomID: o.Room,
		GiftID: o.Gift, GiftCount: o.Count, Status: Refused, Code: o.Refusal, Balance: balance}
	if o.Refusal != "" {
		return row
	}
	cost, err := Cost(o.Price, o.Count)
	if err != nil {
		row.Code = BadCount
		return row
	}
	if balance < cost {
		row.Code = InsufficientBalance
		return row
	}
	row.Status, row.Cost, row.Balance = Settled, cost, balance-cost
	return row
}

func endedOrders(tx *gorm.DB, orders []Order) (map[string]orderRow, error) {
	ids := make([]string, len(orders))
	for i, o := range orders {
		ids[i] = o.ID
	}
	ended := make(map[string]orderRow, len(orders))
	for chunk := range slices.Chunk(ids, insertChunk) {
		var rows []orderRow
		if err := tx.Where("id IN ?", chunk).Find(&rows).Error; err != nil {
			return nil, err
		}
		for _, r := range rows {
			ended[r.ID] = r
		}
	}
	return ended, nil
}

// lockSenders reads the balances that the batch is about to debit and makes the accounts that are missing, since what is
// not there can't be locked. Senders are locked in one sequence everywhere, by name, so that two batches can wait for
// each other but never for ever.
func lockSenders(tx *gorm.DB, orders []Order) (map[Account]live.Coins, error) {
	names := make([]Account, len(orders))
	for i, o := range orders {
		names[i] = User(o.Sender)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	balances := make(map[Account]live.Coins, len(names))
	for chunk := range slices.Chunk(names, insertChunk) {
		var rows []accountRow
		err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("name IN ?", chunk).Order("name").Find(&rows).Error
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			balances[r.Name] = r.Balance
		}
		var missing []accountRow
		for _, name := range chunk {
			if _, ok := balances[name]; !ok {
				missing = append(missing, accountRow{Name: name})
			}
		}
		if len(missing) > 0 {
			if err := tx.Create(&missing).Error; err != nil {
				return nil, err // somebody else made one of them just now: once begins again
			}
		}
	}
	return balances, nil
}

// debit takes each sender's sum by one conditional update. The condition can't fail behind the lock; it stands guard all
// the same, since a lost update is the one bug that money does not forgive.
func debit(tx *gorm.DB, debits map[Account]live.Coins) error {
	names := make([]Account, 0, len(debits))
	for name := range debits {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		sum := debits[name]
		r := tx.Exec("UPDATE ledger_accounts SET balance = balance - ? WHERE name = ? AND balance >= ?", sum, name, sum)
		if r.Error != nil {
			return r.Error
		}
		if r.RowsAffected != 1 {
			return fmt.Errorf("debit %s by %d: the balance changed under its lock", name, sum)
		}
	}
	return nil
}
