package ledger

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/storetest"
)

// TestReconcileLooksRowsUp: a join without an index takes as long as the square of the ledger, and no test of a few
// orders would notice.
func TestReconcileLooksRowsUp(t *testing.T) {
	s := storetest.Open(t, storetest.SQLite(t))
	for _, c := range checks() {
		var steps []struct{ Detail string }
		if err := s.DB().Raw("EXPLAIN QUERY PLAN " + c.query).Scan(&steps).Error; err != nil {
			t.Fatal(err)
		}
		if len(steps) == 0 {
			t.Errorf("%s: no plan", c.text)
		}
		scanned := 0
		for _, step := range steps {
			if strings.HasPrefix(step.Detail, "SCAN e") || strings.HasPrefix(step.Detail, "SCAN o") {
				scanned++
			}
		}
		if scanned > 1 {
			t.Errorf("%s: reads all of both tables: %v", c.text, steps)
		}
	}
}

// BenchmarkReconcile is one look at a ledger of 20,000 orders; with a server, at MySQL's.
func BenchmarkReconcile(b *testing.B) {
	const orders, chunk = 20_000, 500
	url, real := storetest.MySQL(b)
	if !real {
		url = storetest.SQLite(b)
	}
	s := storetest.Open(b, url)
	for from := 0; from < orders; from += chunk {
		var given, entries []string
		for n := from; n < from+chunk; n++ {
			given = append(given, fmt.Sprintf("('%026d','f',1,9,1,1,1,10,'settled',0,%d)", n, n))
			for account, amount := range map[string]int{"user:1": -10, "anchor:9": 5, "platform": 5} {
				entries = append(entries, fmt.Sprintf("('order:%026d','%s',%d,1)", n, account, amount))
			}
		}
		for _, insert := range []string{
			"INSERT INTO gift_orders (id,fingerprint,sender_id,anchor_id,room_id,gift_id,gift_count,cost,status,balance,settled_ms) VALUES " + strings.Join(given, ","),
			"INSERT INTO ledger_entries (transfer,account,amount,created_ms) VALUES " + strings.Join(entries, ","),
		} {
			if err := s.DB().Exec(insert).Error; err != nil {
				b.Fatal(err)
			}
		}
	}
	l, err := New(s, 500, time.Now)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		r, err := l.Reconcile(b.Context())
		if err != nil || r.Settled != orders || r.Entries != 3*orders {
			b.Fatalf("got %+v, %v", r, err)
		}
	}
}
