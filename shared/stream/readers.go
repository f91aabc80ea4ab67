package stream

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Reader is a consumer group and the topic it reads.
type Reader struct {
	Group string
	Topic Topic
}

// Lag is how many records of its topic a group has not finished, in all partitions together.
type Lag struct {
	Reader
	Records int64
}

// Lag asks the brokers how far the groups are behind, in their order. A group that has never committed has everything
// before it. A member's own consumer.lag is fresher by up to a commit; this one also tells of groups without members.
func (c *Client) Lag(ctx context.Context, readers []Reader) ([]Lag, error) {
	adm := kadm.NewClient(c.kafka)
	var topics []string
	for _, r := range readers {
		topics = append(topics, string(r.Topic))
	}
	starts, err := adm.ListStartOffsets(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("lag: list start offsets: %w", err)
	}
	ends, err := adm.ListEndOffsets(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("lag: list end offsets: %w", err)
	}
	all := make([]Lag, len(readers))
	for i, r := range readers {
		committed, err := adm.FetchOffsets(ctx, r.Group)
		if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
			return nil, fmt.Errorf("lag of %s: %w", r.Group, err)
		}
		all[i].Reader = r
		if len(ends[string(r.Topic)]) == 0 {
			return nil, fmt.Errorf("lag of %s: there is no topic %s", r.Group, r.Topic)
		}
		for part, end := range ends[string(r.Topic)] {
			if end.Err != nil {
				return nil, fmt.Errorf("lag of %s: end of %s/%d: %w", r.Group, r.Topic, part, end.Err)
			}
			at := int64(0)
			if start, ok := starts.Lookup(string(r.Topic), part); ok {
				at = start.Offset
			}
			if done, ok := committed.Lookup(string(r.Topic), part); ok {
				at = max(at, done.At)
			}
			all[i].Records += max(0, end.Offset-at)
		}
	}
	return all, nil
}
