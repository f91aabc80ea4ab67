package fanout

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/barrage-live/barrage/shared/live"
)

func TestTrackerIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := tracker{rooms: make(map[live.RoomID]*track)}
		for room := range live.RoomID(maxTracks + 100) {
			tr.begin(room, true)
		}
		if got := len(tr.rooms); got > maxTracks {
			t.Fatalf("got %d rooms, want at most %d", got, maxTracks)
		}
		time.Sleep(2 * trackIdle)
		tr.begin(-1, true)
		if got := len(tr.rooms); got != 1 {
			t.Fatalf("got %d rooms after all were idle, want 1", got)
		}
		var first publishCall
		for i := range maxPending + 1 {
			call := tr.begin(-1, true)
			if i == 0 {
				first = call
			}
		}
		if got := len(tr.rooms[-1].pending); got > maxPending {
			t.Fatalf("got %d batches pending", got)
		}
		tr.persisted(-1, first.batch) // of an incarnation that was given up
		if call := tr.begin(-1, true); call.watermark != 0 || call.incarnation == first.incarnation {
			t.Fatalf("got %+v after %+v was given up", call, first)
		}
	})
}

func TestWatermarkStopsAtTheFirstHole(t *testing.T) {
	tr := tracker{rooms: make(map[live.RoomID]*track)}
	var calls []publishCall
	for range 4 {
		calls = append(calls, tr.begin(1, true))
	}
	for _, step := range []struct{ done, want int }{{2, -1}, {0, 0}, {3, 0}, {1, 3}, {1, 3}} {
		tr.persisted(1, calls[step.done].batch)
		want := uint64(0)
		if step.want >= 0 {
			want = calls[step.want].batch
		}
		if got := tr.rooms[1].watermark; got != want {
			t.Fatalf("after batch %d: got watermark %d, want %d", step.done, got, want)
		}
	}
}

func TestNewEpochSortsAfterTheKnown(t *testing.T) {
	now := time.Now()
	epoch := newEpoch(now, "")
	for _, known := range []live.Epoch{epoch, newEpoch(now.Add(time.Hour), "")} {
		if next := newEpoch(now, known); next <= known {
			t.Errorf("got %q after %q", next, known)
		}
	}
	if later := newEpoch(now.Add(time.Millisecond), ""); later <= epoch || len(later) > maxEpoch {
		t.Errorf("got %q after %q", later, epoch)
	}
}
