package ledger_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"
	"pgregory.net/rapid"

	"github.com/barrage-live/barrage/shared/ledger"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/storetest"
)

var errCrash = errors.New("crash")

// faults breaks statements at random, as a process that dies between any two steps would: what ran before in the
// transaction is rolled back, and the step is tried again by a new process.
type faults struct {
	perMille atomic.Int64
	hit      atomic.Int64
}

func (f *faults) install(t *testing.T, db *gorm.DB) {
	t.Helper()
	crash := func(tx *gorm.DB) {
		if rand.Int64N(1000) < f.perMille.Load() {
			f.hit.Add(1)
			_ = tx.AddError(errCrash)
		}
	}
	for _, err := range []error{
		db.Callback().Create().Before("gorm:create").Register("test:crash", crash),
		db.Callback().Create().After("gorm:create").Register("test:crash_after", crash),
		db.Callback().Raw().Before("gorm:raw").Register("test:crash", crash),
		db.Callback().Raw().After("gorm:raw").Register("test:crash_after", crash),
		db.Callback().Query().Before("gorm:query").Register("test:crash", crash),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A step is one action of the model; whatever it is, it may be done any number of times, by anybody, at any moment.
type step struct {
	orders []ledger.Order
	topUp  ledger.TopUp
	refund string
	fold   bool
}

func drawSteps(t *rapid.T, run string) []step {
	orderID := rapid.Custom(func(t *rapid.T) int { return rapid.IntRange(0, 25).Draw(t, "order") })
	// An id always stands for the same order, as it is made from the sender and the sender's own key.
	orderOf := func(n int) ledger.Order {
		o := order(fmt.Sprintf("%s-o%d", run, n), live.UserID(n%4+1), live.Coins(n%7+1), n%3+1)
		o.Anchor = live.UserID(n%2 + 8)
		if n%11 == 10 {
			o.Refusal = ledger.UnknownGift
		}
		return o
	}
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) step {
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
		case 0, 1, 2:
			n := rapid.IntRange(0, 9).Draw(t, "ref")
			return step{topUp: ledger.TopUp{User: live.UserID(n%4 + 1), Amount: live.Coins(n*3 + 1), Ref: fmt.Sprintf("%s-p%d", run, n)}}
		case 3:
			return step{refund: orderOf(orderID.Draw(t, "refund")).ID}
		case 4:
			return step{fold: true}
		default:
			var s step
			for _, n := range rapid.SliceOfN(orderID, 1, 6).Draw(t, "batch") {
				s.orders = append(s.orders, orderOf(n))
			}
			return s
		}
	}), 10, 30).Draw(t, "steps")
}

// do runs the step until it goes through; a business error is an end too.
func (s step) do(t *rapid.T, l *ledger.Ledger, seen *sync.Map) {
	for range 1000 {
		var err error
		switch {
		case s.orders != nil:
			var receipts []ledger.Receipt
			if receipts, err = l.Settle(t.Context(), s.orders); err == nil {
				check(t, s.orders, receipts, seen)
			}
		case s.refund != "":
			_, err = l.Refund(t.Context(), s.refund)
		case s.fold:
			_, err = l.Fold(t.Context())
		default:
			_, err = l.TopUp(t.Context(), s.topUp)
		}
		if _, business := live.AsError(err); err == nil || business {
			return
		}
		if !errors.Is(err, errCrash) {
			t.Fatalf("%+v: %v", s, err)
		}
	}
	t.Fatalf("%+v: crashed a thousand times", s)
}

// check holds every receipt of an order against the first one that anybody got.
func check(t *rapid.T, orders []ledger.Order, receipts []ledger.Receipt, seen *sync.Map) {
	for i, r := range receipts {
		if r.OrderID != orders[i].ID || r.Balance < 0 {
			t.Fatalf("receipt %+v for order %+v", r, orders[i])
		}
		r.Replayed, r.Refunded = false, false
		if first, had := seen.LoadOrStore(r.OrderID, r); had && first != r {
			t.Fatalf("two ends of one order:\n%+v\n%+v", first, r)
		}
	}
}

// TestMoneyIsConserved runs random steps, many of them repeats, by eight workers at once over two ledgers (two
// processes), with crashes between any two statements; then all of them once more without crashes.
func TestMoneyIsConserved(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		storetest.DefaultChecks(t, "30")
		if strings.HasSuffix(t.Name(), "/sqlite") {
			storetest.DefaultChecks(t, "6") // under the race detector it is twenty times slower than a real server
		}
		var f faults
		f.install(t, s.DB())
		ledgers := []*ledger.Ledger{newLedger(t, s, 333), newLedger(t, s, 333)}
		run := 0
		rapid.Check(t, func(rt *rapid.T) {
			run++
			steps := drawSteps(rt, fmt.Sprint(run))
			var seen sync.Map
			f.perMille.Store(20)
			work(rt, steps, ledgers, &seen)
			f.perMille.Store(0)
			rand.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
			work(rt, steps, ledgers, &seen)
			verify(rt, ledgers[0], steps, &seen)
		})
		if f.hit.Load() == 0 {
			t.Error("no fault was hit: the test proves less than it says")
		}
	})
}

func work(t *rapid.T, steps []step, ledgers []*ledger.Ledger, seen *sync.Map) {
	queue := make(chan step, len(steps))
	for _, s := range steps {
		queue <- s
	}
	close(queue)
	var workers sync.WaitGroup
	for i := range 8 {
		workers.Go(func() {
			for s := range queue {
				s.do(t, ledgers[i%len(ledgers)], seen)
			}
		})
	}
	workers.Wait()
}

// verify compares the ledger with what the steps allow: coins come from distinct payments alone, and every order that
// was asked for has ended.
func verify(t *rapid.T, l *ledger.Ledger, steps []step, seen *sync.Map) {
	report, err := l.Reconcile(t.Context())
	if err != nil || !report.Clean() {
		t.Fatalf("reconcile: %v %q", err, report.Differences)
	}
	paidIn := map[string]live.Coins{}
	for _, s := range steps {
		if s.topUp.Ref != "" {
			paidIn[s.topUp.Ref] = s.topUp.Amount
		}
		for _, o := range s.orders {
			if _, ended := seen.Load(o.ID); !ended {
				t.Fatalf("order %s was asked for and has no end", o.ID)
			}
		}
	}
	for ref, amount := range paidIn {
		again, err := l.TopUp(t.Context(), ledger.TopUp{User: userOf(ref), Amount: amount, Ref: ref})
		if err != nil || again.Amount != amount {
			t.Fatalf("payment %s: %+v, %v", ref, again, err)
		}
	}
	payments, err := l.Balance(t.Context(), ledger.Payments)
	if err != nil || payments != -report.Held {
		t.Fatalf("payments %d and held %d do not cancel out (%v)", payments, report.Held, err)
	}
}

func userOf(ref string) live.UserID {
	var run, n int
	if _, err := fmt.Sscanf(ref, "%d-p%d", &run, &n); err != nil {
		panic(err)
	}
	return live.UserID(n%4 + 1)
}

func BenchmarkSettleOneAnchor(b *testing.B) {
	for _, batch := range []int{1, 20, 100, 250} {
		b.Run(fmt.Sprintf("batch=%d", batch), func(b *testing.B) {
			storetest.Bench(b, func(b *testing.B, s *store.Store) {
				l, err := ledger.New(s, 500, time.Now)
				if err != nil {
					b.Fatal(err)
				}
				for u := range 2000 {
					topUp(b, l, live.UserID(u+1), 1e9, fmt.Sprint("p", u))
				}
				b.ResetTimer()
				for n := 0; n < b.N; n += batch {
					orders := make([]ledger.Order, batch)
					for i := range orders {
						orders[i] = order(fmt.Sprintf("o%d", n+i), live.UserID((n+i)%2000+1), 3, 1)
					}
					settle(b, l, orders...)
				}
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "orders/s")
			})
		})
	}
}
