package stats

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/barrage-live/barrage/functions/stats/tally"
	"github.com/barrage-live/barrage/shared/history"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/stream"
)

// What is held against the story when everything was counted.

func (c *consumer) awaitEnd(t *testing.T, ctx context.Context) {
	t.Helper()
	for {
		lags, err := c.kafka.Lag(ctx, c.readers())
		if err != nil {
			t.Fatal(err)
		}
		left := int64(0)
		for _, l := range lags {
			left += l.Records
		}
		if left == 0 {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("still behind: %v", lags)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (c *consumer) check(t *testing.T, s *story, began time.Time) {
	t.Helper()
	for room, want := range s.rooms {
		got, err := c.service.Room(t.Context(), room)
		if have := (tally.Counts{Danmu: got.Danmu, Likes: got.Likes, Gifts: got.Gifts, Coins: got.Coins}); err != nil || have != want {
			t.Errorf("room %d: got %+v, %v, want %+v", room, have, err, want)
		}
	}
	totals, err := c.service.Totals(t.Context())
	if err != nil || totals.Counts != s.total {
		t.Errorf("totals: got %+v, %v, want %+v", totals.Counts, err, s.total)
	}
	c.checkViewers(t, s, began)
	for name, kept := range c.stores {
		for room := range s.rooms {
			checkMinutes(t, name, kept, s, room, began)
		}
	}
	if c.ClickHouse != "" {
		checkRows(t, c.ClickHouse, int64(s.events))
	}
	c.checkRecordings(t, s)
	c.checkDeadLetters(t, s)
}

// checkViewers: the sets of a log that was counted in pieces and of the same names taken once are the same, and a
// HyperLogLog is within 0.81 % of the truth, three times that at worst.
func (c *consumer) checkViewers(t *testing.T, s *story, began time.Time) {
	days := []string{c.service.allKey(keyViewers + day(began)), c.service.allKey(keyViewers + day(began.Add(storyMinutes*time.Minute)))}
	days = slices.Compact(days)
	once := c.service.allKey("once")
	pipe := c.redis.Pipeline()
	for user := range s.viewers {
		pipe.PFAdd(t.Context(), once, int64(user))
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := c.redis.PFCount(t.Context(), days...).Result()
	if err != nil {
		t.Fatal(err)
	}
	want, err := c.redis.PFCount(t.Context(), once).Result()
	if truth := float64(len(s.viewers)); err != nil || got != want || math.Abs(float64(got)-truth) > 0.0243*truth {
		t.Errorf("viewers: got %d, %v, want %d as of names taken once, of truly %v", got, err, want, truth)
	}
}

func checkMinutes(t *testing.T, name string, kept Record, s *story, room live.RoomID, began time.Time) {
	t.Helper()
	points, err := kept.Points(t.Context(), history.Query{Room: room, From: began, To: began.Add(storyMinutes * time.Minute), Step: time.Minute})
	if err != nil || len(points) != storyMinutes {
		t.Errorf("%s: room %d: got %d points, %v", name, room, len(points), err)
	}
	for _, got := range points {
		want := s.minutes[room][got.T.Unix()/60]
		want.T = got.T
		if got != want {
			t.Errorf("%s: room %d: got %+v, want %+v", name, room, got, want)
		}
	}
}

func checkRows(t *testing.T, database string, want int64) {
	t.Helper()
	server, name := database[:strings.LastIndexByte(database, '/')], database[strings.LastIndexByte(database, '/')+1:]
	res, err := http.Post(server+"/?"+url.Values{"database": {name}, "query": {"SELECT count(), uniqExact(event_id) FROM events FINAL"}}.Encode(), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var rows, ids int64
	if _, err := fmt.Fscan(res.Body, &rows, &ids); err != nil || rows != want || ids != want {
		t.Errorf("ClickHouse: got %d rows with %d ids, %v, want %d", rows, ids, err, want)
	}
}

// checkDeadLetters: every record that can't be read is there, with a reason, and no other.
func (c *consumer) checkDeadLetters(t *testing.T, s *story) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	found := make(map[string]bool)
	var mu sync.Mutex
	cfg := stream.GroupConfig{Group: c.Space + "-dead", Topics: []stream.Topic{c.Messages.DeadLetters()}, SessionTimeout: 6 * time.Second}
	if len(s.poison) == 0 {
		return
	}
	err := c.kafka.Consume(ctx, cfg, func(_ context.Context, part []stream.Record) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		for _, r := range part {
			if !s.poison[string(r.Value)] || len(r.Header(stream.HeaderError)) == 0 || len(r.Header(stream.HeaderSourceOffset)) == 0 {
				t.Errorf("dead letter %s with reason %q", r.Value, r.Header(stream.HeaderError))
			}
			found[string(r.Value)] = true
		}
		if len(found) == len(s.poison) {
			stop()
		}
		return len(part), nil
	})
	if err != nil || len(found) != len(s.poison) {
		t.Errorf("got %d dead letters, %v, want %d", len(found), err, len(s.poison))
	}
}
