package store_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"gorm.io/gorm"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/storetest"
)

func TestOpenRefusesBadURLsWithoutShowingThem(t *testing.T) {
	for url, want := range map[string]string{
		"":                                         "empty",
		"postgres://u:hush@h/d":                    "want mysql://",
		"mysql:u:hush@h/d":                         "want mysql://",
		"mysql://u:hush@:3306/d":                   "no host",
		"mysql://:hush@h/d":                        "no user",
		"mysql://u:hush@h:3306/":                   "no database",
		"mysql://u:hush@h/a/b":                     "no database",
		"mysql://u:hush%zz@h/d":                    "escaped",
		"mysql://u:hu/sh@h:3306/d":                 "mysql:",
		"mysql://u:hush@h/d?parse=x":               "parse: is not an option",
		"mysql://u:hush@h/d?tls=maybe":             "tls: want",
		"mysql://u:hush@h/d?timeout=-1s":           "timeout: want",
		"mysql://u:hush@h/d?auth=ldap":             "auth: want aws-iam",
		"mysql://u@h/d?auth=aws-iam":               "needs tls=true",
		"mysql://u:hush@h/d?auth=aws-iam&tls=true": "give none",
		"mysql://u@h/d?auth=aws-iam&tls=true":      "can't sign in so", // no Passwords given
		"mysql://u@h/d?auth=aws-iam&tls=preferred": "needs tls=true",
		"sqlite:":             "no file",
		"sqlite::memory:":     ":memory:",
		"sqlite://data/x.db":  "without //",
		"sqlite:x.db?mode=ro": "has ?",
	} {
		s, err := store.Open(t.Context(), store.Config{URL: url})
		if err == nil {
			t.Errorf("%q: opened", url)
			_ = s.Close()
		} else if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hu") {
			t.Errorf("%q: got %q, want it to say %q and no password", url, err, want)
		}
	}
	_, err := store.Open(t.Context(), store.Config{URL: storetest.SQLite(t), ReplicaURLs: []string{"mysql://u:hush@h/d"}})
	if err == nil || !strings.Contains(err.Error(), "replica url 1: is mysql") {
		t.Errorf("replica of another kind: got %v", err)
	}
}

func TestOpenReportsAServerThatIsNotThere(t *testing.T) {
	_, err := store.Open(t.Context(), store.Config{URL: "mysql://u:hush@127.0.0.1:1/d?timeout=1s"})
	if err == nil || strings.Contains(err.Error(), "hush") {
		t.Errorf("got %v, want an error without the password", err)
	}
}

func TestManyProcessesMigrateAtOnce(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		var starts sync.WaitGroup
		for range 6 {
			starts.Go(func() {
				s, err := store.Open(t.Context(), store.Config{URL: url})
				if err != nil {
					t.Error(err)
					return
				}
				if err := s.Migrate(t.Context()); err != nil {
					t.Error(err)
				}
				if err := s.Close(); err != nil {
					t.Error(err)
				}
			})
		}
		starts.Wait()
		createRoom(t, storetest.Open(t, url), "r")
	})
}

func TestMigrateWaitsNoLongerThanItsContext(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		s, err := store.Open(t.Context(), store.Config{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := s.Migrate(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
		if err := s.Migrate(t.Context()); err != nil {
			t.Errorf("after that: %v", err)
		}
	})
}

func TestDataSurvivesReopening(t *testing.T) {
	storetest.EachURL(t, func(t *testing.T, url string) {
		s, err := store.Open(t.Context(), store.Config{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		want := createRoom(t, s, "r")
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if got, err := storetest.Open(t, url).Room(t.Context(), want.ID); err != nil || got != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	})
}

// Two files stand for a primary and a replica that is behind.
func TestReadsGoToTheReplicaUnlessToldOtherwise(t *testing.T) {
	replicaURL := storetest.SQLite(t)
	replica := storetest.Open(t, replicaURL)
	s := storetest.Open(t, storetest.SQLite(t), replicaURL)
	old := createRoom(t, replica, "old")
	room := createRoom(t, s, "new")
	late := createRoom(t, s, "not yet on the replica")
	if room.ID != old.ID {
		t.Fatalf("ids differ: %d, %d", room.ID, old.ID)
	}
	for name, c := range map[string]struct {
		ctx  context.Context
		id   live.RoomID
		want string
	}{
		"plain read":             {t.Context(), room.ID, "old"},
		"from the primary":       {store.Primary(t.Context()), room.ID, "new"},
		"missing on the replica": {t.Context(), late.ID, late.Title},
	} {
		if got, err := s.Room(c.ctx, c.id); err != nil || got.Title != c.want {
			t.Errorf("%s: got %q, %v, want %q", name, got.Title, err, c.want)
		}
	}
	if items, _, err := s.Rooms(t.Context(), store.RoomQuery{}); err != nil || len(items) != 1 {
		t.Errorf("list: got %d rooms, %v, want the replica's 1", len(items), err)
	}
	if items, _, err := s.Rooms(store.Primary(t.Context()), store.RoomQuery{}); err != nil || len(items) != 2 {
		t.Errorf("list from the primary: got %d rooms, %v, want 2", len(items), err)
	}
	started, changed, err := s.StartRoom(t.Context(), room.ID, anchor)
	if err != nil || !changed || started.Title != "new" {
		t.Errorf("start: got %q, %v, %v: a write must read its own row", started.Title, changed, err)
	}
}

func TestTxCommitsAllOrNothing(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		room := createRoom(t, s, "before")
		set := func(tx *gorm.DB) error {
			return tx.Exec("UPDATE rooms SET title = 'after' WHERE id = ?", int64(room.ID)).Error
		}
		title := func() string {
			got, err := s.Room(t.Context(), room.ID)
			if err != nil {
				t.Fatal(err)
			}
			return got.Title
		}
		refusal := errors.New("no")
		if err := s.Tx(t.Context(), func(tx *gorm.DB) error { return errors.Join(set(tx), refusal) }); !errors.Is(err, refusal) {
			t.Errorf("got %v, want the function's error", err)
		}
		func() {
			defer func() { _ = recover() }()
			_ = s.Tx(t.Context(), func(tx *gorm.DB) error { _ = set(tx); panic("bug") })
		}()
		if got := title(); got != "before" {
			t.Errorf("after a refusal and a panic: got %q", got)
		}
		if err := s.Tx(t.Context(), set); err != nil || title() != "after" {
			t.Errorf("after a commit: got %q, %v", title(), err)
		}
	})
}

// Two transactions that lock the same two rows in opposite order: one of them is rolled back and must run again.
func TestTxRunsAgainAfterDeadlock(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		a, b := createRoom(t, s, "a"), createRoom(t, s, "b")
		add := func(tx *gorm.DB, id live.RoomID) error {
			return tx.Exec("UPDATE rooms SET hot = hot + 1 WHERE id = ?", int64(id)).Error
		}
		const rounds = 10
		var workers sync.WaitGroup
		for _, order := range [][2]live.RoomID{{a.ID, b.ID}, {b.ID, a.ID}} {
			for range 2 {
				workers.Go(func() {
					for range rounds {
						err := s.Tx(t.Context(), func(tx *gorm.DB) error {
							return errors.Join(add(tx, order[0]), add(tx, order[1]))
						})
						if err != nil {
							t.Error(err)
						}
					}
				})
			}
		}
		workers.Wait()
		var hot []int64
		if err := s.DB().Table("rooms").Order("id").Pluck("hot", &hot).Error; err != nil {
			t.Fatal(err)
		}
		if len(hot) != 2 || hot[0] != 4*rounds || hot[1] != 4*rounds {
			t.Errorf("got %v, want %d each", hot, 4*rounds)
		}
	})
}

func TestWaitForTheWriterEndsWithItsContext(t *testing.T) {
	s := storetest.Open(t, storetest.SQLite(t))
	err := s.Tx(t.Context(), func(*gorm.DB) error {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		return s.Tx(ctx, func(*gorm.DB) error { return nil })
	})
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want context.DeadlineExceeded", err)
	}
}

// Two stores on one file stand for two processes.
func TestProcessesShareOneFile(t *testing.T) {
	url := storetest.SQLite(t)
	one, two := storetest.Open(t, url), storetest.Open(t, url)
	var writers sync.WaitGroup
	for _, s := range []*store.Store{one, two} {
		for range 4 {
			writers.Go(func() {
				for range 10 {
					if _, err := s.CreateRoom(t.Context(), store.NewRoom{Anchor: anchor, Title: "r"}); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	writers.Wait()
	items, _, err := one.Rooms(t.Context(), store.RoomQuery{Limit: 100})
	if err != nil || len(items) != 80 {
		t.Errorf("got %d rooms, %v, want 80", len(items), err)
	}
}

func TestSpansShowNoValues(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	storetest.EachURL(t, func(t *testing.T, url string) {
		spans.Reset()
		storetest.Open(t, url) // migrated
		s, err := store.Open(t.Context(), store.Config{URL: url, Tracer: provider.Tracer("test")})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		createUser(t, s, "secretive")
		if _, err := s.User(t.Context(), 999); !errors.Is(err, store.ErrUserNotFound) {
			t.Fatal(err)
		}
		if err := s.DB().WithContext(t.Context()).Exec("DELETE FROM nowhere WHERE name = ?", "secretive").Error; err == nil {
			t.Fatal("no error")
		}
		want := []struct {
			name   string
			status codes.Code
		}{{"INSERT users", codes.Unset}, {"SELECT users", codes.Unset}, {"DELETE", codes.Error}}
		ended := spans.Ended()
		if len(ended) != len(want) {
			t.Fatalf("got %d spans, want %d", len(ended), len(want))
		}
		for i, span := range ended {
			if span.Name() != want[i].name || span.Status().Code != want[i].status {
				t.Errorf("got span %q %v, want %q %v", span.Name(), span.Status().Code, want[i].name, want[i].status)
			}
			for _, attr := range span.Attributes() {
				if strings.Contains(attr.Value.String(), "secretive") {
					t.Errorf("%s shows a value: %s", span.Name(), attr.Key)
				}
			}
			if len(span.Events()) != 0 || span.Status().Description == "secretive" {
				t.Errorf("%s has events %v", span.Name(), span.Events())
			}
		}
	})
}
