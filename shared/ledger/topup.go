package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/barrage-live/barrage/shared/live"
)

// An Entry is one line of an account: what a transfer changed in it.
type Entry struct {
	ID        int64
	Transfer  string
	Account   Account
	Amount    live.Coins
	CreatedAt time.Time
}

func (r entryRow) entry() Entry {
	return Entry{ID: r.ID, Transfer: r.Transfer, Account: r.Account, Amount: r.Amount, CreatedAt: r.CreatedAt.Time()}
}

// A TopUp brings bought coins into a user's account. Ref is the payment's own, unique reference.
type TopUp struct {
	User   live.UserID
	Amount live.Coins
	Ref    string
}

// Refusals of a top-up.
var (
	ErrBadAmount = live.Errorf(live.KindInvalid, "bad_amount", "the amount is 1 to %d coins", MaxCost)
	ErrBadRef    = live.Errorf(live.KindInvalid, "bad_ref", "payment_ref is 1 to %d characters of ASCII", maxRef)
	ErrRefReused = live.Errorf(live.KindConflict, "ref_reused", "this payment_ref was used for another user or amount")
)

const (
	maxRef = 64
)

// TopUp books the payment and returns the user's entry. The same Ref again returns the same entry and books nothing.
func (l *Ledger) TopUp(ctx context.Context, t TopUp) (Entry, error) {
	if t.Amount <= 0 || t.Amount > MaxCost {
		return Entry{}, ErrBadAmount
	}
	if !validRef(t.Ref) {
		return Entry{}, ErrBadRef
	}
	var entry Entry
	err := l.once(ctx, func(tx *gorm.DB) error {
		var err error
		entry, err = l.topUp(tx, t)
		return err
	})
	if err != nil {
		return Entry{}, fmt.Errorf("top up %s for user %d: %w", t.Ref, t.User, err)
	}
	return entry, nil
}

func (l *Ledger) topUp(tx *gorm.DB, t TopUp) (Entry, error) {
	name := "topup:" + t.Ref
	var before entryRow
	err := tx.Where("transfer = ? AND account <> ?", name, Payments).Take(&before).Error
	switch {
	case err == nil && before.Account == User(t.User) && before.Amount == t.Amount:
		return before.entry(), nil
	case err == nil:
		return Entry{}, ErrRefReused
	case !errors.Is(err, gorm.ErrRecordNotFound):
		return Entry{}, err
	}
	if err := credit(tx, User(t.User), t.Amount); err != nil {
		return Entry{}, err
	}
	var j journal
	j.transfer(name, l.clock(), leg{User(t.User), t.Amount}, leg{Payments, -t.Amount})
	if err := j.write(tx); err != nil {
		return Entry{}, err
	}
	return j.entries[0].entry(), nil
}

func validRef(ref string) bool {
	if ref == "" || len(ref) > maxRef {
		return false
	}
	for _, c := range []byte(ref) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}

// Refusals of a refund.
var (
	ErrNoOrder    = live.Errorf(live.KindNotFound, "unknown_order", "no such order")
	ErrNotSettled = live.Errorf(live.KindConflict, "not_settled", "the order was refused: nothing was paid")
)

// Refund books the reverse of a settled order: the sender has its coins again, anchor and platform give back what they
// got. A second refund of the same order changes nothing.
func (l *Ledger) Refund(ctx context.Context, orderID string) (Receipt, error) {
	var receipt Receipt
	err := l.once(ctx, func(tx *gorm.DB) error {
		var err error
		receipt, err = l.refund(tx, orderID)
		return err
	})
	if err != nil {
		return Receipt{}, fmt.Errorf("refund order %s: %w", orderID, err)
	}
	return receipt, nil
}

func (l *Ledger) refund(tx *gorm.DB, orderID string) (Receipt, error) {
	var row orderRow
	if err := tx.Where("id = ?", orderID).Take(&row).Error; errors.Is(err, gorm.ErrRecordNotFound) {
		return Receipt{}, ErrNoOrder
	} else if err != nil {
		return Receipt{}, err
	}
	if row.Status != Settled {
		return Receipt{}, ErrNotSettled
	}
	at := l.clock()
	r := tx.Exec("UPDATE gift_orders SET refunded_ms = ? WHERE id = ? AND refunded_ms IS NULL", at, orderID)
	if r.Error != nil {
		return Receipt{}, r.Error
	}
	if r.RowsAffected == 0 {
		row.RefundedAt = &at
		return row.receipt(true), nil
	}
	row.RefundedAt = &at
	legs, err := reversed(tx, "order:"+orderID)
	if err != nil {
		return Receipt{}, err
	}
	if err := credit(tx, User(row.SenderID), row.Cost); err != nil {
		return Receipt{}, err
	}
	var j journal
	j.transfer("refund:"+orderID, at, legs...)
	return row.receipt(false), j.write(tx)
}

// reversed takes the legs from the booked entries, not from today's share, which may have changed since.
func reversed(tx *gorm.DB, transfer string) ([]leg, error) {
	var rows []entryRow
	if err := tx.Where("transfer = ?", transfer).Order("id").Find(&rows).Error; err != nil {
		return nil, err
	}
	legs := make([]leg, len(rows))
	for i, r := range rows {
		legs[i] = leg{r.Account, -r.Amount}
	}
	return legs, nil
}
