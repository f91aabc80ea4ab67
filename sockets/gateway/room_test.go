package gateway

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/wire"
)

// announce shows a room event, as the room function does.
func (w *world) announce(t *testing.T, event string, info live.Room) {
	t.Helper()
	data, err := json.Marshal(wire.RoomData{Event: event, Room: info})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := wire.Marshal(live.Message{Type: live.RoomEvent, ID: event, RoomID: w.room, Data: data})
	if err != nil {
		t.Fatal(err)
	}
	w.putRoom(t, info)
	item := fanout.Item{Sender: "room", ID: fmt.Sprint(event, info.UpdatedAt.UnixNano()), Class: live.ClassControl, Payload: payload}
	if _, err := w.publisher().Publish(t.Context(), w.room, []fanout.Item{item}); err != nil {
		t.Fatal(err)
	}
}

func TestRoomEnds(t *testing.T) {
	w := newWorld(t)
	p := w.start(t, nil)
	viewers := []*viewer{p.join(t, 0, ""), p.join(t, 7, "")}
	ended := w.liveRoom()
	ended.Status = live.RoomEnded
	w.say(t, 0, 2)
	w.announce(t, "stopped", ended)
	for _, v := range viewers {
		if code, last := v.closed(); code != 4004 || last != live.RoomEvent {
			t.Errorf("got %d after %s, want the room event and 4004", code, last)
		}
	}
	_, res, err := p.try(t, dialing{})
	if err == nil || res == nil || res.StatusCode != 409 {
		t.Errorf("got %v %v, want 409", res, err)
	}
	again := w.liveRoom()
	w.announce(t, "started", again)
	await(t, "the room to be live again", func() bool {
		ws, _, err := p.try(t, dialing{})
		if err != nil {
			return false
		}
		newViewer(t, ws)
		return true
	})
}

func TestRoomEndsByCommandAlone(t *testing.T) {
	w := newWorld(t)
	v := w.start(t, nil).join(t, 7, "")
	ended := w.liveRoom()
	ended.Status = live.RoomEnded
	w.putRoom(t, ended)
	w.command(t, wire.Command{Order: wire.RoomChanged, Room: &ended})
	if code, _ := v.closed(); code != 4004 {
		t.Errorf("got %d, want 4004", code)
	}
}

func TestBanAndKick(t *testing.T) {
	w := newWorld(t)
	pods := []*pod{w.start(t, nil), w.start(t, nil)}
	tabs := []*viewer{pods[0].join(t, 66, ""), pods[0].join(t, 66, ""), pods[1].join(t, 66, "")}
	other := pods[0].join(t, 7, "")
	if err := w.state(t).Apply(t.Context(), w.room, 0, roomstate.Ban(66, roomstate.Sanction{Until: roomstate.Forever()})); err != nil {
		t.Fatal(err)
	}
	w.command(t, wire.Command{Order: wire.UserChanged, User: 66})
	w.command(t, wire.Command{Order: wire.Disconnect, User: 66, Code: wire.CloseBanned, Reason: "spam"})
	start := time.Now()
	for _, v := range tabs {
		if code, _ := v.closed(); code != 4003 {
			t.Errorf("got %d, want 4003", code)
		}
	}
	t.Logf("the ban was in force on both pods after %v", time.Since(start))
	_, res, err := pods[1].try(t, dialing{header: bearer(w.token(t, 66))})
	if err == nil || res == nil || res.StatusCode != 403 {
		t.Errorf("got %v %v, want 403", res, err)
	}
	other.send(`{"type":"danmu","id":"a","content":"bye"}`)
	other.next(live.Ack)
}

// A command is not repeated: a pod that was cut off from Redis at that moment finds the ban when it renews its leases.
func TestBanWhoseCommandGotLost(t *testing.T) {
	w := newWorld(t)
	p := w.start(t, nil)
	banned, other := p.join(t, 66, ""), p.join(t, 7, "")
	if err := w.state(t).Apply(t.Context(), w.room, 0, roomstate.Ban(66, roomstate.Sanction{Until: roomstate.Forever()})); err != nil {
		t.Fatal(err)
	}
	p.State.Invalidate(w.room) // by its age
	r, _ := p.rooms.get(w.room)
	k := &keeper{state: p.State, log: p.log}
	users, _ := r.hub.Users()
	k.putOut(t.Context(), r, users)
	if code, _ := banned.closed(); code != 4003 {
		t.Errorf("got %d, want 4003", code)
	}
	other.send(`{"type":"danmu","id":"a","content":"still here"}`)
	other.next(live.Ack)
}

func TestMuteTakesEffect(t *testing.T) {
	w := newWorld(t)
	v := w.start(t, nil).join(t, 7, "")
	v.send(`{"type":"danmu","id":"a","content":"x"}`)
	v.next(live.Ack)
	if err := w.state(t).Apply(t.Context(), w.room, 0, roomstate.Mute(7, roomstate.Sanction{Until: roomstate.Forever()})); err != nil {
		t.Fatal(err)
	}
	w.command(t, wire.Command{Order: wire.UserChanged, User: 7})
	for i := 0; ; i++ {
		v.send(`{"type":"danmu","id":"m%d","content":"x"}`, i)
		m := v.read()
		for m.Type != live.Ack && m.Type != live.ErrorReply {
			m = v.read()
		}
		if m.Type == live.ErrorReply {
			return
		}
	}
}

func TestAddressedMessagesReachOneUserAlone(t *testing.T) {
	w := newWorld(t)
	p := w.start(t, nil)
	mine, tab, other := p.join(t, 7, ""), p.join(t, 7, ""), p.join(t, 8, "")
	result, err := wire.Marshal(live.Message{Type: live.GiftResult, ID: "o1", RoomID: w.room})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.publisher().Send(t.Context(), w.room, 7, result); err != nil {
		t.Fatal(err)
	}
	deleted, err := wire.Marshal(live.Message{Type: live.Deleted, RoomID: w.room})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.publisher().Broadcast(t.Context(), w.room, deleted); err != nil {
		t.Fatal(err)
	}
	for _, v := range []*viewer{mine, tab} {
		if m := v.next(live.GiftResult); m.ID != "o1" {
			t.Errorf("got %+v", m)
		}
	}
	for m := other.read(); m.Type != live.Deleted; m = other.read() {
		if m.Type == live.GiftResult {
			t.Error("another user got the result")
		}
	}
}

func online(t *testing.T, m live.Message) wire.OnlineData {
	t.Helper()
	var data wire.OnlineData
	if err := json.Unmarshal(m.Data, &data); err != nil {
		t.Fatal(err)
	}
	return data
}

func TestOnlineCountsUsersOnceAndGuestsEach(t *testing.T) {
	w := newWorld(t)
	pods := []*pod{w.start(t, nil), w.start(t, nil)}
	pods[0].join(t, 7, "")
	pods[1].join(t, 7, "") // the same user's other tab
	pods[1].join(t, 0, "")
	v := pods[0].join(t, 0, "")
	for {
		if got := online(t, v.next(live.Online)); got.Online == 3 {
			break
		}
	}
	pods[1].stop() // its guest is gone at once, its leases given up
	for {
		if got := online(t, v.next(live.Online)); got.Online == 2 {
			break
		}
	}
}

func TestPresenceIsRecorded(t *testing.T) {
	w := newWorld(t)
	p := w.start(t, nil)
	first, second := p.join(t, 7, ""), p.join(t, 7, "")
	guest := p.join(t, 0, "")
	for _, v := range []*viewer{first, second, guest} {
		if err := v.ws.Close(); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	partition := stream.RoomPartition(w.room, stream.DefaultPartitions)
	c, err := kgo.NewClient(kgo.SeedBrokers(w.brokers...), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
		string(stream.LivePresence): {partition: kgo.NewOffset().AtStart()},
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var sum wire.PresenceData
	for len(sum.Left) == 0 || sum.GuestsLeft == 0 {
		fetches := c.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatal(err)
		}
		for r := range fetches.RecordsAll() {
			m, err := wire.Unmarshal(r.Value)
			if err != nil || m.Type != live.Presence || m.RoomID != w.room || m.ID == "" {
				t.Fatalf("got %s, %v", r.Value, err)
			}
			var data wire.PresenceData
			if err := json.Unmarshal(m.Data, &data); err != nil || data.Pod != p.Pod {
				t.Fatalf("got %s, %v", m.Data, err)
			}
			sum.Joined, sum.Left = append(sum.Joined, data.Joined...), append(sum.Left, data.Left...)
			sum.GuestsJoined, sum.GuestsLeft = sum.GuestsJoined+data.GuestsJoined, sum.GuestsLeft+data.GuestsLeft
		}
	}
	if len(sum.Joined) != 1 || len(sum.Left) != 1 || sum.Joined[0] != 7 || sum.Left[0] != 7 || sum.GuestsJoined != 1 || sum.GuestsLeft != 1 {
		t.Errorf("got %+v, want one user and one guest, once each", sum)
	}
}
