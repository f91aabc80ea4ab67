package clickhouse

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/history"
	"github.com/barrage-live/barrage/shared/history/historytest"
	"github.com/barrage-live/barrage/shared/live"
)

const serverVariable = "BARRAGE_TEST_CLICKHOUSE" // http://host:port

// open makes a database of its own on the server.
func open(t *testing.T, keep history.Keep) *Store {
	t.Helper()
	server := os.Getenv(serverVariable)
	if server == "" {
		t.Skip(serverVariable + " names no server")
	}
	s, err := New(fmt.Sprintf("%s/history_%016x", server, rand.Uint64()), keep)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := s.conn.exec(context.Background(), "default", "DROP DATABASE "+s.conn.database, nil); err != nil {
			t.Error(err)
		}
	})
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

var month = history.Keep{EventDays: 30, MinuteDays: 400}

func TestContract(t *testing.T) {
	historytest.Run(t, func(t *testing.T) historytest.Store { return open(t, month) })
}

// refreshed is a store whose minutes are counted between any two calls.
type refreshed struct {
	*Store
	t *testing.T
}

func (r refreshed) Points(ctx context.Context, q history.Query) ([]history.Point, error) {
	refresh(r.t, r.Store)
	return r.Store.Points(ctx, q)
}

func (r refreshed) Put(ctx context.Context, b history.Batch) error {
	refresh(r.t, r.Store)
	return r.Store.Put(ctx, b)
}

func refresh(t *testing.T, s *Store) {
	for _, what := range []string{"REFRESH", "WAIT"} {
		if _, err := s.conn.run(t.Context(), "SYSTEM "+what+" VIEW minutes_counted"); err != nil {
			t.Error(err)
		}
	}
}

// Whether the minutes were counted just now or a while ago, points are the same.
func TestContractWhileMinutesAreCounted(t *testing.T) {
	historytest.Run(t, func(t *testing.T) historytest.Store { return refreshed{open(t, month), t} })
}

// The materialised minutes alone hold what the events are, each event once.
func TestMinutesAreCountedByTheServer(t *testing.T) {
	s := open(t, month)
	at := time.Now().Add(-time.Hour).Truncate(time.Minute)
	batch := history.Batch{Source: history.Source{Topic: "t"}, Next: 1000}
	for i := range 1000 {
		batch.Events = append(batch.Events, history.Event{ID: uint64(i + 1), Room: live.RoomID(i % 3), User: 7, Type: live.Danmu, At: at, Danmu: 1, Coins: 5})
	}
	for range 3 {
		if err := s.Put(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		refresh(t, s)
	}
	for statement, want := range map[string]int64{
		"SELECT count() FROM events FINAL":     1000,
		"SELECT sum(danmu) FROM minutes FINAL": 1000, "SELECT sum(coins) FROM minutes FINAL": 5000, "SELECT count() FROM minutes FINAL": 3,
	} {
		if got, err := s.conn.number(t.Context(), statement); err != nil || got != want {
			t.Errorf("%s: got %d, %v, want %d", statement, got, err, want)
		}
	}
}

func TestErasedUserIsInNoRow(t *testing.T) {
	s := open(t, month)
	batch := history.Batch{Events: []history.Event{{ID: 1, Room: 3, User: 42, Type: live.Danmu, At: time.Now().Add(-time.Minute), Danmu: 1}}}
	put := func() {
		t.Helper()
		if err := s.Put(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
	}
	put()
	put() // two rows until they are merged
	if n, err := s.Erase(t.Context(), 42); n != 1 || err != nil {
		t.Errorf("got %d, %v, want one event", n, err)
	}
	if n, err := s.conn.number(t.Context(), "SELECT count() FROM events WHERE user_id = 42"); n != 0 || err != nil {
		t.Errorf("got %d rows, %v, want none in any part", n, err)
	}
	put()
	if n, err := s.conn.number(t.Context(), "SELECT count() FROM events WHERE user_id = 42"); n != 0 || err != nil {
		t.Errorf("delivered again: got %d rows, %v, want none", n, err)
	}
	batch.Events[0].ID, batch.Events[0].At = 2, time.Now().Add(time.Hour)
	put()
	if n, err := s.conn.number(t.Context(), "SELECT count() FROM events WHERE user_id = 42"); n != 1 || err != nil {
		t.Errorf("later: got %d rows, %v, want what the user did afterwards", n, err)
	}
}

func TestMigrateAgainChangesOnlyHowLongIsKept(t *testing.T) {
	s := open(t, month)
	for _, keep := range []history.Keep{month, {EventDays: 8, MinuteDays: 90}} {
		s.keep = keep
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		for table, days := range map[string]int{"events": keep.EventDays, "minutes": keep.MinuteDays, "watching": keep.MinuteDays} {
			rows, err := s.conn.run(t.Context(), "SELECT create_table_query FROM system.tables WHERE database = currentDatabase() AND name = '"+table+"'")
			if err != nil || len(rows) != 1 || !strings.Contains(rows[0][0], fmt.Sprintf("toIntervalDay(%d)", days)) {
				t.Errorf("%s: got %v, %v, want %d days", table, rows, err, days)
			}
		}
	}
}

// What is older than it shall be kept goes when parts are merged.
func TestOldEventsGo(t *testing.T) {
	s := open(t, history.Keep{EventDays: 8, MinuteDays: 90})
	for i, age := range []int{0, 20} {
		e := history.Event{ID: uint64(i + 1), Room: 3, Type: live.Danmu, At: time.Now().AddDate(0, 0, -age), Danmu: 1}
		if err := s.Put(t.Context(), history.Batch{Events: []history.Event{e}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.conn.run(t.Context(), "OPTIMIZE TABLE events FINAL"); err != nil {
		t.Fatal(err)
	}
	if n, err := s.conn.number(t.Context(), "SELECT count() FROM events"); n != 1 || err != nil {
		t.Errorf("got %d events, %v, want the young one", n, err)
	}
}

func TestNewRefusesWithoutShowing(t *testing.T) {
	for _, text := range []string{"", "clickhouse://u:secret@h:9000/db", "http://", "http://u:secret@h/a-b", "http://u:secret@h/db?x=1", "http://u:secret@h:port"} {
		if _, err := New(text, month); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: got %v, want a refusal without the password", text, err)
		}
	}
	for _, keep := range []history.Keep{{}, {EventDays: 7, MinuteDays: 400}, {EventDays: 30, MinuteDays: 29}} {
		if _, err := New("http://h", keep); err == nil {
			t.Errorf("%+v: got no error", keep)
		}
	}
}

// The server's words reach the operator; the password reaches the server, and the URL nobody.
func TestErrorsTellWhatTheServerSaid(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-ClickHouse-User") != "u" || r.Header.Get("X-ClickHouse-Key") != "secret" {
			t.Errorf("got headers %v", r.Header)
		}
		http.Error(w, "Code: 241. MEMORY_LIMIT_EXCEEDED", http.StatusInternalServerError)
	}))
	s, err := New(strings.Replace(server.URL, "http://", "http://u:secret@", 1)+"/db", month)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		err = s.Ping(t.Context())
		if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "SELECT") {
			t.Errorf("got %v, want an error without secrets", err)
		}
		server.Close() // refused from now on
	}
}
