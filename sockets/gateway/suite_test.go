package gateway

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/intake"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/roomstate/redistest"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/stream/embedded"
	"github.com/barrage-live/barrage/shared/token"
	"github.com/barrage-live/barrage/shared/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	patience = 20 * time.Second
	anchor   = live.UserID(1000)
)

// world is what the pods of a test share.
type world struct {
	rdb     redis.UniversalClient
	brokers []string
	signer  *token.Signer
	room    live.RoomID
	filler  string // makes what say shows bigger
}

func newWorld(t *testing.T) *world {
	t.Helper()
	b, err := embedded.Start(embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return newWorldOn(t, redistest.Embedded(t), []string{b.Addr()})
}

// onWorlds runs a test on embedded servers, and on the real ones that the environment names.
func onWorlds(t *testing.T, test func(t *testing.T, w *world)) {
	t.Run("embedded", func(t *testing.T) { test(t, newWorld(t)) })
	addr, brokers := os.Getenv("BARRAGE_TEST_REDIS"), os.Getenv("BARRAGE_TEST_KAFKA")
	if addr != "" && brokers != "" {
		t.Run("real", func(t *testing.T) {
			test(t, newWorldOn(t, redistest.Client(t, addr), strings.Split(brokers, ",")))
		})
	}
}

func newWorldOn(t *testing.T, rdb redis.UniversalClient, brokers []string) *world {
	t.Helper()
	key, err := token.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	signer, err := token.NewSigner([]token.Key{key}, "test", "barrage", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{rdb: rdb, brokers: brokers, signer: signer, room: redistest.Room()}
	w.putRoom(t, w.liveRoom())
	return w
}

func (w *world) liveRoom() live.Room {
	now := time.Now().UTC()
	return live.Room{ID: w.room, AnchorID: anchor, Title: "test", Status: live.RoomLive, CreatedAt: now, UpdatedAt: now, StartedAt: &now}
}

func (w *world) state(t *testing.T) *roomstate.State {
	t.Helper()
	state, err := roomstate.New(w.rdb, roomstate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(state.Close)
	return state
}

func (w *world) putRoom(t *testing.T, info live.Room) {
	t.Helper()
	if err := w.state(t).PutRoom(t.Context(), info); err != nil {
		t.Fatal(err)
	}
}

func (w *world) publisher() *fanout.Publisher {
	return fanout.NewPublisher(w.rdb, fanout.PublisherConfig{})
}

func (w *world) command(t *testing.T, c wire.Command) {
	t.Helper()
	payload, err := wire.MarshalCommand(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.publisher().Command(t.Context(), w.room, payload); err != nil {
		t.Fatal(err)
	}
}

// say shows n danmaku in the room, without any pod's intake.
func (w *world) say(t testing.TB, from, n int) {
	t.Helper()
	var items []fanout.Item
	for i := from; i < from+n; i++ {
		payload, err := wire.Marshal(live.Message{
			Type: live.Danmu, ID: fmt.Sprint("s", i), RoomID: w.room, Content: fmt.Sprint(i), TraceID: w.filler,
		})
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, fanout.Item{Sender: "test", ID: fmt.Sprint("s", i), Class: live.ClassDanmu, Payload: payload})
	}
	if _, err := w.publisher().Publish(t.Context(), w.room, items); err != nil {
		t.Fatal(err)
	}
}

func (w *world) token(t testing.TB, user live.UserID) string {
	t.Helper()
	raw, _, err := w.signer.Sign(token.Identity{User: user, Nickname: fmt.Sprint("nick", user), Role: live.RoleViewer})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// pod is one running gateway.
type pod struct {
	*Gateway
	world *world
	url   string
	stop  func() // ends it without a drain; more calls do nothing
}

func (w *world) start(t *testing.T, change func(*Config, *intake.Config)) *pod {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	kafka, err := stream.Dial(ctx, stream.Config{Brokers: w.brokers, DeliveryTimeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if err := kafka.EnsureTopics(ctx); err != nil {
		t.Fatal(err)
	}
	state := w.state(t)
	name := strings.ToLower(rand.Text()[:8])
	verifier, err := token.NewVerifier("barrage", w.signer.Keyring())
	if err != nil {
		t.Fatal(err)
	}
	ic := intake.Config{Kafka: kafka, State: state, Pod: name, LikeWindow: 50 * time.Millisecond}
	rooms := NewRoomAPI(state, nil)
	gc := Config{
		Pod: name, Verifier: verifier, Rooms: rooms, Redis: w.rdb, State: state, Kafka: kafka,
		Origins: []string{"https://good.example"}, AllowGuests: true, TokenGrace: time.Millisecond,
	}
	if change != nil {
		change(&gc, &ic)
	}
	publisher := fanout.NewPublisher(w.rdb, fanout.PublisherConfig{})
	ic.Publisher = publisher
	in, err := intake.New(ic)
	if err != nil {
		t.Fatal(err)
	}
	gc.Intake, gc.Fanout.Publisher = in, publisher
	g, err := New(gc)
	if err != nil {
		t.Fatal(err)
	}
	return w.run(t, g, in, kafka)
}

func (w *world) run(t *testing.T, g *Gateway, in *intake.Intake, kafka *stream.Client) *pod {
	t.Helper()
	server := httptest.NewServer(g)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	p := &pod{Gateway: g, world: w, url: "ws" + strings.TrimPrefix(server.URL, "http") + "/ws"}
	stopped := false
	p.stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("gateway: %v", err)
		}
		in.Close()
		server.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := kafka.Close(ctx); err != nil {
			t.Logf("close kafka: %v", err) // it may be the test's point that Kafka is gone
		}
	}
	t.Cleanup(p.stop)
	return p
}
