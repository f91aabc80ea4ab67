package lambda

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"

	"github.com/aws/aws-lambda-go/events"

	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/telemetry"
)

// A batchAnswer is what Lambda takes for "redeliver these": the first unfinished record of each partition. The library
// has no type for Kafka's form. https://docs.aws.amazon.com/lambda/latest/dg/kafka-retry-configurations.html
type batchAnswer struct {
	Failures []batchFailure `json:"batchItemFailures"`
}

type batchFailure struct {
	Item itemIdentifier `json:"itemIdentifier"`
}

type itemIdentifier struct {
	Partition string `json:"partition"` // "topic-0"
	Offset    int64  `json:"offset"`
}

// batch hands each partition's records to its topic's handler, the partitions side by side, as the group loop does.
func (h *Host) batch(ctx context.Context, payload []byte) ([]byte, error) {
	var e events.KafkaEvent
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, fmt.Errorf("read the Kafka event: %w", err)
	}
	names := slices.Sorted(maps.Keys(e.Records))
	parts := make([][]stream.Record, len(names))
	for i, name := range names {
		var err error
		if parts[i], err = records(e.Records[name]); err != nil {
			return nil, fmt.Errorf("read partition %s: %w", name, err)
		}
		if len(parts[i]) > 0 && h.Batches[parts[i][0].Topic] == nil {
			return nil, fmt.Errorf("no handler for topic %q", parts[i][0].Topic)
		}
	}
	first := make([]int64, len(names)) // the first unfinished offset of each partition; -1: none
	var running sync.WaitGroup
	for i, part := range parts {
		running.Go(func() { first[i] = h.partition(ctx, part) })
	}
	running.Wait()
	answer := batchAnswer{Failures: []batchFailure{}}
	for i, name := range names {
		if first[i] >= 0 {
			answer.Failures = append(answer.Failures, batchFailure{itemIdentifier{name, first[i]}})
		}
	}
	return json.Marshal(answer)
}

// partition returns the offset from which to redeliver, or -1 when all is done. The error is logged here because the
// answer can't carry it.
func (h *Host) partition(ctx context.Context, part []stream.Record) (redeliver int64) {
	if len(part) == 0 {
		return -1
	}
	done, err := h.Batches[part[0].Topic](ctx, part)
	if done >= len(part) {
		return -1
	}
	h.Log.ErrorContext(ctx, "batch stopped", telemetry.Topic, string(part[0].Topic), telemetry.Partition, part[0].Partition,
		telemetry.Offset, part[done].Offset, telemetry.Err, err)
	return part[done].Offset
}

func records(in []events.KafkaRecord) ([]stream.Record, error) {
	out := make([]stream.Record, len(in))
	for i, r := range in {
		key, err := base64.StdEncoding.DecodeString(r.Key)
		if err != nil {
			return nil, fmt.Errorf("offset %s: key: %w", strconv.FormatInt(r.Offset, 10), err)
		}
		value, err := base64.StdEncoding.DecodeString(r.Value)
		if err != nil {
			return nil, fmt.Errorf("offset %s: value: %w", strconv.FormatInt(r.Offset, 10), err)
		}
		out[i] = stream.Record{Topic: stream.Topic(r.Topic), Partition: int32(r.Partition), Offset: r.Offset,
			Key: key, Value: value, Timestamp: r.Timestamp.Time}
		for _, header := range r.Headers {
			for name, v := range header {
				out[i].Headers = append(out[i].Headers, stream.Header{Key: name, Value: v})
			}
		}
	}
	return out, nil
}
