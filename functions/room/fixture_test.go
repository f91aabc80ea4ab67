package room_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/goleak"

	"github.com/barrage-live/barrage/functions/room"
	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/intake"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	redisserver "github.com/barrage-live/barrage/shared/roomstate/embedded"
	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/storetest"
	"github.com/barrage-live/barrage/shared/stream"
	kafkaserver "github.com/barrage-live/barrage/shared/stream/embedded"
	"github.com/barrage-live/barrage/shared/telemetry"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const anchor, viewer live.UserID = 7, 8

// fixture is the function with everything under it. Each of redis, kafka and the database is a server that speaks the
// real protocol.
type fixture struct {
	*room.Service
	deps    room.Deps
	redis   *redis.Client
	metrics *sdkmetric.ManualReader

	telemetry *telemetry.Telemetry
}

// each runs the test on embedded servers, and on the real ones that are there.
func each(t *testing.T, test func(t *testing.T, f *fixture)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		t.Run("embedded", func(t *testing.T) { test(t, newFixture(t, s, embeddedRedis(t), embeddedKafka(t))) })
		rdb, kafka := os.Getenv("BARRAGE_TEST_REDIS"), os.Getenv("BARRAGE_TEST_KAFKA")
		if rdb == "" && kafka == "" {
			return
		}
		t.Run("real", func(t *testing.T) {
			if rdb == "" {
				rdb = embeddedRedis(t)
			}
			if kafka == "" {
				kafka = embeddedKafka(t)
			}
			test(t, newFixture(t, s, rdb, kafka))
		})
	})
}

func embeddedRedis(t testing.TB) string {
	t.Helper()
	addr, stop, err := redisserver.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return addr
}

func embeddedKafka(t testing.TB) string {
	t.Helper()
	broker, err := kafkaserver.Start(kafkaserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, broker.Close()) })
	return broker.Addr()
}

func closed(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

func newFixture(t testing.TB, s *store.Store, redisAddr, brokers string) *fixture {
	t.Helper()
	ownRooms(t, s)
	reader := sdkmetric.NewManualReader()
	tel, err := telemetry.Start(t.Context(), telemetry.Config{Getenv: func(string) string { return "" }, MetricReader: reader, Log: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, tel.Shutdown(context.Background())) })
	rdb := redis.NewClient(&redis.Options{Addr: redisAddr, MaxRetries: -1})
	t.Cleanup(func() { _ = rdb.Close() }) // some tests close it before
	kafka, err := stream.Dial(t.Context(), stream.Config{Brokers: strings.Split(brokers, ",")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closed(t, kafka.Close(context.Background())) })
	if err := kafka.EnsureTopics(t.Context()); err != nil {
		t.Fatal(err)
	}
	d := room.Deps{Store: s, Kafka: kafka, SocketURL: "ws://test/ws", Metrics: tel.Metrics, Log: tel.Logger()}
	d.Fanout, d.History = fanout.NewPublisher(rdb, fanout.PublisherConfig{}), fanout.NewHistory(rdb)
	if d.State, err = roomstate.New(rdb, roomstate.Config{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.State.Close)
	if d.Intake, err = intake.New(intake.Config{Publisher: d.Fanout, Kafka: kafka, State: d.State, Pod: "test"}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Intake.Close)
	return &fixture{Service: service(t, d), deps: d, redis: rdb, metrics: reader, telemetry: tel}
}

func service(t testing.TB, d room.Deps) *room.Service {
	t.Helper()
	s, err := room.New(d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// ownRooms lets room ids begin at a random number: Redis and Kafka know rooms by id alone, and may be shared.
func ownRooms(t testing.TB, s *store.Store) {
	t.Helper()
	first := 1_000_000 + rand.Int64N(1<<40)
	sql := "ALTER TABLE rooms AUTO_INCREMENT = " + strconv.FormatInt(first, 10)
	if s.DB().Name() == "sqlite" {
		sql = fmt.Sprintf("INSERT INTO sqlite_sequence (name, seq) VALUES ('rooms', %d)", first)
	}
	if err := s.DB().Exec(sql).Error; err != nil {
		t.Fatal(err)
	}
}

func (f *fixture) create(t testing.TB) live.Room {
	t.Helper()
	r, err := f.Create(t.Context(), anchor, "a room", "")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (f *fixture) started(t testing.TB) live.Room {
	t.Helper()
	r, err := f.Start(t.Context(), anchor, f.create(t).ID)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// events returns the room's events as its viewers have them.
func (f *fixture) events(t *testing.T, id live.RoomID) []live.Message {
	t.Helper()
	all, err := f.Messages(t.Context(), id, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	var events []live.Message
	for _, m := range all {
		if m.Type == live.RoomEvent {
			events = append(events, m)
		}
	}
	return events
}

func (f *fixture) counter(t *testing.T, name string) (total int64) {
	t.Helper()
	var rm metricdata.ResourceMetrics
	if err := f.metrics.Collect(t.Context(), &rm); err != nil {
		t.Fatal(err)
	}
	for _, scope := range rm.ScopeMetrics {
		for _, m := range scope.Metrics {
			if s, ok := m.Data.(metricdata.Sum[int64]); ok && m.Name == name {
				for _, p := range s.DataPoints {
					total += p.Value
				}
			}
		}
	}
	return total
}
