package gift_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/gifters"
	"github.com/barrage-live/barrage/shared/order"
	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/storetest"
	"github.com/barrage-live/barrage/shared/stream"
)

func (b *bench) top() string {
	b.t.Helper()
	places, err := gifters.New(b.redis).Top(b.t.Context(), liveRoom, time.Now(), 10)
	must(b.t, err)
	return fmt.Sprint(places)
}

func TestGiftersAreRankedOnceAndAgain(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		b := newBench(t, s)
		b.topUp(alice, 100, "p1")
		b.topUp(bob, 100, "p2")
		big := request(alice, liveRoom, 3, 1, "big") // 20 coins
		batch := []stream.Record{
			record(t, 0, big), record(t, 1, request(bob, liveRoom, 2, 3, "a")), // 15
			record(t, 2, request(alice, liveRoom, 2, 1, "b")), record(t, 3, request(bob, liveRoom, 6, 1, "refused")), // 5, and none
		}
		for range 3 { // redelivered as often as you like
			b.handle(4, batch...)
		}
		const want = "[{1 3 n 25} {2 4 n 15}]"
		if got := b.top(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		for range 2 {
			_, err := b.service.Refund(t.Context(), order.ID(big.ID()))
			must(t, err)
		}
		b.handle(4, batch...) // a late replay does not bring the refunded coins back
		const refunded = "[{1 4 n 15} {2 3 n 5}]"
		if got := b.top(); got != refunded {
			t.Errorf("after the refund: got %s, want %s", got, refunded)
		}
		must(t, b.redis.FlushAll(t.Context()).Err())
		for range 2 {
			n, err := b.service.RebuildGifters(t.Context(), time.Now())
			must(t, err)
			if n != 2 {
				t.Errorf("rebuilt %d totals, want 2", n)
			}
		}
		if got, want := b.top(), "[{1 4 bob 15} {2 3 alice 5}]"; got != want {
			t.Errorf("rebuilt: got %s, want %s", got, want)
		}
	})
}
