package stream

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/sasl/plain"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/stream/embedded"
	"github.com/barrage-live/barrage/shared/wire"
)

func TestEnsureTopics(t *testing.T) {
	onEachBroker(t, func(t *testing.T, brokers []string) {
		c := dial(t, Config{Brokers: brokers})
		topic := newTopic(t, c)
		want := []Topic{topic, topic.DeadLetters()}
		if err := c.ensure(t.Context(), want); err != nil {
			t.Errorf("again: %v", err)
		}
		// Every pod does it at its start, at the same time.
		other := newTopic(t, c) + "-together"
		var together sync.WaitGroup
		for range 4 {
			together.Go(func() {
				if err := c.ensure(t.Context(), []Topic{other}); err != nil {
					t.Error(err)
				}
			})
		}
		together.Wait()
		c.cfg.Partitions++
		if err := c.ensure(t.Context(), want); err == nil {
			t.Error("another number of partitions must be an error")
		}
	})
}

// Offsets that are kept elsewhere must not be taken for those of a topic that was made again.
func TestTopicID(t *testing.T) {
	onEachBroker(t, func(t *testing.T, brokers []string) {
		c := dial(t, Config{Brokers: brokers})
		a, b := newTopic(t, c), newTopic(t, c)
		ids := make(map[string]bool)
		for _, topic := range []Topic{a, b, a} {
			id, err := c.TopicID(t.Context(), topic)
			if err != nil || id == "" {
				t.Errorf("got %q, %v", id, err)
			}
			ids[id] = true
		}
		if len(ids) != 2 {
			t.Errorf("got ids %v, want one for each topic", ids)
		}
		if id, err := c.TopicID(t.Context(), a+"-none"); err == nil {
			t.Errorf("got %q of no topic, want an error", id)
		}
	})
}

func TestTopicsNamesDeadLetters(t *testing.T) {
	want := []Topic{"live-messages", "live-messages.dlq", "live-gift-requests", "live-gift-requests.dlq", "live-presence", "live-presence.dlq"}
	if got := Topics(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// Enqueue must take what fits, refuse the rest at once, and answer for each taken record exactly once.
func TestBufferFull(t *testing.T) {
	onEachBroker(t, func(t *testing.T, brokers []string) {
		const size = 1000
		c := dial(t, Config{Brokers: brokers, MaxBufferedBytes: 10 * (size + recordOverhead), Linger: 30 * time.Second})
		topic := newTopic(t, c)
		rec := Outgoing{Topic: topic, Partition: 0, Value: make([]byte, size)}
		answers := make(chan error, 100)
		taken := 0
		for range 20 {
			switch err := c.Enqueue(rec, func(err error) { answers <- err }); {
			case err == nil:
				taken++
			case !errors.Is(err, ErrBufferFull):
				t.Fatal(err)
			}
		}
		if taken != 10 {
			t.Errorf("got %d records taken, want 10", taken)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if err := c.Publish(ctx, rec); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("publish into a full buffer: got %v, want its context's end", err)
		}
		if err := c.kafka.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		for range taken {
			if err := wait(t, "an answer", answers); err != nil {
				t.Error(err)
			}
		}
		if err := c.Enqueue(rec, func(err error) { answers <- err }); err != nil {
			t.Errorf("after the flush: %v", err)
		}
		if err := c.kafka.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := wait(t, "the last answer", answers); err != nil || len(answers) > 0 {
			t.Errorf("got %v and %d more answers, want nil and none", err, len(answers))
		}
	})
}

func TestRefused(t *testing.T) {
	c := dial(t, Config{Brokers: []string{startEmbedded(t).Addr()}})
	topic := newTopic(t, c)
	never := func(error) { t.Error("done was called for a record that was refused") }
	if err := c.Enqueue(Outgoing{Topic: topic, Value: make([]byte, maxRecord+1)}, never); !errors.Is(err, ErrTooBig) {
		t.Errorf("got %v, want %v", err, ErrTooBig)
	}
	if err := c.Enqueue(Outgoing{Topic: topic, Headers: []Header{{Key: "ce_id"}}}, never); err == nil {
		t.Error("a CloudEvents header must be refused")
	}
	if err := c.Publish(t.Context(), Outgoing{Topic: topic, Partition: testPartitions}); err == nil {
		t.Error("a partition out of range must be an error")
	}
	if err := c.Publish(t.Context()); err != nil {
		t.Errorf("nothing to publish: got %v", err)
	}
}

// Without Kafka an answer must come within the delivery timeout, even for records that were on their way.
func TestAnswersWhileKafkaIsDown(t *testing.T) {
	broker := startEmbedded(t)
	c := dial(t, Config{Brokers: []string{broker.Addr()}, DeliveryTimeout: time.Second})
	topic := newTopic(t, c)
	publish(t, c, topic, 0, testPartitions)
	answers := make(chan error, 100)
	for i := range 50 {
		if i == 25 {
			if err := broker.Close(); err != nil {
				t.Fatal(err)
			}
		}
		rec := Outgoing{Topic: topic, Partition: int32(i % testPartitions), Value: []byte("v")}
		if err := c.Enqueue(rec, func(err error) { answers <- err }); err != nil {
			t.Fatal(err)
		}
	}
	failed := 0
	for range 50 {
		if wait(t, "an answer", answers) != nil {
			failed++
		}
	}
	if failed < 25 {
		t.Errorf("got %d failures, want at least the 25 after the end", failed)
	}
}

func TestEnqueueKeepsOrder(t *testing.T) {
	onEachBroker(t, func(t *testing.T, brokers []string) {
		c := dial(t, Config{Brokers: brokers})
		topic := newTopic(t, c)
		const n = 2000
		got := collect(t, n)
		consume(t, c, GroupConfig{Group: newGroup(), Topics: []Topic{topic}}, got.handle)
		for i := range n {
			rec := Outgoing{Topic: topic, Partition: 1, Value: []byte(strconv.Itoa(i))}
			if err := c.Enqueue(rec, func(err error) {
				if err != nil {
					t.Error(err)
				}
			}); err != nil {
				t.Fatal(err)
			}
		}
		got.wait()
		if !slices.IsSorted(got.got[1]) || len(got.got[1]) != n {
			t.Errorf("got %d records in partition 1, sorted %v", len(got.got[1]), slices.IsSorted(got.got[1]))
		}
	})
}

func TestRecordsOfRoomsAndUsers(t *testing.T) {
	m := live.Message{Type: live.Danmu, ID: "m1", RoomID: 42, UserID: 7, Content: "hi", Seq: 3, Timestamp: 1}
	room, err := RoomRecord(t.Context(), LiveMessages, m, 10)
	if err != nil {
		t.Fatal(err)
	}
	if string(room.Key) != "42" || room.Partition != 2 {
		t.Errorf("got key %s, partition %d, want 42 and 2", room.Key, room.Partition)
	}
	user, err := UserRecord(t.Context(), LiveGiftRequests, m)
	if err != nil {
		t.Fatal(err)
	}
	if string(user.Key) != "7" || user.Partition != ByKey {
		t.Errorf("got key %s, partition %d, want 7 by key", user.Key, user.Partition)
	}
	for _, out := range []Outgoing{room, user} {
		rec := Record{Value: out.Value, Headers: out.Headers}
		if header(rec, HeaderMessageID) != "m1" || header(rec, HeaderSchema) != SchemaMessage {
			t.Errorf("got headers %s", out.Headers)
		}
		back, err := wire.Unmarshal(out.Value)
		if err != nil || back.Content != "hi" || back.Seq != 3 {
			t.Errorf("got %+v, %v, want %+v", back, err, m)
		}
	}
}

func TestSignIn(t *testing.T) {
	broker, err := embedded.Start(embedded.Options{User: "barrage", Password: "right"})
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	brokers := []string{broker.Addr()}
	c := dial(t, Config{Brokers: brokers, Auth: Auth{User: "barrage", Password: "right"}})
	topic := newTopic(t, c)
	publish(t, c, topic, 0, 9)
	got := collect(t, 9)
	consume(t, c, GroupConfig{Group: newGroup(), Topics: []Topic{topic}}, got.handle) // members sign in too
	got.wait()

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, auth := range []Auth{
		{},
		{User: "barrage", Password: "wrong"},
		{Mechanism: plain.Auth{User: "barrage", Pass: "right"}.AsMechanism()}, // the broker speaks SCRAM alone
	} {
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		if _, err := Dial(ctx, Config{Brokers: brokers, Auth: auth}); err == nil {
			t.Errorf("signed in with %s", auth)
		}
		cancel()
	}
}

func TestAuthHidesPassword(t *testing.T) {
	if s := (Auth{User: "u", Password: "secret"}).String(); strings.Contains(s, "secret") {
		t.Errorf("got %s", s)
	}
}

func TestDialSaysWhoDoesNotAnswer(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if _, err := Dial(ctx, Config{Brokers: []string{addr}}); err == nil || !strings.Contains(err.Error(), addr) {
		t.Errorf("got %v, want an error that names %s", err, addr)
	}
	if _, err := Dial(ctx, Config{}); err == nil {
		t.Error("no brokers must be an error")
	}
}
