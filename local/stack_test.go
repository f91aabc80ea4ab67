package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/wire"
	"github.com/barrage-live/barrage/sockets/client"
)

const (
	viewers  = 50
	speakers = 4
	danmaku  = 200
)

// The danmaku come in three parts: one viewer is cut in the first and comes back behind the second.
const (
	cutAt    = 80 // messages that this viewer has seen
	partOne  = 100
	partTwo  = 160
	partLast = danmaku
)

// A room from its first hour to its last, as people and their programs see it: everybody sees the same messages in the
// same order, nothing is lost on the way to Kafka and the counts, and the end reaches everybody.
func TestRoomFromStartToStop(t *testing.T) {
	eachStack(t, func(t *testing.T, s *Stack) {
		anchor := register(t, s, "e2e-anchor")
		room := anchor.liveRoom("end to end")
		audience := make([]*viewer, viewers)
		for i := range audience {
			audience[i] = watch(t, s, room.ID, anchor.token)
		}
		cut, comeBack := make(chan struct{}), make(chan struct{})
		audience[viewers/2].cutAt = func() { close(cut); <-comeBack }

		reading, ctx := errgroup.WithContext(t.Context())
		for _, v := range audience {
			reading.Go(v.readAll)
		}
		crowd := newCrowd(t, s, room.ID)
		crowd.speak(partOne)
		select {
		case <-cut:
		case <-ctx.Done(): // a reader has failed: Wait tells
		}
		crowd.speak(partTwo)
		close(comeBack)
		crowd.speak(partLast)
		if err := reading.Wait(); err != nil {
			t.Fatal(err)
		}

		for i, v := range audience {
			compare(t, i, v.got, audience[0].got)
		}
		if got := slices.Sorted(slices.Values(idsOf(audience[0].got))); !slices.Equal(got, slices.Sorted(slices.Values(crowd.sent))) {
			t.Fatalf("what was shown is not what was sent: got %v", got)
		}
		inKafka(t, s, room.ID, audience[0].got)
		counted(t, s, room.ID)
		stopped(t, anchor, room.ID, audience)
	})
}

func idsOf(messages []live.Message) []string {
	ids := make([]string, len(messages))
	for i, m := range messages {
		ids[i] = m.ID
	}
	return ids
}

func compare(t *testing.T, who int, got, want []live.Message) {
	t.Helper()
	if len(got) != danmaku {
		t.Fatalf("viewer %d: got %d danmaku, want %d", who, len(got), danmaku)
	}
	for i := range got {
		if got[i].ID != want[i].ID || got[i].Seq != want[i].Seq || got[i].Content != want[i].Content {
			t.Fatalf("viewer %d, message %d: got %s at %d, want %s at %d", who, i, got[i].ID, got[i].Seq, want[i].ID, want[i].Seq)
		}
	}
}

// inKafka reads the room's partition from its beginning to its end: exactly the danmaku, once each, with their seq.
func inKafka(t *testing.T, s *Stack, room live.RoomID, shown []live.Message) {
	t.Helper()
	seqs := make(map[string]live.Seq, len(shown))
	for _, m := range shown {
		seqs[m.ID] = m.Seq
	}
	for _, rec := range recordsOf(t, s, room) {
		m, err := wire.Unmarshal(rec.Value)
		if err != nil {
			t.Fatal(err)
		}
		if m.Type != live.Danmu {
			continue
		}
		if m.RoomID != room {
			t.Fatalf("record %d: a danmu of room %d under the key of room %d", rec.Offset, m.RoomID, room)
		}
		want, ok := seqs[m.ID]
		if !ok || m.Seq != want {
			t.Fatalf("record %d: got danmu %s with seq %d, want seq %d once", rec.Offset, m.ID, m.Seq, want)
		}
		if header(rec, stream.HeaderMessageID) != m.ID || header(rec, stream.HeaderSchema) != stream.SchemaMessage {
			t.Fatalf("record %d: got headers %v", rec.Offset, rec.Headers)
		}
		delete(seqs, m.ID)
	}
	if len(seqs) > 0 {
		t.Fatalf("%d danmaku are not in Kafka", len(seqs))
	}
}

func header(rec *kgo.Record, key string) string {
	for _, h := range rec.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

// recordsOf are the room's records from the beginning of its partition to its end. Those of other keys are other tests', on
// the same servers, and need not even be messages.
func recordsOf(t *testing.T, s *Stack, room live.RoomID) []*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	topic, partition := string(stream.LiveMessages), stream.RoomPartition(room, stream.DefaultPartitions)
	cl, err := kgo.NewClient(kgo.SeedBrokers(s.services.kafka...), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
		topic: {partition: kgo.NewOffset().AtStart()},
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ends, err := kadm.NewClient(cl).ListEndOffsets(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	end, ok := ends.Lookup(topic, partition)
	if !ok {
		t.Fatalf("no partition %d", partition)
	}
	var records []*kgo.Record
	for last := int64(-1); last < end.Offset-1; {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		for rec := range fetches.RecordsAll() {
			last = rec.Offset
			if string(rec.Key) == strconv.FormatInt(int64(room), 10) {
				records = append(records, rec)
			}
		}
	}
	return records
}

// counted waits for the batch of the stats function behind the last danmu, and sees that it stays at that.
func counted(t *testing.T, s *Stack, room live.RoomID) {
	t.Helper()
	var stats struct {
		RoomID live.RoomID `json:"room_id"`
		Danmu  int64       `json:"danmu"`
	}
	nobody := caller{t: t, s: s}
	eventually(t, 30*time.Second, func() (bool, string) {
		nobody.must(http.StatusOK, "GET", fmt.Sprintf("/api/v1/stats/rooms/%d", room), nil, &stats)
		return stats.Danmu >= danmaku, fmt.Sprintf("stats say %+v", stats)
	})
	if stats.Danmu != danmaku || stats.RoomID != room {
		t.Fatalf("stats: got %+v, want %d danmaku", stats, danmaku)
	}
}

// stopped ends the room: everybody hears it and is sent away with 4004, and nobody comes in again.
func stopped(t *testing.T, anchor caller, room live.RoomID, audience []*viewer) {
	t.Helper()
	var ended live.Room
	anchor.must(http.StatusOK, "POST", path(room, "/stop"), nil, &ended)
	if ended.Status != live.RoomEnded || ended.EndedAt == nil {
		t.Fatalf("stop: got %+v", ended)
	}
	for i, v := range audience {
		heard := false
		m, err := v.conn.Read()
		for ; err == nil; m, err = v.conn.Read() {
			heard = heard || m.Type == live.RoomEvent
		}
		if code := client.CloseCode(err); code != int(wire.CloseRoomEnded) || !heard {
			t.Fatalf("viewer %d: closed with %d (%v), heard of it: %v", i, code, err, heard)
		}
	}
	anchor.must(http.StatusOK, "POST", path(room, "/stop"), nil, nil) // a repeat is harmless
	anchor.must(http.StatusConflict, "POST", path(room, "/join"), nil, nil)
	anchor.must(http.StatusConflict, "POST", path(room, "/messages"), map[string]string{"content": "too late"}, nil)
}
