package recording

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/objects"
)

// quiet is what is said in a room of a busy partition: two rows a window, over two hours.
func quiet(n int) []Row {
	log := make([]Row, n)
	for i := range log {
		log[i] = danmu(1, live.UserID(i%7), int64(i)*Window/2+3)
		log[i].At = began.UnixMilli() + int64(i)*(90*time.Minute).Milliseconds()/int64(n)
	}
	return log
}

// stored are the objects of the room, and how many rows they hold in all.
func stored(t *testing.T, s *Store, room live.RoomID) (names []Name, rows int) {
	t.Helper()
	err := s.walk(t.Context(), roomPrefix(room), "", func(o objects.Info) error {
		name, ok := parseKey(o.Key)
		if !ok {
			return errors.New(o.Key)
		}
		held, _, err := s.load(t.Context(), o.Key)
		names, rows = append(names, name), rows+len(held)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names, rows
}

func wantReplay(t *testing.T, s *Store, of Session, want []Row, when string) {
	t.Helper()
	if got := replay(t, s, of, 20); !slices.Equal(got, want) {
		t.Fatalf("%s: got %d rows, want %d", when, len(got), len(want))
	}
}

var errCrash = errors.New("the process is gone")

// dying passes on so many writes; of the next one the answer is lost, or it never arrives.
type dying struct {
	bucket
	left  atomic.Int64
	after bool
}

func (d *dying) write(do func() error) error {
	switch left := d.left.Add(-1); {
	case left >= 0:
		return do()
	case left == -1 && d.after:
		return errors.Join(do(), errCrash)
	}
	return errCrash
}

func (d *dying) PutIf(ctx context.Context, key, kind string, body []byte, is objects.Version) (v objects.Version, err error) {
	return v, d.write(func() (err error) { v, err = d.bucket.PutIf(ctx, key, kind, body, is); return err })
}

func (d *dying) Delete(ctx context.Context, keys ...string) error {
	return d.write(func() error { return d.bucket.Delete(ctx, keys...) })
}

// Whatever step is the last, readers find each row once, also when the log comes again; and the next run finishes the work.
func TestJoiningMayEndAnywhere(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		log := quiet(12)
		ended := began.Add(90 * time.Minute)
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		r := rand.New(rand.NewPCG(seed, 0))
		finished := false
		for step := 0; !finished; step++ {
			room := live.RoomID(step + 1)
			for i := range log {
				log[i].Room = int64(room)
			}
			if err := s.Put(t.Context(), source, log); err != nil {
				t.Fatal(err)
			}
			of := session(t, s, room, &ended)
			d := &dying{bucket: s.bucket, after: step%2 == 1}
			d.left.Store(int64(step / 2))
			_, err := newStoreAt(d, s.now).Join(t.Context(), of)
			if finished = err == nil; !finished && !errors.Is(err, errCrash) {
				t.Fatal(err)
			}
			wantReplay(t, s, of, log, fmt.Sprint("after step ", step))
			if from := r.IntN(len(log)); s.Put(t.Context(), source, log[from:]) != nil || s.Put(t.Context(), source, log[:from/2]) != nil {
				t.Fatal("the log can't come again")
			}
			wantReplay(t, s, of, log, fmt.Sprint("redelivered after step ", step))
			for range 2 {
				if _, err := s.Join(t.Context(), of); err != nil {
					t.Fatal(err)
				}
			}
			wantReplay(t, s, of, log, fmt.Sprint("joined after step ", step))
			names, rows := stored(t, s, room)
			joined := 0
			for _, n := range names {
				if n.Joined {
					joined++
				}
			}
			// Of the three hours one has more than one object. What was emptied and not removed stays, empty.
			if rows != len(log) || joined != 1 || finished && len(names) != 3 {
				t.Fatalf("after step %d: got %d rows and %d joined objects in %d, want %d and 1 in 3", step, rows, joined, len(names), len(log))
			}
		}
	})
}

func newStoreAt(b bucket, now func() time.Time) *Store {
	s := newStore(b)
	s.now = now
	return s
}

// Who reads while objects are joined sees every row once.
func TestReadersSeeNothingOfJoining(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		log := quiet(60)
		ended := began.Add(90 * time.Minute)
		if err := s.Put(t.Context(), source, log); err != nil {
			t.Fatal(err)
		}
		of := session(t, s, 1, &ended)
		done := make(chan error)
		go func() {
			_, err := s.Join(t.Context(), of)
			done <- err
		}()
		other := newStoreAt(s.bucket, s.now)
		for joining := true; joining; {
			select {
			case err := <-done:
				if err != nil {
					t.Error(err)
				}
				joining = false
			default:
			}
			wantReplay(t, other, of, log, "while objects are joined")
		}
	})
}

// Joined objects are as large as they shall be, and stay what they are when there is nothing new.
func TestJoinedObjectsHaveABound(t *testing.T) {
	s := embedded(t)
	ended := began.Add(time.Hour)
	var log []Row
	for i := range joinedRows + 100 {
		r := danmu(1, 7, int64(i)*2)
		r.At = began.UnixMilli() + int64(i)/100
		log = append(log, r)
	}
	if err := s.Put(t.Context(), source, log); err != nil {
		t.Fatal(err)
	}
	of := session(t, s, 1, &ended)
	for run := range 2 {
		gone, err := s.Join(t.Context(), of)
		if err != nil || gone != []int{3, 0}[run] {
			t.Fatalf("run %d: got %d gone, %v", run, gone, err)
		}
		names, rows := stored(t, s, 1)
		if len(names) != 2 || rows != len(log) {
			t.Errorf("run %d: got %d rows in %v", run, rows, names)
		}
	}
}

func TestErasureMeetsJoining(t *testing.T) {
	s := embedded(t)
	log := quiet(24)
	ended := began.Add(90 * time.Minute)
	if err := s.Put(t.Context(), source, log); err != nil {
		t.Fatal(err)
	}
	of := session(t, s, 1, &ended)
	late := &erasing{bucket: s.bucket, erase: func() {
		if _, err := s.Erase(t.Context(), 3, nil); err != nil {
			t.Error(err)
		}
	}}
	if _, err := newStoreAt(late, s.now).Join(t.Context(), of); err != nil {
		t.Fatal(err)
	}
	if _, rows := stored(t, s, 1); rows != 24-24/7 {
		t.Errorf("got %d rows, want those of the others", rows)
	}
}

// erasing has a user erased just before the first joined object is written.
type erasing struct {
	bucket
	erase func()
	once  sync.Once
}

func (e *erasing) PutIf(ctx context.Context, key, kind string, body []byte, is objects.Version) (objects.Version, error) {
	e.once.Do(e.erase)
	return e.bucket.PutIf(ctx, key, kind, body, is)
}

// The list of what is due brings every session to its end, and then forgets it.
func TestSessionsAreJoinedWhenTheyAreDue(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		now := began
		s.now = func() time.Time { return now }
		of := session(t, s, 1, nil)
		log := quiet(24)
		if err := s.Put(t.Context(), source, log); err != nil {
			t.Fatal(err)
		}
		all := 0
		for hour := range 5 {
			now = began.Add(time.Duration(hour)*time.Hour + 15*time.Minute)
			if hour == 3 {
				ended := began.Add(90 * time.Minute)
				of = session(t, s, 1, &ended)
			}
			gone, err := s.JoinDue(t.Context(), time.Minute)
			if all += gone; err != nil {
				t.Fatal(err)
			}
		}
		if all < 12 { // two rows an object
			t.Errorf("got %d objects gone, want all of the parts", all)
		}
		if names, rows := stored(t, s, 1); len(names) != 3 || rows != len(log) {
			t.Errorf("got %d rows in %v, want %d in 3", rows, names, len(log))
		}
		if left, _, err := s.bucket.List(t.Context(), joinPrefix, "", 10); err != nil || len(left) != 0 {
			t.Errorf("still to be joined: %v, %v", left, err)
		}
		wantReplay(t, s, of, log, "in the end")
	})
}

// A message that is taken back long after its session is not played any more.
func TestDeletedLongAfterTheEnd(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		ended := began.Add(time.Hour)
		log := []Row{danmu(1, 7, 1), danmu(1, 7, 2)}
		log[0].ID = "a/+ %b"
		much := danmu(1, 1, 9)
		much.Type, much.Content, much.At = "deleted", "", began.Add(400*time.Hour).UnixMilli()
		much.Data = `{"message_id":"a/+ %b"}`
		s.now = func() time.Time { return began.Add(500 * time.Hour) }
		of := session(t, s, 1, &ended)
		for range 2 {
			if err := s.Put(t.Context(), source, append(log, much)); err != nil {
				t.Fatal(err)
			}
		}
		wantReplay(t, s, of, log[1:], "in the end")
		if _, err := s.Prune(t.Context(), began.Add(450*time.Hour)); err != nil {
			t.Fatal(err)
		}
		if left, _, err := s.bucket.List(t.Context(), "deleted/", "", 10); err != nil || len(left) != 0 {
			t.Errorf("left over: %v, %v", left, err)
		}
	})
}
