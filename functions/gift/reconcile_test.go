package gift_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/ledger"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/storetest"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/wire"
)

func TestReconcileMissesEvents(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := newBench(t, s)
		b.topUp(alice, 100, "p")
		b.handle(2, record(t, 0, request(alice, liveRoom, 1, 2, "a")), record(t, 1, request(bob, liveRoom, 1, 1, "refused")))
		// Somebody who wears an order's id is no event of it.
		lost := request(alice, liveRoom, 1, 1, "lost")
		fake, err := wire.Marshal(live.Message{Type: live.Danmu, ID: string(lost.ID()), RoomID: liveRoom, Content: "hi"})
		must(t, err)
		must(t, b.kafka.Publish(t.Context(), stream.RoomValue(t.Context(), stream.LiveMessages, liveRoom, string(lost.ID()), fake, b.kafka.Partitions())))

		began := time.Now().Add(-time.Minute)
		reconcile := func() []string {
			t.Helper()
			r, err := b.service.Reconcile(t.Context(), began)
			must(t, err)
			return r.Differences
		}
		settleOnly := func() {
			t.Helper()
			_, err := b.ledger.Settle(t.Context(), []ledger.Order{{ID: string(lost.ID()), Fingerprint: lost.Fingerprint(), Sender: alice,
				Anchor: anchor, Room: liveRoom, Gift: 1, Count: 1, Price: 1}})
			must(t, err)
		}
		settleOnly() // and died
		if got := reconcile(); len(got) != 0 {
			t.Errorf("an order of this moment may still be announced: %q", got)
		}
		b.service.Now = func() time.Time { return time.Now().Add(10 * time.Minute) }
		want := string(lost.ID()) + ": settled order has no event in Kafka"
		if got := reconcile(); len(got) != 1 || got[0] != want {
			t.Errorf("got %q, want %q", got, want)
		}
		status, body := b.call("admin", "POST", "/wallet/reconcile?minutes=60", "")
		if raw, _ := json.Marshal(body["differences"]); status != 200 || !strings.Contains(string(raw), want) || body["events"] != 2.0 {
			t.Errorf("over HTTP: %d %v", status, body)
		}
		b.handle(1, record(t, 2, lost)) // delivered again, as Kafka does
		if got := reconcile(); len(got) != 0 {
			t.Errorf("healed, and still: %q", got)
		}
		if status, _ := b.call("alice", "POST", "/wallet/reconcile", ""); status != 403 {
			t.Errorf("a viewer may reconcile: %d", status)
		}
	})
}
