package stream

import (
	"context"
	"crypto/rand"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/barrage-live/barrage/shared/stream/embedded"
)

func TestMain(m *testing.M) {
	if os.Getenv(crashEnv) != "" {
		crashChild()
		return
	}
	goleak.VerifyTestMain(m)
}

const patience = 20 * time.Second

// onEachBroker runs a contract against the embedded broker, and against the real one that BARRAGE_TEST_KAFKA names.
func onEachBroker(t *testing.T, contract func(t *testing.T, brokers []string)) {
	t.Helper()
	t.Run("embedded", func(t *testing.T) { contract(t, []string{startEmbedded(t).Addr()}) })
	if brokers := os.Getenv("BARRAGE_TEST_KAFKA"); brokers != "" {
		t.Run("kafka", func(t *testing.T) { contract(t, strings.Split(brokers, ",")) })
	}
}

func startEmbedded(t *testing.T) *embedded.Broker {
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

const testPartitions = 3

func dial(t *testing.T, cfg Config) *Client {
	t.Helper()
	cfg.Partitions = testPartitions
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := Dial(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := c.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return c
}

// newTopic makes a topic of its own for one test, and its dead letters.
func newTopic(t *testing.T, c *Client) Topic {
	t.Helper()
	topic := Topic("test-" + strings.ToLower(rand.Text()))
	if err := c.ensure(t.Context(), []Topic{topic, topic.DeadLetters()}); err != nil {
		t.Fatal(err)
	}
	return topic
}

// publish puts the numbers from ≤ n < to into the topic, n into partition n % testPartitions.
func publish(t *testing.T, c *Client, topic Topic, from, to int) {
	t.Helper()
	recs := make([]Outgoing, 0, to-from)
	for n := from; n < to; n++ {
		recs = append(recs, Outgoing{Topic: topic, Partition: int32(n % testPartitions), Key: []byte("k"), Value: []byte(strconv.Itoa(n))})
	}
	if err := c.Publish(t.Context(), recs...); err != nil {
		t.Fatal(err)
	}
}

func number(t *testing.T, r Record) int {
	n, err := strconv.Atoi(string(r.Value))
	if err != nil {
		t.Error(err)
	}
	return n
}

// collector is a handler that keeps what it was given, in order.
type collector struct {
	t    *testing.T
	full chan struct{} // closed when want different numbers have come

	mu   sync.Mutex
	want int
	got  map[int32][]int
	seen map[int]int // number → how often
}

func collect(t *testing.T, want int) *collector {
	return &collector{t: t, want: want, full: make(chan struct{}), got: make(map[int32][]int), seen: make(map[int]int)}
}

func (c *collector) handle(_ context.Context, part []Record) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range part {
		n := number(c.t, r)
		c.got[r.Partition] = append(c.got[r.Partition], n)
		if c.seen[n]++; c.seen[n] == 1 && len(c.seen) == c.want {
			close(c.full)
		}
	}
	return len(part), nil
}

// unknown as a collector's want: expect tells it later.
const unknown = -1

func (c *collector) expect(want int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.want = want; len(c.seen) == want {
		close(c.full)
	}
}

func (c *collector) wait() {
	c.t.Helper()
	select {
	case <-c.full:
	case <-time.After(patience):
		c.mu.Lock()
		defer c.mu.Unlock()
		c.t.Fatalf("got %d records, want %d", len(c.seen), c.want)
	}
}

// once fails the test when a number came twice.
func (c *collector) once() {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for n, times := range c.seen {
		if times != 1 {
			c.t.Errorf("record %d came %d times, want once", n, times)
		}
	}
}

// running is a Consume that a test has started.
type running struct {
	t      *testing.T
	cancel context.CancelFunc
	ended  chan error
	once   sync.Once
}

func consume(t *testing.T, c *Client, cfg GroupConfig, fn BatchFunc) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{t: t, cancel: cancel, ended: make(chan error, 1)}
	cfg.MinBackoff = orDefault(cfg.MinBackoff, time.Millisecond)
	cfg.MaxBackoff = orDefault(cfg.MaxBackoff, 10*time.Millisecond)
	cfg.SessionTimeout = orDefault(cfg.SessionTimeout, 6*time.Second)
	go func() { r.ended <- c.Consume(ctx, cfg, fn) }()
	t.Cleanup(r.stop)
	return r
}

// stop ends the member and waits for it.
func (r *running) stop() {
	r.t.Helper()
	r.once.Do(func() {
		r.cancel()
		select {
		case err := <-r.ended:
			if err != nil {
				r.t.Errorf("consume: %v", err)
			}
		case <-time.After(patience):
			r.t.Error("consume does not end")
		}
	})
}

func newGroup() string { return "group-" + strings.ToLower(rand.Text()) }

// wait fails the test when nothing comes.
func wait[T any](t *testing.T, what string, ch <-chan T) T {
	t.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		t.Fatal("waited in vain: " + what)
		panic("unreachable")
	}
}

func numbersOf(partition, to int) []int {
	var ns []int
	for n := partition; n < to; n += testPartitions {
		ns = append(ns, n)
	}
	return ns
}

func header(r Record, key string) string { return string(r.Header(key)) }
