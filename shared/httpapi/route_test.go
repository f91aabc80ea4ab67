package httpapi_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
)

func TestAnswers(t *testing.T) {
	f := newFixture(t, nil)
	got := f.do(t, "GET", "/api/v1/rooms/42", "")
	var room live.Room
	if err := json.Unmarshal(got.body, &room); err != nil || got.StatusCode != 200 || room.ID != 42 {
		t.Errorf("got %d %s, want room 42", got.StatusCode, got.body)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
	} {
		if got := got.Header.Get(name); got != want {
			t.Errorf("got %s %q, want %q", name, got, want)
		}
	}
	got = f.do(t, "POST", "/api/v1/rooms", `{"title":"Hi","data":{"color":"#00ff00"}}`, "Authorization", "Bearer viewer")
	if got.StatusCode != 201 || got.Header.Get("Location") != "/api/v1/rooms/1" {
		t.Errorf("got %d %v %s, want 201 with a location", got.StatusCode, got.Header, got.body)
	}
	got = f.do(t, "DELETE", "/api/v1/rooms/1", "", "Authorization", "bearer admin")
	if got.StatusCode != 204 || len(got.body) != 0 {
		t.Errorf("got %d %q, want an empty 204", got.StatusCode, got.body)
	}
}

func TestPages(t *testing.T) {
	f := newFixture(t, nil)
	for query, want := range map[string]string{
		"":                  `{"items":[],"next_cursor":"20 "}`,
		"?limit=100":        `{"items":[],"next_cursor":"100 "}`,
		"?limit=5&cursor=x": `{"items":[],"next_cursor":"5 x"}`,
	} {
		if got := f.do(t, "GET", "/api/v1/rooms"+query, ""); strings.TrimSpace(string(got.body)) != want {
			t.Errorf("%s: got %d %s, want %s", query, got.StatusCode, got.body, want)
		}
	}
	for _, query := range []string{"?limit=0", "?limit=101", "?limit=-1", "?limit=1e2", "?limit=99999999999999999999", "?cursor=" + strings.Repeat("x", 1025)} {
		f.do(t, "GET", "/api/v1/rooms"+query, "").wantProblem(t, 422, "invalid")
	}
}

func TestErrorsOfRoutes(t *testing.T) {
	f := newFixture(t, nil)
	for how, want := range map[string]struct {
		status int
		code   string
		header string
		value  string
	}{
		"conflict": {409, "wrong_status", "", ""},
		"limited":  {429, "rate_limited", "Retry-After", "2"},
		"down":     {503, "unavailable", "Retry-After", "1"},
		"login":    {401, "bad_credentials", "Www-Authenticate", `Bearer realm="barrage"`},
		"internal": {500, "internal", "", ""},
		"panic":    {500, "internal", "", ""},
	} {
		t.Run(how, func(t *testing.T) {
			got := f.do(t, "GET", "/api/v1/fail/"+how, "")
			p := got.wantProblem(t, want.status, want.code)
			if want.header != "" && got.Header.Get(want.header) != want.value {
				t.Errorf("got %v, want %s %q", got.Header, want.header, want.value)
			}
			if how == "limited" && p.RetryAfterMS != 1200 || how == "down" && p.RetryAfterMS != 1 {
				t.Errorf("got retry after %d ms", p.RetryAfterMS)
			}
			if strings.Contains(string(got.body), "hunter2") {
				t.Errorf("the answer shows the cause: %s", got.body)
			}
		})
	}
	logs := f.logs.String()
	if got := strings.Count(logs, "\n"); got != 2 {
		t.Errorf("got %d log lines, want one each for internal and panic:\n%s", got, logs)
	}
	for _, want := range []string{`"error":"dial mysql`, `"route":"/api/v1/fail/{how}"`, `"error":"hunter2 in a panic"`, `"request_id"`, `"stack"`} {
		if !strings.Contains(logs, want) {
			t.Errorf("got logs %s, want %s in them", logs, want)
		}
	}
}

func TestAbortCutsTheConnection(t *testing.T) {
	f := newFixture(t, nil)
	if resp, err := f.Client().Get(f.URL + "/api/v1/fail/abort"); err == nil {
		resp.Body.Close()
		t.Errorf("got %s, want no answer", resp.Status)
	}
	if logs := f.logs.String(); logs != "" {
		t.Errorf("got logs %q, want none: an abort is meant", logs)
	}
}

func TestPanicAfterTheAnswerBeganCutsTheConnection(t *testing.T) {
	f := newFixture(t, nil)
	f.api.Mount("GET /half", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		panic("bug")
	}))
	resp, err := f.Client().Get(f.URL + "/half")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("got a whole answer %q, want it cut", body)
	}
}

func TestRouteMustSayWhoMayCall(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("got no panic for a route without an action")
		}
	}()
	httpapi.Route(httpapi.New(httpapi.Config{Title: "t"}), httpapi.Op{Method: "GET", Path: "/x"},
		func(context.Context, *httpapi.None) (*httpapi.None, error) { return nil, nil })
}

func TestRoutesLists(t *testing.T) {
	f := newFixture(t, nil)
	want := httpapi.RouteInfo{Method: "DELETE", Path: "/api/v1/rooms/{id}", Action: right.Refund}
	if got := f.api.Routes(); len(got) != 9 || !slices.Contains(got, want) {
		t.Errorf("got %v, want 9 routes and %v among them", got, want)
	}
}
