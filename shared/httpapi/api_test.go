package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
	"github.com/barrage-live/barrage/shared/telemetry"
	"github.com/barrage-live/barrage/shared/token"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// keyring verifies tokens by looking them up.
type keyring map[string]token.Identity

func (k keyring) Verify(raw string) (token.Identity, error) {
	switch raw {
	case "expired":
		return token.Identity{}, token.ErrExpired
	case "broken":
		return token.Identity{}, errors.New("parse: secret detail")
	}
	if id, ok := k[raw]; ok {
		return id, nil
	}
	return token.Identity{}, token.ErrInvalid
}

func people() keyring {
	return keyring{
		"viewer": {User: 7, Nickname: "Seven", Role: live.RoleViewer},
		"admin":  {User: 1, Nickname: "Root", Role: live.RoleAdmin},
	}
}

type roomInput struct {
	ID live.RoomID `path:"id" minimum:"1" maximum:"9007199254740991"`
}

type createInput struct {
	Body struct {
		Title string `json:"title" minLength:"1" maxLength:"10"`
		Cover string `json:"cover,omitempty" maxLength:"10"`
		Count int64  `json:"count,omitempty"`
		Data  struct {
			Color string `json:"color,omitempty" pattern:"^#[0-9a-f]{6}$"`
		} `json:"data,omitempty"`
	}
}

type created struct {
	Location string `header:"Location"`
	Body     live.Room
}

type whoAnswer struct {
	User   live.UserID `json:"user"`
	Known  bool        `json:"known"`
	HasRID bool        `json:"has_request_id"`
}

// fixture is an API with a route of each kind.
type fixture struct {
	*httptest.Server
	api  *httpapi.API
	logs *lockedBuffer
}

func newFixture(t *testing.T, change func(*httpapi.Config)) fixture {
	t.Helper()
	logs := &lockedBuffer{}
	tel, err := telemetry.Start(t.Context(), telemetry.Config{Service: "test", Getenv: func(string) string { return "" }, Log: logs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tel.Shutdown(context.Background()) })
	cfg := httpapi.Config{Title: "Test", Verifier: people(), Telemetry: tel, AllowedOrigins: []string{"https://web.example"}}
	if change != nil {
		change(&cfg)
	}
	api := httpapi.New(cfg)
	register(api)
	server := httptest.NewUnstartedServer(nil)
	server.Config = httpapi.NewServer(api.Handler(), slog.New(slog.NewTextHandler(logs, nil)))
	server.Start()
	t.Cleanup(server.Close)
	return fixture{Server: server, api: api, logs: logs}
}

func register(api *httpapi.API) {
	httpapi.Route(api, httpapi.Op{Method: "GET", Path: "/api/v1/rooms/{id}", Summary: "Read a room", Action: right.Look},
		func(_ context.Context, in *roomInput) (*httpapi.Body[live.Room], error) {
			return &httpapi.Body[live.Room]{Body: live.Room{ID: in.ID, Title: "<b>"}}, nil
		})
	httpapi.Route(api, httpapi.Op{Method: "POST", Path: "/api/v1/rooms", Summary: "Create a room", Status: 201, Action: right.Speak,
		Errors: []*live.Error{live.Errorf(live.KindConflict, "title_taken", "Taken.")}},
		func(_ context.Context, in *createInput) (*created, error) {
			return &created{Location: "/api/v1/rooms/1", Body: live.Room{ID: 1, Title: in.Body.Title}}, nil
		})
	httpapi.Route(api, httpapi.Op{Method: "DELETE", Path: "/api/v1/rooms/{id}", Summary: "Delete a room", Action: right.Refund},
		func(context.Context, *roomInput) (*httpapi.None, error) { return nil, nil })
	httpapi.Route(api, httpapi.Op{Method: "GET", Path: "/api/v1/rooms", Summary: "List rooms", Action: right.Look},
		func(_ context.Context, in *struct{ httpapi.PageQuery }) (*httpapi.Body[httpapi.Page[live.Room]], error) {
			return &httpapi.Body[httpapi.Page[live.Room]]{Body: httpapi.NewPage[live.Room](nil, fmt.Sprintf("%d %s", in.Limit, in.Cursor))}, nil
		})
	who := func(ctx context.Context, _ *httpapi.None) (*httpapi.Body[whoAnswer], error) {
		caller, ok := httpapi.Caller(ctx)
		return &httpapi.Body[whoAnswer]{Body: whoAnswer{caller.User, ok, httpapi.RequestID(ctx) != ""}}, nil
	}
	for path, action := range map[string]right.Action{"open": right.SignIn, "anyone": right.Look, "user": right.Speak, "admin": right.Refund} {
		httpapi.Route(api, httpapi.Op{Method: "GET", Path: "/api/v1/who/" + path, Summary: "Say who calls", Action: action}, who)
	}
	httpapi.Route(api, httpapi.Op{Method: "GET", Path: "/api/v1/fail/{how}", Summary: "Fail", Action: right.SignIn}, fail)
}

func fail(ctx context.Context, in *struct {
	How string `path:"how"`
}) (*httpapi.None, error) {
	switch in.How {
	case "conflict":
		return nil, fmt.Errorf("room 7: %w", live.Errorf(live.KindConflict, "wrong_status", "The room is not live."))
	case "limited":
		return nil, &live.Error{Kind: live.KindRateLimited, Code: "rate_limited", Message: "Slow down.", RetryAfter: 1200 * time.Millisecond}
	case "down":
		return nil, &live.Error{Kind: live.KindUnavailable, Code: "unavailable", Message: "Try later.", RetryAfter: time.Microsecond}
	case "login":
		return nil, live.Errorf(live.KindUnauthenticated, "bad_credentials", "Wrong name or password.")
	case "internal":
		return nil, errors.New("dial mysql://root:hunter2@db")
	case "panic":
		panic("hunter2 in a panic")
	case "abort":
		panic(http.ErrAbortHandler)
	}
	return nil, nil
}

type answer struct {
	*http.Response
	body []byte
}

func (f fixture) do(t *testing.T, method, path, body string, headers ...string) answer {
	t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, f.URL+path, reader)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	resp, err := f.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp, got}
}

// wantProblem checks that the answer is a whole problem body with the status and code.
func (a answer) wantProblem(t *testing.T, status int, code string) httpapi.Problem {
	t.Helper()
	var p httpapi.Problem
	if got := a.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("got content type %q of %s, want a problem", got, a.body)
	}
	dec := json.NewDecoder(bytes.NewReader(a.body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		t.Fatalf("decode %q: %v", a.body, err)
	}
	if a.StatusCode != status || p.Status != status || p.Code != code {
		t.Errorf("got %d %+v, want %d %s", a.StatusCode, p, status, code)
	}
	if p.Title != http.StatusText(status) || p.RequestID == "" || p.RequestID != a.Header.Get("X-Request-Id") {
		t.Errorf("got title %q and request id %q, want those of the answer %q", p.Title, p.RequestID, a.Header.Get("X-Request-Id"))
	}
	return p
}

// lockedBuffer takes log lines from several goroutines.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func answerWith[T any](body T) func(context.Context, *httpapi.None) (*httpapi.Body[T], error) {
	return func(context.Context, *httpapi.None) (*httpapi.Body[T], error) {
		return &httpapi.Body[T]{Body: body}, nil
	}
}
