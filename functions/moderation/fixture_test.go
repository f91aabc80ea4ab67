package moderation_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/barrage-live/barrage/functions/moderation"
	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
	"github.com/barrage-live/barrage/shared/roomstate"
	redisserver "github.com/barrage-live/barrage/shared/roomstate/embedded"
	"github.com/barrage-live/barrage/shared/rulebook"
	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/storetest"
	"github.com/barrage-live/barrage/shared/stream"
	kafkaserver "github.com/barrage-live/barrage/shared/stream/embedded"
	"github.com/barrage-live/barrage/shared/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fixture is the service with everything under it, and a room with people.
type fixture struct {
	*moderation.Service
	deps  moderation.Deps
	store *store.Store
	redis *redis.Client
	room  live.RoomID

	anchor, mod, viewer, admin right.Who
}

// each runs the test on embedded servers, and on the real ones that are there.
func each(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		redisAddr, stop, err := redisserver.Start("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer stop()
		broker, err := kafkaserver.Start(kafkaserver.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := broker.Close(); err != nil {
				t.Error(err)
			}
		}()
		t.Run("embedded", func(t *testing.T) { test(t, newFixture(t, s, redisAddr, broker.Addr())) })
		if addr := os.Getenv("BARRAGE_TEST_REDIS"); addr != "" {
			t.Run("redis", func(t *testing.T) { test(t, newFixture(t, s, addr, broker.Addr())) })
		}
	})
}

func newFixture(t *testing.T, s *store.Store, redisAddr, kafka string) *fixture {
	t.Helper()
	f := &fixture{store: s, redis: redis.NewClient(&redis.Options{Addr: redisAddr})}
	t.Cleanup(func() { _ = f.redis.Close() }) // nothing is lost with it
	book := rulebook.New(s)
	state, err := rulebook.NewState(f.redis, book, roomstate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(state.Close)
	client, err := stream.Dial(t.Context(), stream.Config{Brokers: strings.Split(kafka, ",")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) }) // every record was waited for
	if err := client.EnsureTopics(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.deps = moderation.Deps{
		Rooms: func(ctx context.Context, id live.RoomID) (live.Room, error) { return s.Room(store.Primary(ctx), id) },
		Users: s.User, Book: book, State: state, Fanout: fanout.NewPublisher(f.redis, fanout.PublisherConfig{}),
		History: fanout.NewHistory(f.redis), Kafka: client,
	}
	f.Service = moderation.New(f.deps)
	f.people(t)
	return f
}

// people makes a room with its anchor, a moderator, a viewer and an admin. The room's id is its own on any Redis.
func (f *fixture) people(t *testing.T) {
	t.Helper()
	f.anchor, f.mod = f.user(t, "anchor", live.RoleViewer), f.user(t, "mod", live.RoleViewer)
	f.viewer, f.admin = f.user(t, "viewer", live.RoleViewer), f.user(t, "admin", live.RoleAdmin)
	first := 1_000_000 + mathrand.Int64N(1<<40)
	sql := fmt.Sprint("ALTER TABLE rooms AUTO_INCREMENT = ", first)
	if f.store.DB().Name() == "sqlite" {
		sql = fmt.Sprintf("INSERT INTO sqlite_sequence (name, seq) VALUES ('rooms', %d)", first)
	}
	if err := f.store.DB().Exec(sql).Error; err != nil {
		t.Fatal(err)
	}
	r, err := f.store.CreateRoom(t.Context(), store.NewRoom{Anchor: f.anchor.User, Title: "a room"})
	if err != nil {
		t.Fatal(err)
	}
	f.room = r.ID
	if err := f.Appoint(t.Context(), f.anchor, f.room, f.mod.User); err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) user(t *testing.T, name string, role live.Role) right.Who {
	t.Helper()
	username := name + "-" + strings.ToLower(rand.Text()[:10]) // one database serves the test on each Redis
	u, err := f.store.CreateUser(t.Context(), store.NewUser{Username: username, Nickname: name, Role: role})
	if err != nil {
		t.Fatal(err)
	}
	return right.Who{User: u.ID, Role: role}
}

// standing asks as a pod does that knows nothing yet.
func (f *fixture) standing(t *testing.T, user live.UserID) roomstate.Standing {
	t.Helper()
	pod, err := roomstate.New(f.redis, roomstate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer pod.Close()
	s, err := pod.Standing(t.Context(), f.room, user)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// say puts a danmu into the room as the intake does.
func (f *fixture) say(t *testing.T, sender live.UserID, id, content string) live.Seq {
	t.Helper()
	payload, err := wire.Marshal(live.Message{Type: live.Danmu, ID: id, RoomID: f.room, UserID: sender, Content: content, Data: json.RawMessage(`{}`)})
	if err != nil {
		t.Fatal(err)
	}
	return f.show(t, fmt.Sprint("u", sender, "/", id), payload)
}

func (f *fixture) show(t *testing.T, id string, payload []byte) live.Seq {
	t.Helper()
	item := fanout.Item{Sender: "test", ID: id, Class: live.ClassDanmu, Payload: payload, Settled: true}
	out, err := f.deps.Fanout.Publish(t.Context(), f.room, []fanout.Item{item})
	if err != nil {
		t.Fatal(err)
	}
	return out[0].Seq
}

// history is what a viewer who comes now gets of the room.
func (f *fixture) history(t *testing.T) []live.Message {
	t.Helper()
	stored, err := f.deps.History.Before(t.Context(), f.room, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	var all []live.Message
	for _, one := range stored {
		m, err := wire.Unmarshal(one.Payload)
		if err != nil {
			t.Fatal(err)
		}
		m.Seq = one.Seq
		all = append(all, m)
	}
	return all
}
