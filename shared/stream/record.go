// Package stream is the platform's way to Kafka: the topic table, a producer, consumer groups that feed batch handlers,
// and dead letters for records that can never be handled.
package stream

import (
	"context"
	"strings"
	"time"

	"github.com/barrage-live/barrage/shared/live"
)

// Topic is the name of a Kafka topic; every topic of the platform is listed here.
type Topic string

// The platform's topics (CONTRACT §3).
const (
	LiveMessages     Topic = "live-messages"      // key and partition: room
	LiveGiftRequests Topic = "live-gift-requests" // key: user
	LivePresence     Topic = "live-presence"      // key and partition: room
)

// DefaultPartitions is how many partitions a topic is made with.
const DefaultPartitions = 10

// DeadLetters is the topic that takes the records of t that failed for good.
func (t Topic) DeadLetters() Topic { return t + deadLettersSuffix }

const deadLettersSuffix = ".dlq"

func (t Topic) isDeadLetters() bool { return strings.HasSuffix(string(t), deadLettersSuffix) }

// RoomPartition is where a room's records go. Kafka's own hash of the key would do as well, but this one can be
// computed by any consumer in any language.
func RoomPartition(room live.RoomID, partitions int32) int32 {
	return int32(int64(room) % int64(partitions))
}

// The headers a record may carry. None may start with "ce_": Knative's Kafka source would take it for CloudEvents.
const (
	HeaderTraceParent     = "traceparent"
	HeaderBaggage         = "baggage"
	HeaderMessageID       = "message-id"
	HeaderSchema          = "schema"
	HeaderError           = "error"            // dead letters only
	HeaderSourcePartition = "source-partition" // dead letters only
	HeaderSourceOffset    = "source-offset"    // dead letters only
)

// Header is one record header.
type Header struct {
	Key   string
	Value []byte
}

// Record is one consumed Kafka record.
type Record struct {
	Topic     Topic
	Partition int32
	Offset    int64
	Key       []byte
	Value     []byte
	Headers   []Header
	Timestamp time.Time
}

// Header returns the value of the first header named key, or nil.
func (r Record) Header(key string) []byte {
	for _, h := range r.Headers {
		if h.Key == key {
			return h.Value
		}
	}
	return nil
}

// BatchFunc handles consecutive records of one partition, oldest first. The first done of them are finished for good.
// A non-nil error says why part[done] is not, and the host redelivers from there.
type BatchFunc func(ctx context.Context, part []Record) (done int, err error)
