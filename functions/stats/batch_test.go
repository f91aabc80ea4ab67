package stats

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/functions/stats/tally"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate/embedded"
	"github.com/barrage-live/barrage/shared/stream"
)

func randomLog(r *rand.Rand, n int) log {
	var l log
	for i := range n {
		room := live.RoomID(3 + 10*r.IntN(4)) // all in partition 3 of 10
		m := live.Message{RoomID: room, UserID: live.UserID(r.IntN(5) + 1), ID: strconv.Itoa(i), Timestamp: time.Now().UnixMilli() - r.Int64N(3_600_000)}
		if i > 10 && r.IntN(5) == 0 {
			l = append(l, l[i-1-r.IntN(10)]) // told again by its producer, at an offset of its own
			l[i].Offset = int64(i)
			continue
		}
		switch r.IntN(12) {
		case 0, 1:
			m.Type, m.Data = live.Like, fmt.Appendf(nil, `{"count":%d}`, 1+r.IntN(100))
		case 2, 3:
			m.Type, m.Data = live.Gift, fmt.Appendf(nil, `{"count":%d,"cost":%d}`, 1+r.IntN(10), r.IntN(1000))
		case 4:
			l.room(room, "started", int64(i/20)+r.Int64N(3)) // some are told again, some late
			continue
		case 5:
			if r.IntN(4) == 0 {
				l.room(room, "stopped", 0)
				continue
			}
			m.Type, m.Content = live.Danmu, "hi"
		default:
			m.Type, m.Content = live.Danmu, "hi"
		}
		l.add(m)
	}
	return l
}

// kept is all that a service holds of a partition, ids aside.
func kept(t *testing.T, s *Service) (hashes map[string]map[string]string, hot map[string]float64) {
	t.Helper()
	hashes, hot = make(map[string]map[string]string), make(map[string]float64)
	for _, part := range []string{keyTotal, "room:3", "room:13", "room:23", "room:33"} {
		h, err := s.deps.Redis.HGetAll(t.Context(), s.key(partition, part)).Result()
		if err != nil {
			t.Fatal(err)
		}
		hashes[part] = h
	}
	ranking, err := s.deps.Redis.ZRangeWithScores(t.Context(), s.key(partition, keyHot), 0, -1).Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, z := range ranking {
		hot[fmt.Sprint(z.Member)] = z.Score
	}
	return hashes, hot
}

// However the log is cut, and however often a batch is delivered again, whole or from its middle, the counts are
// those of one batch that came once.
func TestCutAndRedeliveredBatchesCountOnce(t *testing.T) {
	onEachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		r, hot := rand.New(rand.NewPCG(1, 2)), 0
		for round := range 10 {
			l := randomLog(r, 300)
			once, pieces := service(t, Deps{Redis: rdb}), service(t, Deps{Redis: rdb})
			count(t, once, l)
			for at := 0; at < len(l); {
				from := max(0, at-r.IntN(40))
				to := min(len(l), at+1+r.IntN(60))
				count(t, pieces, l[from:to])
				at = to
			}
			count(t, pieces, l)
			wantHashes, wantHot := kept(t, once)
			gotHashes, gotHot := kept(t, pieces)
			for part, want := range wantHashes {
				if !maps.Equal(gotHashes[part], want) {
					t.Errorf("round %d: %s: got %v, want %v", round, part, gotHashes[part], want)
				}
			}
			if !maps.EqualFunc(gotHot, wantHot, func(a, b float64) bool { return math.Abs(a-b) < 1e-6 }) {
				t.Errorf("round %d: got heat %v, want %v", round, gotHot, wantHot)
			}
			hot += len(wantHot)
		}
		if hot == 0 {
			t.Error("no room was ever hot")
		}
	})
}

// During a rebalance two members may hold the same batch.
func TestTwoMembersCountOnce(t *testing.T) {
	onEachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		var l log
		for i := range 200 {
			l.danmu(3, strconv.Itoa(i))
		}
		space := "stats-test-" + crand.Text()
		var members sync.WaitGroup
		for range 4 {
			s := service(t, Deps{Redis: rdb, Space: space})
			members.Go(func() {
				for batch := range slices.Chunk(l, 10) {
					done := 0
					for done == 0 { // redelivered until it is done
						var err error
						if done, err = s.HandleMessages(t.Context(), batch); err != nil && !errors.Is(err, errMoved) {
							t.Error(err)
							return
						}
					}
				}
			})
		}
		members.Wait()
		got, err := service(t, Deps{Redis: rdb, Space: space}).Totals(t.Context())
		if want := (tally.Counts{Danmu: 200}); err != nil || got.Counts != want {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	})
}

type topicIDs map[stream.Topic]string

func (ids topicIDs) TopicID(_ context.Context, t stream.Topic) (string, error) { return ids[t], nil }

func (topicIDs) Lag(_ context.Context, readers []stream.Reader) ([]stream.Lag, error) {
	return []stream.Lag{{Reader: readers[0], Records: 5}}, nil
}

// A topic that was deleted and made again begins at offset 0: the old watermark must not swallow its records.
func TestTopicMadeAgain(t *testing.T) {
	onEachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		space := "stats-test-" + crand.Text()
		for i, id := range []string{"first", "first", "second", "second"} {
			s := service(t, Deps{Redis: rdb, Space: space, Topics: topicIDs{stream.LiveMessages: id}})
			var l log
			for n := range 5 {
				l.danmu(3, id+strconv.Itoa(n))
			}
			count(t, s, l)
			if got, err := s.Room(t.Context(), 3); err != nil || got.Danmu != int64(5*(1+i/2)) {
				t.Errorf("%s: got %d danmu, %v, want %d", id, got.Danmu, err, 5*(1+i/2))
			}
		}
	})
}

func TestSeenIDsAreBounded(t *testing.T) {
	onEachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		const least = 50
		s := service(t, Deps{Redis: rdb, SeenIDs: least})
		var l log
		for i := range 1000 {
			l.danmu(3, strconv.Itoa(i))
			if i >= least {
				l.danmu(3, strconv.Itoa(i-least+1)) // one of the last that must be known
			}
		}
		for batch := range slices.Chunk(l, 10) {
			count(t, s, batch)
		}
		got, err := s.Room(t.Context(), 3)
		if err != nil || got.Danmu != 1000 {
			t.Errorf("got %d danmu, %v, want 1000", got.Danmu, err)
		}
		for _, part := range []string{keySeen0, keySeen1} {
			n, err := rdb.SCard(t.Context(), s.key(partition, part)).Result()
			if err != nil || n > least+10 {
				t.Errorf("%s: got %d ids, %v, want at most %d", part, n, err, least+10)
			}
			if ttl, err := rdb.PTTL(t.Context(), s.key(partition, part)).Result(); err != nil || ttl <= 0 {
				t.Errorf("%s: got TTL %v, %v, want one", part, ttl, err)
			}
		}
	})
}

type letters struct{ sent []stream.Outgoing }

func (l *letters) Publish(_ context.Context, recs ...stream.Outgoing) error {
	l.sent = append(l.sent, recs...)
	return nil
}

func TestPoisonGoesToTheDeadLetters(t *testing.T) {
	onEachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		s := service(t, Deps{Redis: rdb})
		var l log
		for i := range 10 {
			l.danmu(3, strconv.Itoa(i))
		}
		l[0].Value, l[4].Value = []byte("not JSON"), []byte(`{"type":"like","room_id":3}`)
		dead := &letters{}
		done, err := stream.WithDeadLetters(dead, 100, s.HandleMessages)(t.Context(), l)
		if done != 10 || err != nil || len(dead.sent) != 2 {
			t.Errorf("got %d done, %v and %d dead letters, want 10, nil and 2", done, err, len(dead.sent))
		}
		if got, err := s.Room(t.Context(), 3); err != nil || got.Danmu != 8 {
			t.Errorf("got %d danmu, %v, want 8", got.Danmu, err)
		}
	})
}

func TestOutageKeepsRecords(t *testing.T) {
	addr, stop, err := embedded.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	rdb := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1, DialerRetries: 1})
	defer rdb.Close()
	s := service(t, Deps{Redis: rdb})
	stop()
	var l log
	l.danmu(3, "x")
	dead := &letters{}
	for range 3 {
		if done, err := stream.WithDeadLetters(dead, 1, s.HandleMessages)(t.Context(), l); done != 0 || err == nil {
			t.Errorf("got %d, %v, want 0 and an error", done, err)
		}
	}
	if len(dead.sent) > 0 {
		t.Errorf("got %d dead letters, want none", len(dead.sent))
	}
}
