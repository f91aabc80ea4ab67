package stats

import (
	"bufio"
	"context"
	crand "crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/barrage-live/barrage/functions/archive"
	"github.com/barrage-live/barrage/shared/history"
	"github.com/barrage-live/barrage/shared/history/clickhouse"
	"github.com/barrage-live/barrage/shared/history/rollup"
	"github.com/barrage-live/barrage/shared/objects"
	redisserver "github.com/barrage-live/barrage/shared/roomstate/embedded"
	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/storetest"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/stream/embedded"
)

const (
	redeliveryEnv = "BARRAGE_REDELIVERY"       // how many events; 1000000 is the proof, less is for every day
	childEnv      = "BARRAGE_REDELIVERY_CHILD" // JSON: this process is a consumer that will be killed
	patience      = 10 * time.Minute           // for a million; nothing waits that long unless something is wrong
)

func TestMain(m *testing.M) {
	if text := os.Getenv(childEnv); text != "" {
		if err := runChild(text); err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// site is where the log is and where it is counted.
type site struct {
	Brokers            []string
	Redis              string
	Database           string
	ClickHouse         string // "": none
	S3                 string // an embedded one: its conditional writes are atomic, as S3's are
	Messages, Presence stream.Topic
	Space              string
	Seed               uint64
	CommitEvery        time.Duration
}

// The proof: a log goes through ten partitions to consumers that cut their batches at random, do them twice, fail
// behind their effects, and are killed in the middle of a batch. In the end everything has been counted once.
func TestRedelivery(t *testing.T) {
	n := 20_000
	if text := os.Getenv(redeliveryEnv); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil || n < 1000 {
			t.Fatalf("%s=%s: want a number of at least 1000", redeliveryEnv, text)
		}
	}
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		broker, err := embedded.Start(embedded.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := broker.Close(); err != nil {
				t.Error(err)
			}
		})
		addr, stop, err := redisserver.Start("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(stop)
		prove(t, n, site{Brokers: []string{broker.Addr()}, Redis: addr, Database: storetest.SQLite(t)})
	})
	t.Run("real", func(t *testing.T) {
		t.Parallel()
		kafka, rdb := os.Getenv("BARRAGE_TEST_KAFKA"), os.Getenv("BARRAGE_TEST_REDIS")
		if kafka == "" || rdb == "" {
			t.Skip("BARRAGE_TEST_KAFKA and BARRAGE_TEST_REDIS name no servers")
		}
		at := site{Brokers: strings.Split(kafka, ","), Redis: rdb, ClickHouse: newClickHouse(t)}
		var ok bool
		if at.Database, ok = storetest.MySQL(t); !ok {
			at.Database = storetest.SQLite(t)
		}
		prove(t, n, at)
	})
}

// newClickHouse names a database that goes with the test, if there is a server.
func newClickHouse(t *testing.T) string {
	server := os.Getenv("BARRAGE_TEST_CLICKHOUSE")
	if server == "" {
		return ""
	}
	name := fmt.Sprintf("redelivery_%016x", rand.Uint64())
	t.Cleanup(func() {
		res, err := http.Post(server+"/?query="+url.QueryEscape("DROP DATABASE "+name), "", nil)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Errorf("drop %s: %v, %v", name, res, err)
			return
		}
		res.Body.Close()
	})
	return server + "/" + name
}

func prove(t *testing.T, n int, at site) {
	name := strings.ToLower(crand.Text())
	at.Messages, at.Presence, at.Space, at.Seed = stream.Topic("messages-"+name), stream.Topic("presence-"+name), "redelivery-"+name, rand.Uint64()>>8
	t.Logf("%d events, seed %d", n, at.Seed)
	began := time.Now().Add(-30 * time.Minute).Truncate(time.Minute).UTC()
	s := tell(rand.New(rand.NewPCG(at.Seed, 0)), n, began, at.Messages, at.Presence)

	at.S3 = newS3(t)
	start := time.Now()
	makeTopics(t, at)
	storetest.Open(t, at.Database) // makes the tables, too
	if at.ClickHouse != "" {
		ch, err := clickhouse.New(at.ClickHouse, keep)
		if err == nil {
			err = ch.Migrate(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	c, err := open(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.close(); err != nil {
			t.Error(err)
		}
	})
	publish(t, c.kafka, s)
	t.Logf("published %d records in %v", len(s.messages)+len(s.presence), time.Since(start).Round(time.Millisecond))

	start = time.Now()
	// Both children find the whole log: the first commits nothing. So each begins at least a batch a partition.
	for i, commits := range []time.Duration{time.Hour, 100 * time.Millisecond} {
		child := at
		child.CommitEvery = commits
		killOne(t, child, 3+int(at.Seed>>i)%7)
	}
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	consuming := make(chan error, 1)
	go func() { consuming <- c.consume(ctx, func(string) {}) }()
	c.awaitEnd(t, ctx)
	stop()
	if err := <-consuming; err != nil {
		t.Error(err)
	}
	t.Logf("counted %d events after two kills in %v", s.events, time.Since(start).Round(time.Millisecond))
	c.check(t, s, began)
}

// makeTopics: of its own, as other tests use the platform's on a real broker.
func makeTopics(t *testing.T, at site) {
	client, err := kgo.NewClient(kgo.SeedBrokers(at.Brokers...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	topics := []string{string(at.Messages), string(at.Presence), string(at.Messages.DeadLetters()), string(at.Presence.DeadLetters())}
	made, err := kadm.NewClient(client).CreateTopics(t.Context(), stream.DefaultPartitions, 1, nil, topics...)
	if err == nil {
		err = made.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
}

func publish(t *testing.T, kafka *stream.Client, s *story) {
	for _, log := range [][]stream.Outgoing{s.messages, s.presence} {
		for len(log) > 0 {
			some := log[:min(len(log), 20_000)]
			if err := kafka.Publish(t.Context(), some...); err != nil {
				t.Fatal(err)
			}
			log = log[len(some):]
		}
	}
}

// consumer is everything that counts, in this process or in a child.
type consumer struct {
	site
	kafka   *stream.Client
	redis   *redis.Client
	db      *store.Store
	service *Service
	stores  map[string]Record
	bucket  *objects.Bucket
	archive *archive.Service
}

var keep = history.Keep{EventDays: 30, MinuteDays: 400}

func open(ctx context.Context, at site) (*consumer, error) {
	c := &consumer{site: at, redis: redis.NewClient(&redis.Options{Addr: at.Redis}), stores: make(map[string]Record)}
	var err error
	if c.kafka, err = stream.Dial(ctx, stream.Config{Brokers: at.Brokers}); err != nil {
		return nil, err
	}
	if c.db, err = store.Open(ctx, store.Config{URL: at.Database}); err != nil {
		return nil, err
	}
	if c.stores["SQL"], err = rollup.New(c.db, keep); err != nil {
		return nil, err
	}
	if at.ClickHouse != "" {
		if c.stores["ClickHouse"], err = clickhouse.New(at.ClickHouse, keep); err != nil {
			return nil, err
		}
	}
	if err = c.openArchive(ctx); err != nil {
		return nil, err
	}
	c.service, err = New(Deps{Redis: c.redis, Presence: audience{}, History: all(c.stores), Topics: c.kafka, Space: at.Space})
	return c, err
}

func (c *consumer) close() error {
	c.service.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return errors.Join(c.kafka.Close(ctx), c.db.Close(), c.redis.Close())
}

// all is several histories that are kept side by side.
type all map[string]Record

func (a all) Put(ctx context.Context, b history.Batch) error {
	for _, one := range a {
		if err := one.Put(ctx, b); err != nil {
			return err
		}
	}
	return nil
}

func (all) Sample(context.Context, []history.Sample) error { return nil }

func (all) Points(context.Context, history.Query) ([]history.Point, error) {
	return nil, errors.New("ask one of them")
}

// readers are the four groups, as production has them.
func (c *consumer) readers() []stream.Reader {
	return []stream.Reader{
		{Group: c.Space + "-stats", Topic: c.Messages}, {Group: c.Space + "-presence", Topic: c.Presence}, {Group: c.Space + "-history", Topic: c.Messages},
		{Group: c.Space + "-archive", Topic: c.Messages},
	}
}

// consume runs the groups until ctx ends, each under a chaos of its own. began is told of every batch.
func (c *consumer) consume(ctx context.Context, began func(group string)) error {
	handlers := []stream.BatchFunc{c.service.HandleMessages, c.service.HandleMessages, c.service.HandleHistory, c.archive.HandleMessages}
	groups, ctx := errgroup.WithContext(ctx)
	for i, r := range c.readers() {
		sane := stream.WithDeadLetters(c.kafka, 10, handlers[i])
		mad := chaos{r: rand.New(rand.NewPCG(c.Seed, rand.Uint64())), fn: sane}
		cfg := stream.GroupConfig{
			Group: r.Group, Topics: []stream.Topic{r.Topic}, MaxBatch: 1000 * (1 + i), MaxWait: 20 * time.Millisecond,
			MinBackoff: time.Millisecond, MaxBackoff: 5 * time.Millisecond, SessionTimeout: 6 * time.Second,
			CommitEvery: c.CommitEvery,
		}
		groups.Go(func() error {
			return c.kafka.Consume(ctx, cfg, func(ctx context.Context, part []stream.Record) (int, error) {
				began(r.Group)
				return mad.handle(ctx, part)
			})
		})
	}
	return groups.Wait()
}

// chaos is a host at its worst.
type chaos struct {
	fn stream.BatchFunc
	mu sync.Mutex
	r  *rand.Rand
}

var errChaos = errors.New("interrupted on purpose")

func (c *chaos) handle(ctx context.Context, part []stream.Record) (int, error) {
	c.mu.Lock()
	fate, cut := c.r.IntN(5), 1+c.r.IntN(len(part))
	c.mu.Unlock()
	switch fate {
	case 0: // done, and all of it comes again: the commit was lost
		if _, err := c.fn(ctx, part); err != nil {
			return 0, err
		}
		return 0, errChaos
	case 1: // done, and the end of it comes again
		done, err := c.fn(ctx, part)
		if err != nil {
			return done, err
		}
		return min(done, cut-1), errChaos
	case 2: // cut anywhere
		done, err := c.fn(ctx, part[:cut])
		if err != nil || cut == len(part) {
			return done, err
		}
		return done, errChaos
	case 3: // cancelled on the way, at a moment of the machine's choosing
		cancelled, cancel := context.WithCancel(ctx)
		stop := time.AfterFunc(time.Duration(cut)*time.Microsecond, cancel)
		defer stop.Stop()
		defer cancel()
		return c.fn(cancelled, part)
	default:
		return c.fn(ctx, part)
	}
}

// killOne runs a consumer in a process of its own and kills it when it begins its nth batch of history.
func killOne(t *testing.T, at site, nth int) {
	t.Helper()
	text, err := json.Marshal(at)
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childEnv+"="+string(text))
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for seen := 0; seen < nth; {
		if !lines.Scan() {
			t.Fatalf("the child ended by itself: %v", child.Wait())
		}
		if strings.HasSuffix(lines.Text(), "-history") {
			seen++
		}
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := child.Wait(); err == nil {
		t.Fatal("the child ended by itself")
	}
}

func runChild(text string) error {
	var at site
	if err := json.Unmarshal([]byte(text), &at); err != nil {
		return err
	}
	c, err := open(context.Background(), at)
	if err != nil {
		return err
	}
	var out sync.Mutex
	return c.consume(context.Background(), func(group string) {
		out.Lock()
		defer out.Unlock()
		fmt.Println(group)
	})
}
