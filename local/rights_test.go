package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/barrage-live/barrage/functions"
	"github.com/barrage-live/barrage/shared/held"
	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
	"github.com/barrage-live/barrage/shared/token"
	"github.com/barrage-live/barrage/sockets/client"
)

// Who calls. Services hold one scope each; the owner has given the gift whose order is asked for.
const (
	anyone     = "guest viewer owner moderator anchor admin " + servers
	everybody  = "nobody " + anyone
	signedIn   = "viewer owner moderator anchor admin"
	moderators = "moderator anchor admin service=rooms:moderate"
	servers    = "service=presence:read service=rooms:moderate service=wallet:topup service=wallet:audit"
)

// walked is a route as everybody tries it, in this order. What stands in braces is replaced by what the test has made.
type walked struct {
	route string
	body  string
	may   string
	own   string // in a refusal that is not about who calls, but about what is in the body
}

// walk says who may do what, apart from the table in package right: a route with the wrong action is found here.
func walk() []walked {
	return []walked{
		{"GET /.well-known/jwks.json", "", everybody, ""},
		{"POST /api/v1/auth/register", `{"username":"walker","password":"correct horse"}`, everybody, ""},
		{"POST /api/v1/auth/login", `{"username":"walked-{name}","password":"wrong horse"}`, everybody, "bad_credentials"},
		{"POST /api/v1/auth/refresh", `{"refresh_token":"x"}`, everybody, "The refresh token is not valid"},
		{"POST /api/v1/auth/logout", `{"refresh_token":"x"}`, everybody, ""},
		{"GET /api/v1/users/me", "", signedIn, ""},
		{"PATCH /api/v1/users/me", `{"bio":"here"}`, signedIn, ""},
		{"POST /api/v1/users/me/avatar-upload", `{"content_type":"image/png","size":1}`, signedIn, ""},
		{"GET /api/v1/users/{user_id}", "", anyone, ""},
		{"GET /api/v1/users/{user_id}/presence", "", signedIn + " service=presence:read", ""},
		{"POST /api/v1/users/presence", `{"user_ids":[1]}`, signedIn + " service=presence:read", ""},
		{"POST /api/v1/rooms", `{"title":"another"}`, signedIn, ""},
		{"GET /api/v1/rooms", "", anyone, ""},
		{"GET /api/v1/rooms/{id}", "", anyone, ""},
		{"PATCH /api/v1/rooms/{id}", `{"title":"walked through"}`, "anchor admin", ""},
		{"POST /api/v1/rooms/{id}/cover-upload", `{"content_type":"image/png","size":1}`, "anchor admin", ""},
		{"POST /api/v1/rooms/{id}/start", "", "anchor admin", ""},
		{"POST /api/v1/rooms/{id}/join", "", signedIn, ""},
		{"POST /api/v1/rooms/{id}/leave", "", signedIn, ""},
		{"GET /api/v1/rooms/{id}/viewers", "", anyone, ""},
		{"GET /api/v1/rooms/{id}/messages", "", anyone, ""},
		{"POST /api/v1/rooms/{id}/messages", `{"content":"hello"}`, signedIn, ""},
		{"GET /api/v1/rooms/{id}/moderators", "", anyone, ""},
		{"PUT /api/v1/rooms/{id}/moderators/{user_id}", "", "anchor admin", ""},
		{"DELETE /api/v1/rooms/{id}/moderators/{user_id}", "", "anchor admin", ""},
		{"GET /api/v1/rooms/{id}/mutes", "", moderators, ""},
		{"PUT /api/v1/rooms/{id}/mutes/{user_id}", `{"seconds":60}`, moderators, ""},
		{"DELETE /api/v1/rooms/{id}/mutes/{user_id}", "", moderators, ""},
		{"GET /api/v1/rooms/{id}/bans", "", moderators, ""},
		{"PUT /api/v1/rooms/{id}/bans/{user_id}", `{"seconds":60,"reason":"walked"}`, moderators, ""},
		{"DELETE /api/v1/rooms/{id}/bans/{user_id}", "", moderators, ""},
		{"POST /api/v1/rooms/{id}/kicks/{user_id}", "", moderators, ""},
		{"DELETE /api/v1/rooms/{id}/messages/{message_id}", "", moderators, ""},
		{"GET /api/v1/rooms/{id}/held", "", moderators, ""},
		{"POST /api/v1/rooms/{id}/held/{message_id}/release", "", moderators, ""},
		{"DELETE /api/v1/rooms/{id}/held/{message_id}", "", moderators, ""},
		{"GET /api/v1/rooms/{id}/moderation", "", moderators, ""},
		{"GET /api/v1/rooms/{id}/settings", "", anyone, ""},
		{"PATCH /api/v1/rooms/{id}/settings", `{"slow_mode_seconds":0}`, moderators, ""},
		{"GET /api/v1/rooms/{id}/replay", "", anyone, ""},
		{"GET /api/v1/rooms/{id}/sessions", "", anyone, ""},
		{"GET /api/v1/gifts", "", anyone, ""},
		{"PUT /api/v1/gifts/{gift_id}", `{"name":"Walk","price":1}`, "admin", ""},
		{"POST /api/v1/rooms/{id}/gifts", `{"gift_id":9999,"count":1}`, signedIn, ""},
		{"GET /api/v1/gifts/orders/{order_id}", "", "owner admin", ""},
		{"POST /api/v1/gifts/orders/{order_id}/refund", "", "admin", ""},
		{"GET /api/v1/wallet", "", signedIn, ""},
		{"GET /api/v1/wallet/entries", "", signedIn, ""},
		{"POST /api/v1/wallet/topups", `{"user_id":1,"amount":1,"payment_ref":"walk"}`, "admin service=wallet:topup", ""},
		{"POST /api/v1/wallet/reconcile", "", "admin service=wallet:audit", ""},
		{"GET /api/v1/stats/rooms/{id}", "", anyone, ""},
		{"GET /api/v1/stats/hot", "", anyone, ""},
		{"GET /api/v1/stats/rooms/{id}/gifters", "", anyone, ""},
		{"GET /api/v1/stats/rooms/{id}/timeline", "", anyone, ""},
		{"GET /api/v1/stats/overview", "", anyone, ""},
		{"POST /api/v1/rooms/{id}/stop", "", "anchor admin", ""}, // last: it ends the room
	}
}

// everyCaller is every kind of caller, by name.
func everyCaller(t *testing.T, s *Stack) map[string]caller {
	t.Helper()
	all := map[string]caller{
		"nobody": {t: t, s: s, token: "e30.e30.e30"}, "guest": {t: t, s: s}, "admin": login(t, s, "admin", demoPassword),
	}
	for _, name := range []string{"viewer", "owner", "moderator", "anchor"} {
		all[name] = register(t, s, "walk-"+name)
	}
	for _, scope := range right.AllScopes() {
		raw, _, err := s.parts.Signer.Sign(token.Identity{Nickname: "walk", Role: live.RoleService, Scopes: right.Scopes(scope)})
		if err != nil {
			t.Fatal(err)
		}
		all["service="+string(scope)] = caller{t: t, s: s, token: raw}
	}
	return all
}

// Every route is tried by every kind of caller, and a route that the walk does not know fails it.
func TestWhoMayDoWhat(t *testing.T) {
	s := startStack(t, env(unlimited()...))
	who := everyCaller(t, s)
	room := who["anchor"].liveRoom("walked")
	who["anchor"].must(http.StatusNoContent, "PUT", path(room.ID, fmt.Sprint("/moderators/", who["moderator"].user.ID)), nil, nil)
	who["viewer"].must(http.StatusOK, "POST", path(room.ID, "/messages"), map[string]string{"id": "walked", "content": "to be deleted"}, nil)
	fill := strings.NewReplacer("{id}", fmt.Sprint(room.ID), "{user_id}", fmt.Sprint(who["owner"].user.ID),
		"{gift_id}", "9999", "{message_id}", "walked", "{order_id}", givenOrder(t, who, room.ID))
	awaitRecording(t, who["anchor"], room.ID) // which only then can be looked at
	holdTwo(t, s, room.ID, who["viewer"].user.ID, who["owner"].user.ID)
	known := routesOf(t, s)
	for _, w := range walk() {
		if !slices.Contains(known, w.route) {
			t.Errorf("%s is walked, but there is no such route", w.route)
			continue
		}
		known = slices.DeleteFunc(known, func(r string) bool { return r == w.route })
		method, url, _ := strings.Cut(w.route, " ")
		for name, c := range who {
			var body any
			if w.body != "" {
				body = strings.ReplaceAll(w.body, "{name}", strings.Map(letters, name))
			}
			got := c.callWith(method, fill.Replace(url), body, map[string]string{"Idempotency-Key": "walk-" + name})
			may := slices.Contains(strings.Fields(w.may), name)
			if why := judge(got, may, w.own); why != "" {
				t.Errorf("%s as %s: %s: got %d %s", w.route, name, why, got.status, got.body)
			}
		}
	}
	if len(known) > 0 {
		t.Errorf("say in walk who may call %v", known)
	}
}

// holdTwo makes two danmu wait under one id: who may release or refuse hears that it must say which, and both stay.
func holdTwo(t *testing.T, s *Stack, room live.RoomID, senders ...live.UserID) {
	t.Helper()
	var danmu []held.Danmu
	for _, user := range senders {
		danmu = append(danmu, held.Danmu{User: user, ID: "walked", Payload: fmt.Appendf(nil, `{"type":"danmu","id":"walked","user_id":%d,"content":"x","data":{}}`, user)})
	}
	if _, err := held.New(s.parts.Redis, s.parts.Fanout).Hold(t.Context(), room, danmu); err != nil {
		t.Fatal(err)
	}
}

// letters leaves out of a caller's name what a username has not.
func letters(c rune) rune {
	if c == '=' || c == ':' {
		return -1
	}
	return c
}

// judge says what is wrong with an answer; "": nothing. Who may do something need not succeed, but must get as far as
// the thing itself: what fails before that, such as a bad body, would hide a missing check.
func judge(r reply, may bool, own string) string {
	refused := r.status == http.StatusForbidden || r.status == http.StatusUnauthorized
	if r.status >= 400 && !json.Valid(r.body) {
		return "the answer is no problem"
	}
	switch {
	case r.status >= 500:
		return "failed"
	case r.status == http.StatusUnprocessableEntity || r.status == http.StatusBadRequest || r.status == http.StatusTooManyRequests:
		return "never got to the check"
	case may && refused && (own == "" || !strings.Contains(string(r.body), own)):
		return "was refused"
	case !may && !refused && r.status != http.StatusNotFound: // 404 hides that the thing is there
		return "was let in"
	case may && r.status == http.StatusNotFound:
		return "found nothing"
	}
	return ""
}

// givenOrder is a gift that the owner has given.
func givenOrder(t *testing.T, who map[string]caller, room live.RoomID) string {
	t.Helper()
	admin := who["admin"]
	admin.must(http.StatusOK, "PUT", "/api/v1/gifts/9999", `{"name":"Walk","price":1}`, nil)
	for _, name := range []string{"viewer", "owner", "moderator", "anchor"} {
		admin.must(http.StatusCreated, "POST", "/api/v1/wallet/topups",
			map[string]any{"user_id": who[name].user.ID, "amount": 100, "payment_ref": "walk-" + name}, nil)
	}
	var placed struct {
		OrderID string `json:"order_id"`
	}
	r := who["owner"].callWith("POST", path(room, "/gifts"), `{"gift_id":9999,"count":1}`,
		map[string]string{"Idempotency-Key": "walk-order", "Prefer": "wait=10"})
	if err := json.Unmarshal(r.body, &placed); err != nil || r.status != http.StatusOK {
		t.Fatalf("place an order: %d %s", r.status, r.body)
	}
	return placed.OrderID
}

// routesOf lists what the stack's functions answer.
func routesOf(t *testing.T, s *Stack) []string {
	t.Helper()
	fns, err := functions.All(s.parts)
	if err != nil {
		t.Fatal(err)
	}
	api := httpapi.New(httpapi.Config{Title: "walk"})
	for _, fn := range fns {
		if fn.Routes != nil {
			fn.Routes(api)
		}
		if fn.Close != nil {
			defer fn.Close()
		}
	}
	var all []string
	for _, r := range api.Routes() {
		all = append(all, r.Method+" "+r.Path)
	}
	return all
}

// Every command of a socket is tried by every kind of caller.
func TestWhoMaySayWhat(t *testing.T) {
	s := startStack(t, env(unlimited()...))
	who := everyCaller(t, s)
	room := who["anchor"].liveRoom("walked")
	givenOrder(t, who, room.ID)
	for name, c := range who {
		conn, err := client.Dial(t.Context(), client.Options{URL: s.SocketURL, Room: room.ID, Token: c.token})
		if !slices.Contains(strings.Fields("guest "+signedIn), name) {
			var refused *client.Refused
			if !errors.As(err, &refused) || refused.Status != http.StatusUnauthorized && refused.Status != http.StatusForbidden {
				t.Errorf("%s: got %v, want no connection", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, m := range []live.Message{
			{Type: live.Ping}, {Type: live.Danmu, Content: "hello"}, {Type: live.Like, Data: []byte(`{"count":1}`)},
			{Type: live.Gift, Data: []byte(`{"gift_id":9999,"count":1}`)},
			{Type: live.Auth, Data: []byte(`{"token":` + fmt.Sprintf("%q", c.token) + `}`)},
		} {
			if m.Type == live.Auth && name == "guest" {
				m.Data = []byte(`{"token":"` + who["viewer"].token + `"}`) // nobody becomes somebody else
			}
			m.ID = "walk-" + name + "-" + string(m.Type)
			if err := conn.Send(m); err != nil {
				t.Fatal(err)
			}
			got := readUntil(t, conn, func(r live.Message) bool {
				return r.ID == m.ID && slices.Contains([]live.MessageType{live.Ack, live.ErrorReply, live.Pong, live.GiftResult}, r.Type)
			})
			may := name != "guest" || m.Type == live.Ping
			if may != (got.Type != live.ErrorReply) {
				t.Errorf("%s as %s: got %s %s", m.Type, name, got.Type, got.Data)
			}
		}
		if err := conn.Cut(); err != nil {
			t.Error(err)
		}
	}
}
