package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/storetest"
	"github.com/barrage-live/barrage/sockets/client"
)

// startStack starts the whole platform on free ports, with a data folder of its own and without bots.
func startStack(t *testing.T, change ...func(*Options)) *Stack {
	t.Helper()
	const free = "127.0.0.1:0"
	o := Options{HTTP: free, Socket: free, Kafka: free, Redis: free, S3: free, Data: t.TempDir(), Log: testLog{t}}
	env()(&o)
	for _, c := range change {
		c(&o)
	}
	s, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	s.closing = time.Minute // nobody waits who has pressed Ctrl-C, and other tests' servers may be busy
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// testLog shows what the stack logs, warnings and errors, beside the test's own lines.
type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Logf("log: %s", bytes.TrimSpace(p))
	return len(p), nil
}

// env makes settings for Options.Getenv from NAME=value. Nobody waits for a load balancer here, so drains are short.
func env(settings ...string) func(*Options) {
	values := map[string]string{"DRAIN_TIMEOUT": "200ms"}
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		values[name] = value
	}
	return func(o *Options) { o.Getenv = func(name string) string { return values[name] } }
}

// unlimited lifts the limits that would slow a test's senders.
func unlimited() []string { return []string{"USER_MESSAGE_RATE=0", "ROOM_DISPLAY_RATE=0"} }

// eachStack runs the test on embedded servers and, where BARRAGE_TEST_* name real ones, on those all together.
func eachStack(t *testing.T, test func(t *testing.T, s *Stack)) {
	t.Helper()
	t.Run("embedded", func(t *testing.T) { test(t, startStack(t, env(unlimited()...))) })
	settings := unlimited()
	var real []string
	if addr := os.Getenv("BARRAGE_TEST_REDIS"); addr != "" {
		settings, real = append(settings, "REDIS_ADDRS="+addr), append(real, "redis")
	}
	if brokers := os.Getenv("BARRAGE_TEST_KAFKA"); brokers != "" {
		settings, real = append(settings, "KAFKA_BROKERS="+brokers), append(real, "kafka")
	}
	if url, ok := storetest.MySQL(t); ok {
		settings, real = append(settings, "DATABASE_URL="+url), append(real, "mariadb")
	}
	if len(real) == 0 {
		return
	}
	t.Run(strings.Join(real, "+"), func(t *testing.T) {
		// Other packages' tests use the same servers: groups, counts and room ids must be this test's own.
		s := startStack(t, env(settings...), func(o *Options) { o.Space = fmt.Sprintf("test-%016x-", rand.Uint64()) })
		ownRooms(t, s)
		test(t, s)
	})
}

// ownRooms lets the ids of new rooms begin at a random number, since Redis and Kafka know rooms by id alone.
func ownRooms(t *testing.T, s *Stack) {
	t.Helper()
	ownIDs(t, s, "rooms")
}

// ownIDs lets the ids of the table's new rows begin at a random number.
func ownIDs(t *testing.T, s *Stack, table string) {
	t.Helper()
	first := 1_000_000 + rand.Int64N(1<<40)
	db := s.parts.Store.DB()
	sql := fmt.Sprintf("ALTER TABLE %s AUTO_INCREMENT = %d", table, first)
	if db.Name() == "sqlite" {
		sql = fmt.Sprintf("UPDATE sqlite_sequence SET seq = %d WHERE name = '%s'", first, table)
	}
	if err := db.Exec(sql).Error; err != nil {
		t.Fatal(err)
	}
}

// caller is a person with a token, or nobody, at the HTTP API.
type caller struct {
	t     *testing.T
	s     *Stack
	token string
	user  live.User
}

// reply is an answer of the API.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// call sends body as JSON, or as it is when it is a string.
func (c caller) call(method, path string, body any) reply {
	c.t.Helper()
	return c.callWith(method, path, body, nil)
}

// callWith is call with headers of its own.
func (c caller) callWith(method, path string, body any, headers map[string]string) reply {
	c.t.Helper()
	var text io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		text = strings.NewReader(b)
	default:
		encoded, err := json.Marshal(b)
		if err != nil {
			c.t.Fatal(err)
		}
		text = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.s.HTTPURL+path, text)
	if err != nil {
		c.t.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, answer}
}

// must is call with the wanted status; it decodes the body into out unless that is nil.
func (c caller) must(status int, method, path string, body, out any) {
	c.t.Helper()
	r := c.call(method, path, body)
	if r.status != status {
		c.t.Fatalf("%s %s: got %d %s, want %d", method, path, r.status, r.body, status)
	}
	if out == nil {
		return
	}
	if err := json.Unmarshal(r.body, out); err != nil {
		c.t.Fatalf("%s %s: %v in %s", method, path, err, r.body)
	}
}

// register makes an account and logs it in.
func register(t *testing.T, s *Stack, username string) caller {
	t.Helper()
	c := caller{t: t, s: s}
	c.must(http.StatusCreated, "POST", "/api/v1/auth/register",
		map[string]string{"username": username, "password": "correct horse", "nickname": username}, nil)
	return login(t, s, username, "correct horse")
}

func login(t *testing.T, s *Stack, username, password string) caller {
	t.Helper()
	c := caller{t: t, s: s}
	var got struct {
		AccessToken string    `json:"access_token"`
		TokenType   string    `json:"token_type"`
		User        live.User `json:"user"`
	}
	c.must(http.StatusOK, "POST", "/api/v1/auth/login", map[string]string{"username": username, "password": password}, &got)
	if got.TokenType != "Bearer" || got.User.Username != username {
		t.Fatalf("login: got %+v", got)
	}
	c.token, c.user = got.AccessToken, got.User
	return c
}

// liveRoom creates a room and starts it.
func (c caller) liveRoom(title string) live.Room {
	c.t.Helper()
	var room live.Room
	c.must(http.StatusCreated, "POST", "/api/v1/rooms", map[string]string{"title": title}, &room)
	c.must(http.StatusOK, "POST", path(room.ID, "/start"), nil, &room)
	if room.Status != live.RoomLive || room.StartedAt == nil || room.AnchorID != c.user.ID {
		c.t.Fatalf("start: got %+v", room)
	}
	return room
}

func path(room live.RoomID, rest string) string {
	return fmt.Sprintf("/api/v1/rooms/%d%s", room, rest)
}

// dial opens a socket and returns it with its welcome.
func dial(t *testing.T, s *Stack, o client.Options) (*client.Conn, welcome) {
	t.Helper()
	o.URL = s.SocketURL
	conn, hello, err := dialed(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Cut() }) // most have been closed by the server
	return conn, hello
}

func dialed(ctx context.Context, o client.Options) (*client.Conn, welcome, error) {
	conn, err := client.Dial(ctx, o)
	if err != nil {
		return nil, welcome{}, err
	}
	m, err := conn.Read()
	if err == nil && m.Type != live.Welcome {
		err = fmt.Errorf("first message: got %s, want welcome", m.Type)
	}
	var hello welcome
	if err == nil {
		err = json.Unmarshal(m.Data, &hello)
	}
	if err != nil {
		return nil, welcome{}, errors.Join(err, conn.Cut())
	}
	return conn, hello, nil
}

type welcome struct {
	Session   string     `json:"session"`
	Epoch     live.Epoch `json:"epoch"`
	Seq       live.Seq   `json:"seq"`
	Recovered bool       `json:"recovered"`
	Missed    int64      `json:"missed"`
	Online    int64      `json:"online"`
	Room      live.Room  `json:"room"`
}

// eventually asks until ok says yes, and fails the test with what it said last.
func eventually(t *testing.T, within time.Duration, ok func() (bool, string)) {
	t.Helper()
	deadline := time.After(within)
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		done, state := ok()
		if done {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("after %s: %s", within, state)
		}
	}
}
