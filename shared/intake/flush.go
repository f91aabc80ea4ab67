package intake

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/live"
)

// flush takes one room's batch through Redis and hands it to Kafka. Nobody flushes the same room meanwhile, and Kafka
// takes records without blocking, so Kafka's order is the room's.
func (in *Intake) flush(room live.RoomID, batch []*entry) {
	if batch = in.judged(room, in.admitted(room, batch)); len(batch) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), in.RedisTimeout)
	defer cancel()
	items := make([]fanout.Item, len(batch))
	for i, e := range batch {
		items[i] = in.item(e)
	}
	start := time.Now()
	outcomes, err := in.Publisher.Publish(ctx, room, items)
	for i, e := range batch {
		in.child(e, spanRedisPublish, start, err)
		switch {
		case err != nil:
			// The script may have run all the same. Then the sender's second try is a duplicate, and is stored then.
			in.answer(e, Reply{Err: unavailable()})
		case outcomes[i].Wait == 0 && !outcomes[i].Shown && !outcomes[i].Duplicate:
			in.meters.shed(e, errDisplay)
		}
	}
	if err != nil {
		return
	}
	if batch, outcomes = in.withinRate(batch, outcomes); len(batch) > 0 {
		in.persist(batch, outcomes)
	}
}

var errDisplay = errors.New("room's display rate is reached")

// persist enqueues what Kafka is not known to have. When the answer takes longer than PersistTimeout the senders hear
// not_persisted; the record may still be stored, and a second try of the same id will be a duplicate.
func (in *Intake) persist(batch []*entry, outcomes []fanout.Outcome) {
	w := &waiting{in: in, start: time.Now(), batch: outcomes[0].Batch}
	for i, e := range batch {
		if o := outcomes[i]; o.Duplicate && o.Persisted {
			in.answer(e, ack(o))
			continue
		}
		w.entries = append(w.entries, e)
		w.acks = append(w.acks, ack(outcomes[i]))
	}
	if len(w.entries) == 0 {
		in.Publisher.Persisted(batch[0].room, w.batch)
		return
	}
	w.left.Store(int32(len(w.entries)))
	w.finish = sync.OnceFunc(in.kafka.Done)
	in.kafka.Add(1)
	w.timer = time.AfterFunc(in.PersistTimeout, w.giveUp)
	for i, e := range w.entries {
		rec := e.record(w.acks[i].Seq, in.Kafka.Partitions())
		if err := in.Kafka.Enqueue(rec, func(err error) { w.stored(i, err) }); err != nil {
			w.stored(i, err)
		}
	}
}

func ack(o fanout.Outcome) Reply { return Reply{Seq: o.Seq, Shown: o.Shown} }

// waiting is a batch between Enqueue and Kafka's answers.
type waiting struct {
	in      *Intake
	start   time.Time
	entries []*entry
	acks    []Reply
	batch   uint64 // fanout's name for it
	left    atomic.Int32
	timer   *time.Timer
	failed  atomic.Bool
	finish  func()
}

// stored takes Kafka's answer for one record. The senders hear theirs when the whole batch has one and the publisher
// knows of it: who tries again behind an ack must find the first try known to be in Kafka, or it would be stored twice.
func (w *waiting) stored(i int, err error) {
	w.in.child(w.entries[i], spanKafkaPublish, w.start, err)
	if err != nil {
		w.failed.Store(true)
		w.acks[i] = Reply{Err: notPersisted()}
	}
	if w.left.Add(-1) > 0 {
		return
	}
	if room := w.entries[i].room; w.failed.Load() {
		w.in.Publisher.NotPersisted(room, w.batch)
	} else {
		w.in.Publisher.Persisted(room, w.batch)
	}
	for n, e := range w.entries {
		w.in.answer(e, w.acks[n])
	}
	w.timer.Stop()
	w.finish()
}

// giveUp answers all who still wait.
func (w *waiting) giveUp() {
	for _, e := range w.entries {
		w.in.answer(e, Reply{Err: notPersisted()})
	}
	w.finish()
}
