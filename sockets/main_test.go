package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	redisserver "github.com/barrage-live/barrage/shared/roomstate/embedded"
	kafkaserver "github.com/barrage-live/barrage/shared/stream/embedded"
	"github.com/barrage-live/barrage/shared/token"
	"github.com/barrage-live/barrage/shared/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 20 * time.Second

// functions is the part of the platform that a pod asks over HTTP: keys, rooms, and their rules.
func functions(t *testing.T, signer *token.Signer, redisAddr string) *httptest.Server {
	t.Helper()
	rdb := redis.NewClient(&redis.Options{Addr: redisAddr})
	rules, err := roomstate.New(rdb, roomstate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		rules.Close()
		if err := rdb.Close(); err != nil {
			t.Error(err)
		}
	})
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, body []byte) {
		if _, err := w.Write(body); err != nil {
			t.Error(err)
		}
	}
	mux.HandleFunc("GET /.well-known/jwks.json", func(w http.ResponseWriter, _ *http.Request) { answer(w, signer.JWKS()) })
	mux.HandleFunc("GET /api/v1/rooms/42", func(w http.ResponseWriter, _ *http.Request) {
		now := time.Now().UTC()
		body, err := json.Marshal(live.Room{ID: 42, AnchorID: 1, Status: live.RoomLive, UpdatedAt: now, StartedAt: &now})
		if err != nil {
			t.Error(err)
		}
		answer(w, body)
	})
	mux.HandleFunc("GET /api/v1/rooms/42/settings", func(w http.ResponseWriter, r *http.Request) {
		if err := rules.Restore(r.Context(), 42, roomstate.Rules{}); err != nil { // as the room function does
			t.Error(err)
		}
		answer(w, []byte(`{}`))
	})
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func environment(t *testing.T) (map[string]string, *token.Signer) {
	t.Helper()
	redisAddr, stopRedis, err := redisserver.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stopRedis)
	kafka, err := kafkaserver.Start(kafkaserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := kafka.Close(); err != nil {
			t.Error(err)
		}
	})
	key, err := token.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	signer, err := token.NewSigner([]token.Key{key}, "barrage", "barrage", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	api := functions(t, signer, redisAddr)
	return map[string]string{
		"LISTEN_ADDR": "127.0.0.1:0", "REDIS_ADDRS": redisAddr, "KAFKA_BROKERS": kafka.Addr(), "ROOM_API_URL": api.URL,
		"JWKS_URL": api.URL + "/.well-known/jwks.json", "DRAIN_TIMEOUT": "4s", "USER_MESSAGE_RATE": "0",
	}, signer
}

func get(t *testing.T, url string) (status int) {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer http.DefaultClient.CloseIdleConnections()
	if err := res.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return res.StatusCode
}

// start runs a pod until ctx ends and says where viewers and operators find it.
func start(t *testing.T, ctx context.Context, env map[string]string) (viewers, operators string, ended <-chan error) {
	t.Helper()
	type addresses struct{ viewers, operators net.Addr }
	found, end := make(chan addresses, 1), make(chan error, 1)
	go func() {
		end <- run(ctx, func(name string) string { return env[name] }, func(v, o net.Addr) { found <- addresses{v, o} })
	}()
	select {
	case a := <-found:
		return a.viewers.String(), a.operators.String(), end
	case err := <-end:
		t.Fatal(err)
	}
	return "", "", nil
}

func ends(t *testing.T, ended <-chan error) {
	t.Helper()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("the pod did not end")
	}
}

func TestMetricsHaveADoorOfTheirOwn(t *testing.T) {
	env, _ := environment(t)
	env["METRICS_ADDR"], env["DRAIN_TIMEOUT"] = "127.0.0.1:0", "1s"
	ctx, terminate := context.WithCancel(t.Context())
	defer terminate()
	viewers, operators, ended := start(t, ctx, env)
	if viewers == operators {
		t.Fatalf("both are on %s", viewers)
	}
	for _, path := range []string{"/health/live", "/health/ready", "/metrics"} {
		if got := get(t, "http://"+operators+path); got != 200 {
			t.Errorf("%s: got %d", path, got)
		}
		if got := get(t, "http://"+viewers+path); got != 404 {
			t.Errorf("%s where viewers come: got %d, want 404", path, got)
		}
	}
	if got := get(t, "http://"+operators+"/ws?room_id=42"); got != 404 {
		t.Errorf("/ws where operators come: got %d, want 404", got)
	}
	if got := get(t, "http://"+viewers+"/ws?room_id=42"); got == 404 {
		t.Error("viewers find no /ws")
	}
	terminate()
	ends(t, ended)
}

func TestTakenMetricsAddressIsSaid(t *testing.T) {
	env, _ := environment(t)
	taken := httptest.NewServer(http.NotFoundHandler())
	defer taken.Close()
	env["METRICS_ADDR"] = taken.Listener.Addr().String()
	err := run(t.Context(), func(name string) string { return env[name] }, nil)
	if err == nil || !strings.Contains(err.Error(), "listen for metrics") {
		t.Errorf("got %v", err)
	}
}

func TestPodServesAndDrains(t *testing.T) {
	env, signer := environment(t)
	ctx, terminate := context.WithCancel(t.Context())
	defer terminate()
	base, _, ended := start(t, ctx, env)
	for _, path := range []string{"/health/live", "/health/ready", "/metrics"} {
		if got := get(t, "http://"+base+path); got != 200 {
			t.Errorf("%s: got %d", path, got)
		}
	}
	raw, _, err := signer.Sign(token.Identity{User: 7, Nickname: "seven", Role: live.RoleViewer})
	if err != nil {
		t.Fatal(err)
	}
	ws, _, err := websocket.DefaultDialer.DialContext(ctx, "ws://"+base+"/ws?room_id=42", http.Header{"Authorization": {"Bearer " + raw}})
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	expect(t, ws, live.Welcome)
	if err := ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"danmu","id":"a","content":"hi"}`)); err != nil {
		t.Fatal(err)
	}
	expect(t, ws, live.Ack)
	terminate() // as SIGTERM does
	expect(t, ws, live.Reconnect)
	_, _, err = ws.ReadMessage()
	for err == nil {
		_, _, err = ws.ReadMessage()
	}
	if !websocket.IsCloseError(err, int(wire.CloseRestart)) {
		t.Errorf("got %v, want 1012", err)
	}
	ends(t, ended)
}

// expect skips to a message of the type.
func expect(t *testing.T, ws *websocket.Conn, of live.MessageType) {
	t.Helper()
	for {
		if err := ws.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		_, frame, err := ws.ReadMessage()
		if err != nil {
			t.Fatalf("waiting for %s: %v", of, err)
		}
		m, err := wire.Unmarshal(frame)
		if err != nil {
			t.Fatal(err)
		}
		if m.Type == of {
			return
		}
	}
}

func TestAllProblemsAtOnce(t *testing.T) {
	env := map[string]string{
		"REDIS_ADDRS": "x", "KAFKA_BROKERS": "x", "ALLOWED_ORIGINS": "*,https://a.example/", "TRUSTED_PROXIES": "10.0.0.0",
		"KAFKA_AUTH": "magic", "DRAIN_TIMEOUT": "10ms", "PING_INTERVAL": "1h",
	}
	err := run(t.Context(), func(name string) string { return env[name] }, nil)
	if err == nil {
		t.Fatal("got no error")
	}
	for _, want := range []string{"JWKS_URL", "ALLOWED_ORIGINS", "TRUSTED_PROXIES", "KAFKA_AUTH", "DRAIN_TIMEOUT", "PING_INTERVAL"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to name %s", err, want)
		}
	}
	if err := run(t.Context(), func(string) string { return "" }, nil); err == nil || !strings.Contains(err.Error(), "REDIS_ADDRS") {
		t.Errorf("got %v of nothing set", err)
	}
}

func TestSecretThatCannotBeReadIsNamed(t *testing.T) {
	t.Setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:1")
	t.Setenv("AWS_ACCESS_KEY_ID", "a")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
	env := map[string]string{"KAFKA_PASSWORD": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:kafka-AbCdEf"}
	err := run(t.Context(), func(name string) string { return env[name] }, nil)
	if err == nil || !strings.Contains(err.Error(), "KAFKA_PASSWORD: read secret") {
		t.Errorf("got %v, want it to name the setting", err)
	}
}

func TestInsecureSwitchIsRefusedInProduction(t *testing.T) {
	env, _ := environment(t)
	env["APP_ENV"], env["ALLOW_QUERY_TOKEN"] = "production", "true"
	if err := run(t.Context(), func(name string) string { return env[name] }, nil); err == nil || !strings.Contains(err.Error(), "ALLOW_QUERY_TOKEN") {
		t.Errorf("got %v", err)
	}
}

func TestPodWithoutServersDoesNotStart(t *testing.T) {
	env, _ := environment(t)
	env["REDIS_ADDRS"] = "127.0.0.1:1"
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err := run(ctx, func(name string) string { return env[name] }, func(_, _ net.Addr) { t.Error("it listens") })
	if err == nil || errors.Is(err, context.DeadlineExceeded) || !strings.Contains(fmt.Sprint(err), "redis") {
		t.Errorf("got %v", err)
	}
}
