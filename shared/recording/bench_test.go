package recording

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/objectstest"
)

// BenchmarkFirstPage reads the first 100 danmu of an hour in which a million were said, on the embedded S3, or with
// BARRAGE_TEST_S3 on the real gateway: cold by a process that has seen nothing of it, warm by one that has, and from the
// middle of the hour.
func BenchmarkFirstPage(b *testing.B) {
	s := embedded(b)
	if os.Getenv("BARRAGE_TEST_S3") != "" {
		s = storeOn(b, objectstest.Real(b))
	}
	const n = 1_000_000
	start := began.Truncate(time.Hour)
	for first := int64(0); first < n; first += Window {
		rows := make([]Row, min(Window, n-first))
		for i := range rows {
			offset := first + int64(i)
			rows[i] = danmu(1, live.UserID(1+rand.IntN(50_000)), offset)
			rows[i].At = start.UnixMilli() + offset*3600/1000 // a million are an hour
		}
		if err := s.Put(b.Context(), source, rows); err != nil {
			b.Fatal(err)
		}
	}
	ended := start.Add(time.Hour)
	q := Query{Session: Session{Room: 1, Started: start, Ended: &ended}, From: start.UnixMilli(), To: ended.UnixMilli(), Types: []live.MessageType{live.Danmu}, Limit: 100}
	page := func(b *testing.B, s *Store, q Query) {
		rows, _, more, err := s.Page(b.Context(), q)
		if err != nil || len(rows) != q.Limit || !more {
			b.Fatalf("got %d rows, %v, %v", len(rows), more, err)
		}
	}
	b.Run("cold", func(b *testing.B) {
		for b.Loop() {
			cold := newStore(s.bucket)
			cold.now = s.now
			page(b, cold, q)
		}
	})
	b.Run("warm", func(b *testing.B) {
		for b.Loop() {
			page(b, s, q)
		}
	})
	middle := q
	middle.From += 30 * time.Minute.Milliseconds()
	b.Run("middle", func(b *testing.B) {
		for b.Loop() {
			page(b, s, middle)
		}
	})
	xml := q
	xml.Limit = 10_000
	b.Run("10000", func(b *testing.B) {
		for b.Loop() {
			page(b, s, xml)
		}
	})
}
