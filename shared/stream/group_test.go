package stream

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

func TestEachPartitionComesInOrder(t *testing.T) {
	onEachBroker(t, func(t *testing.T, brokers []string) {
		c := dial(t, Config{Brokers: brokers})
		topic := newTopic(t, c)
		const n = 3000
		publish(t, c, topic, 0, n/2)
		got := collect(t, n)
		consume(t, c, GroupConfig{Group: newGroup(), Topics: []Topic{topic}, MaxBatch: 100}, got.handle)
		publish(t, c, topic, n/2, n)
		got.wait()
		got.once()
		for p := range testPartitions {
			if want := numbersOf(p, n); !slices.Equal(got.got[int32(p)], want) {
				t.Errorf("partition %d is not in order", p)
			}
		}
	})
}

func TestRecordComesAsItWasPublished(t *testing.T) {
	onEachBroker(t, func(t *testing.T, brokers []string) {
		c := dial(t, Config{Brokers: brokers})
		topic := newTopic(t, c)
		out := Outgoing{Topic: topic, Partition: 2, Key: []byte("42"), Value: []byte("v"), Headers: []Header{{Key: HeaderMessageID, Value: []byte("id")}}}
		before := time.Now().Add(-time.Minute)
		if err := c.Publish(t.Context(), out); err != nil {
			t.Fatal(err)
		}
		arrived := make(chan Record, 1)
		consume(t, c, GroupConfig{Group: newGroup(), Topics: []Topic{topic}}, func(_ context.Context, part []Record) (int, error) {
			arrived <- part[0]
			return len(part), nil
		})
		r := wait(t, "the record", arrived)
		if r.Topic != topic || r.Partition != 2 || r.Offset != 0 || string(r.Key) != "42" || string(r.Value) != "v" || header(r, HeaderMessageID) != "id" {
			t.Errorf("got %+v, want %+v", r, out)
		}
		if r.Timestamp.Before(before) {
			t.Errorf("got timestamp %v, want now", r.Timestamp)
		}
	})
}

// A failing partition is delivered again from the first unfinished record, and holds up no other.
func TestRedeliveryFromDone(t *testing.T) {
	onEachBroker(t, func(t *testing.T, brokers []string) {
		c := dial(t, Config{Brokers: brokers})
		topic := newTopic(t, c)
		const n = 30
		publish(t, c, topic, 0, n)
		others := collect(t, n*2/testPartitions)
		var starts []int64 // of partition 0 alone, which is handled by one goroutine
		finished := make(chan struct{})
		consume(t, c, GroupConfig{Group: newGroup(), Topics: []Topic{topic}}, func(ctx context.Context, part []Record) (int, error) {
			if part[0].Partition != 0 {
				return others.handle(ctx, part)
			}
			starts = append(starts, part[0].Offset)
			select {
			case <-others.full:
			default:
				return 0, errors.New("the others first") // would be a deadlock if partitions waited for each other
			}
			if part[0].Offset < 4 {
				return 2, errors.New("two at a time")
			}
			close(finished)
			return len(part), nil
		})
		wait(t, "partition 0", finished)
		starts = slices.Compact(starts)
		if want := []int64{0, 2, 4}; !slices.Equal(starts, want) {
			t.Errorf("batches began at %v, want %v", starts, want)
		}
	})
}

// What a handler answers beside the contract must neither lose records nor end the process.
func TestUnsoundHandlers(t *testing.T) {
	answers := map[string]func(part []Record) (int, error){
		"too many":      func(part []Record) (int, error) { return len(part) + 1, nil },
		"negative":      func([]Record) (int, error) { return -1, errors.New("no") },
		"fewer, silent": func([]Record) (int, error) { return 0, nil },
		"panic":         func([]Record) (int, error) { panic("bad record") },
	}
	broker := startEmbedded(t)
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			c := dial(t, Config{Brokers: []string{broker.Addr()}})
			topic := newTopic(t, c)
			publish(t, c, topic, 0, 1)
			var calls atomic.Int32
			got := collect(t, 1)
			consume(t, c, GroupConfig{Group: newGroup(), Topics: []Topic{topic}}, func(ctx context.Context, part []Record) (int, error) {
				if calls.Add(1) <= 2 {
					return answer(part)
				}
				return got.handle(ctx, part)
			})
			got.wait()
		})
	}
}

// The batch in flight at the end is finished and committed: the next member begins right behind it.
func TestEndFinishesTheBatchInFlight(t *testing.T) {
	onEachBroker(t, func(t *testing.T, brokers []string) {
		c := dial(t, Config{Brokers: brokers})
		topic := newTopic(t, c)
		const n = 60
		publish(t, c, topic, 0, n)
		group := newGroup()
		got := collect(t, n)
		begun, release := make(chan struct{}, 1), make(chan struct{})
		cfg := GroupConfig{Group: group, Topics: []Topic{topic}, MaxBatch: 5, CommitEvery: time.Hour, Grace: 100 * time.Millisecond}
		first := consume(t, c, cfg, func(ctx context.Context, part []Record) (int, error) {
			if part[0].Offset > 0 { // began before the end arrived at its worker, and finishes nothing
				<-ctx.Done()
				return 0, ctx.Err()
			}
			select {
			case begun <- struct{}{}:
			default:
			}
			<-release
			return got.handle(ctx, part)
		})
		wait(t, "a batch", begun)
		first.cancel()
		close(release)
		first.stop()
		if some := len(got.seen); some == 0 || some == n {
			t.Fatalf("got %d records of the first member, want some", some)
		}
		consume(t, c, GroupConfig{Group: group, Topics: []Topic{topic}}, got.handle)
		got.wait()
		got.once()
	})
}

// A handler that does not finish in time is told so, and what it says it has done by then is committed.
func TestEndAbandonsAfterGrace(t *testing.T) {
	onEachBroker(t, func(t *testing.T, brokers []string) {
		c := dial(t, Config{Brokers: brokers})
		topic := newTopic(t, c)
		publish(t, c, topic, 0, 9) // three in each partition
		group := newGroup()
		begun := make(chan struct{}, testPartitions)
		first := consume(t, c, GroupConfig{Group: group, Topics: []Topic{topic}, Grace: 50 * time.Millisecond}, func(ctx context.Context, _ []Record) (int, error) {
			begun <- struct{}{}
			<-ctx.Done()
			return 1, ctx.Err()
		})
		for range testPartitions {
			wait(t, "all batches", begun)
		}
		first.stop()
		got := collect(t, 6)
		consume(t, c, GroupConfig{Group: group, Topics: []Topic{topic}}, got.handle)
		got.wait()
		got.once()
		if got.seen[0]+got.seen[1]+got.seen[2] != 0 {
			t.Errorf("got a finished record again: %v", got.seen)
		}
	})
}

// A pod must be able to end while Kafka is away.
func TestEndWithoutKafka(t *testing.T) {
	broker := startEmbedded(t)
	c := dial(t, Config{Brokers: []string{broker.Addr()}})
	topic := newTopic(t, c)
	publish(t, c, topic, 0, 3)
	got := collect(t, 3)
	member := consume(t, c, GroupConfig{Group: newGroup(), Topics: []Topic{topic}, CommitEvery: time.Hour, Grace: time.Second}, got.handle)
	got.wait()
	if err := broker.Close(); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	member.stop()
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the end took %v, want little more than the grace", took)
	}
}

// Members that come and go while records flow lose nothing, and as nobody crashes nothing comes twice either: a
// partition is given away behind its last finished record, never in the middle of a batch.
func TestRebalance(t *testing.T) {
	onEachBroker(t, func(t *testing.T, brokers []string) {
		c := dial(t, Config{Brokers: brokers})
		topic := newTopic(t, c)
		got := collect(t, unknown)
		group := newGroup()
		member := func() (*running, chan struct{}) {
			active := make(chan struct{}, 1)
			return consume(t, c, GroupConfig{Group: group, Topics: []Topic{topic}, MaxBatch: 7, CommitEvery: time.Hour},
				func(ctx context.Context, part []Record) (int, error) {
					select {
					case active <- struct{}{}:
					default:
					}
					done, err := got.handle(ctx, part[:1+len(part)/2])
					if err == nil && done < len(part) {
						err = errors.New("the rest later")
					}
					return done, err
				}), active
		}
		next := 0
		flowUntil := func(what string, happened chan struct{}) {
			for deadline := time.Now().Add(patience); len(happened) == 0; {
				if time.Now().After(deadline) {
					t.Fatal("waited in vain: " + what)
				}
				publish(t, c, topic, next, next+20)
				next += 20
			}
		}
		first, active1 := member()
		flowUntil("the first member", active1)
		second, active2 := member()
		flowUntil("the second member's share", active2)
		first.stop()
		_, active3 := member()
		flowUntil("the third member's share", active3)
		second.stop()
		publish(t, c, topic, next, next+100)
		got.expect(next + 100)
		got.wait()
		got.once()
	})
}
