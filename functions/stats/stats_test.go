package stats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/stream"
)

func TestFiguresAreOfTheSession(t *testing.T) {
	onEachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		s := service(t, Deps{Redis: rdb})
		var l log
		check := func(what string, want int64) {
			t.Helper()
			count(t, s, l)
			got, err := s.Room(t.Context(), 3)
			if err != nil || got.Danmu != want {
				t.Errorf("%s: got %d danmu, %v, want %d", what, got.Danmu, err, want)
			}
		}
		l.danmu(3, "a")
		check("before a start", 1)
		l.room(3, "started", 100)
		check("a start", 0)
		l.danmu(3, "b")
		l.danmu(3, "c")
		check("two danmu", 2)
		l.room(3, "started", 100)
		check("the same start told again", 2)
		l.room(3, "stopped", 0)
		l.danmu(3, "d") // was on its way
		check("after the end", 3)
		l.room(3, "started", 99)
		check("a start of the past", 3)
		l.room(3, "started", 101)
		check("the next session", 0)
		if got, err := s.Totals(t.Context()); err != nil || got.Danmu != 4 {
			t.Errorf("got %d danmu in total, %v, want 4", got.Danmu, err)
		}
	})
}

func TestPeakFollowsPresence(t *testing.T) {
	onEachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		viewers := audience{}
		s := service(t, Deps{Redis: rdb, Presence: viewers})
		var l log
		join := func(online, unique int64) {
			viewers[3] = roomstate.Count{Online: online, Unique: unique}
			l.add(live.Message{Type: live.Presence, RoomID: 3, Data: []byte(`{"pod":"p","joined":[1]}`)})
			for i := range l {
				l[i].Topic = stream.LivePresence
			}
			count(t, s, l)
		}
		join(5, 5)
		join(9, 10)
		join(2, 11)
		got, err := s.Room(t.Context(), 3)
		if err != nil || got.Online != 2 || got.PeakOnline != 9 || got.UniqueViewers != 11 {
			t.Errorf("got %+v, %v, want 2 online, peak 9, 11 viewers", got, err)
		}
		viewers[3] = roomstate.Count{Online: 12, Unique: 12}
		if got, err := s.Room(t.Context(), 3); err != nil || got.PeakOnline != 12 {
			t.Errorf("got peak %d, %v, want at least who is online now", got.PeakOnline, err)
		}
	})
}

func TestHotMergesPartitions(t *testing.T) {
	onEachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		s := service(t, Deps{Redis: rdb})
		now := time.Now()
		// Room r gets r danmu; those of room 9 are two half-lives old, worth a quarter.
		for room := live.RoomID(1); room <= 12; room++ {
			var l log
			for i := range int(room) {
				at := now.UnixMilli()
				if room == 9 {
					at = now.Add(-20 * time.Minute).UnixMilli()
				}
				l.add(live.Message{Type: live.Danmu, RoomID: room, UserID: 7, ID: fmt.Sprint(i), Content: "hi", Timestamp: at})
			}
			part := stream.RoomPartition(room, 10)
			for i := range l {
				l[i].Partition, l[i].Offset = part, l[i].Offset+int64(room)*1000
			}
			count(t, s, l)
		}
		rooms := func(limit int) (ids []live.RoomID, scores []float64) {
			t.Helper()
			ranked, err := s.Hot(t.Context(), limit)
			if err != nil {
				t.Fatal(err)
			}
			for i, r := range ranked {
				if r.Rank != i+1 {
					t.Errorf("got rank %d at place %d", r.Rank, i+1)
				}
				ids, scores = append(ids, r.RoomID), append(scores, r.Score)
			}
			return ids, scores
		}
		if got, _ := rooms(4); !slices.Equal(got, []live.RoomID{12, 11, 10, 8}) {
			t.Errorf("got %v, want 12 11 10 8", got)
		}
		got, scores := rooms(100)
		if want := []live.RoomID{12, 11, 10, 8, 7, 6, 5, 4, 3, 9, 2, 1}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
		if scores[0] < 11.5 || scores[0] > 12 || scores[9] < 2.1 || scores[9] > 2.25 {
			t.Errorf("got scores %v, want about 12 for room 12 and 2.25 for room 9", scores)
		}

		var end log
		end.room(12, "stopped", 0)
		end[0].Partition, end[0].Offset = 2, 100_000
		count(t, s, end)
		if got, _ := rooms(1); !slices.Equal(got, []live.RoomID{11}) {
			t.Errorf("got %v, want 11 when 12 has ended", got)
		}
		s.now = func() time.Time { return now.Add(48 * time.Hour) }
		if got, _ := rooms(100); len(got) != 0 {
			t.Errorf("got %v two days later, want none", got)
		}
	})
}

func TestRoutes(t *testing.T) {
	onEachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		s := service(t, Deps{Redis: rdb, Presence: audience{3: {Online: 4, Unique: 5}}})
		var l log
		l.danmu(3, "a")
		l.add(live.Message{Type: live.Gift, RoomID: 3, UserID: 7, ID: "g", Data: []byte(`{"count":2,"cost":20}`)})
		l.add(live.Message{Type: live.Like, RoomID: 3, UserID: 7, ID: "l", Data: []byte(`{"count":3}`)})
		count(t, s, l)
		api := httpapi.New(httpapi.Config{Title: "test"})
		s.Routes(api)

		var room map[string]any
		get(t, api, "/api/v1/stats/rooms/3", http.StatusOK, &room)
		want := map[string]any{"room_id": 3.0, "online": 4.0, "peak_online": 4.0, "unique_viewers": 5.0, "danmu": 1.0, "likes": 3.0, "gifts": 2.0, "coins": 20.0}
		for field, v := range want {
			if room[field] != v {
				t.Errorf("%s: got %v, want %v", field, room[field], v)
			}
		}
		if at, _ := room["as_of"].(string); !strings.HasSuffix(at, "Z") || len(room) != len(want)+1 {
			t.Errorf("got %v, want the contract's fields with as_of in UTC", room)
		}
		get(t, api, "/api/v1/stats/rooms/13", http.StatusOK, &room)
		if room["danmu"] != 0.0 {
			t.Errorf("got %v of an unknown room, want zeros", room)
		}

		var hot httpapi.Page[Ranked]
		get(t, api, "/api/v1/stats/hot?limit=5", http.StatusOK, &hot)
		if len(hot.Items) != 1 || hot.Items[0].RoomID != 3 || hot.Items[0].Rank != 1 || hot.Items[0].Score < 3 {
			t.Errorf("got %+v, want room 3 alone, with about 3.3", hot)
		}
		for _, path := range []string{"/api/v1/stats/rooms/0", "/api/v1/stats/rooms/x", "/api/v1/stats/hot?limit=0", "/api/v1/stats/hot?limit=101"} {
			get(t, api, path, http.StatusUnprocessableEntity, nil)
		}
	})
}

func get(t *testing.T, api http.Handler, path string, status int, into any) {
	t.Helper()
	w := httptest.NewRecorder()
	api.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
	body, err := io.ReadAll(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	if w.Code != status {
		t.Errorf("%s: got %d %s, want %d", path, w.Code, body, status)
		return
	}
	if into != nil {
		if err := json.Unmarshal(body, into); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}

type noPresence struct{}

func (noPresence) Audiences(context.Context, []live.RoomID) ([]roomstate.Count, error) {
	return nil, errors.New("away")
}

// A peak that can't be known is not guessed: the batch waits.
func TestPresenceAway(t *testing.T) {
	onEachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		s := service(t, Deps{Redis: rdb, Presence: noPresence{}})
		var l log
		l.add(live.Message{Type: live.Presence, RoomID: 3, Data: []byte(`{"joined":[1]}`)})
		if done, err := s.HandleMessages(t.Context(), l); done != 0 || err == nil {
			t.Errorf("got %d, %v, want 0 and an error", done, err)
		}
		if _, err := s.Room(t.Context(), 3); err == nil {
			t.Error("figures without an audience must be an error")
		}
	})
}

func TestNewNeedsItsParts(t *testing.T) {
	if _, err := New(Deps{}); err == nil {
		t.Error("got no error without redis, presence and history")
	}
}
