package wire_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/wire"
)

var update = flag.Bool("update", false, "write the golden files")

// TestGolden pins the bytes of every message that the server sends: clients in other languages read them.
func TestGolden(t *testing.T) {
	start := time.Date(2026, 3, 1, 20, 0, 0, 0, time.UTC)
	room := live.Room{ID: 42, AnchorID: 1, Title: "Evening show", Status: live.RoomLive, ViewerCount: 3, CreatedAt: start, UpdatedAt: start, StartedAt: &start}
	from := func(typ live.MessageType, seq live.Seq) live.Message {
		return live.Message{Type: typ, ID: "01JCDZ8Q4W1Z9J7C3M6A5K2T0V", RoomID: 42, UserID: 7, Seq: seq, Timestamp: 1_790_000_000_000, TraceID: "4bf92f3577b34da6a3ce929d0e0e4736"}
	}
	danmu := from(live.Danmu, 8)
	danmu.Content = "前方高能 \"!\" <b>"
	for _, tc := range []struct {
		name string
		m    live.Message
		data any
	}{
		{"welcome", live.Message{Type: live.Welcome, RoomID: 42, UserID: 7}, wire.WelcomeData{Session: "s1", Epoch: "e1", Seq: 7, Recovered: true, Missed: 2, Online: 3, Room: room}},
		{"danmu", danmu, wire.DanmuData{Nickname: "viewer", Role: live.RoleViewer, Color: "#ffffff", Mode: "scroll", Size: "medium"}},
		{"like", from(live.Like, 9), wire.LikeData{Nickname: "viewer", Role: live.RoleViewer, Count: 5}},
		{"gift", from(live.Gift, 10), wire.GiftData{Nickname: "viewer", Role: live.RoleViewer, OrderID: "o17", GiftID: 3, Name: "Rocket", Count: 2, Combo: 4, Cost: 200, Effect: "rocket"}},
		{"room", from(live.RoomEvent, 11), wire.RoomData{Event: "started", Room: room}},
		{"settings", from(live.Settings, 12), wire.SettingsData{SlowModeSeconds: 5, MaxDanmuPerSecond: 100}},
		{"online", live.Message{Type: live.Online, RoomID: 42}, wire.OnlineData{Online: 3, UniqueViewers: 9}},
		{"deleted", live.Message{Type: live.Deleted, RoomID: 42}, wire.DeletedData{MessageID: "01JCDZ8Q4W1Z9J7C3M6A5K2T0V"}},
		{"ack", live.Message{Type: live.Ack, ID: "c1", Seq: 8}, wire.AckData{Shown: true}},
		{"gift_result", live.Message{Type: live.GiftResult, ID: "c2"}, wire.GiftResultData{OrderID: "o17", Status: "refused", Code: "insufficient_balance", Balance: 12}},
		{"error", live.Message{Type: live.ErrorReply, ID: "c3"}, wire.ErrorData{Code: "slow_mode", Message: "slow mode: one danmu in 5 s", RetryAfterMS: 4200}},
		{"gap", live.Message{Type: live.Gap, RoomID: 42}, wire.GapData{FromSeq: 13, ToSeq: 20, Reason: wire.GapSlow}},
		{"reconnect", live.Message{Type: live.Reconnect}, wire.ReconnectData{AfterMS: 1500}},
		{"pong", live.Message{Type: live.Pong, ID: "c4"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) { checkGolden(t, tc.name, tc.m, tc.data) })
	}
}

func checkGolden(t *testing.T, name string, m live.Message, data any) {
	if data != nil {
		raw, err := json.Marshal(data)
		if err != nil {
			t.Fatal(err)
		}
		m.Data = raw
	}
	got, err := wire.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(path, append(got, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if want = bytes.TrimSuffix(want, []byte("\n")); !bytes.Equal(got, want) {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
