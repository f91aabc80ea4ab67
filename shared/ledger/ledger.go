// Package ledger keeps the coins: double entry over accounts, orders that settle exactly once, top-ups, refunds, and
// the proof that nothing was made or lost.
//
// Its invariants, which Reconcile checks: the entries of one transfer sum to zero; an account's balance is the sum of
// its entries; no balance but that of Payments is negative; an order is settled or refused once, whatever is replayed.
package ledger

import (
	"errors"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/store"
)

// An Account is one side of a transfer.
type Account string

// The platform's own accounts. Payments is where top-ups come from: its balance is minus what was ever paid in.
const (
	Platform Account = "platform"
	Payments Account = "payments"
)

// User is the account from which a user pays.
func User(id live.UserID) Account { return Account("user:" + strconv.FormatInt(int64(id), 10)) }

// Anchor is the account of a user's income from gifts.
func Anchor(id live.UserID) Account { return Account("anchor:" + strconv.FormatInt(int64(id), 10)) }

// folded says whether credits to the account are appended and folded later. Users' own accounts are not: a sender must
// see its balance at once, and only the sender itself contends for it.
func (a Account) folded() bool { return !strings.HasPrefix(string(a), "user:") }

// The statuses of an order.
const (
	Settled Status = "settled"
	Refused Status = "refused"
)

// A Status says how an order ended.
type Status string

// Codes of refusals. Only InsufficientBalance is the ledger's own; the others are given with the order.
const (
	InsufficientBalance = "insufficient_balance"
	UnknownGift         = "unknown_gift"
	RoomNotLive         = "room_not_live"
	BadCount            = "bad_count"
)

// An Order asks for Count gifts of Price each. ID is the idempotency key: whatever arrives again under it changes nothing.
// Fingerprint tells two different requests under one ID apart. A non-empty Refusal is recorded instead of settled, so that
// a replay is refused for the same reason even when the reason is gone.
type Order struct {
	ID          string
	Fingerprint string
	Sender      live.UserID
	Anchor      live.UserID
	Room        live.RoomID
	Gift        live.GiftID
	Count       int
	Price       live.Coins
	Refusal     string
}

// A Receipt is how an order ended. Balance is the sender's after it.
type Receipt struct {
	OrderID     string
	Fingerprint string
	Sender      live.UserID
	Anchor      live.UserID
	Room        live.RoomID
	Gift        live.GiftID
	Count       int
	Cost        live.Coins
	Status      Status
	Code        string
	Balance     live.Coins
	SettledAt   time.Time
	Refunded    bool
	Replayed    bool // the order had ended before this call
}

// A Ledger is safe for concurrent use by any number of processes.
type Ledger struct {
	store          *store.Store
	anchorPerMille int64
	now            func() time.Time
}

// New returns a ledger that gives anchors anchorPerMille of a gift's cost, rounded down; the rest is the platform's.
func New(s *store.Store, anchorPerMille int, now func() time.Time) (*Ledger, error) {
	if anchorPerMille < 0 || anchorPerMille > 1000 {
		return nil, fmt.Errorf("ledger: the anchor's share is 0 to 1000 per mille, not %d", anchorPerMille)
	}
	return &Ledger{store: s, anchorPerMille: int64(anchorPerMille), now: now}, nil
}

// MaxCost bounds an order, far above any real one and far below where sums overflow.
const MaxCost = live.Coins(1e12)

var errOverflow = errors.New("ledger: the amount is out of range")

// Cost is price × count, or an error when it is not between 1 and MaxCost.
func Cost(price live.Coins, count int) (live.Coins, error) {
	if price <= 0 || count <= 0 {
		return 0, errOverflow
	}
	high, low := bits.Mul64(uint64(price), uint64(count))
	if high != 0 || low > uint64(MaxCost) {
		return 0, errOverflow
	}
	return live.Coins(low), nil
}

// anchorShare rounds down; cost is at most MaxCost, so the product fits.
func (l *Ledger) anchorShare(cost live.Coins) live.Coins {
	return live.Coins(int64(cost) * l.anchorPerMille / 1000)
}

func (l *Ledger) clock() store.Millis { return store.MillisOf(l.now()) }
