// Package historytest is the contract of history: what SQL and ClickHouse must both do.
package historytest

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/history"
	"github.com/barrage-live/barrage/shared/live"
)

// Store is what is tested.
type Store interface {
	Put(ctx context.Context, b history.Batch) error
	Sample(ctx context.Context, some []history.Sample) error
	Points(ctx context.Context, q history.Query) ([]history.Point, error)
	Erase(ctx context.Context, user live.UserID) (int64, error)
	Prune(ctx context.Context) error
}

// Run tests the contract; open returns an empty store.
func Run(t *testing.T, open func(t *testing.T) Store) {
	for name, test := range map[string]func(*testing.T, Store){
		"points":          points,
		"redelivery":      redelivery,
		"told twice":      toldTwice,
		"topic new":       topicMadeAgain,
		"members at once": membersAtOnce,
		"online":          online,
		"erase":           erase,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// noon is some days ago: old enough to be no "now", young enough to be kept.
func noon() time.Time {
	return time.Now().UTC().Truncate(24 * time.Hour).Add(-36 * time.Hour)
}

var source = history.Source{Topic: "live-messages", TopicID: "first", Partition: 0}

func danmu(offset int64, room live.RoomID, at time.Time) history.Event {
	return history.Event{ID: uint64(offset)<<32 | 1<<63, Offset: offset, Room: room, User: 7, Type: live.Danmu, At: at, Danmu: 1}
}

func put(t *testing.T, s Store, from history.Source, events ...history.Event) {
	t.Helper()
	if err := s.Put(t.Context(), history.Batch{Source: from, Events: events, Next: events[len(events)-1].Offset + 1}); err != nil {
		t.Fatal(err)
	}
}

func query(t *testing.T, s Store, room live.RoomID, from, to time.Time, step time.Duration) []history.Point {
	t.Helper()
	points, err := s.Points(t.Context(), history.Query{Room: room, From: from, To: to, Step: step})
	if err != nil {
		t.Fatal(err)
	}
	return points
}

func check(t *testing.T, what string, got, want []history.Point) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %+v, want %+v", what, got, want)
	}
}

func points(t *testing.T, s Store) {
	at := noon()
	put(t, s, source,
		danmu(0, 3, at), danmu(1, 3, at.Add(59*time.Second)), danmu(2, 13, at.Add(time.Minute)),
		history.Event{ID: 9, Offset: 3, Room: 3, Type: live.Like, At: at.Add(3*time.Minute - time.Millisecond), Likes: 40},
		history.Event{ID: 1<<64 - 1, Offset: 4, Room: 3, Type: live.Gift, At: at.Add(3 * time.Minute), Gifts: 2, Coins: 1_000_000_000_000},
	)
	minute := func(n int) time.Time { return at.Add(time.Duration(n) * time.Minute) }
	check(t, "a room by the minute", query(t, s, 3, at, minute(4), time.Minute), []history.Point{
		{T: minute(0), Danmu: 2}, {T: minute(1)}, {T: minute(2), Likes: 40}, {T: minute(3), Gifts: 2, Coins: 1_000_000_000_000},
	})
	check(t, "its end is not part of it", query(t, s, 3, at, minute(1), time.Minute), []history.Point{{T: minute(0), Danmu: 2}})
	check(t, "all rooms by two minutes, moved to whole steps", query(t, s, history.AllRooms, at.Add(time.Second), minute(3), 2*time.Minute), []history.Point{
		{T: minute(0), Danmu: 3}, {T: minute(2), Likes: 40, Gifts: 2, Coins: 1_000_000_000_000},
	})
	check(t, "a room nobody knows", query(t, s, 5, at, minute(1), time.Minute), []history.Point{{T: minute(0)}})
}

// Batches cut anywhere and delivered again, whole or from the middle, count once.
func redelivery(t *testing.T, s Store) {
	r, at := rand.New(rand.NewPCG(1, 2)), noon()
	const n, minutes = 400, 5
	events, want := make([]history.Event, n), make([]history.Point, minutes)
	for i := range events {
		m := r.IntN(minutes)
		events[i] = danmu(int64(2*i), 3, at.Add(time.Duration(m)*time.Minute)) // offsets have holes
		events[i].Coins = live.Coins(i)
		want[m].Danmu, want[m].Coins = want[m].Danmu+1, want[m].Coins+live.Coins(i)
	}
	for m := range want {
		want[m].T = at.Add(time.Duration(m) * time.Minute)
	}
	for done := 0; done < n; {
		from, to := max(0, done-r.IntN(60)), min(n, done+1+r.IntN(90))
		put(t, s, source, events[from:to]...)
		done = to
	}
	put(t, s, source, events...)
	check(t, "after redelivery", query(t, s, 3, at, at.Add(minutes*time.Minute), time.Minute), want)
}

// A producer that tells an event again does it at another offset, perhaps at another time: it counts when it was first.
func toldTwice(t *testing.T, s Store) {
	at := noon()
	first := danmu(0, 3, at)
	again := first
	again.Offset, again.At = 5, at.Add(time.Minute)
	here := again
	here.Offset = 6
	put(t, s, source, first, danmu(1, 3, at))
	put(t, s, source, again, here, danmu(7, 3, at.Add(time.Minute)))
	check(t, "told twice", query(t, s, 3, at, at.Add(2*time.Minute), time.Minute), []history.Point{{T: at, Danmu: 2}, {T: at.Add(time.Minute), Danmu: 1}})
}

func topicMadeAgain(t *testing.T, s Store) {
	at := noon()
	second := source
	second.TopicID = "second"
	put(t, s, source, danmu(0, 3, at), danmu(1, 3, at))
	other := danmu(0, 3, at)
	other.ID = 77
	put(t, s, second, other)
	put(t, s, second, other)
	check(t, "two topics of one name", query(t, s, 3, at, at.Add(time.Minute), time.Minute), []history.Point{{T: at, Danmu: 3}})
}

// During a rebalance two members may hold the same records.
func membersAtOnce(t *testing.T, s Store) {
	at := noon()
	events := make([]history.Event, 100)
	for i := range events {
		events[i] = danmu(int64(i), 3, at)
	}
	var members sync.WaitGroup
	for size := range 4 {
		members.Go(func() {
			for batch := range slices.Chunk(events, 7+5*size) {
				if err := s.Put(t.Context(), history.Batch{Source: source, Events: batch, Next: batch[len(batch)-1].Offset + 1}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	members.Wait()
	check(t, "four members", query(t, s, 3, at, at.Add(time.Minute), time.Minute), []history.Point{{T: at, Danmu: 100}})
}

// Online is the most of any sample; that of all rooms is sampled by itself and no sum of peaks.
func online(t *testing.T, s Store) {
	at := noon()
	for i, n := range []int64{5, 9, 2} {
		second := at.Add(time.Duration(i) * 10 * time.Second)
		if err := s.Sample(t.Context(), []history.Sample{{Room: 3, At: second, Online: n}, {Room: 4, At: second, Online: 10 - n}, {Room: history.AllRooms, At: second, Online: 10}}); err != nil {
			t.Fatal(err)
		}
	}
	put(t, s, source, danmu(0, 3, at))
	if err := s.Sample(t.Context(), []history.Sample{{Room: 3, At: at.Add(time.Minute), Online: 1}}); err != nil {
		t.Fatal(err)
	}
	check(t, "a room", query(t, s, 3, at, at.Add(2*time.Minute), time.Minute), []history.Point{{T: at, Online: 9, Danmu: 1}, {T: at.Add(time.Minute), Online: 1}})
	check(t, "a room in one step", query(t, s, 3, at, at.Add(2*time.Minute), 2*time.Minute), []history.Point{{T: at, Online: 9, Danmu: 1}})
	check(t, "all rooms", query(t, s, history.AllRooms, at, at.Add(time.Minute), time.Minute), []history.Point{{T: at, Online: 10, Danmu: 1}})
}

// What a user did stays counted, and is nobody's.
func erase(t *testing.T, s Store) {
	at := noon()
	var events []history.Event
	for i := range 10 {
		e := danmu(int64(i), 3, at)
		e.User = live.UserID(1 + i%2)
		events = append(events, e)
	}
	put(t, s, source, events...)
	put(t, s, source, events[4:]...)
	first, err := s.Erase(t.Context(), 2)
	if err != nil || (first != 5 && first != 0) {
		t.Errorf("got %d, %v, want 5 events, or 0 from a store that knows no users", first, err)
	}
	if again, err := s.Erase(t.Context(), 2); err != nil || again != 0 {
		t.Errorf("again: got %d, %v, want nothing left", again, err)
	}
	if err := s.Prune(t.Context()); err != nil {
		t.Error(err)
	}
	check(t, "after the erasure", query(t, s, 3, at, at.Add(time.Minute), time.Minute), []history.Point{{T: at, Danmu: 10}})
	if first == 5 {
		if other, err := s.Erase(t.Context(), 1); err != nil || other != 5 {
			t.Errorf("the other user: got %d, %v, want 5 events", other, err)
		}
	}
}
