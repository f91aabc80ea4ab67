package stats

import (
	"context"
	crand "crypto/rand"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/barrage-live/barrage/shared/history"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/telemetry"
)

// samples is a history that remembers samples.
type samples struct {
	noHistory
	mu  sync.Mutex
	got map[live.RoomID][]int64
}

func (h *samples) Sample(_ context.Context, some []history.Sample) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.got == nil {
		h.got = make(map[live.RoomID][]int64)
	}
	for _, one := range some {
		h.got[one.Room] = append(h.got[one.Room], one.Online)
	}
	return nil
}

// sample takes the next turn: the one before is over.
func sample(t *testing.T, s *Service) {
	t.Helper()
	if err := s.deps.Redis.Del(t.Context(), s.allKey(keySampler)).Err(); err != nil {
		t.Fatal(err)
	}
	if err := s.Sample(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestSampling(t *testing.T) {
	onEachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		viewers, past := audience{3: {Online: 5}, 13: {Online: 2}, 23: {Online: 100}}, &samples{}
		s := service(t, Deps{Redis: rdb, Presence: viewers, History: past})
		var l log
		l.danmu(3, "a")
		l.danmu(13, "b") // nothing ever happened in 23: nobody can be there
		count(t, s, l)
		check := func(what string, online, peak int64) {
			t.Helper()
			if got, err := s.Totals(t.Context()); err != nil || got.Online != online || got.PeakOnline != peak {
				t.Errorf("%s: got %d online, peak %d, %v, want %d and %d", what, got.Online, got.PeakOnline, err, online, peak)
			}
		}
		check("before", 0, 0)
		sample(t, s)
		check("two rooms", 7, 7)
		viewers[3] = roomstate.Count{Online: 1}
		sample(t, s)
		check("most have left", 3, 7)
		if got, err := s.Room(t.Context(), 3); err != nil || got.PeakOnline != 5 {
			t.Errorf("got peak %d, %v, want what a sample saw", got.PeakOnline, err)
		}
		viewers[3], viewers[13] = roomstate.Count{}, roomstate.Count{}
		for range 3 {
			sample(t, s)
		}
		check("all have left", 0, 7)
		if left, err := rdb.HLen(t.Context(), s.key(partition, keyWatched)).Result(); err != nil || left != 0 {
			t.Errorf("got %d watched rooms, %v, want none", left, err)
		}
		viewers[13] = roomstate.Count{Online: 4}
		l = log{}
		l.danmu(13, "c")
		l[0].Offset = 2
		count(t, s, l)
		sample(t, s)
		check("somebody speaks again", 4, 7)
		if got := past.got[history.AllRooms]; len(got) != 6 || got[0] != 7 || got[5] != 4 {
			t.Errorf("history got %v for all rooms, want 7, 3, three times 0, 4", got)
		}
		if got := past.got[13]; len(got) == 0 || got[len(got)-1] != 4 {
			t.Errorf("history got %v for room 13, want 4 at last", got)
		}
	})
}

// A room in which something happens while a sample finds nobody is not forgotten.
func TestSampleKeepsARoomThatWakesMeanwhile(t *testing.T) {
	onEachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		s := service(t, Deps{Redis: rdb})
		var l log
		l.danmu(3, "a")
		count(t, s, l)
		sample(t, s)                                // the first look finds nobody
		s.deps.Presence = waking{s: s, t: t, l: &l} // during the second somebody speaks
		sample(t, s)
		if got, err := rdb.HGet(t.Context(), s.key(partition, keyWatched), "3").Result(); err != nil || got != "new" {
			t.Errorf("got %q, %v, want the room to be looked at again", got, err)
		}
	})
}

type waking struct {
	s *Service
	t *testing.T
	l *log
}

func (w waking) Audiences(_ context.Context, rooms []live.RoomID) ([]roomstate.Count, error) {
	w.l.danmu(3, crand.Text())
	count(w.t, w.s, (*w.l)[len(*w.l)-1:])
	return make([]roomstate.Count, len(rooms)), nil
}

func TestOneOfManySamples(t *testing.T) {
	onEachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		past, space := &samples{}, "stats-test-"+crand.Text()
		for range 5 {
			if err := service(t, Deps{Redis: rdb, History: past, Space: space}).Sample(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got := past.got[history.AllRooms]; len(got) != 1 {
			t.Errorf("got %d samples of five processes, want one", len(got))
		}
	})
}

// liveroom.viewer.count is told by who sampled last, and by nobody when that was long ago.
func TestViewersAreObservedOnce(t *testing.T) {
	onEachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		reader := sdkmetric.NewManualReader()
		tel, err := telemetry.Start(t.Context(), telemetry.Config{Service: "test", MetricReader: reader})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := tel.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
		}()
		d := Deps{Redis: rdb, Presence: audience{3: {Online: 5}}, Telemetry: tel, Space: "stats-test-" + crand.Text()}
		s, other := service(t, d), service(t, d)
		var l log
		l.danmu(3, "a")
		count(t, s, l)
		sample(t, s)
		if err := other.Sample(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := observed(t, reader); len(got) != 1 || got[0] != 5 {
			t.Errorf("got %v, want 5 viewers, told once", got)
		}
		s.viewers.Store(&sampled{at: time.Now().Add(-time.Hour), online: 5})
		if got := observed(t, reader); len(got) != 0 {
			t.Errorf("an hour later: got %v, want nothing", got)
		}
	})
}

func observed(t *testing.T, reader sdkmetric.Reader) (values []int64) {
	t.Helper()
	var data metricdata.ResourceMetrics
	if err := reader.Collect(context.Background(), &data); err != nil {
		t.Fatal(err)
	}
	for _, scope := range data.ScopeMetrics {
		for _, m := range scope.Metrics {
			if gauge, ok := m.Data.(metricdata.Gauge[int64]); ok && m.Name == "liveroom.viewer.count" {
				for _, p := range gauge.DataPoints {
					values = append(values, p.Value)
				}
			}
		}
	}
	return values
}
