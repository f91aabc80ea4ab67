package stats

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/history"
	"github.com/barrage-live/barrage/shared/history/rollup"
	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/storetest"
	"github.com/barrage-live/barrage/shared/stream"
)

// past is a history that remembers what it was given, until err.
type past struct {
	noHistory
	got []history.Batch
	err error
}

func (p *past) Put(_ context.Context, b history.Batch) error {
	if p.err == nil {
		p.got = append(p.got, b)
	}
	return p.err
}

func remembering(t *testing.T) (*Service, *past) {
	p := &past{}
	return service(t, Deps{Redis: redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"}), History: p}), p
}

func TestHistoryKeepsWhatCounts(t *testing.T) {
	s, p := remembering(t)
	var l log
	l.danmu(3, "a")
	l.room(3, "started", 5)
	l.add(live.Message{Type: live.Gift, RoomID: 3, UserID: 8, ID: "g", Timestamp: 5000, Data: []byte(`{"count":2,"cost":20}`)})
	l.danmu(3, "")
	l.danmu(3, "")
	l.danmu(3, "a")
	if done, err := s.HandleHistory(t.Context(), l); done != len(l) || err != nil {
		t.Fatalf("got %d, %v, want all done", done, err)
	}
	b := p.got[0]
	if want := (history.Source{Topic: "live-messages", Partition: partition}); b.Source != want || b.Next != 6 || len(b.Events) != 5 {
		t.Fatalf("got %+v, want five events of %+v and next 6", b, want)
	}
	gift := b.Events[1]
	gift.ID = 0
	if want := (history.Event{Offset: 2, Room: 3, User: 8, Type: live.Gift, At: time.UnixMilli(5000).UTC(), Gifts: 2, Coins: 20}); gift != want {
		t.Errorf("got %+v, want %+v", gift, want)
	}
	if b.Events[0].ID != b.Events[4].ID {
		t.Error("an event that is told twice has two ids")
	}
	if a, c := b.Events[2].ID, b.Events[3].ID; a == 0 || c == 0 || a == c {
		t.Errorf("got ids %d and %d of events without one, want two different ones", a, c)
	}
	nameless := b.Events[2].ID
	if _, err := s.HandleHistory(t.Context(), l[3:4]); err != nil || p.got[1].Events[0].ID != nameless {
		t.Errorf("delivered again an event without id has another one, %v", err)
	}
}

func TestHistoryStopsAtPoisonAndWaitsForItsDatabase(t *testing.T) {
	s, p := remembering(t)
	var l log
	for i := range 4 {
		l.danmu(3, strconv.Itoa(i))
	}
	l[2].Value = []byte("{")
	done, err := s.HandleHistory(t.Context(), l)
	if done != 2 || err == nil || len(p.got[0].Events) != 2 || p.got[0].Next != 2 {
		t.Errorf("got %d, %v, %+v, want what comes before the bad record", done, err, p.got)
	}
	dead := &letters{}
	handle := stream.WithDeadLetters(dead, 1, s.HandleHistory)
	if done, err := handle(t.Context(), l); done != 4 || err != nil || len(dead.sent) != 1 {
		t.Errorf("got %d, %v, %d dead letters, want one and all done", done, err, len(dead.sent))
	}
	p.err = errors.New("away")
	for range 3 {
		if done, err := handle(t.Context(), l[:2]); done != 0 || !errors.Is(err, p.err) || len(dead.sent) != 1 {
			t.Errorf("got %d, %v, %d dead letters, want an outage to be waited for", done, err, len(dead.sent))
		}
	}
}

func TestTimelineAndOverview(t *testing.T) {
	onEachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		kept, err := rollup.New(storetest.Open(t, storetest.SQLite(t)), history.Keep{MinuteDays: 30})
		if err != nil {
			t.Fatal(err)
		}
		s := service(t, Deps{
			Redis: rdb, Presence: audience{3: {Online: 4}}, History: kept,
			Topics: topicIDs{}, Readers: []stream.Reader{{Group: "stats", Topic: stream.LiveMessages}},
		})
		var l log
		at := time.Now().Add(-10 * time.Minute).UTC().Truncate(time.Minute)
		for i, minute := range []int{0, 0, 3} {
			l.add(live.Message{Type: live.Danmu, RoomID: 3, UserID: 7, ID: strconv.Itoa(i), Timestamp: at.Add(time.Duration(minute) * time.Minute).UnixMilli()})
		}
		count(t, s, l)
		if done, err := s.HandleHistory(t.Context(), l); done != 3 || err != nil {
			t.Fatal(done, err)
		}
		sample(t, s)
		api := httpapi.New(httpapi.Config{Title: "test"})
		s.Routes(api)

		span := fmt.Sprintf("from=%s&to=%s", at.Format(time.RFC3339), at.Add(4*time.Minute).Format(time.RFC3339))
		var line httpapi.Page[history.Point]
		get(t, api, "/api/v1/stats/rooms/3/timeline?"+span+"&step=120", http.StatusOK, &line)
		if want := []history.Point{{T: at.Truncate(2 * time.Minute), Danmu: 2}, {T: at.Truncate(2 * time.Minute).Add(2 * time.Minute), Danmu: 1}}; len(line.Items) < 2 || sum(line.Items) != sum(want) {
			t.Errorf("got %+v, want %+v", line.Items, want)
		}
		var all Overview
		get(t, api, "/api/v1/stats/overview?"+span, http.StatusOK, &all)
		if all.Online != 4 || all.PeakOnline != 4 || all.Danmu != 3 || all.AsOf.IsZero() {
			t.Errorf("got %+v, want 4 online and 3 danmu", all)
		}
		if want := []GroupLag{{Group: "stats", Topic: stream.LiveMessages, Records: 5}}; !slices.Equal(all.Lag, want) {
			t.Errorf("got lag %+v, want %+v", all.Lag, want)
		}
		if len(all.Items) != 4 || all.Items[0].Danmu != 2 || all.Items[3].Danmu != 1 || !all.Items[0].T.Equal(at) {
			t.Errorf("got %+v, want four minutes with 2, 0, 0 and 1 danmu", all.Items)
		}
		get(t, api, "/api/v1/stats/overview", http.StatusOK, &all)
		if n := len(all.Items); n != 61 && n != 60 {
			t.Errorf("got %d points by default, want those of an hour", n)
		}
		if last := all.Items[len(all.Items)-1]; last.Online != 4 && all.Items[len(all.Items)-2].Online != 4 {
			t.Errorf("got %+v at last, want the sample", last)
		}
		s.deps.History = noHistory{}
		get(t, api, "/api/v1/stats/rooms/3/timeline", http.StatusServiceUnavailable, nil)
		s.deps.History = kept
		for _, bad := range []string{"from=yesterday", "step=59", "step=90", "step=0", "to=2026-01-01T00:00:00Z&from=2026-01-02T00:00:00Z", "from=2020-01-01T00:00:00Z", "from=1960-01-01T00:00:00Z&to=1960-01-02T00:00:00Z"} {
			get(t, api, "/api/v1/stats/overview?"+bad, http.StatusUnprocessableEntity, nil)
			get(t, api, "/api/v1/stats/rooms/3/timeline?"+bad, http.StatusUnprocessableEntity, nil)
		}
	})
}

func sum(points []history.Point) (danmu int64) {
	for _, p := range points {
		danmu += p.Danmu
	}
	return danmu
}
