package stream

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/barrage-live/barrage/shared/telemetry"
)

// maxPendingBytes of one partition stop its fetching until the worker has caught up.
const maxPendingBytes = 8 << 20

// worker handles the records of one partition for as long as the group leaves it to this member.
type worker struct {
	*member
	kafka *kgo.Client
	id    partition

	handle   BatchFunc
	ctx      context.Context // of the handler
	cancel   context.CancelFunc
	stopping chan struct{} // closed: no further batch begins
	stopOnce sync.Once
	ended    chan struct{} // closed when run has returned
	arrived  chan struct{} // a token when pending has grown

	mu      sync.Mutex // guards what follows
	pending []Record   // fetched and not finished, oldest first
	epochs  []int32    // leader epochs of pending, for the commit
	bytes   int        // of pending
	paused  bool
	next    int64 // offset behind the last finished record; -1 before the first
}

func newWorker(m *member, kafka *kgo.Client, id partition) *worker {
	ctx, cancel := context.WithCancel(m.base)
	return &worker{
		member: m, kafka: kafka, id: id,
		handle: Observe(m.telemetry, m.cfg.Group, Topic(id.topic), m.fn),
		ctx:    ctx, cancel: cancel,
		stopping: make(chan struct{}),
		ended:    make(chan struct{}),
		arrived:  make(chan struct{}, 1),
		next:     -1,
	}
}

// push appends fetched records. It never waits: a partition that has too many pending is no longer fetched.
func (w *worker) push(recs []*kgo.Record) {
	w.mu.Lock()
	for _, r := range recs {
		rec := fromKafka(r)
		w.pending = append(w.pending, rec)
		w.epochs = append(w.epochs, r.LeaderEpoch)
		w.bytes += rec.size()
	}
	pause := !w.paused && (len(w.pending) >= 2*w.cfg.MaxBatch || w.bytes >= maxPendingBytes)
	if pause {
		w.paused = true
		w.kafka.PauseFetchPartitions(w.id.asMap())
	}
	w.mu.Unlock()
	select {
	case w.arrived <- struct{}{}:
	default:
	}
}

// stop lets the batch in flight finish within grace and begins no other.
func (w *worker) stop(grace time.Duration) {
	w.stopOnce.Do(func() { close(w.stopping) })
	if grace == 0 {
		w.cancel()
		return
	}
	time.AfterFunc(grace, w.cancel)
}

func (w *worker) run() {
	defer close(w.ended)
	defer w.cancel()
	failures := 0
	for {
		part := w.take()
		if len(part) == 0 {
			return
		}
		done, err := w.handle(w.ctx, part)
		w.finish(done)
		if done > 0 {
			failures = 0
		}
		if err == nil {
			continue
		}
		failures++
		wait := backoff(w.cfg.MinBackoff, w.cfg.MaxBackoff, failures)
		w.telemetry.Logger().WarnContext(w.ctx, "batch failed",
			telemetry.Group, w.cfg.Group, telemetry.Topic, w.id.topic, telemetry.Partition, w.id.number,
			telemetry.Offset, part[done].Offset, "failures", failures, "retry_in", wait, telemetry.Err, err)
		if !w.sleep(wait) {
			return
		}
	}
}

// take waits for records, and for company up to MaxWait. It returns none when the worker shall end.
func (w *worker) take() []Record {
	var full <-chan time.Time
	for {
		part := w.peek()
		if full == nil && len(part) > 0 {
			full = time.After(w.cfg.MaxWait)
		}
		if len(part) == w.cfg.MaxBatch || len(part) > 0 && w.cfg.MaxWait == 0 {
			return w.unlessStopping(part)
		}
		select {
		case <-w.stopping:
			return nil
		case <-full:
			return w.unlessStopping(part)
		case <-w.arrived:
		}
	}
}

func (w *worker) unlessStopping(part []Record) []Record {
	select {
	case <-w.stopping:
		return nil
	default:
		return part
	}
}

func (w *worker) peek() []Record {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := min(len(w.pending), w.cfg.MaxBatch)
	return w.pending[:n:n]
}

// finish takes the first done records off and marks them to be committed.
func (w *worker) finish(done int) {
	if done == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	last := w.pending[done-1]
	w.next = last.Offset + 1
	w.kafka.MarkCommitOffsets(map[string]map[int32]kgo.EpochOffset{
		w.id.topic: {w.id.number: {Epoch: w.epochs[done-1], Offset: w.next}},
	})
	for _, r := range w.pending[:done] {
		w.bytes -= r.size()
	}
	w.pending, w.epochs = w.pending[done:], w.epochs[done:]
	if len(w.pending) == 0 {
		w.pending, w.epochs = nil, nil // lets the handled records go
	}
	if w.paused && len(w.pending) < w.cfg.MaxBatch && w.bytes < maxPendingBytes/2 {
		w.paused = false
		w.kafka.ResumeFetchPartitions(w.id.asMap())
	}
}

// sleep reports whether the worker shall go on after it.
func (w *worker) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-w.stopping:
		return false
	case <-t.C:
		return true
	}
}

// backoff doubles from least to most and takes a random part of the upper half, so that partitions that failed
// together do not come back together.
func backoff(least, most time.Duration, failures int) time.Duration {
	d := most
	if shift := failures - 1; shift < 32 && least<<shift > 0 && least<<shift < most {
		d = least << shift
	}
	return d/2 + rand.N(d/2+1)
}

func (p partition) asMap() map[string][]int32 { return map[string][]int32{p.topic: {p.number}} }

func fromKafka(r *kgo.Record) Record {
	headers := make([]Header, len(r.Headers))
	for i, h := range r.Headers {
		headers[i] = Header(h)
	}
	return Record{
		Topic: Topic(r.Topic), Partition: r.Partition, Offset: r.Offset,
		Key: r.Key, Value: r.Value, Headers: headers, Timestamp: r.Timestamp,
	}
}

func (r Record) size() int {
	n := recordOverhead + len(r.Key) + len(r.Value)
	for _, h := range r.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return n
}
