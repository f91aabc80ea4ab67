package stream

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/barrage-live/barrage/shared/telemetry"
)

// GroupConfig says what a consumer group reads and in which portions. Group and Topics have no default.
type GroupConfig struct {
	Group  string
	Topics []Topic

	MaxBatch int           // records a call of the handler; 0 is 500
	MaxWait  time.Duration // how long a smaller batch waits to be filled; 0: not at all

	MinBackoff, MaxBackoff time.Duration // between redeliveries, doubling with jitter; 0 is 100 ms and 30 s
	CommitEvery            time.Duration // what is finished since then is delivered again after a crash; 0 is 1 s
	Grace                  time.Duration // a batch in flight may take this long when its partition goes or the end has come; 0 is 10 s
	LagEvery               time.Duration // how often consumer.lag is measured; 0 is 10 s
	SessionTimeout         time.Duration // after it the group takes a crashed member's partitions; 0 is 45 s
}

func (g GroupConfig) withDefaults() (GroupConfig, error) {
	if g.Group == "" || len(g.Topics) == 0 {
		return g, errors.New("consume: group and topics are needed")
	}
	g.MaxBatch = orDefault(g.MaxBatch, 500)
	g.MinBackoff = orDefault(g.MinBackoff, 100*time.Millisecond)
	g.MaxBackoff = max(g.MinBackoff, orDefault(g.MaxBackoff, 30*time.Second))
	g.CommitEvery = orDefault(g.CommitEvery, time.Second)
	g.Grace = orDefault(g.Grace, 10*time.Second)
	g.LagEvery = orDefault(g.LagEvery, 10*time.Second)
	g.SessionTimeout = orDefault(g.SessionTimeout, 45*time.Second)
	return g, nil
}

// Consume is a member of the group until ctx ends, and then returns nil. Each partition that the group gives it has
// its own goroutine, which calls fn with the records in order, one batch at a time; partitions run beside each other
// and a failing one holds up no other. Only what fn finished is committed; the rest is delivered again, after a
// back-off while it goes on failing, or to the partition's next owner. When a partition goes to another member, and
// at the end, the batch in flight may finish within Grace; then its context ends, and fn must return.
func (c *Client) Consume(ctx context.Context, cfg GroupConfig, fn BatchFunc) error {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return err
	}
	m := &member{
		cfg:       cfg,
		fn:        fn,
		telemetry: c.cfg.Telemetry,
		// Handlers outlive ctx by up to Grace.
		base:    context.WithoutCancel(ctx),
		workers: make(map[partition]*worker),
	}
	kafka, err := kgo.NewClient(append(c.cfg.connection(), m.options()...)...)
	if err != nil {
		return fmt.Errorf("consume %v: %w", cfg.Topics, err)
	}
	m.kafka = kafka
	lag, err := m.watchLag(ctx)
	if err != nil {
		kafka.Close()
		return fmt.Errorf("consume %v: %w", cfg.Topics, err)
	}
	m.poll(ctx)
	kafka.CloseAllowingRebalance() // takes every partition away, through revoked
	lag.stop()
	return nil
}

// partition names one partition of one topic.
type partition struct {
	topic  string
	number int32
}

// member is one Consume. The lock guards workers alone; it is never held while waiting for a worker.
type member struct {
	cfg       GroupConfig
	fn        BatchFunc
	telemetry *telemetry.Telemetry
	base      context.Context
	kafka     *kgo.Client

	mu      sync.Mutex
	workers map[partition]*worker
}

func (m *member) options() []kgo.Opt {
	topics := make([]string, len(m.cfg.Topics))
	for i, t := range m.cfg.Topics {
		topics[i] = string(t)
	}
	return []kgo.Opt{
		kgo.ConsumerGroup(m.cfg.Group),
		kgo.ConsumeTopics(topics...),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), // a new group misses nothing
		kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.SessionTimeout(m.cfg.SessionTimeout),
		kgo.HeartbeatInterval(min(3*time.Second, m.cfg.SessionTimeout/3)),
		kgo.RebalanceTimeout(m.cfg.Grace + 30*time.Second),
		kgo.FetchMaxWait(500 * time.Millisecond),
		kgo.FetchMaxBytes(16 << 20),
		kgo.AutoCommitMarks(), // only what workers have marked as finished
		kgo.AutoCommitInterval(m.cfg.CommitEvery),
		kgo.AutoCommitCallback(m.committed),
		// Between a poll and its hand-over no partition may go: its records would be handed to a later owner of it.
		kgo.BlockRebalanceOnPoll(),
		kgo.OnPartitionsAssigned(m.assigned),
		kgo.OnPartitionsRevoked(m.revoked),
		kgo.OnPartitionsLost(m.lost),
	}
}

// poll hands fetched records to their partitions' workers; it never waits for one.
func (m *member) poll(ctx context.Context) {
	for ctx.Err() == nil {
		fetches := m.kafka.PollFetches(ctx)
		fetches.EachError(func(topic string, p int32, err error) {
			if ctx.Err() == nil && !errors.Is(err, kgo.ErrClientClosed) {
				m.telemetry.Logger().WarnContext(ctx, "kafka fetch", telemetry.Group, m.cfg.Group,
					telemetry.Topic, topic, telemetry.Partition, p, telemetry.Err, err)
			}
		})
		fetches.EachPartition(func(f kgo.FetchTopicPartition) {
			if len(f.Records) == 0 {
				return
			}
			if w := m.worker(partition{f.Topic, f.Partition}); w != nil {
				w.push(f.Records)
			}
		})
		m.kafka.AllowRebalance()
	}
}

func (m *member) worker(p partition) *worker {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.workers[p]
}

func (m *member) assigned(_ context.Context, kafka *kgo.Client, parts map[string][]int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for topic, numbers := range parts {
		for _, n := range numbers {
			w := newWorker(m, kafka, partition{topic, n})
			m.workers[w.id] = w
			go w.run()
		}
	}
}

// revoked waits until the workers of the partitions have ended, then commits: the next owner starts exactly behind
// what was finished here.
func (m *member) revoked(ctx context.Context, kafka *kgo.Client, parts map[string][]int32) {
	m.end(kafka, parts, m.cfg.Grace)
	ctx, cancel := context.WithTimeout(ctx, m.cfg.Grace)
	defer cancel()
	if err := kafka.CommitMarkedOffsets(ctx); err != nil {
		m.telemetry.Logger().WarnContext(ctx, "kafka commit", telemetry.Group, m.cfg.Group, telemetry.Err, err)
	}
}

// lost is for partitions that have another owner already: nothing can be committed, and every moment of work is double.
func (m *member) lost(_ context.Context, kafka *kgo.Client, parts map[string][]int32) {
	m.end(kafka, parts, 0)
}

func (m *member) end(kafka *kgo.Client, parts map[string][]int32, grace time.Duration) {
	var ending []*worker
	m.mu.Lock()
	for topic, numbers := range parts {
		for _, n := range numbers {
			if w := m.workers[partition{topic, n}]; w != nil {
				delete(m.workers, w.id)
				ending = append(ending, w)
			}
		}
	}
	m.mu.Unlock()
	for _, w := range ending {
		w.stop(grace)
	}
	for _, w := range ending {
		<-w.ended
	}
	// The client remembers a pause beyond the assignment it was made in.
	kafka.ResumeFetchPartitions(parts)
}

// committed is told of every commit by the clock; those of revoked report for themselves.
func (m *member) committed(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
	if err == nil {
		err = commitError(resp)
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		m.telemetry.Logger().Warn("kafka commit", telemetry.Group, m.cfg.Group, telemetry.Err, err)
	}
}
