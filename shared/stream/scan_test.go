package stream

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"
)

func scanNumbers(t *testing.T, c *Client, topic Topic, from, to time.Time) []int {
	t.Helper()
	last := map[int32]int64{}
	var got []int
	err := c.Scan(t.Context(), topic, from, to, func(part []Record) error {
		for _, r := range part {
			if before, ok := last[r.Partition]; ok && r.Offset <= before {
				t.Errorf("offset %d of partition %d behind %d", r.Offset, r.Partition, before)
			}
			last[r.Partition] = r.Offset
			got = append(got, number(t, r))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	return got
}

func numbers(from, to int) []int {
	var all []int
	for n := from; n < to; n++ {
		all = append(all, n)
	}
	return all
}

// times returns when Kafka stored each number.
func times(t *testing.T, c *Client, topic Topic) map[int]time.Time {
	t.Helper()
	at := map[int]time.Time{}
	err := c.Scan(t.Context(), topic, time.Time{}, time.Time{}, func(part []Record) error {
		for _, r := range part {
			at[number(t, r)] = r.Timestamp
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestScanReadsWhatIsThereAndEnds(t *testing.T) {
	onEachBroker(t, func(t *testing.T, brokers []string) {
		c := dial(t, Config{Brokers: brokers})
		topic := newTopic(t, c)
		if got := scanNumbers(t, c, topic, time.Time{}, time.Time{}); len(got) != 0 {
			t.Errorf("an empty topic has %v", got)
		}
		publish(t, c, topic, 0, 100)
		publish(t, c, topic, 100, 150)
		at := times(t, c, topic)
		split := at[100]
		first := slices.IndexFunc(numbers(0, 150), func(n int) bool { return !at[n].Before(split) }) // of the same millisecond
		for name, tc := range map[string]struct {
			from, to time.Time
			want     []int
		}{
			"all":    {time.Time{}, time.Time{}, numbers(0, 150)},
			"newer":  {split, time.Time{}, numbers(first, 150)},
			"older":  {time.Time{}, split, numbers(0, first)},
			"future": {time.Now().Add(time.Hour), time.Time{}, nil},
		} {
			if got := scanNumbers(t, c, topic, tc.from, tc.to); !slices.Equal(got, tc.want) {
				t.Errorf("%s: got %v, want %v", name, got, tc.want)
			}
		}
		stop := errors.New("enough")
		if err := c.Scan(t.Context(), topic, time.Time{}, time.Time{}, func([]Record) error { return stop }); !errors.Is(err, stop) {
			t.Errorf("got %v, want fn's error", err)
		}
		if err := c.Scan(t.Context(), topic+"-none", time.Time{}, time.Time{}, func([]Record) error { return nil }); err == nil {
			t.Error("a topic that is not there must be an error")
		}
	})
}

// What failed is replayed once, as it was, where it came from; what was passed over never comes again.
func TestReplay(t *testing.T) {
	onEachBroker(t, func(t *testing.T, brokers []string) {
		c := dial(t, Config{Brokers: brokers})
		topic := newTopic(t, c)
		publish(t, c, topic, 0, 6)
		broken := WithDeadLetters(c, 1, func(context.Context, []Record) (int, error) { return 0, errors.New("broken code") })
		err := c.Scan(t.Context(), topic, time.Time{}, time.Time{}, func(part []Record) error {
			_, err := broken(t.Context(), part)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		letters := func() []string {
			var got []string
			err := c.Letters(t.Context(), topic, func(l Letter) error {
				if l.Reason != "broken code" || string(l.Header(HeaderSourcePartition)) != strconv.Itoa(int(l.Partition)) || l.Source != topic {
					t.Errorf("letter %+v", l)
				}
				got = append(got, string(l.Value))
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(got)
			return got
		}
		if got := letters(); len(got) != 6 {
			t.Fatalf("letters %v, want 6", got)
		}
		n, err := c.Replay(t.Context(), topic, func(l Letter) bool { return string(l.Value) == "4" })
		if n != 5 || err != nil {
			t.Fatalf("replayed %d, %v; want 5", n, err)
		}
		if got := letters(); len(got) != 0 {
			t.Errorf("letters %v after the replay", got)
		}
		if n, err := c.Replay(t.Context(), topic, func(Letter) bool { return false }); n != 0 || err != nil {
			t.Errorf("again: replayed %d, %v", n, err)
		}
		if got, want := scanNumbers(t, c, topic, time.Time{}, time.Time{}), []int{0, 0, 1, 1, 2, 2, 3, 3, 4, 5, 5}; !slices.Equal(got, want) {
			t.Errorf("the topic holds %v, want %v", got, want)
		}
		err = c.Scan(t.Context(), topic, time.Time{}, time.Time{}, func(part []Record) error {
			for _, r := range part {
				if want := int32(number(t, r) % testPartitions); r.Partition != want || string(r.Key) != "k" || r.Header(HeaderError) != nil || r.Header(HeaderSourceOffset) != nil {
					t.Errorf("replayed as %+v", r)
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}
