package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/token"
)

// room is a gateway in a few lines: it notes what was said by whom, once for each id, and answers.
type room struct {
	answer func(live.Message) string // of data and type; empty: an ack
	cut    int                       // breaks the connection instead of answering the n-th message, once

	mu   sync.Mutex
	seen map[string]live.Message
	said []string // "token's user: content"
	got  int
}

func (r *room) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	user := strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ")
	if user == "" {
		http.Error(w, `{"code":"token_required"}`, http.StatusUnauthorized)
		return
	}
	c, err := (&websocket.Upgrader{}).Upgrade(w, req, nil)
	if err != nil {
		return
	}
	defer c.Close()
	for {
		var m live.Message
		if err := c.ReadJSON(&m); err != nil {
			return
		}
		text, cut := r.hear(user, m)
		if cut {
			return
		}
		if err := c.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
			return
		}
	}
}

func (r *room) hear(user string, m live.Message) (text string, cut bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, again := r.seen[m.ID]; !again {
		r.seen[m.ID] = m
		r.said = append(r.said, user+": "+m.Content)
	}
	if r.got++; r.got == r.cut {
		return "", true
	}
	text = `{"type":"ack","seq":1`
	if r.answer != nil {
		text = r.answer(m)
	}
	return text + fmt.Sprintf(`,"id":%q}`, m.ID), false
}

// replay runs the command with a gateway and returns its report.
func replay(t *testing.T, r *room, stdin string, args ...string) (report, error) {
	t.Helper()
	r.seen = map[string]live.Message{}
	server := httptest.NewServer(r)
	t.Cleanup(server.Close)
	key := filepath.Join(t.TempDir(), "key.pem")
	if _, err := token.LoadOrCreateKeys(key); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	args = append([]string{"-room", "1", "-token-key", key, "-speed", "1000", "-socket", "ws" + strings.TrimPrefix(server.URL, "http") + "/ws"}, args...)
	err := run(t.Context(), args, strings.NewReader(stdin), &stdout, &stderr)
	var rep report
	if stdout.Len() > 0 {
		if jsonErr := json.Unmarshal(stdout.Bytes(), &rep); jsonErr != nil {
			t.Fatal(jsonErr)
		}
	}
	return rep, err
}

const document = `<i><d p="2,5,36,255,1,0,b,2">second</d><d p="1,1,25,16777215,1,0,a,1">first</d><d p="3,4,18,0,1,0,a,3">third</d><d p="3.5,1,25,0,1,0,a,4"> </d></i>`

func TestPlaysADocument(t *testing.T) {
	r := &room{}
	rep, err := replay(t, r, document, "-senders", "1", "-")
	if err != nil {
		t.Fatal(err)
	}
	if rep.Lines != 3 || rep.Skipped != 1 || rep.Sent != 3 || rep.Acked != 3 || rep.Unanswered != 0 || rep.NotShown != 0 {
		t.Errorf("got %+v", rep)
	}
	var got []string
	for _, s := range r.said {
		_, content, _ := strings.Cut(s, ": ")
		got = append(got, content)
	}
	if want := []string{"first", "second", "third"}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, m := range r.seen {
		if want := `{"color":"#0000ff","mode":"top","size":"large"}`; m.Content == "second" && string(m.Data) != want {
			t.Errorf("got %s, want %s", m.Data, want)
		}
	}
}

// Who speaks twice in the recording is the same viewer, and another one is another.
func TestEverybodyHasAVoice(t *testing.T) {
	r := &room{}
	if _, err := replay(t, r, document, "-senders", "1000", "-"); err != nil {
		t.Fatal(err)
	}
	who := map[string]string{}
	for _, s := range r.said {
		user, content, _ := strings.Cut(s, ": ")
		who[content] = user
	}
	if who["first"] != who["third"] || who["first"] == who["second"] {
		t.Error("want first and third of one viewer, second of another")
	}
}

func TestAPart(t *testing.T) {
	rep, err := replay(t, &room{}, document, "-from", "1500ms", "-to", "3s", "-")
	if err != nil || rep.Lines != 1 || rep.Acked != 1 {
		t.Errorf("got %+v, %v, want the second line alone", rep, err)
	}
}

// A connection that breaks loses nothing: what was not answered is sent again under the same id.
func TestABrokenConnectionLosesNothing(t *testing.T) {
	r := &room{cut: 2}
	rep, err := replay(t, r, document, "-senders", "1", "-")
	if err != nil {
		t.Fatal(err)
	}
	if rep.Acked != 3 || rep.Sent != 3 || rep.Reconnected != 1 || len(r.said) != 3 {
		t.Errorf("got %+v, and %d messages", rep, len(r.said))
	}
}

func TestRefusalsAreCounted(t *testing.T) {
	r := &room{answer: func(m live.Message) string {
		switch m.Content {
		case "first":
			return `{"type":"error","data":{"code":"slow_mode","message":"later"}`
		case "second":
			return `{"type":"ack","data":{"shown":false}`
		}
		return `{"type":"ack"`
	}}
	rep, err := replay(t, r, document, "-")
	if err != nil {
		t.Fatal(err)
	}
	if rep.Acked != 2 || rep.NotShown != 1 || rep.Refused["slow_mode"] != 1 || rep.Unanswered != 0 {
		t.Errorf("got %+v", rep)
	}
}

// The recording of a room is read page by page.
func TestPlaysARecording(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		q := req.URL.Query()
		if req.URL.Path != "/api/v1/rooms/7/replay" || q.Get("session") != "12" {
			http.Error(w, `{"code":"not_recorded"}`, http.StatusNotFound)
			return
		}
		page := `{"items":[{"offset_ms":1500,"type":"danmu","id":"x","user_id":5,"content":"two","data":{"color":"#00ff00","nickname":"n","role":"anchor"}}]}`
		if q.Get("cursor") == "" {
			page = `{"items":[{"offset_ms":1000,"type":"danmu","id":"y","user_id":6,"content":"one"}],"next_cursor":"more"}`
		}
		_, _ = w.Write([]byte(page))
	}))
	defer api.Close()
	r := &room{}
	rep, err := replay(t, r, "", "-api", api.URL, "room:7/12")
	if err != nil || rep.Acked != 2 {
		t.Fatalf("got %+v, %v", rep, err)
	}
	for _, m := range r.seen {
		if m.Content == "two" && string(m.Data) != `{"color":"#00ff00"}` {
			t.Errorf("got data %s, want the color alone", m.Data)
		}
	}
	if _, err := replay(t, &room{}, "", "-api", api.URL, "room:8"); err == nil || !strings.Contains(err.Error(), "not_recorded") {
		t.Errorf("got %v, want what the platform said", err)
	}
}

func TestWhatCannotBePlayed(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.xml")
	if err := os.WriteFile(bad, []byte(`<i><d p="x">1</d></i>`), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"one recording":    {},
		"no such file":     {"missing.xml"},
		"bad.xml":          {bad},
		"room:ID":          {"room:x"},
		"-speed":           {"-speed", "NaN", "-"},
		"-senders":         {"-senders", "0", "-"},
		"-from":            {"-from", "2s", "-to", "1s", "-"},
		"live room":        {"-room", "0", "-"},
		"no ws:// address": {"-socket", "http://127.0.0.1:1", "-"},
		"nothing to play":  {"-from", "1h", "-"},
	} {
		if _, err := replay(t, &room{}, document, args...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %v, want an error with %q", args, err, want)
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"code":"room_ended"}`, http.StatusConflict)
	}))
	defer server.Close()
	_, err := replay(t, &room{}, document, "-socket", "ws"+strings.TrimPrefix(server.URL, "http"), "-")
	if err == nil || !strings.Contains(err.Error(), "room_ended") {
		t.Errorf("got %v, want the refusal", err)
	}
}
