package stream

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// A poison record must not stop its partition; it and what else can't be handled is found among the dead letters.
func TestDeadLetters(t *testing.T) {
	onEachBroker(t, func(t *testing.T, brokers []string) {
		c := dial(t, Config{Brokers: brokers})
		topic := newTopic(t, c)
		const n = 30
		publish(t, c, topic, 0, n)
		got := collect(t, n-2)
		tries := make(chan struct{}, 100)
		handler := func(ctx context.Context, part []Record) (int, error) {
			for i, r := range part {
				switch number(t, r) {
				case 4:
					return i, Poison(errors.New("does not parse"))
				case 8:
					tries <- struct{}{}
					return i, errors.New("fails again")
				}
				if _, err := got.handle(ctx, part[i:i+1]); err != nil {
					return i, err
				}
			}
			return len(part), nil
		}
		consume(t, c, GroupConfig{Group: newGroup(), Topics: []Topic{topic}}, WithDeadLetters(c, 3, handler))
		got.wait()
		got.once()

		dead := make(chan Record, 10)
		consume(t, c, GroupConfig{Group: newGroup(), Topics: []Topic{topic.DeadLetters()}}, func(_ context.Context, part []Record) (int, error) {
			for _, r := range part {
				dead <- r
			}
			return len(part), nil
		})
		want := map[int]struct {
			partition              int32
			reason, source, offset string
		}{
			4: {1, "does not parse", "1", "1"},
			8: {2, "fails again", "2", "2"},
		}
		for range want {
			r := wait(t, "a dead letter", dead)
			w := want[number(t, r)]
			if r.Partition != w.partition || string(r.Key) != "k" || header(r, HeaderError) != w.reason ||
				header(r, HeaderSourcePartition) != w.source || header(r, HeaderSourceOffset) != w.offset {
				t.Errorf("got dead letter %+v with %s, want %+v", r, r.Headers, w)
			}
		}
		if len(tries) != 3 {
			t.Errorf("got %d tries, want 3", len(tries))
		}
	})
}

type letters struct {
	sent []Outgoing
	err  error
}

func (l *letters) Publish(_ context.Context, recs ...Outgoing) error {
	if l.err != nil {
		return l.err
	}
	l.sent = append(l.sent, recs...)
	return nil
}

func TestOutageIsNoFaultOfTheRecord(t *testing.T) {
	sent := &letters{}
	handle := WithDeadLetters(sent, 2, func(context.Context, []Record) (int, error) {
		return 0, Outage(errors.New("redis is away"))
	})
	for range 10 {
		if done, err := handle(t.Context(), []Record{{Topic: "t"}}); done != 0 || err == nil {
			t.Fatalf("got %d, %v, want 0 and an error", done, err)
		}
	}
	if len(sent.sent) != 0 {
		t.Errorf("got %d dead letters, want none", len(sent.sent))
	}
}

// A record that could not be put away is not finished, and the end of the process is not its fault.
func TestDeadLetterThatCannotBePublished(t *testing.T) {
	away := errors.New("kafka is away")
	sent := &letters{err: away}
	handle := WithDeadLetters(sent, 1, func(context.Context, []Record) (int, error) { return 1, Poison(errors.New("bad")) })
	part := []Record{{Topic: "t"}, {Topic: "t", Offset: 1}, {Topic: "t", Offset: 2}}
	if done, err := handle(t.Context(), part); done != 1 || !errors.Is(err, away) {
		t.Errorf("got %d, %v, want 1 and %v", done, err, away)
	}
	sent.err = nil
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if done, err := handle(ended, part); done != 1 || err == nil || len(sent.sent) != 0 {
		t.Errorf("got %d, %v and %d dead letters, want 1, an error and none", done, err, len(sent.sent))
	}
	if done, err := handle(t.Context(), part[1:]); done != 2 || err != nil || len(sent.sent) != 1 {
		t.Errorf("got %d, %v and %d dead letters, want 2, nil and 1", done, err, len(sent.sent))
	}
}

func TestDeadLetterReasonIsBounded(t *testing.T) {
	out := deadLetter(Record{Topic: "t"}, errors.New(strings.Repeat("ü", maxErrorHeader)))
	if n := len(out.Headers[0].Value); n > maxErrorHeader {
		t.Errorf("got %d bytes, want at most %d", n, maxErrorHeader)
	}
}

func TestMarksOfNil(t *testing.T) {
	if Poison(nil) != nil || Outage(nil) != nil {
		t.Error("a mark of nil must be nil")
	}
}
