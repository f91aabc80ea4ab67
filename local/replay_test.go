package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	players "github.com/barrage-live/barrage/shared/danmaku"
	"github.com/barrage-live/barrage/shared/live"
)

// awaitRecording waits until the archive has seen the room's session.
func awaitRecording(t *testing.T, c caller, room live.RoomID) {
	t.Helper()
	eventually(t, 30*time.Second, func() (bool, string) {
		r := c.call("GET", path(room, "/replay"), nil)
		return r.status == http.StatusOK, fmt.Sprintf("%d %s", r.status, r.body)
	})
}

// What was said in a room is played again, as JSON and as the players' XML.
func TestReplay(t *testing.T) {
	s := startStack(t, env(unlimited()...))
	anchor := register(t, s, "replay-anchor")
	room := anchor.liveRoom("recorded")
	for i := range 3 {
		anchor.must(http.StatusOK, "POST", path(room.ID, "/messages"), map[string]any{"content": fmt.Sprintf("<line & %d>", i)}, nil)
	}
	var page struct {
		Session string `json:"session"`
		Items   []struct {
			OffsetMS int64  `json:"offset_ms"`
			Content  string `json:"content"`
		} `json:"items"`
		NextCursor string `json:"next_cursor"`
	}
	eventually(t, 30*time.Second, func() (bool, string) {
		r := anchor.call("GET", path(room.ID, "/replay"), nil)
		return r.status == http.StatusOK && json.Unmarshal(r.body, &page) == nil && len(page.Items) == 3, fmt.Sprintf("%d %s", r.status, r.body)
	})
	for i, m := range page.Items {
		if m.OffsetMS < 0 || m.OffsetMS > 60_000 || m.Content != fmt.Sprintf("<line & %d>", i) {
			t.Errorf("got %+v", m)
		}
	}
	r := anchor.call("GET", path(room.ID, "/replay?format=xml&session="+page.Session), nil)
	n := 0
	err := players.Decode(strings.NewReader(string(r.body)), func(c players.Comment) error {
		if c.Text != page.Items[n].Content || c.At.Milliseconds() != page.Items[n].OffsetMS {
			t.Errorf("got %+v, want %+v", c, page.Items[n])
		}
		n++
		return nil
	})
	if err != nil || n != 3 {
		t.Errorf("got %d comments, %v in %s", n, err, r.body)
	}
}
