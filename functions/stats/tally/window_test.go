package tally

import (
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/live"
)

func testHeat() Heat { return Heat{}.WithDefaults() }

func danmu(room live.RoomID, at int64) Event {
	return Event{Room: room, At: at, Counts: Counts{Danmu: 1}}
}

func TestFold(t *testing.T) {
	gift := Event{Room: 1, At: 20_000, Counts: Counts{Gifts: 2, Coins: 30}}
	like := Event{Room: 1, At: 9_999, Counts: Counts{Likes: 5}}
	start := func(at int64) Event { return Event{Room: 1, At: at, Started: at} }
	stop := Event{Room: 1, Stopped: true}
	for name, c := range map[string]struct {
		events []Event
		want   Delta
		total  Counts
	}{
		"sums": {
			[]Event{danmu(1, 0), danmu(1, 10_000), like, gift},
			Delta{Before: Segment{Counts: Counts{2, 5, 2, 30}, Heat: map[int64]int64{0: 150, 1: 100, 2: 300}}},
			Counts{2, 5, 2, 30},
		},
		"a start divides": {
			[]Event{danmu(1, 0), start(5), like},
			Delta{Session: 5, Before: Segment{Counts: Counts{Danmu: 1}, Heat: map[int64]int64{0: 100}}, Since: Segment{Counts: Counts{Likes: 5}, Heat: map[int64]int64{0: 50}}},
			Counts{Danmu: 1, Likes: 5},
		},
		"a start told twice divides once": {
			[]Event{start(5), danmu(1, 0), start(5), start(4), danmu(1, 0)},
			Delta{Session: 5, Since: Segment{Counts: Counts{Danmu: 2}, Heat: map[int64]int64{0: 200}}},
			Counts{Danmu: 2},
		},
		"the later of two starts divides": {
			[]Event{danmu(1, 0), start(5), danmu(1, 0), start(6), like},
			Delta{Session: 6, Before: Segment{Counts: Counts{Danmu: 2}, Heat: map[int64]int64{0: 200}}, Since: Segment{Counts: Counts{Likes: 5}, Heat: map[int64]int64{0: 50}}},
			Counts{Danmu: 2, Likes: 5},
		},
		"an ended room counts and is cold": {
			[]Event{danmu(1, 0), stop, danmu(1, 0)},
			Delta{Before: Segment{Counts: Counts{Danmu: 2}, Ended: true}},
			Counts{Danmu: 2},
		},
		"it warms up when it starts again": {
			[]Event{danmu(1, 0), stop, start(5), like},
			Delta{Session: 5, Before: Segment{Counts: Counts{Danmu: 1}, Ended: true}, Since: Segment{Counts: Counts{Likes: 5}, Heat: map[int64]int64{0: 50}}},
			Counts{Danmu: 1, Likes: 5},
		},
		"who comes warms": {
			[]Event{{Room: 1, Joined: 3}},
			Delta{Before: Segment{Heat: map[int64]int64{0: 600}}, Joined: true},
			Counts{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := Fold(Window{}, c.events, testHeat())
			if !reflect.DeepEqual(*got.Rooms[1], c.want) {
				t.Errorf("got %+v, want %+v", *got.Rooms[1], c.want)
			}
			if got.Total != c.total {
				t.Errorf("got total %+v, want %+v", got.Total, c.total)
			}
		})
	}
}

// eventsOf makes events of any bytes: few rooms, few times, so that everything meets.
func eventsOf(b []byte) []Event {
	var events []Event
	for ; len(b) >= 3; b = b[3:] {
		e := Event{Room: live.RoomID(b[0]%3 + 1), At: int64(b[1]) * 1000}
		n := int64(b[2])
		switch b[0] / 3 % 7 {
		case 0, 1:
			e.Counts.Danmu = 1
		case 2:
			e.Counts.Likes = n + 1
		case 3:
			e.Counts.Gifts, e.Counts.Coins = 1, live.Coins(n)
		case 4:
			e.Joined, e.Viewers = n%5, []live.UserID{live.UserID(n % 3)}
		case 5:
			e.Started = n%4 + 1
		case 6:
			e.Stopped = true
		}
		events = append(events, e)
	}
	return events
}

// FuzzFoldSplit pins the rule that everything else stands on: where a batch is cut changes nothing, and a fold does
// not touch what it was given.
func FuzzFoldSplit(f *testing.F) {
	f.Add([]byte("abcdefghijklmnopqrstuvwxyz"), 3)
	f.Add([]byte{15, 1, 1, 0, 1, 1, 18, 2, 2, 0, 3, 3, 15, 4, 1, 15, 5, 2, 0, 6, 6}, 4)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		events := eventsOf(b)
		if cut < 0 || cut > len(events) {
			return
		}
		whole := Fold(Window{}, events, testHeat())
		first := Fold(Window{}, events[:cut], testHeat())
		before := first.clone()
		halves := Fold(first, events[cut:], testHeat())
		if !reflect.DeepEqual(whole, halves) {
			t.Errorf("cut at %d: got %+v, want %+v", cut, halves, whole)
		}
		if !reflect.DeepEqual(first, before) {
			t.Error("the fold changed the window it was given")
		}
	})
}

// The kept logarithm must mean what a plain sum of fading points means.
func TestHeatFades(t *testing.T) {
	h := testHeat()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	step := now.UnixMilli() / heatStep
	halfLife := h.HalfLife.Milliseconds() / heatStep
	for name, c := range map[string]struct {
		points map[int64]int64
		want   float64
	}{
		"now":              {map[int64]int64{step: 100}, 1},
		"a half-life ago":  {map[int64]int64{step - halfLife: 100}, 0.5},
		"three of them":    {map[int64]int64{step - 3*halfLife: 800}, 1},
		"together":         {map[int64]int64{step: 100, step - halfLife: 300, step - 2*halfLife: 400}, 3.5},
		"a month ago":      {map[int64]int64{step - 4320*halfLife/10: 100}, 0},
		"more than it was": {map[int64]int64{step: math.MaxInt64 / 2}, math.MaxInt64 / 200},
	} {
		sum, ok := h.Log2(c.points)
		if got := h.Score(sum, now); !ok || math.Abs(got-c.want) > 0.001+c.want*1e-6 {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
	if _, ok := h.Log2(nil); ok {
		t.Error("no points must be no heat")
	}
}
