package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/sockets/client"
)

// secondPod is another process of the platform, in effect: everything of its own but the servers.
func secondPod(t *testing.T, first *Stack, more ...string) *Stack {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(first.data, "signing-key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	settings := append(unlimited(), "TOKEN_SIGNING_KEY="+string(key), "DATABASE_URL="+first.services.database,
		"REDIS_ADDRS="+strings.Join(first.services.redis, ","), "KAFKA_BROKERS="+strings.Join(first.services.kafka, ","))
	settings = append(settings, more...)
	return startStack(t, env(settings...), func(o *Options) { o.Space = first.parts.Space })
}

// A moderator's word on one pod holds on the other, for who is there and for who comes back, and outlives the pods.
func TestModerationHoldsOnEveryPod(t *testing.T) {
	eachStack(t, func(t *testing.T, here *Stack) {
		there := secondPod(t, here)
		anchor := register(t, here, "mod-anchor")
		room := anchor.liveRoom("well kept").ID
		rude, loud := register(t, here, "mod-rude"), register(t, here, "mod-loud")

		wantBan(t, here, there, anchor, rude, room)
		wantDeleted(t, there, anchor, loud, room)
		wantMuted(t, there, anchor, loud, room)

		settings := append(unlimited(), "DATABASE_URL="+here.services.database)
		if redis := os.Getenv("BARRAGE_TEST_REDIS"); strings.HasSuffix(t.Name(), "embedded") {
			t.Log("the embedded Redis ends with its stack")
		} else if redis != "" {
			settings = append(settings, "REDIS_ADDRS="+redis)
			// A server that comes back empty.
			if err := here.parts.Redis.Del(t.Context(), roomstate.MutesKey(room), roomstate.BansKey(room), roomstate.SettingsKey(room)).Err(); err != nil {
				t.Fatal(err)
			}
		}
		for _, s := range []*Stack{there, here} {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		again := startStack(t, env(settings...), func(o *Options) { o.Data, o.Space = here.data, here.parts.Space })
		loud.s, rude.s = again, again
		loud.must(http.StatusForbidden, "POST", path(room, "/messages"), `{"content":"is anybody there?"}`, nil)
		rude.must(http.StatusForbidden, "POST", path(room, "/join"), nil, nil)
		anchor.s = again
		anchor.must(http.StatusNoContent, "DELETE", path(room, fmt.Sprint("/mutes/", loud.user.ID)), nil, nil)
		loud.must(http.StatusOK, "POST", path(room, "/messages"), `{"content":"thank you"}`, nil)
	})
}

func wantBan(t *testing.T, here, there *Stack, anchor, rude caller, room live.RoomID) {
	t.Helper()
	conn, hello := dial(t, there, clientOptions(room, rude.token))
	began := time.Now()
	anchor.must(http.StatusOK, "PUT", path(room, fmt.Sprint("/bans/", rude.user.ID)), `{"seconds":3600,"reason":"spam"}`, nil)
	answered := time.Since(began)
	if code := closeOf(conn); code != 4003 {
		t.Fatalf("the other pod closed with %d, want 4003", code)
	}
	t.Logf("banned on one pod: closed on the other %v after the call began, which took %v",
		time.Since(began).Round(time.Microsecond), answered.Round(time.Microsecond))
	for _, s := range []*Stack{here, there} {
		o := clientOptions(room, rude.token)
		o.URL, o.Epoch, o.After = s.SocketURL, hello.Epoch, hello.Seq
		_, err := client.Dial(t.Context(), o)
		if refused := (*client.Refused)(nil); !errors.As(err, &refused) || refused.Status != http.StatusForbidden || refused.Code != "banned" {
			t.Errorf("a resume after the ban: got %v, want it refused", err)
		}
	}
	rude.s = there
	rude.must(http.StatusForbidden, "POST", path(room, "/messages"), `{"content":"let me in"}`, nil)
}

// closeOf reads on until the connection ends.
func closeOf(conn *client.Conn) int {
	for {
		if _, err := conn.Read(); err != nil {
			return client.CloseCode(err)
		}
	}
}

func wantDeleted(t *testing.T, there *Stack, anchor, loud caller, room live.RoomID) {
	t.Helper()
	conn, _ := dial(t, there, clientOptions(room, loud.token))
	if err := conn.Send(live.Message{Type: live.Danmu, ID: "shout", Content: "AAAA"}); err != nil {
		t.Fatal(err)
	}
	readUntil(t, conn, func(m live.Message) bool { return m.Type == live.Ack && m.ID == "shout" })
	anchor.must(http.StatusNoContent, "DELETE", path(room, "/messages/shout"), nil, nil)
	got := readUntil(t, conn, func(m live.Message) bool { return m.Type == live.Deleted })
	if want := fmt.Sprintf(`{"message_id":"shout","user_id":%d}`, loud.user.ID); string(got.Data) != want {
		t.Errorf("deleted: got %s, want %s", got.Data, want)
	}
	if r := anchor.call("GET", path(room, "/messages"), nil); strings.Contains(string(r.body), "AAAA") {
		t.Errorf("the deleted message is still in the history: %s", r.body)
	}
}

func wantMuted(t *testing.T, there *Stack, anchor, loud caller, room live.RoomID) {
	t.Helper()
	conn, _ := dial(t, there, clientOptions(room, loud.token))
	began := time.Now()
	anchor.must(http.StatusOK, "PUT", path(room, fmt.Sprint("/mutes/", loud.user.ID)), `{"reason":"shouting"}`, nil)
	told := readUntil(t, conn, func(m live.Message) bool { return m.Type == live.ErrorReply })
	t.Logf("muted on one pod: told on the other after %v", time.Since(began).Round(time.Microsecond))
	if !strings.Contains(string(told.Data), `"muted"`) || !strings.Contains(string(told.Data), "shouting") {
		t.Errorf("told: got %s", told.Data)
	}
	if err := conn.Send(live.Message{Type: live.Danmu, ID: "more", Content: "BBBB"}); err != nil {
		t.Fatal(err)
	}
	if m := readUntil(t, conn, func(m live.Message) bool { return m.ID == "more" }); m.Type != live.ErrorReply {
		t.Errorf("a muted user's danmu: got %s %s", m.Type, m.Data)
	}
}
