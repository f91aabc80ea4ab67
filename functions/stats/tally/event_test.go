package tally

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/stream"
)

func TestDecode(t *testing.T) {
	for name, c := range map[string]struct {
		value string
		want  Event // ID and Type are not compared
	}{
		"danmu":          {`{"type":"danmu","room_id":1,"timestamp":5}`, Event{Room: 1, At: 5, Counts: Counts{Danmu: 1}}},
		"like":           {`{"type":"like","room_id":1,"timestamp":5,"data":{"count":7}}`, Event{Room: 1, At: 5, Counts: Counts{Likes: 7}}},
		"gift":           {`{"type":"gift","room_id":1,"timestamp":5,"data":{"count":2,"cost":20,"name":"x"}}`, Event{Room: 1, At: 5, Counts: Counts{Gifts: 2, Coins: 20}}},
		"start":          {`{"type":"room","room_id":1,"timestamp":5,"data":{"event":"started","room":{"started_at":"1970-01-01T00:00:00.004Z"}}}`, Event{Room: 1, At: 5, Started: 4}},
		"start, no time": {`{"type":"room","room_id":1,"timestamp":5,"data":{"event":"started"}}`, Event{Room: 1, At: 5, Started: 5}},
		"stop":           {`{"type":"room","room_id":1,"timestamp":5,"data":{"event":"stopped"}}`, Event{Room: 1, At: 5, Stopped: true}},
		"update":         {`{"type":"room","room_id":1,"timestamp":5,"data":{"event":"updated"}}`, Event{Room: 1, At: 5}},
		"presence":       {`{"type":"presence","room_id":1,"timestamp":5,"data":{"pod":"p","joined":[1,2],"left":[3],"guests_joined":4}}`, Event{Room: 1, At: 5, Joined: 6, Viewers: []live.UserID{1, 2}}},
		"deleted":        {`{"type":"deleted","room_id":1,"timestamp":5,"data":{"message_id":"m"}}`, Event{Room: 1, At: 5}},
		"future":         {`{"type":"danmu","room_id":1,"timestamp":2000}`, Event{Room: 1, At: 1000, Counts: Counts{Danmu: 1}}},
		"no time":        {`{"type":"danmu","room_id":1}`, Event{Room: 1, At: 1000, Counts: Counts{Danmu: 1}}},
	} {
		got, err := Decode(stream.Record{Value: []byte(c.value), Timestamp: time.UnixMilli(1000)})
		got.ID, got.Type = 0, ""
		if err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, %v, want %+v", name, got, err, c.want)
		}
	}
	for name, value := range map[string]string{
		"no JSON":       `{`,
		"no room":       `{"type":"danmu"}`,
		"negative like": `{"type":"like","room_id":1,"data":{"count":-1}}`,
		"huge gift":     `{"type":"gift","room_id":1,"data":{"count":1,"cost":1000000000000000000}}`,
		"no data":       `{"type":"gift","room_id":1}`,
		"guests":        `{"type":"presence","room_id":1,"data":{"guests_joined":-4}}`,
	} {
		if e, err := Decode(stream.Record{Value: []byte(value)}); err == nil {
			t.Errorf("%s: got %+v, want an error", name, e)
		}
	}
}

// Ids are the clients' own: the same one of another sender, room or kind is another event.
func TestEventID(t *testing.T) {
	m := live.Message{Type: live.Danmu, RoomID: 1, UserID: 2, ID: "x"}
	ids := map[EventID]bool{eventID(m): true}
	for _, change := range []func(*live.Message){
		func(m *live.Message) { m.Type = live.Gift },
		func(m *live.Message) { m.RoomID = 12 },
		func(m *live.Message) { m.UserID = 3 },
		func(m *live.Message) { m.ID = "y" },
		func(m *live.Message) { m.ID = "" },
	} {
		other := m
		change(&other)
		ids[eventID(other)] = true
	}
	if len(ids) != 6 || !ids[0] {
		t.Errorf("got %d different ids, want 6, and 0 for none", len(ids))
	}
	m.Content, m.Seq = "told again", 9
	if !ids[eventID(m)] {
		t.Error("the same event has another id when it is told again")
	}
}

// FuzzDecode: any bytes are an error or an event whose counts can be added for ever.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"type":"danmu","room_id":1,"user_id":2,"id":"x","timestamp":5}`), int64(0))
	f.Add([]byte(`{"type":"gift","room_id":1,"data":{"count":1,"cost":1e3}}`), int64(5))
	f.Add([]byte(`{"type":"room","room_id":1,"data":{"event":"started","room":{"started_at":"0001-01-01T00:00:00Z"}}}`), int64(5))
	f.Fuzz(func(t *testing.T, value []byte, at int64) {
		e, err := Decode(stream.Record{Value: value, Timestamp: time.UnixMilli(at)})
		if err != nil {
			if !reflect.DeepEqual(e, Event{}) {
				t.Errorf("got %+v beside an error", e)
			}
			return
		}
		c := e.Counts
		if e.Room <= 0 || e.At < 0 || e.Started < 0 || e.Joined < 0 || c.Danmu < 0 || c.Danmu > 1 ||
			c.Likes < 0 || c.Likes > maxCount || c.Gifts < 0 || c.Gifts > maxCount || c.Coins < 0 || c.Coins > maxCoins {
			t.Errorf("got %+v of %s", e, strings.ToValidUTF8(string(value), "?"))
		}
	})
}
