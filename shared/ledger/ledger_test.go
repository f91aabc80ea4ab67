package ledger_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/ledger"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/storetest"
)

const (
	alice  = live.UserID(1)
	bob    = live.UserID(2)
	anchor = live.UserID(9)
)

func newLedger(t testing.TB, s *store.Store, perMille int) *ledger.Ledger {
	t.Helper()
	l, err := ledger.New(s, perMille, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func order(id string, from live.UserID, price live.Coins, count int) ledger.Order {
	return ledger.Order{ID: id, Fingerprint: "f-" + id, Sender: from, Anchor: anchor, Room: 1, Gift: 1, Price: price, Count: count}
}

func settle(t testing.TB, l *ledger.Ledger, orders ...ledger.Order) []ledger.Receipt {
	t.Helper()
	receipts, err := l.Settle(t.Context(), orders)
	if err != nil {
		t.Fatal(err)
	}
	return receipts
}

func topUp(t testing.TB, l *ledger.Ledger, user live.UserID, amount live.Coins, ref string) {
	t.Helper()
	if _, err := l.TopUp(t.Context(), ledger.TopUp{User: user, Amount: amount, Ref: ref}); err != nil {
		t.Fatal(err)
	}
}

func wantBalance(t testing.TB, l *ledger.Ledger, a ledger.Account, want live.Coins) {
	t.Helper()
	got, err := l.Balance(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("balance of %s: got %d, want %d", a, got, want)
	}
}

func wantClean(t testing.TB, l *ledger.Ledger) ledger.Report {
	t.Helper()
	r, err := l.Reconcile(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !r.Clean() {
		t.Errorf("differences:\n%s", strings.Join(r.Differences, "\n"))
	}
	return r
}

func TestSettleSplitsTheCostAndRoundsToThePlatform(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := newLedger(t, s, 333)
		topUp(t, l, alice, 100, "p1")
		got := settle(t, l, order("a", alice, 10, 1))[0]
		if got.Status != ledger.Settled || got.Cost != 10 || got.Balance != 90 || got.Replayed {
			t.Errorf("got %+v", got)
		}
		for range 2 { // folded or not, the balances are the same
			wantBalance(t, l, ledger.User(alice), 90)
			wantBalance(t, l, ledger.Anchor(anchor), 3)
			wantBalance(t, l, ledger.Platform, 7)
			wantBalance(t, l, ledger.Payments, -100)
			wantClean(t, l)
			if _, err := l.Fold(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestABatchIsSettledInItsSequence(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := newLedger(t, s, 500)
		topUp(t, l, alice, 25, "p1")
		refused := order("e", alice, 1, 1)
		refused.Refusal = ledger.RoomNotLive
		got := settle(t, l, order("a", alice, 10, 1), order("b", bob, 1, 1), order("c", alice, 10, 1), order("a", alice, 10, 1),
			order("d", alice, 10, 1), refused, order("f", alice, 5, 1), order("g", alice, -5, 1), order("h", alice, 1<<62, 9999))
		want := []struct {
			status  ledger.Status
			code    string
			balance live.Coins
			replay  bool
		}{
			{ledger.Settled, "", 15, false}, {ledger.Refused, ledger.InsufficientBalance, 0, false}, {ledger.Settled, "", 5, false},
			{ledger.Settled, "", 15, true}, {ledger.Refused, ledger.InsufficientBalance, 5, false}, {ledger.Refused, ledger.RoomNotLive, 5, false},
			{ledger.Settled, "", 0, false}, {ledger.Refused, ledger.BadCount, 0, false}, {ledger.Refused, ledger.BadCount, 0, false},
		}
		for i, w := range want {
			if g := got[i]; g.Status != w.status || g.Code != w.code || g.Balance != w.balance || g.Replayed != w.replay {
				t.Errorf("order %d: got %+v, want %+v", i, g, w)
			}
		}
		if r := wantClean(t, l); r.Settled != 3 || r.Refused != 5 || r.Held != 25 {
			t.Errorf("report %+v", r)
		}
		again := settle(t, l, refused)[0]
		if again.Code != ledger.RoomNotLive || !again.Replayed {
			t.Errorf("a refusal was decided twice: %+v", again)
		}
	})
}

func TestTopUpOfOneReferenceIsBookedOnce(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := newLedger(t, s, 500)
		first, err := l.TopUp(t.Context(), ledger.TopUp{User: alice, Amount: 10, Ref: "p"})
		if err != nil {
			t.Fatal(err)
		}
		var racing sync.WaitGroup
		for range 8 {
			racing.Go(func() {
				again, err := l.TopUp(t.Context(), ledger.TopUp{User: alice, Amount: 10, Ref: "p"})
				if err != nil || again.ID != first.ID {
					t.Errorf("again: %+v, %v; want entry %d", again, err, first.ID)
				}
			})
		}
		racing.Wait()
		wantBalance(t, l, ledger.User(alice), 10)
		for _, tc := range []struct {
			topUp ledger.TopUp
			want  error
		}{
			{ledger.TopUp{User: alice, Amount: 11, Ref: "p"}, ledger.ErrRefReused},
			{ledger.TopUp{User: bob, Amount: 10, Ref: "p"}, ledger.ErrRefReused},
			{ledger.TopUp{User: bob, Amount: 0, Ref: "q"}, ledger.ErrBadAmount},
			{ledger.TopUp{User: bob, Amount: -1, Ref: "q"}, ledger.ErrBadAmount},
			{ledger.TopUp{User: bob, Amount: 1 << 62, Ref: "q"}, ledger.ErrBadAmount},
			{ledger.TopUp{User: bob, Amount: 1}, ledger.ErrBadRef},
			{ledger.TopUp{User: bob, Amount: 1, Ref: strings.Repeat("x", 65)}, ledger.ErrBadRef},
			{ledger.TopUp{User: bob, Amount: 1, Ref: "a b"}, ledger.ErrBadRef},
		} {
			if _, err := l.TopUp(t.Context(), tc.topUp); !errors.Is(err, tc.want) {
				t.Errorf("%+v: got %v, want %v", tc.topUp, err, tc.want)
			}
		}
		wantClean(t, l)
	})
}

func TestRefundGivesBackWhatWasBooked(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := newLedger(t, s, 500)
		topUp(t, l, alice, 10, "p")
		settle(t, l, order("a", alice, 7, 1), order("b", bob, 1, 1))
		changed := newLedger(t, s, 900) // the share changed meanwhile
		for i := range 2 {
			got, err := changed.Refund(t.Context(), "a")
			if err != nil || !got.Refunded || got.Replayed != (i > 0) {
				t.Errorf("refund %d: %+v, %v", i, got, err)
			}
		}
		wantBalance(t, l, ledger.User(alice), 10)
		wantBalance(t, l, ledger.Anchor(anchor), 0)
		wantBalance(t, l, ledger.Platform, 0)
		if _, err := l.Fold(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantClean(t, l)
		if _, err := l.Refund(t.Context(), "b"); !errors.Is(err, ledger.ErrNotSettled) {
			t.Errorf("refund of a refused order: %v", err)
		}
		if _, err := l.Refund(t.Context(), "nothing"); !errors.Is(err, ledger.ErrNoOrder) {
			t.Errorf("refund of no order: %v", err)
		}
	})
}

func TestEntriesAreListedNewestFirst(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		l := newLedger(t, s, 500)
		for i := range 5 {
			topUp(t, l, alice, live.Coins(i+1), fmt.Sprint("p", i))
		}
		var got []live.Coins
		before := int64(0)
		for {
			page, err := l.Entries(t.Context(), ledger.User(alice), before, 2)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			for _, e := range page {
				got = append(got, e.Amount)
				before = e.ID
			}
		}
		if fmt.Sprint(got) != "[5 4 3 2 1]" {
			t.Errorf("got %v", got)
		}
	})
}

func TestReconcileNamesEveryDifference(t *testing.T) {
	for _, tc := range []struct{ name, damage, want string }{
		{"entry changed", "UPDATE ledger_entries SET amount = amount + 1 WHERE transfer = 'order:a' AND account = 'platform'", "does not sum to zero"},
		{"entry lost", "DELETE FROM ledger_entries WHERE transfer = 'order:a'", "was not debited by its cost"},
		{"balance changed", "UPDATE ledger_accounts SET balance = balance + 1 WHERE name = 'user:1'", "user:1: balance is not the sum"},
		{"pending lost", "DELETE FROM ledger_pending WHERE account = 'platform'", "platform: balance is not the sum"},
		{"refused but paid", "UPDATE gift_orders SET status = 'refused' WHERE id = 'a'", "refused order has entries"},
		{"order lost", "DELETE FROM gift_orders WHERE id = 'a'", "order that does not exist"},
		{"refund lost", "UPDATE gift_orders SET refunded_ms = 1 WHERE id = 'a'", "refund does not give back"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			storetest.Each(t, func(t *testing.T, s *store.Store) {
				l := newLedger(t, s, 500)
				topUp(t, l, alice, 10, "p")
				settle(t, l, order("a", alice, 7, 1))
				wantClean(t, l)
				if err := s.DB().Exec(tc.damage).Error; err != nil {
					t.Fatal(err)
				}
				r, err := l.Reconcile(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				if !strings.Contains(strings.Join(r.Differences, "\n"), tc.want) {
					t.Errorf("got %q, want one with %q", r.Differences, tc.want)
				}
			})
		})
	}
}
