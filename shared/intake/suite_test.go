package intake

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/roomstate/redistest"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/stream/embedded"
	"github.com/barrage-live/barrage/shared/wire"
)

const patience = 20 * time.Second

// standingTable is the moderation of the only room of a test.
type standingTable map[live.UserID]roomstate.Standing

func (s standingTable) Standing(_ context.Context, _ live.RoomID, user live.UserID) (roomstate.Standing, error) {
	return s[user], nil
}

// servers are what an intake works with.
type servers struct {
	rdb     redis.UniversalClient
	brokers []string
	room    live.RoomID
}

// onServers runs a test on embedded servers, and on the real ones that the environment names.
func onServers(t *testing.T, test func(t *testing.T, s servers)) {
	t.Run("embedded", func(t *testing.T) {
		test(t, servers{redistest.Embedded(t), []string{startKafka(t).Addr()}, redistest.Room()})
	})
	addr, brokers := os.Getenv("BARRAGE_TEST_REDIS"), os.Getenv("BARRAGE_TEST_KAFKA")
	if addr != "" && brokers != "" {
		t.Run("real", func(t *testing.T) {
			test(t, servers{redistest.Client(t, addr), strings.Split(brokers, ","), redistest.Room()})
		})
	}
}

func startKafka(t *testing.T) *embedded.Broker {
	t.Helper()
	b, err := embedded.Start(embedded.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (s servers) dial(t *testing.T, cfg stream.Config) *stream.Client {
	t.Helper()
	cfg.Brokers = s.brokers
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := stream.Dial(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := c.Close(ctx); err != nil && !t.Failed() {
			t.Logf("close kafka: %v", err) // it may be the test's point that Kafka is gone
		}
	})
	if err := c.EnsureTopics(ctx); err != nil {
		t.Fatal(err)
	}
	return c
}

// start makes an intake as one pod has it.
func (s servers) start(t *testing.T, change func(*Config, *fanout.PublisherConfig)) *Intake {
	t.Helper()
	cfg := Config{State: standingTable{}, Pod: strings.ToLower(rand.Text()[:6]), LikeWindow: 50 * time.Millisecond}
	var p fanout.PublisherConfig
	if change != nil {
		change(&cfg, &p)
	}
	if cfg.Kafka == nil {
		cfg.Kafka = s.dial(t, stream.Config{DeliveryTimeout: 2 * time.Second})
	}
	cfg.Publisher = fanout.NewPublisher(s.rdb, p)
	in, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(in.Close)
	return in
}

// history is what the room was shown.
func (s servers) history(t *testing.T) []live.Message {
	t.Helper()
	stored, err := fanout.NewHistory(s.rdb).Before(t.Context(), s.room, 0, 100_000)
	if err != nil {
		t.Fatal(err)
	}
	var all []live.Message
	for _, m := range stored {
		all = append(all, decode(t, wire.AppendSeq(nil, m.Payload, m.Seq)))
	}
	return all
}

func decode(t *testing.T, b []byte) live.Message {
	t.Helper()
	m, err := wire.Unmarshal(b)
	if err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return m
}

// records returns all records of the room that are in Kafka now, oldest first.
func (s servers) records(t *testing.T) []*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	partition := stream.RoomPartition(s.room, stream.DefaultPartitions)
	c, err := kgo.NewClient(kgo.SeedBrokers(s.brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// A last record marks the end of what is there.
	mark := &kgo.Record{Topic: string(stream.LiveMessages), Partition: partition, Key: []byte(rand.Text())}
	producer, err := kgo.NewClient(kgo.SeedBrokers(s.brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	if err := producer.ProduceSync(ctx, mark).FirstErr(); err != nil {
		t.Fatal(err)
	}
	c.AddConsumePartitions(map[string]map[int32]kgo.Offset{mark.Topic: {partition: kgo.NewOffset().AtStart()}})
	var all []*kgo.Record
	for {
		fetches := c.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatal(err)
		}
		for r := range fetches.RecordsAll() {
			if string(r.Key) == string(mark.Key) {
				return all
			}
			if string(r.Key) == fmt.Sprint(s.room) {
				all = append(all, r)
			}
		}
	}
}

// stored are the messages of records.
func (s servers) stored(t *testing.T) []live.Message {
	t.Helper()
	var all []live.Message
	for _, r := range s.records(t) {
		all = append(all, decode(t, r.Value))
	}
	return all
}

func danmu(id, text string) wire.Inbound {
	return wire.Inbound{Type: live.Danmu, ID: id, Content: text}
}

func like(id string, count int) wire.Inbound {
	return wire.Inbound{Type: live.Like, ID: id, LikeCount: count}
}

func user(id live.UserID) Sender {
	return Sender{User: id, Nickname: fmt.Sprintf("nick%d", id), Role: live.RoleViewer}
}

func post(t *testing.T, in *Intake, who Sender, room live.RoomID, msg wire.Inbound) Reply {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := in.Post(ctx, who, room, msg)
	if refused, ok := live.AsError(err); ok {
		return Reply{Err: refused}
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// replies collects what Submit answers.
type replies struct {
	mu  sync.Mutex
	all []Reply
	wg  sync.WaitGroup
}

func (r *replies) expect() func(Reply) {
	r.wg.Add(1)
	return func(one Reply) {
		r.mu.Lock()
		r.all = append(r.all, one)
		r.mu.Unlock()
		r.wg.Done() // a second reply panics
	}
}

func (r *replies) wait(t *testing.T) []Reply {
	t.Helper()
	done := make(chan struct{})
	go func() { r.wg.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("not everybody got a reply")
	}
	return slices.Clone(r.all)
}

func code(r Reply) string {
	if r.Err == nil {
		return ""
	}
	return r.Err.Code
}
