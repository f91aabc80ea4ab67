package intake

import (
	"errors"
	"slices"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/barrage-live/barrage/shared/live"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func testBounds() bounds {
	return bounds{
		window: 5 * time.Millisecond, eager: true, batchItems: 4, batchBytes: 1 << 20,
		roomItems: 10, roomBytes: 1 << 20, totalBytes: 1 << 20,
	}
}

// flushed records batches with the time since the start at which they went out.
type flushed struct {
	mu      sync.Mutex
	start   time.Time
	batches []string
	at      []time.Duration
	hold    chan struct{} // when not nil, each flush takes one
}

func (f *flushed) flush(_ live.RoomID, batch []*entry) {
	if f.hold != nil {
		<-f.hold
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	text := ""
	for _, e := range batch {
		text += e.id
	}
	f.batches = append(f.batches, text)
	f.at = append(f.at, time.Since(f.start))
}

func addAll(t *testing.T, l *lanes, ids string) {
	t.Helper()
	for _, id := range ids {
		if err := l.add(1, &entry{id: string(id)}); err != nil {
			t.Fatalf("add %c: %v", id, err)
		}
	}
}

func TestQuietRoomGoesAtOnceAndBusyOneWaitsForTheWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &flushed{start: time.Now()}
		l := newLanes(testBounds(), f.flush)
		addAll(t, l, "a")
		synctest.Wait()
		addAll(t, l, "bc")
		<-time.After(time.Second) // of the bubble
		addAll(t, l, "d")
		synctest.Wait()
		l.close()
		if want := []string{"a", "bc", "d"}; !slices.Equal(f.batches, want) {
			t.Errorf("got batches %v, want %v", f.batches, want)
		}
		if want := []time.Duration{0, 5 * time.Millisecond, time.Second}; !slices.Equal(f.at, want) {
			t.Errorf("got times %v, want %v", f.at, want)
		}
		if len(l.rooms) != 0 || l.bytes != 0 {
			t.Errorf("got %d rooms and %d bytes left, want none", len(l.rooms), l.bytes)
		}
	})
}

func TestFullBatchDoesNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &flushed{start: time.Now()}
		l := newLanes(testBounds(), f.flush)
		addAll(t, l, "a")
		synctest.Wait()
		addAll(t, l, "bcdefghi")
		synctest.Wait()
		if want := []string{"a", "bcde", "fghi"}; !slices.Equal(f.batches, want) {
			t.Errorf("got batches %v, want %v", f.batches, want)
		}
		if last := f.at[len(f.at)-1]; last != 0 {
			t.Errorf("got the last batch after %v, want at once", last)
		}
		l.close()
	})
}

func TestOneFlushARoomAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &flushed{start: time.Now(), hold: make(chan struct{})}
		l := newLanes(testBounds(), f.flush)
		addAll(t, l, "a")
		<-time.After(time.Second) // of the bubble
		addAll(t, l, "bc")
		<-time.After(time.Second) // of the bubble
		if len(f.batches) != 0 {
			t.Fatalf("got %v while the first flush is out", f.batches)
		}
		close(f.hold)
		synctest.Wait()
		l.close()
		if want := []string{"a", "bc"}; !slices.Equal(f.batches, want) {
			t.Errorf("got batches %v, want %v", f.batches, want)
		}
	})
}

func TestLanesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := testBounds()
		b.totalBytes = 12 * entryOverhead
		f := &flushed{start: time.Now(), hold: make(chan struct{})}
		l := newLanes(b, f.flush)
		addAll(t, l, "a")
		synctest.Wait() // out, and held
		addAll(t, l, "0123456789")
		if err := l.add(1, &entry{}); !errors.Is(err, errRoomFull) {
			t.Errorf("got %v for the eleventh of a room, want %v", err, errRoomFull)
		}
		for i := range 2 {
			if err := l.add(live.RoomID(2+i), &entry{id: strconv.Itoa(i)}); err != nil {
				t.Errorf("other rooms: %v", err)
			}
		}
		close(f.hold)
		l.close()
		if err := l.add(1, &entry{}); !errors.Is(err, errClosed) {
			t.Errorf("got %v after close, want %v", err, errClosed)
		}
		if n := len(f.batches); n != 6 { // a, 0123, 4567, 89, and two rooms
			t.Errorf("got %d batches %v, want 6", n, f.batches)
		}
	})
}

func TestPodIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := testBounds()
		b.eager, b.totalBytes = false, 2*entryOverhead
		l := newLanes(b, func(live.RoomID, []*entry) {})
		for room := range live.RoomID(2) {
			if err := l.add(room, &entry{}); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.add(9, &entry{}); !errors.Is(err, errOverloaded) {
			t.Errorf("got %v, want %v", err, errOverloaded)
		}
		l.close()
	})
}
