package stats

import (
	"context"
	crand "crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/history"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/roomstate/embedded"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/wire"
)

func onEachRedis(t *testing.T, contract func(t *testing.T, rdb redis.UniversalClient)) {
	t.Helper()
	t.Run("embedded", func(t *testing.T) {
		addr, stop, err := embedded.Start("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(stop)
		contract(t, connect(t, addr))
	})
	for name, variable := range map[string]string{"redis": "BARRAGE_TEST_REDIS", "cluster": "BARRAGE_TEST_REDIS_CLUSTER"} {
		if addrs := os.Getenv(variable); addrs != "" {
			t.Run(name, func(t *testing.T) { contract(t, connect(t, strings.Split(addrs, ",")...)) })
		}
	}
}

// connect takes several addresses for a cluster.
func connect(t testing.TB, addrs ...string) redis.UniversalClient {
	t.Helper()
	rdb := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: addrs})
	t.Cleanup(func() {
		if err := rdb.Close(); err != nil {
			t.Error(err)
		}
	})
	return rdb
}

// audience is presence that a test decides.
type audience map[live.RoomID]roomstate.Count

func (a audience) Audiences(_ context.Context, rooms []live.RoomID) ([]roomstate.Count, error) {
	counts := make([]roomstate.Count, len(rooms))
	for i, room := range rooms {
		counts[i] = a[room]
	}
	return counts, nil
}

// noHistory keeps nothing, for tests of the counts of now.
type noHistory struct{}

func (noHistory) Put(context.Context, history.Batch) error       { return nil }
func (noHistory) Sample(context.Context, []history.Sample) error { return nil }
func (noHistory) Points(context.Context, history.Query) ([]history.Point, error) {
	return nil, errors.New("no history")
}

func service(t testing.TB, d Deps) *Service {
	t.Helper()
	if d.Presence == nil {
		d.Presence = audience{}
	}
	if d.History == nil {
		d.History = noHistory{}
	}
	if d.Space == "" {
		d.Space = "stats-test-" + crand.Text()
	}
	s, err := New(d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

const partition = 3

// log is a partition's records, made one after the other.
type log []stream.Record

func (l *log) add(m live.Message) {
	if m.Timestamp == 0 {
		m.Timestamp = time.Now().UnixMilli()
	}
	value, err := wire.Marshal(m)
	if err != nil {
		panic(err)
	}
	*l = append(*l, stream.Record{Topic: stream.LiveMessages, Partition: partition, Offset: int64(len(*l)), Value: value, Timestamp: time.Now()})
}

func (l *log) danmu(room live.RoomID, id string) {
	l.add(live.Message{Type: live.Danmu, RoomID: room, UserID: 7, ID: id, Content: "hi"})
}

func (l *log) room(room live.RoomID, event string, startedAt int64) {
	at := time.UnixMilli(startedAt).UTC().Format(time.RFC3339Nano)
	l.add(live.Message{Type: live.RoomEvent, RoomID: room, ID: crand.Text(), Data: fmt.Appendf(nil, `{"event":%q,"room":{"started_at":%q}}`, event, at)})
}

func count(t *testing.T, s *Service, part []stream.Record) {
	t.Helper()
	if done, err := s.HandleMessages(t.Context(), part); done != len(part) || err != nil {
		t.Fatalf("got %d of %d done, %v", done, len(part), err)
	}
}
