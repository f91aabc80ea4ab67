package stream

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

// poison marks an error that no further try can heal.
type poison struct{ error }

func (p poison) Unwrap() error { return p.error }

// Poison says that the record can never be handled, such as one that does not parse: it goes to the dead letters
// without another try. Poison(nil) is nil.
func Poison(err error) error {
	if err == nil {
		return nil
	}
	return poison{err}
}

// outage marks an error that is not the record's fault.
type outage struct{ error }

func (o outage) Unwrap() error { return o.error }

// Outage says that what the handler needs is away, such as the database: the record is tried for as long as it takes
// and no try is counted against it. Else a night without Redis would end with every record among the dead letters.
// Outage(nil) is nil.
func Outage(err error) error {
	if err == nil {
		return nil
	}
	return outage{err}
}

// IsOutage says whether the error, or one that it wraps, is an outage.
func IsOutage(err error) bool { return errors.As(err, new(outage)) }

type publisher interface {
	Publish(ctx context.Context, recs ...Outgoing) error
}

// maxErrorHeader bounds the error text of a dead letter, in bytes.
const maxErrorHeader = 1024

// WithDeadLetters lets fn's partition go on behind a record that can't be handled: one that has failed tries times, or
// with Poison, is published to <topic>.dlq and counts as finished. Tries are counted in memory: a restart or a
// rebalance gives a record all of them again. The returned function may be called concurrently for different
// partitions.
func WithDeadLetters(p publisher, tries int, fn BatchFunc) BatchFunc {
	d := &deadLetters{publisher: p, tries: tries, fn: fn, failing: make(map[partition]failing)}
	return d.handle
}

type deadLetters struct {
	publisher publisher
	tries     int
	fn        BatchFunc

	mu      sync.Mutex
	failing map[partition]failing
}

// failing is the record a partition stands still at.
type failing struct {
	offset int64
	count  int
}

func (d *deadLetters) handle(ctx context.Context, part []Record) (int, error) {
	finished := 0
	for finished < len(part) {
		done, err := call(ctx, d.fn, part[finished:])
		if done < 0 || done > len(part)-finished {
			return finished, fmt.Errorf("handler says %d of %d records are finished", done, len(part)-finished)
		}
		finished += done
		if err == nil || finished == len(part) {
			return finished, err
		}
		bad := part[finished]
		if ctx.Err() != nil || !d.giveUp(bad, err) { // an ended context is not the record's fault
			return finished, err
		}
		if perr := d.publisher.Publish(ctx, deadLetter(bad, err)); perr != nil {
			return finished, errors.Join(err, fmt.Errorf("publish dead letter: %w", perr))
		}
		d.forget(bad)
		finished++
	}
	return finished, nil
}

// giveUp counts a failure and tells whether it was the last one.
func (d *deadLetters) giveUp(r Record, err error) bool {
	if errors.As(err, new(poison)) {
		return true
	}
	if IsOutage(err) {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	at := partition{string(r.Topic), r.Partition}
	f := d.failing[at]
	if f.offset != r.Offset {
		f = failing{offset: r.Offset}
	}
	f.count++
	d.failing[at] = f
	return f.count >= d.tries
}

func (d *deadLetters) forget(r Record) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.failing, partition{string(r.Topic), r.Partition})
}

// deadLetter is the record as it was, in the partition of the same number, with the reason and its source.
func deadLetter(r Record, err error) Outgoing {
	reason := err.Error()
	if len(reason) > maxErrorHeader {
		reason = reason[:maxErrorHeader]
	}
	headers := make([]Header, 0, len(r.Headers)+3)
	headers = append(headers, r.Headers...)
	headers = append(headers,
		Header{Key: HeaderError, Value: []byte(strings.ToValidUTF8(reason, ""))},
		Header{Key: HeaderSourcePartition, Value: strconv.AppendInt(nil, int64(r.Partition), 10)},
		Header{Key: HeaderSourceOffset, Value: strconv.AppendInt(nil, r.Offset, 10)})
	return Outgoing{
		Topic: r.Topic.DeadLetters(), Key: r.Key, Partition: r.Partition, Value: r.Value, Headers: headers,
	}
}
