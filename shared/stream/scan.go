package stream

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Scan gives fn what the topic holds from the time from on (zero: from its oldest record) up to the time to (zero: its
// end at the moment of the call), and returns when fn has had it all, or fn's error. Records of one partition come in
// order, fn is called by one goroutine. Times are Kafka's own, of storing or as producers gave them. Nothing is
// committed: a scan is no member of any group.
func (c *Client) Scan(ctx context.Context, t Topic, from, to time.Time, fn func(part []Record) error) error {
	begin, err := c.offsetsAt(ctx, t, from, kadm.NewClient(c.kafka).ListStartOffsets)
	if err != nil {
		return fmt.Errorf("scan %s: %w", t, err)
	}
	end, err := c.offsetsAt(ctx, t, to, kadm.NewClient(c.kafka).ListEndOffsets)
	if err != nil {
		return fmt.Errorf("scan %s: %w", t, err)
	}
	return c.scan(ctx, t, begin, end, fn)
}

type listOffsets func(ctx context.Context, topics ...string) (kadm.ListedOffsets, error)

// offsetsAt is, for each partition, the first offset at the time or later; of no time it is what otherwise lists.
func (c *Client) offsetsAt(ctx context.Context, t Topic, at time.Time, otherwise listOffsets) (map[int32]int64, error) {
	list := otherwise
	if !at.IsZero() {
		list = func(ctx context.Context, topics ...string) (kadm.ListedOffsets, error) {
			return kadm.NewClient(c.kafka).ListOffsetsAfterMilli(ctx, at.UnixMilli(), topics...)
		}
	}
	listed, err := list(ctx, string(t))
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("list offsets: %w", err)
	}
	offsets := make(map[int32]int64, c.cfg.Partitions)
	for p, o := range listed[string(t)] {
		offsets[p] = o.Offset
	}
	return offsets, nil
}

// scan reads every partition of begin from there up to its end. Offsets have holes, so a partition is over when it has
// come to its end, not when so many records were seen.
func (c *Client) scan(ctx context.Context, t Topic, begin, end map[int32]int64, fn func(part []Record) error) error {
	left := map[int32]kgo.Offset{}
	for p, from := range begin {
		if from < end[p] {
			left[p] = kgo.NewOffset().At(from)
		}
	}
	if len(left) == 0 {
		return nil
	}
	reader, err := kgo.NewClient(append(c.cfg.connection(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{string(t): left}),
		kgo.FetchMaxWait(200*time.Millisecond), kgo.KeepControlRecords())...)
	if err != nil {
		return fmt.Errorf("scan %s: %w", t, err)
	}
	defer reader.CloseAllowingRebalance()
	for len(left) > 0 {
		fetches := reader.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("scan %s: %w", t, err)
		}
		var failed error
		fetches.EachPartition(func(f kgo.FetchTopicPartition) {
			part, over := scanned(f.Records, end[f.Partition])
			if len(part) > 0 && failed == nil {
				failed = fn(part)
			}
			if over {
				delete(left, f.Partition)
				reader.PauseFetchPartitions(map[string][]int32{string(t): {f.Partition}})
			}
		})
		if failed != nil {
			return failed
		}
	}
	return nil
}

// scanned returns the records before end, and whether the partition has come to it.
func scanned(recs []*kgo.Record, end int64) (part []Record, over bool) {
	for _, r := range recs {
		if r.Offset < end && !r.Attrs.IsControl() {
			part = append(part, fromKafka(r))
		}
	}
	return part, len(recs) > 0 && recs[len(recs)-1].Offset >= end-1
}
