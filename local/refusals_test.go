package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/barrage-live/barrage/shared/intake"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/sockets/client"
)

// Whatever is refused, wherever in the stack, is refused with the same body and a code that programs can rely on.
func TestEveryRefusalIsAProblem(t *testing.T) {
	s := startStack(t)
	anchor, viewer, nobody := register(t, s, "r-anchor"), register(t, s, "r-viewer"), caller{t: t, s: s}
	var idle live.Room
	anchor.must(http.StatusCreated, "POST", "/api/v1/rooms", map[string]string{"title": "never started"}, &idle)
	onAir := anchor.liveRoom("on air")
	forged := viewer
	forged.token = viewer.token[:len(viewer.token)-4] + "AAAA"

	for _, c := range []struct {
		name         string
		who          caller
		method, path string
		body         any
		status       int
		code         string
	}{
		{"no JSON", viewer, "POST", "/api/v1/rooms", "{", 400, "malformed"},
		{"no token", nobody, "POST", "/api/v1/rooms", map[string]string{"title": "x"}, 401, "unauthenticated"},
		{"forged token", forged, "GET", "/api/v1/users/me", nil, 401, "invalid_token"},
		{"wrong password", nobody, "POST", "/api/v1/auth/login", map[string]string{"username": "r-viewer", "password": "wrong horse"}, 401, "bad_credentials"},
		{"nobody's name", nobody, "POST", "/api/v1/auth/login", map[string]string{"username": "r-nobody", "password": "wrong horse"}, 401, "bad_credentials"},
		{"another's room", viewer, "POST", path(idle.ID, "/start"), nil, 403, "not_anchor"},
		{"another's room changed", viewer, "PATCH", path(idle.ID, ""), map[string]string{"title": "mine"}, 403, "not_anchor"},
		{"unknown room", nobody, "GET", path(1<<50, ""), nil, 404, "room_not_found"},
		{"unknown room joined", viewer, "POST", path(1<<50, "/join"), nil, 404, "room_not_found"},
		{"unknown path", nobody, "GET", "/api/v1/nothing", nil, 404, "not_found"},
		{"wrong method", viewer, "DELETE", path(idle.ID, "/start"), nil, 405, "method_not_allowed"},
		{"name taken", nobody, "POST", "/api/v1/auth/register", map[string]string{"username": "r-viewer", "password": "correct horse"}, 409, "username_taken"},
		{"stop before start", anchor, "POST", path(idle.ID, "/stop"), nil, 409, "wrong_status"},
		{"join before start", viewer, "POST", path(idle.ID, "/join"), nil, 409, "not_live"},
		{"speak before start", viewer, "POST", path(idle.ID, "/messages"), map[string]string{"content": "hi"}, 409, "not_live"},
		{"body too big", viewer, "POST", "/api/v1/rooms", `{"title":"` + strings.Repeat("x", 64<<10) + `"}`, 413, "too_large"},
		{"unknown field", viewer, "POST", "/api/v1/rooms", map[string]string{"title": "x", "colour": "red"}, 422, "invalid"},
		{"no title", viewer, "POST", "/api/v1/rooms", map[string]string{"title": " "}, 422, "invalid"},
		{"weak password", nobody, "POST", "/api/v1/auth/register", map[string]string{"username": "r-weak", "password": "1234567"}, 422, "weak_password"},
		{"list too long", nobody, "GET", "/api/v1/rooms?limit=101", nil, 422, "invalid"},
		{"made-up cursor", nobody, "GET", "/api/v1/rooms?cursor=zzzz", nil, 422, "bad_cursor"},
		{"made-up sort", nobody, "GET", "/api/v1/rooms?sort=best", nil, 422, "invalid"},
		{"danmu too long", viewer, "POST", path(onAir.ID, "/messages"), map[string]string{"content": strings.Repeat("长", 101)}, 422, "too_long"},
		{"danmu in no colour", viewer, "POST", path(onAir.ID, "/messages"), map[string]any{"content": "hi", "data": map[string]string{"color": "red"}}, 422, "bad_message"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.who.t = t
			isProblem(t, c.who.call(c.method, c.path, c.body), c.status, c.code)
		})
	}
}

func isProblem(t *testing.T, r reply, status int, code string) {
	t.Helper()
	var p struct {
		Title  string `json:"title"`
		Status int    `json:"status"`
		Code   string `json:"code"`
	}
	if got := r.header.Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("got %d %s as %q", r.status, r.body, got)
	}
	if err := json.Unmarshal(r.body, &p); err != nil {
		t.Fatal(err)
	}
	if r.status != status || p.Status != status || p.Code != code || p.Title == "" {
		t.Fatalf("got %d %s, want %d %s", r.status, r.body, status, code)
	}
}

// Who writes too fast is told when to go on, over HTTP as over the socket.
func TestFastWritersAreToldToWait(t *testing.T) {
	s := startStack(t, env("USER_MESSAGE_RATE=0.05"))
	room := login(t, s, "anchor", demoPassword).liveRoom("slow down")
	viewer := register(t, s, "r-fast")
	var last reply
	for range intake.Burst + 1 {
		last = viewer.call("POST", path(room.ID, "/messages"), map[string]string{"content": "again"})
	}
	isProblem(t, last, http.StatusTooManyRequests, "rate_limited")
	if last.header.Get("Retry-After") == "" {
		t.Error("got no Retry-After")
	}
}

// The socket's door refuses with the same bodies.
func TestSocketsAreRefusedWithAProblem(t *testing.T) {
	s := startStack(t)
	anchor := register(t, s, "r-socket")
	room := anchor.liveRoom("doors")
	for _, c := range []struct {
		name   string
		o      client.Options
		status int
	}{
		{"unknown room", client.Options{Room: 1 << 50}, http.StatusNotFound},
		{"no token at all", client.Options{Room: room.ID, Token: "nonsense"}, http.StatusUnauthorized},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.o.URL = s.SocketURL
			_, err := client.Dial(t.Context(), c.o)
			refused, ok := err.(*client.Refused)
			if !ok || refused.Status != c.status || refused.Code == "" {
				t.Fatalf("got %v, want status %d with a code", err, c.status)
			}
		})
	}
}
