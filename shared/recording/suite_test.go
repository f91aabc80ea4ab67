package recording

import (
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"golang.org/x/sync/errgroup"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/objects"
	"github.com/barrage-live/barrage/shared/objectstest"
	"github.com/barrage-live/barrage/shared/stream"
)

// each runs the test on the embedded S3 and on the real gateway.
func each(t *testing.T, test func(t *testing.T, s *Store)) {
	t.Run("embedded", func(t *testing.T) { test(t, embedded(t)) })
	t.Run("real", func(t *testing.T) { test(t, storeOn(t, objectstest.Real(t))) })
}

func embedded(t testing.TB) *Store {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("archive"); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(server.Close)
	return storeOn(t, objects.Config{Bucket: "archive", Endpoint: server.URL, Key: "k", Secret: "s"})
}

func storeOn(t testing.TB, cfg objects.Config) *Store {
	t.Helper()
	b, err := objects.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(b)
	if err != nil {
		t.Fatal(err)
	}
	s.now = func() time.Time { return began.Add(10 * time.Hour) }
	return s
}

var (
	began  = time.Date(2026, 11, 24, 22, 50, 0, 0, time.UTC) // so that an hour's talk goes over midnight
	source = Source{Topic: "live-messages", TopicID: "-x_Y", Partition: 3}
)

// danmu is what the user said at an offset, a second each.
func danmu(room live.RoomID, user live.UserID, offset int64) Row {
	return Row{
		Offset: offset, At: began.UnixMilli() + 1000*offset, Type: "danmu", ID: fmt.Sprint("d", offset), Room: int64(room),
		User: int64(user), Seq: offset + 1, Content: fmt.Sprint("hello ", offset), Data: `{"color":"#ffffff"}`,
	}
}

func session(t *testing.T, s *Store, room live.RoomID, ended *time.Time) Session {
	t.Helper()
	r := live.Room{ID: room, AnchorID: 1, Title: "t", StartedAt: &began, EndedAt: ended, UpdatedAt: began}
	if err := s.noteSession(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	one, err := s.Session(t.Context(), room, 0)
	if err != nil {
		t.Fatal(err)
	}
	return one
}

// replay reads a session page by page.
func replay(t *testing.T, s *Store, of Session, limit int) []Row {
	t.Helper()
	q := Query{Session: of, From: of.ID(), To: began.Add(1000 * time.Hour).UnixMilli(), Types: []live.MessageType{live.Danmu}, Limit: limit}
	var all []Row
	for {
		rows, next, more, err := s.Page(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if more && len(rows) != limit {
			t.Fatalf("got a page of %d that is not the last, want %d", len(rows), limit)
		}
		all = append(all, rows...)
		if !more {
			return all
		}
		q.After = next
	}
}

// A partition's records come in batches that are cut anywhere, begin anywhere before the end of the one before, come to
// two members at once, and stop on the way. In the end every row is there once.
func TestRowsAreExactlyThoseOfTheLog(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		const n = 3000
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		r := rand.New(rand.NewPCG(seed, 0))
		base := int64(Window - n/2) // a window's end is among them
		log := make([]Row, n)
		for i := range log {
			log[i] = danmu(live.RoomID(1+r.IntN(3)), live.UserID(r.IntN(50)), base+int64(i))
			log[i].At = began.UnixMilli() + int64(i)*2000 + r.Int64N(9000) // neither in the order of time nor in one day
		}
		for next := 0; next < n; {
			from := max(0, next-r.IntN(400))
			to := min(n, from+1+r.IntN(700))
			var members errgroup.Group
			for range 1 + r.IntN(2) {
				members.Go(func() error { return s.Put(t.Context(), source, log[from:to]) })
			}
			if err := members.Wait(); err != nil {
				t.Fatal(err)
			}
			next = max(next, to)
		}
		of := session(t, s, 1, nil)
		for room := live.RoomID(1); room <= 3; room++ {
			want := slices.DeleteFunc(slices.Clone(log), func(r Row) bool { return r.Room != int64(room) })
			slices.SortFunc(want, compareRows)
			of.Room = room
			if got := replay(t, s, of, 173); !slices.Equal(got, want) {
				t.Errorf("room %d: got %d rows, want %d", room, len(got), len(want))
			}
		}
	})
}

// The trap that object names of a batch's first offset fall into.
func TestAShorterBatchTakesNothingAway(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		var log []Row
		for i := range int64(260) {
			log = append(log, danmu(1, 7, i))
		}
		for _, b := range [][2]int{{0, 100}, {100, 200}, {100, 150}, {150, 260}, {100, 101}} {
			if err := s.Put(t.Context(), source, log[b[0]:b[1]]); err != nil {
				t.Fatal(err)
			}
		}
		if got := replay(t, s, session(t, s, 1, nil), 100); !slices.Equal(got, log) {
			t.Errorf("got %d rows, want %d", len(got), len(log))
		}
	})
}

func TestATopicMadeAgainIsAnotherOne(t *testing.T) {
	s := embedded(t)
	again := source
	again.TopicID = "other"
	for _, src := range []Source{source, again} {
		r := danmu(1, 7, 5)
		r.ID = "of " + src.TopicID
		if err := s.Put(t.Context(), src, []Row{r}); err != nil {
			t.Fatal(err)
		}
	}
	if got := replay(t, s, session(t, s, 1, nil), 10); len(got) != 2 {
		t.Errorf("got %+v, want one of each topic", got)
	}
}

func TestDeletedAndRetoldMessages(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		first, second := danmu(1, 7, 1), danmu(1, 7, 2)
		again := second // its producer told it twice
		again.Offset = 3
		another := danmu(1, 8, 4) // another one's with the same id
		another.ID = second.ID
		deletion := Row{Offset: Window + 9, At: began.Add(2 * time.Hour).UnixMilli(), Type: "deleted", Room: 1, User: 1, Data: `{"message_id":"d1"}`}
		for _, r := range []Row{first, second, again, another, deletion} {
			if err := s.Put(t.Context(), source, []Row{r}); err != nil {
				t.Fatal(err)
			}
		}
		ended := began.Add(time.Hour)
		of := session(t, s, 1, &ended)
		for _, limit := range []int{1, 2, 10} {
			if got, want := replay(t, s, of, limit), []Row{second, another}; !slices.Equal(got, want) {
				t.Errorf("pages of %d: got %+v, want %+v", limit, got, want)
			}
		}
	})
}

func TestTheErasedStayAway(t *testing.T) {
	each(t, func(t *testing.T, s *Store) {
		s.now = func() time.Time { return began.Add(time.Minute) }
		var log, left []Row
		for i := range int64(100) {
			log = append(log, danmu(1, live.UserID(1+i%2), i))
			if i%2 == 0 || i > 60 { // what the user says later is not erased
				left = append(left, log[i])
			}
		}
		if err := s.Put(t.Context(), source, log[:50]); err != nil {
			t.Fatal(err)
		}
		calls := 0
		if rows, err := s.Erase(t.Context(), 2, func(int) { calls++ }); err != nil || rows != 25 || calls != 1 {
			t.Errorf("got %d rows of %d objects, %v, want 25 of 1", rows, calls, err)
		}
		if rows, err := s.Erase(t.Context(), 2, nil); err != nil || rows != 0 {
			t.Errorf("again: got %d rows, %v, want none", rows, err)
		}
		// Kafka is wound back.
		if err := s.Put(t.Context(), source, log); err != nil {
			t.Fatal(err)
		}
		s.now = func() time.Time { return began.Add(10 * time.Hour) }
		if got := replay(t, s, session(t, s, 1, nil), 100); !slices.Equal(got, left) {
			t.Errorf("got %d rows, want %d", len(got), len(left))
		}
		found, _, err := s.bucket.List(t.Context(), "room=1/", "", 10)
		if err != nil || len(found) != 1 {
			t.Fatalf("got %v, %v", found, err)
		}
		body, _, err := s.bucket.Get(t.Context(), found[0].Key)
		if err != nil {
			t.Fatal(err)
		}
		if rows, err := decode(body); err != nil || !slices.Equal(rows, left) {
			t.Errorf("in the object: got %d rows, %v, want %d", len(rows), err, len(left))
		}
	})
}

func TestSessions(t *testing.T) {
	s := embedded(t)
	if _, err := s.Session(t.Context(), 1, 0); err != ErrNoSession {
		t.Errorf("got %v, want ErrNoSession", err)
	}
	event := func(offset int64, data string, args ...any) Row {
		return Row{Offset: offset, At: began.UnixMilli(), Type: "room", Room: 1, User: 7, Data: fmt.Sprintf(data, args...)}
	}
	at := func(m int) string { return began.Add(time.Duration(m) * time.Minute).Format(time.RFC3339Nano) }
	const data = `{"event":"updated","room":{"anchor_id":7,"title":%q,"started_at":%q,"updated_at":%q,"ended_at":%s}}`
	rows := []Row{
		event(0, `{"event":"updated","room":{"title":"not yet"}}`),
		event(1, data, "one", at(0), at(0), "null"),
		event(2, data, "renamed", at(0), at(5), "null"),
		event(3, data, "renamed", at(0), at(90), `"`+at(90)+`"`),
		event(4, data, "two", at(100), at(100), `"`+at(90)+`"`), // live again, the end of the first not yet forgotten
	}
	for _, batch := range [][]Row{rows, rows[1:3], rows[:2]} { // delivered again, and older than what is known
		if err := s.Put(t.Context(), source, batch); err != nil {
			t.Fatal(err)
		}
	}
	latest, err := s.Session(t.Context(), 1, 0)
	if err != nil || latest.Title != "two" || latest.Ended != nil || !latest.Started.Equal(began.Add(100*time.Minute)) {
		t.Errorf("latest: got %+v, %v", latest, err)
	}
	older, err := s.Sessions(t.Context(), 1, latest.ID(), 10)
	if err != nil || len(older) != 1 {
		t.Fatalf("before it: got %+v, %v, want one", older, err)
	}
	one := older[0]
	days := []string{"room=1/date=2026-11-24/", "room=1/date=2026-11-25/"}
	if one.Title != "renamed" || one.Anchor != 7 || one.Ended == nil || !one.Ended.Equal(began.Add(90*time.Minute)) || !slices.Equal(one.Objects, days) {
		t.Errorf("got %+v", one)
	}
	if again, err := s.Session(t.Context(), 1, one.ID()); err != nil || again.Title != "renamed" {
		t.Errorf("got %+v, %v", again, err)
	}
}

func TestKeysTellTheirNames(t *testing.T) {
	dotted := source
	dotted.Topic = "a.b-c"
	for _, src := range []Source{source, dotted} {
		n := nameOf(src, danmu(42, 1, 3*Window+5))
		if got, ok := parseKey(n.Key()); !ok || got != n {
			t.Errorf("%s: got %+v, %v, want %+v", n.Key(), got, ok, n)
		}
	}
	for _, key := range []string{"", "room=1/date=2026-11-24/", "room=x/date=2026-11-24/h10.a.b.1.2.parquet", "room=1/date=2026-11-24/h99.a.b.1.00000000000000000.parquet"} {
		if got, ok := parseKey(key); ok {
			t.Errorf("%q: got %+v", key, got)
		}
	}
}

func TestFromRecord(t *testing.T) {
	written := time.UnixMilli(5000)
	rec := func(value string) stream.Record {
		return stream.Record{Offset: 9, Timestamp: written, Value: []byte(value)}
	}
	got, err := FromRecord(rec(`{"type":"danmu","id":"a","room_id":1,"user_id":7,"content":"x","data":{"mode":"top"},"seq":3,"timestamp":4000}`))
	if want := (Row{9, 4000, "danmu", "a", 1, 7, 3, "x", `{"mode":"top"}`}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for _, late := range []string{"6000", "0", "-1"} {
		if got, err := FromRecord(rec(`{"type":"danmu","room_id":1,"timestamp":` + late + `}`)); err != nil || got.At != 5000 {
			t.Errorf("timestamp %s: got %+v, %v, want the log's", late, got, err)
		}
	}
	for _, bad := range []string{``, `{`, `{"type":"danmu"}`, `{"type":"danmu","room_id":-1}`} {
		if got, err := FromRecord(rec(bad)); err == nil {
			t.Errorf("%q: got %+v", bad, got)
		}
	}
}
