package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// A Letter is a dead letter: the record with its source, and why it failed there.
type Letter struct {
	Record
	Source Topic
	Reason string
}

// replayed is the group whose committed offsets say how far a topic's dead letters have been dealt with. It has no
// members: a person replays them.
func replayed(t Topic) string { return string(t.DeadLetters()) + "-replayed" }

// Letters gives fn the dead letters of the topic that nobody has dealt with yet, oldest first within a partition.
func (c *Client) Letters(ctx context.Context, t Topic, fn func(Letter) error) error {
	_, err := c.letters(ctx, t, fn)
	return err
}

// letters also returns the offsets behind what fn was given.
func (c *Client) letters(ctx context.Context, t Topic, fn func(Letter) error) (end map[int32]int64, err error) {
	adm := kadm.NewClient(c.kafka)
	dlq := t.DeadLetters()
	begin, err := c.offsetsAt(ctx, dlq, time.Time{}, adm.ListStartOffsets)
	if err != nil {
		return nil, fmt.Errorf("dead letters of %s: %w", t, err)
	}
	if end, err = c.offsetsAt(ctx, dlq, time.Time{}, adm.ListEndOffsets); err != nil {
		return nil, fmt.Errorf("dead letters of %s: %w", t, err)
	}
	marks, err := c.marks(ctx, t)
	if err != nil {
		return nil, fmt.Errorf("dead letters of %s: how far they are replayed: %w", t, err)
	}
	for p := range begin {
		if m, ok := marks.Lookup(string(dlq), p); ok {
			begin[p] = max(begin[p], m.At)
		}
	}
	return end, c.scan(ctx, dlq, begin, end, func(part []Record) error {
		for _, r := range part {
			if err := fn(Letter{Record: r, Source: t, Reason: string(r.Header(HeaderError))}); err != nil {
				return err
			}
		}
		return nil
	})
}

// marks asks until the group's coordinator answers: the first group of a new cluster waits for it to be made.
func (c *Client) marks(ctx context.Context, t Topic) (kadm.OffsetResponses, error) {
	for {
		marks, err := kadm.NewClient(c.kafka).FetchOffsetsForTopics(ctx, replayed(t), string(t.DeadLetters()))
		if err == nil {
			err = marks.Error()
		}
		switch {
		case errors.Is(err, kerr.GroupIDNotFound): // nothing was ever replayed
			return nil, nil
		case !kerr.IsRetriable(err):
			return marks, err
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// Replay publishes the dead letters of the topic to it again, each to the partition it came from, where its consumers
// find it as if for the first time; their effects must be safe to repeat, as ever. Letters of which skip is true are
// passed over for good. It returns how many were published. What it has dealt with is remembered, so the next call
// begins behind it; when it fails before that is stored, letters are replayed again.
func (c *Client) Replay(ctx context.Context, t Topic, skip func(Letter) bool) (int, error) {
	n := 0
	end, err := c.letters(ctx, t, func(l Letter) error {
		if skip(l) {
			return nil
		}
		n++
		return c.Publish(ctx, l.revived())
	})
	if err != nil {
		return n, fmt.Errorf("replay: %w", err)
	}
	var marks kadm.Offsets
	for p, at := range end {
		marks.AddOffset(string(t.DeadLetters()), p, at, -1)
	}
	if err := kadm.NewClient(c.kafka).CommitAllOffsets(ctx, replayed(t), marks); err != nil {
		return n, fmt.Errorf("replay: remember what was replayed of %s: %w", t, err)
	}
	return n, nil
}

// revived is the record as it was before it failed. A dead letter lies in the partition of its source's number.
func (l Letter) revived() Outgoing {
	headers := slices.DeleteFunc(slices.Clone(l.Headers), func(h Header) bool {
		return h.Key == HeaderError || h.Key == HeaderSourcePartition || h.Key == HeaderSourceOffset
	})
	return Outgoing{Topic: l.Source, Key: l.Key, Partition: l.Partition, Value: l.Value, Headers: headers}
}
