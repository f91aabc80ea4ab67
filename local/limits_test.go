package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/barrage-live/barrage/shared/intake"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/wire"
	"github.com/barrage-live/barrage/sockets/client"
)

// withRedis are settings for the real Redis where there is one.
func withRedis(settings ...string) []string {
	if addr := os.Getenv("BARRAGE_TEST_REDIS"); addr != "" {
		settings = append(settings, "REDIS_ADDRS="+addr)
	}
	return settings
}

// tell sends a danmu and returns what the sender hears of it.
func tell(t *testing.T, conn *client.Conn, id, content string) live.Message {
	t.Helper()
	if err := conn.Send(live.Message{Type: live.Danmu, ID: id, Content: content}); err != nil {
		t.Fatal(err)
	}
	return readUntil(t, conn, func(m live.Message) bool {
		return m.ID == id && (m.Type == live.Ack || m.Type == live.ErrorReply)
	})
}

func errorOf(t *testing.T, m live.Message) (data wire.ErrorData) {
	t.Helper()
	if m.Type != live.ErrorReply {
		return data
	}
	if err := json.Unmarshal(m.Data, &data); err != nil {
		t.Fatal(err)
	}
	return data
}

// Who writes into one room by two pods and by HTTP has one allowance, and what was said once may be repeated everywhere.
func TestARateHoldsOverPodsAndDoors(t *testing.T) {
	here := startStack(t, env(withRedis("USER_MESSAGE_RATE=0.05")...))
	ownRooms(t, here)
	there := secondPod(t, here, "USER_MESSAGE_RATE=0.05")
	anchor := register(t, here, "rate-anchor")
	room := anchor.liveRoom("in good order").ID
	fast := register(t, here, "rate-fast")
	first, _ := dial(t, here, clientOptions(room, fast.token))
	second, _ := dial(t, there, clientOptions(room, fast.token))
	conns := []*client.Conn{first, second}
	for i := range intake.Burst - 1 {
		if m := tell(t, conns[i%2], fmt.Sprint("m", i), "x"); m.Type != live.Ack {
			t.Fatalf("message %d: got %s %s", i, m.Type, m.Data)
		}
	}
	fast.s = there
	fast.must(http.StatusOK, "POST", path(room, "/messages"), map[string]string{"id": "by-http", "content": "x"}, nil)
	for i, conn := range conns {
		if got := errorOf(t, tell(t, conn, fmt.Sprint("too-many-", i), "x")); got.Code != "rate_limited" || got.RetryAfterMS <= 0 || got.RetryAfterMS > 100_000 {
			t.Errorf("pod %d: got %+v", i, got)
		}
		for _, id := range []string{"m0", "m1", "by-http"} {
			if m := tell(t, conn, id, "x"); m.Type != live.Ack || m.Seq == 0 {
				t.Errorf("pod %d, %s again: got %s %s", i, id, m.Type, m.Data)
			}
		}
	}
	refused := fast.call("POST", path(room, "/messages"), map[string]string{"content": "x"})
	isProblem(t, refused, http.StatusTooManyRequests, "rate_limited")
	if refused.header.Get("Retry-After") == "" || !strings.Contains(string(refused.body), `"retry_after_ms":`) {
		t.Errorf("got %s, Retry-After %q", refused.body, refused.header.Get("Retry-After"))
	}
	boss, _ := dial(t, there, clientOptions(room, anchor.token))
	for i := range 2 * intake.Burst {
		if m := tell(t, boss, fmt.Sprint("anchor-", i), "x"); m.Type != live.Ack {
			t.Errorf("the anchor: got %s %s", m.Type, m.Data)
		}
	}
}

// Requests are counted by user over the processes of the API.
func TestRequestsHaveARate(t *testing.T) {
	here := startStack(t, env("HTTP_USER_RATE=0.1"))
	viewer := register(t, here, "often")
	if r := viewer.call("GET", "/api/v1/users/me", nil); r.status != http.StatusOK {
		t.Fatalf("got %d %s", r.status, r.body)
	}
	isProblem(t, viewer.call("GET", "/api/v1/users/me", nil), http.StatusTooManyRequests, "rate_limited")
	if r := (caller{t: t, s: here}).call("GET", "/health/live", nil); r.status != http.StatusOK {
		t.Errorf("health: got %d", r.status)
	}
}

// reviewed is an operator who holds what says hold.
func reviewed(t *testing.T) []string {
	t.Helper()
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			Messages []struct {
				Content string `json:"content"`
			} `json:"messages"`
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			t.Error(err)
		}
		var verdicts []map[string]string
		for _, m := range q.Messages {
			verdict := "allow"
			if strings.Contains(m.Content, "hold") {
				verdict = "hold"
			}
			verdicts = append(verdicts, map[string]string{"verdict": verdict})
		}
		if err := json.NewEncoder(w).Encode(map[string]any{"verdicts": verdicts}); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(hook.Close)
	return append(unlimited(), "REVIEW_HOOK_URL="+hook.URL, "REVIEW_HOOK_SECRET=between us", "REVIEW_HOOK_TIMEOUT=2s")
}

// tellHeld repeats what the review was too slow for.
func tellHeld(t *testing.T, conn *client.Conn, id string) {
	t.Helper()
	for try := 1; ; try++ {
		got := errorOf(t, tell(t, conn, id, "please hold "+id))
		if got.Code == "held" {
			return
		}
		if got.Code != "unreviewed" || try == 10 {
			t.Fatalf("%s: got %+v, want it held", id, got)
		}
	}
}

type heldList struct {
	Items []struct {
		MessageID string      `json:"message_id"`
		UserID    live.UserID `json:"user_id"`
		Nickname  string      `json:"nickname"`
		Content   string      `json:"content"`
	} `json:"items"`
	Next string `json:"next_cursor"`
}

// What is held on one pod is decided on another: a release is shown once, under its sender's name, and the sender hears.
func TestHeldMessagesAreReleasedOrRefused(t *testing.T) {
	settings := reviewed(t)
	here := startStack(t, env(withRedis(settings...)...))
	ownRooms(t, here)
	there := secondPod(t, here, settings...)
	anchor, writer := register(t, here, "held-anchor"), register(t, here, "held-writer")
	room := anchor.liveRoom("under review").ID
	conn, _ := dial(t, here, clientOptions(room, writer.token))
	boss, _ := dial(t, there, clientOptions(room, anchor.token))
	tellHeld(t, conn, "good")
	readUntil(t, boss, func(m live.Message) bool { return m.Type == live.Held })
	tellHeld(t, conn, "bad")
	tellHeld(t, conn, "good") // again: it waits once

	anchor.s = there
	var list heldList
	anchor.must(http.StatusOK, "GET", path(room, "/held?limit=1"), nil, &list)
	if len(list.Items) != 1 || list.Items[0].MessageID != "good" || list.Items[0].UserID != writer.user.ID ||
		list.Items[0].Nickname != "held-writer" || list.Items[0].Content != "please hold good" || list.Next == "" {
		t.Fatalf("got %+v", list)
	}
	anchor.must(http.StatusOK, "GET", path(room, "/held?limit=1&cursor="+list.Next), nil, &list)
	if len(list.Items) != 1 || list.Items[0].MessageID != "bad" || list.Next != "" {
		t.Fatalf("second page: got %+v", list)
	}

	anchor.must(http.StatusNoContent, "POST", path(room, "/held/good/release"), nil, nil)
	shown := readUntil(t, boss, func(m live.Message) bool { return m.Type == live.Danmu })
	if shown.ID != "good" || shown.UserID != writer.user.ID || shown.Content != "please hold good" || shown.Seq == 0 || !strings.Contains(string(shown.Data), "held-writer") {
		t.Errorf("shown: got %+v %s", shown, shown.Data)
	}
	if m := readUntil(t, conn, func(m live.Message) bool { return m.Type == live.Ack }); m.ID != "good" || m.Seq != shown.Seq {
		t.Errorf("the sender hears %+v, want the seq %d", m, shown.Seq)
	}
	anchor.must(http.StatusNotFound, "POST", path(room, "/held/good/release"), nil, nil)
	if m := tell(t, conn, "good", "please hold good"); m.Type != live.Ack || m.Seq != shown.Seq {
		t.Errorf("sent again when it was released: got %s %s", m.Type, m.Data)
	}

	anchor.must(http.StatusNoContent, "DELETE", path(room, fmt.Sprint("/held/bad?user_id=", writer.user.ID)), nil, nil)
	if m := readUntil(t, conn, func(m live.Message) bool { return m.Type == live.ErrorReply }); m.ID != "bad" || errorOf(t, m).Code != "refused" {
		t.Errorf("the sender hears %s %s", m.ID, m.Data)
	}
	anchor.must(http.StatusNotFound, "DELETE", path(room, "/held/bad"), nil, nil)
	wantInLog(t, anchor, room, "release", "refuse")
	var kept struct{ Items []live.Message }
	anchor.must(http.StatusOK, "GET", path(room, "/messages"), nil, &kept)
	if len(kept.Items) != 2 || kept.Items[1].ID != "good" { // behind the room's start
		t.Errorf("the room keeps %+v", kept.Items)
	}
}

func wantInLog(t *testing.T, who caller, room live.RoomID, actions ...string) {
	t.Helper()
	r := who.call("GET", path(room, "/moderation"), nil)
	for _, action := range actions {
		if !strings.Contains(string(r.body), `"action":"`+action+`"`) {
			t.Errorf("the log has no %s: %s", action, r.body)
		}
	}
}

// A user who is made a moderator, or no longer one, hears so at once.
func TestModeratorsHearOfTheirAppointment(t *testing.T) {
	s := startStack(t)
	anchor, helper := register(t, s, "boss"), register(t, s, "helper")
	room := anchor.liveRoom("helped").ID
	conn, _ := dial(t, s, clientOptions(room, helper.token))
	for _, c := range []struct{ method, want string }{{"PUT", `{"role":"moderator"}`}, {"DELETE", `{"role":"viewer"}`}} {
		anchor.must(http.StatusNoContent, c.method, path(room, fmt.Sprint("/moderators/", helper.user.ID)), nil, nil)
		if m := readUntil(t, conn, func(m live.Message) bool { return m.Type == live.Standing }); string(m.Data) != c.want {
			t.Errorf("%s: got %s, want %s", c.method, m.Data, c.want)
		}
	}
}
