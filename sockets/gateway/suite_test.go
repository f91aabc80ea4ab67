package gateway

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
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
		payload, err := wire.Marshal(live.Message{Type: live.Danmu, ID: fmt.Sprint("s", i), RoomID: w.room, Content: fmt.Sprint(i)})
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

// viewer is a client; its methods fail the test.
type viewer struct {
	t  testing.TB
	ws *websocket.Conn
	wire.WelcomeData
}

type dialing struct {
	query  string // beside room_id
	header http.Header
	proto  []string
	room   live.RoomID // 0: the world's
}

func (p *pod) try(t testing.TB, d dialing) (*websocket.Conn, *http.Response, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	room := d.room
	if room == 0 {
		room = p.world.room
	}
	dialer := websocket.Dialer{Subprotocols: d.proto}
	url := fmt.Sprintf("%s?room_id=%d%s", p.url, room, d.query)
	return dialer.DialContext(ctx, url, d.header)
}

// join connects user, 0 for a guest, and reads the welcome.
func (p *pod) join(t testing.TB, user live.UserID, query string) *viewer {
	t.Helper()
	d := dialing{query: query}
	if user != 0 {
		d.header = http.Header{"Authorization": {"Bearer " + p.world.token(t, user)}}
	}
	ws, res, err := p.try(t, d)
	if err != nil {
		t.Fatalf("dial: %v %s", err, problemCode(res))
	}
	return newViewer(t, ws)
}

func newViewer(t testing.TB, ws *websocket.Conn) *viewer {
	t.Helper()
	v := &viewer{t: t, ws: ws}
	t.Cleanup(func() { _ = ws.Close() }) // closed twice where the test did
	m := v.read()
	if m.Type != live.Welcome {
		t.Fatalf("got %s first, want the welcome", m.Type)
	}
	if err := json.Unmarshal(m.Data, &v.WelcomeData); err != nil {
		t.Fatal(err)
	}
	return v
}

func problemCode(res *http.Response) string {
	if res == nil {
		return ""
	}
	var p struct{ Code string }
	if err := json.NewDecoder(res.Body).Decode(&p); err != nil {
		return "no problem body: " + err.Error()
	}
	return p.Code
}

func (v *viewer) tryRead() (live.Message, error) {
	if err := v.ws.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return live.Message{}, err
	}
	_, frame, err := v.ws.ReadMessage()
	if err != nil {
		return live.Message{}, err
	}
	return wire.Unmarshal(frame)
}

func (v *viewer) read() live.Message {
	v.t.Helper()
	m, err := v.tryRead()
	if err != nil {
		v.t.Fatalf("read: %v", err)
	}
	return m
}

// next skips to the next message of the type.
func (v *viewer) next(of live.MessageType) live.Message {
	v.t.Helper()
	for {
		if m := v.read(); m.Type == of {
			return m
		}
	}
}

// closed reads until the server closes, and returns the code and the type of the last message before.
func (v *viewer) closed() (code int, last live.MessageType) {
	v.t.Helper()
	for {
		m, err := v.tryRead()
		var closing *websocket.CloseError
		if errors.As(err, &closing) {
			return closing.Code, last
		}
		if err != nil {
			v.t.Fatalf("read: %v", err)
		}
		last = m.Type
	}
}

func (v *viewer) send(text string, args ...any) {
	v.t.Helper()
	if err := v.ws.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, text, args...)); err != nil {
		v.t.Fatalf("send: %v", err)
	}
}

func (v *viewer) errorCode() string {
	v.t.Helper()
	var data wire.ErrorData
	if err := json.Unmarshal(v.next(live.ErrorReply).Data, &data); err != nil {
		v.t.Fatal(err)
	}
	return data.Code
}

// await waits until check holds.
func await(t testing.TB, what string, check func() bool) {
	t.Helper()
	redistest.Await(t, what, func(context.Context) error {
		if check() {
			return nil
		}
		return errors.New("not yet")
	})
}
