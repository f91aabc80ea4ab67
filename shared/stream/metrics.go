package stream

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// instruments of a consumer group. Labels are group, topic and partition: closed lists.
type instruments struct {
	meter     metric.Meter
	batchSize metric.Int64Histogram
	lag       metric.Int64ObservableGauge
}

func newInstruments(meter metric.Meter) (instruments, error) {
	size, err := meter.Int64Histogram("batch.size", metric.WithUnit("{record}"),
		metric.WithDescription("records a call of a batch handler"),
		metric.WithExplicitBucketBoundaries(1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000))
	if err != nil {
		return instruments{}, fmt.Errorf("metric batch.size: %w", err)
	}
	lag, err := meter.Int64ObservableGauge("consumer.lag", metric.WithUnit("{record}"),
		metric.WithDescription("records of a partition that this member has not finished"))
	if err != nil {
		return instruments{}, fmt.Errorf("metric consumer.lag: %w", err)
	}
	return instruments{meter, size, lag}, nil
}

func (i instruments) batch(ctx context.Context, group, topic string, n int) {
	i.batchSize.Record(ctx, int64(n), metric.WithAttributes(
		attribute.String("group", group), attribute.String("topic", topic)))
}

const lagTimeout = 5 * time.Second

// lagWatch keeps the distance between the ends of a member's partitions and what it has finished. A fetch would tell
// the end too, but a partition that fails is not fetched, and that is the one that matters.
type lagWatch struct {
	cancel context.CancelFunc
	ended  chan struct{}
	off    metric.Registration

	mu  sync.Mutex
	lag map[partition]int64
}

func (m *member) watchLag(ctx context.Context) (*lagWatch, error) {
	ctx, cancel := context.WithCancel(ctx)
	l := &lagWatch{cancel: cancel, ended: make(chan struct{})}
	off, err := m.instruments.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		for p, n := range l.lag {
			o.ObserveInt64(m.instruments.lag, n, metric.WithAttributes(
				attribute.String("group", m.cfg.Group), attribute.String("topic", p.topic), attribute.Int("partition", int(p.number))))
		}
		return nil
	}, m.instruments.lag)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("metric consumer.lag: %w", err)
	}
	l.off = off
	go l.run(ctx, m)
	return l, nil
}

func (l *lagWatch) stop() {
	l.cancel()
	<-l.ended
	_ = l.off.Unregister() // fails only for a registration that is none
}

func (l *lagWatch) run(ctx context.Context, m *member) {
	defer close(l.ended)
	tick := time.NewTicker(m.cfg.LagEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		lag, err := m.measureLag(ctx)
		if err != nil && ctx.Err() == nil {
			m.telemetry.Log.WarnContext(ctx, "consumer lag", "group", m.cfg.Group, "error", err)
		}
		l.mu.Lock()
		l.lag = lag
		l.mu.Unlock()
	}
}

func (m *member) measureLag(ctx context.Context) (map[partition]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, lagTimeout)
	defer cancel()
	positions := m.positions()
	if len(positions) == 0 {
		return nil, nil
	}
	topics := make([]string, len(m.cfg.Topics))
	for i, t := range m.cfg.Topics {
		topics[i] = string(t)
	}
	adm := kadm.NewClient(m.kafka)
	ends, err := adm.ListEndOffsets(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("list end offsets: %w", err)
	}
	committed, err := adm.FetchOffsets(ctx, m.cfg.Group)
	if err != nil {
		return nil, fmt.Errorf("fetch committed offsets: %w", err)
	}
	lag := make(map[partition]int64, len(positions))
	for p, at := range positions {
		end, ok := ends.Lookup(p.topic, p.number)
		if !ok || end.Err != nil {
			continue
		}
		if at < 0 {
			if c, ok := committed.Lookup(p.topic, p.number); ok && c.Err == nil {
				at = c.At
			}
		}
		lag[p] = max(0, end.Offset-max(0, at))
	}
	return lag, nil
}

// positions tells what each worker has finished; -1 when nothing yet.
func (m *member) positions() map[partition]int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	at := make(map[partition]int64, len(m.workers))
	for id, w := range m.workers {
		w.mu.Lock()
		at[id] = w.next
		w.mu.Unlock()
	}
	return at
}

func commitError(resp *kmsg.OffsetCommitResponse) error {
	if resp == nil {
		return nil
	}
	for _, t := range resp.Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return fmt.Errorf("commit %s/%d: %w", t.Topic, p.Partition, err)
			}
		}
	}
	return nil
}
