package stream

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/telemetry"
	"github.com/barrage-live/barrage/shared/wire"
)

// ByKey as an Outgoing's partition lets Kafka's own hash of the key choose.
const ByKey int32 = -1

// SchemaMessage is the schema header of a record whose value is a JSON message (CONTRACT §2).
const SchemaMessage = "barrage.message.v1"

// ErrBufferFull says that too many bytes already wait for Kafka; nothing was enqueued.
var ErrBufferFull = errors.New("kafka buffer is full")

// ErrTooBig says that a record can never be stored, however long one waits.
var ErrTooBig = errors.New("record is too big for kafka")

// maxRecord leaves room in Kafka's default limit of 1 MiB a batch for the batch's own bytes.
const maxRecord = 1_000_000

// Outgoing is a record to be published.
type Outgoing struct {
	Topic     Topic
	Key       []byte
	Partition int32 // ByKey, or exactly this one
	Value     []byte
	Headers   []Header
}

// RoomRecord is the record of a room's message: key and partition by the room, the message's id, and the trace and
// baggage of ctx in its headers. partitions is the Client's Partitions.
func RoomRecord(ctx context.Context, topic Topic, m live.Message, partitions int32) (Outgoing, error) {
	value, err := wire.Marshal(m)
	if err != nil {
		return Outgoing{}, fmt.Errorf("marshal message %s of room %d: %w", m.ID, m.RoomID, err)
	}
	return RoomValue(ctx, topic, m.RoomID, m.ID, value, partitions), nil
}

// RoomValue is RoomRecord for a message that is JSON already.
func RoomValue(ctx context.Context, topic Topic, room live.RoomID, messageID string, value []byte, partitions int32) Outgoing {
	return Outgoing{
		Topic:     topic,
		Key:       strconv.AppendInt(nil, int64(room), 10),
		Partition: RoomPartition(room, partitions),
		Value:     value,
		Headers:   messageHeaders(ctx, messageID),
	}
}

// UserRecord is the record of a message that is kept in order by its user, such as a gift request.
func UserRecord(ctx context.Context, topic Topic, m live.Message) (Outgoing, error) {
	value, err := wire.Marshal(m)
	if err != nil {
		return Outgoing{}, fmt.Errorf("marshal message %s of user %d: %w", m.ID, m.UserID, err)
	}
	return Outgoing{
		Topic:     topic,
		Key:       strconv.AppendInt(nil, int64(m.UserID), 10),
		Partition: ByKey,
		Value:     value,
		Headers:   messageHeaders(ctx, m.ID),
	}, nil
}

func messageHeaders(ctx context.Context, messageID string) []Header {
	headers := make([]Header, 0, 4)
	headers = append(headers,
		Header{Key: HeaderMessageID, Value: []byte(messageID)},
		Header{Key: HeaderSchema, Value: []byte(SchemaMessage)})
	return injectTrace(ctx, headers)
}

// Publish returns when every record is stored by all in-sync replicas, or with the error of the first that is not.
// It waits for room in the buffer. When ctx ends first, records may still be stored after Publish has returned.
func (c *Client) Publish(ctx context.Context, recs ...Outgoing) error {
	ctx, span := c.cfg.Telemetry.Tracer().Start(ctx, spanPublish)
	err := c.publish(ctx, recs)
	endSpan(span, err)
	return err
}

func (c *Client) publish(ctx context.Context, recs []Outgoing) error {
	acks := acks{done: make(chan struct{}), left: len(recs)}
	for i, rec := range recs {
		cost := rec.cost()
		err := c.check(rec, cost)
		if err == nil {
			err = c.budget.Acquire(ctx, cost)
		}
		if err != nil {
			return fmt.Errorf("publish record %d of %d to %s: %w", i+1, len(recs), rec.Topic, err)
		}
		c.produce(rec, cost, acks.one)
	}
	if len(recs) == 0 {
		return nil
	}
	select {
	case <-acks.done:
	case <-ctx.Done():
		return fmt.Errorf("publish to %s: %w", recs[0].Topic, ctx.Err())
	}
	if acks.err != nil {
		return fmt.Errorf("publish to %s: %w", recs[0].Topic, acks.err)
	}
	c.countDead(ctx, recs)
	return nil
}

// countDead counts records that are dead letters, by the topic they came from.
func (c *Client) countDead(ctx context.Context, recs []Outgoing) {
	for _, r := range recs {
		if from, dead := strings.CutSuffix(string(r.Topic), deadLettersSuffix); dead {
			c.dead.Add(ctx, 1, telemetry.Labels(telemetry.LabelTopic, from))
		}
	}
}

// acks counts answers; err may be read once done is closed.
type acks struct {
	mu   sync.Mutex
	left int
	err  error
	done chan struct{}
}

func (a *acks) one(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err == nil {
		a.err = err
	}
	if a.left--; a.left == 0 {
		close(a.done)
	}
}

// Enqueue hands a record over and returns at once. done is called exactly once, when the record is stored by all
// in-sync replicas (nil) or is given up, one call at a time from the client's own goroutine: it must not block.
// After an error of Enqueue itself done is not called. Records of one partition are stored in the order of the calls.
// The caller traces: the client knows nothing of the message's context beyond the record's headers.
func (c *Client) Enqueue(rec Outgoing, done func(error)) error {
	cost := rec.cost()
	if err := c.check(rec, cost); err != nil {
		return err
	}
	if !c.budget.TryAcquire(cost) {
		return ErrBufferFull
	}
	c.produce(rec, cost, done)
	return nil
}

func (c *Client) check(rec Outgoing, cost int64) error {
	if cost > maxRecord || cost > c.cfg.MaxBufferedBytes {
		return fmt.Errorf("%d bytes for %s: %w", cost, rec.Topic, ErrTooBig)
	}
	for _, h := range rec.Headers {
		if strings.HasPrefix(h.Key, "ce_") {
			return fmt.Errorf("header %q is CloudEvents' own", h.Key)
		}
	}
	return nil
}

// produce gives no context to the record: the library fails a whole partition's buffer when one record's context ends.
func (c *Client) produce(rec Outgoing, cost int64, done func(error)) {
	c.kafka.Produce(context.Background(), rec.record(), func(_ *kgo.Record, err error) {
		c.budget.Release(cost)
		done(err)
	})
}

func (o Outgoing) cost() int64 {
	n := recordOverhead + len(o.Key) + len(o.Value)
	for _, h := range o.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return int64(n)
}

func (o Outgoing) record() *kgo.Record {
	headers := make([]kgo.RecordHeader, len(o.Headers))
	for i, h := range o.Headers {
		headers[i] = kgo.RecordHeader(h)
	}
	return &kgo.Record{Topic: string(o.Topic), Partition: o.Partition, Key: o.Key, Value: o.Value, Headers: headers}
}

// partitioner obeys a record's own partition, and leaves the others to Kafka's way.
type partitioner struct{ byKey kgo.Partitioner }

func (p partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	return topicPartitioner{p.byKey.ForTopic(topic)}
}

type topicPartitioner struct{ byKey kgo.TopicPartitioner }

// RequiresConsistency is true so that a partition whose leader is away is waited for: another one would break the order.
func (topicPartitioner) RequiresConsistency(*kgo.Record) bool { return true }

func (p topicPartitioner) Partition(r *kgo.Record, n int) int {
	if r.Partition >= 0 {
		return int(r.Partition) // out of range fails the record, with an error that says so
	}
	return p.byKey.Partition(r, n)
}
