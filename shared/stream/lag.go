package stream

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.opentelemetry.io/otel/metric"

	"github.com/barrage-live/barrage/shared/telemetry"
)

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

// watchLag observes consumer.lag until stop; its labels are group, topic and partition, all of closed lists.
func (m *member) watchLag(ctx context.Context) (*lagWatch, error) {
	meter := m.telemetry.Meter()
	gauge, err := meter.Int64ObservableGauge("consumer.lag", metric.WithUnit("{record}"),
		metric.WithDescription("Records of a partition that its member has not finished."))
	if err != nil {
		return nil, fmt.Errorf("metric consumer.lag: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	l := &lagWatch{cancel: cancel, ended: make(chan struct{})}
	off, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		for p, n := range l.lag {
			o.ObserveInt64(gauge, n, telemetry.Labels(telemetry.Group, m.cfg.Group,
				telemetry.LabelTopic, p.topic, telemetry.Partition, strconv.Itoa(int(p.number))))
		}
		return nil
	}, gauge)
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
			m.telemetry.Logger().WarnContext(ctx, "consumer lag", telemetry.Group, m.cfg.Group, telemetry.Err, err)
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
