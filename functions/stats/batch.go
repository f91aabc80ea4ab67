package stats

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/functions/stats/tally"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/telemetry"
)

// errMoved says that another member counted records of the partition between our look and our step.
var errMoved = errors.New("the partition's watermark has moved")

// HandleMessages is the stream.BatchFunc of live-messages and of live-presence. It may be called concurrently for
// different partitions. A record that can't be read is stream.Poison; while Redis is away its errors are
// stream.Outage.
func (s *Service) HandleMessages(ctx context.Context, part []stream.Record) (done int, err error) {
	if len(part) == 0 {
		return 0, nil
	}
	events := make([]tally.Event, 0, len(part))
	var unread error
	for _, r := range part {
		e, err := tally.Decode(r)
		if err != nil {
			unread = stream.Poison(fmt.Errorf("offset %d: %w", r.Offset, err))
			break
		}
		events = append(events, e)
	}
	part = part[:len(events)] // what comes before a bad record is counted first
	if len(part) > 0 {
		if err := s.count(ctx, part, events); err != nil {
			return 0, stream.Outage(fmt.Errorf("count %d records of %s/%d: %w", len(part), part[0].Topic, part[0].Partition, err))
		}
	}
	return len(part), unread
}

// count adds the events that are neither counted nor known. Look, fold and step are safe without a lock, as the step
// does nothing when the watermark is not the one that was looked at.
func (s *Service) count(ctx context.Context, part []stream.Record, events []tally.Event) error {
	topic, number := part[0].Topic, part[0].Partition
	id, err := s.topicID(ctx, topic)
	if err != nil {
		return err
	}
	seen, err := s.look(ctx, topic, number, events)
	if err != nil {
		return err
	}
	if err := seen.read(id); err != nil {
		return err
	}
	// Records are consecutive but not without holes: skip by offset, not by number.
	from, _ := slices.BinarySearchFunc(part, seen.next, func(r stream.Record, next int64) int { return int(r.Offset - next) })
	if from > 0 {
		s.deps.Telemetry.Logger().InfoContext(ctx, "records are counted already", telemetry.Topic, string(topic),
			telemetry.Partition, number, telemetry.Offset, part[0].Offset, telemetry.Count, from)
	}
	if from == len(part) {
		return nil
	}
	fresh, ids := seen.fresh(events, from)
	window := tally.Fold(tally.Window{}, fresh, s.deps.Heat)
	peaks, err := s.peaks(ctx, window)
	if err != nil {
		return err
	}
	if err := s.remember(ctx, window.Viewers); err != nil {
		return err
	}
	next := watermark(part[len(part)-1].Offset+1, id)
	return s.step(ctx, topic, number, seen.watermark, next, ids, window, peaks)
}

func (s *Service) topicID(ctx context.Context, t stream.Topic) (string, error) {
	if s.deps.Topics == nil {
		return "", nil
	}
	return s.deps.Topics.TopicID(ctx, t)
}

func watermark(next int64, topicID string) string { return strconv.FormatInt(next, 10) + " " + topicID }

// sight is what a partition knew before a batch.
type sight struct {
	watermark string // as it is kept; "" before the first batch
	next      int64  // the first offset that is not counted
	known     []bool // by event: its id is among those seen
}

func (s *Service) look(ctx context.Context, topic stream.Topic, number int32, events []tally.Event) (sight, error) {
	ids := make([]any, len(events))
	for i, e := range events {
		ids[i] = member(e.ID)
	}
	var at *redis.StringCmd
	var seen [2]*redis.BoolSliceCmd
	_, err := s.deps.Redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		at = p.Get(ctx, s.key(number, keyWatermark(topic)))
		seen[0] = p.SMIsMember(ctx, s.key(number, keySeen0), ids...)
		seen[1] = p.SMIsMember(ctx, s.key(number, keySeen1), ids...)
		return nil
	})
	if err != nil && !errors.Is(err, redis.Nil) {
		return sight{}, fmt.Errorf("look: %w", err)
	}
	out := sight{watermark: at.Val(), known: seen[0].Val()}
	for i, known := range seen[1].Val() {
		out.known[i] = out.known[i] || known
	}
	return out, nil
}

// read takes next from the watermark. One of a former topic of the same name says nothing: offsets began anew.
func (s *sight) read(topicID string) error {
	next, of, _ := strings.Cut(s.watermark, " ")
	if s.watermark == "" || of != topicID {
		return nil
	}
	var err error
	if s.next, err = strconv.ParseInt(next, 10, 64); err != nil {
		return fmt.Errorf("watermark: %w", err)
	}
	return nil
}

// fresh returns the events that are told for the first time, and their ids.
func (s sight) fresh(events []tally.Event, from int) ([]tally.Event, []tally.EventID) {
	out := make([]tally.Event, 0, len(events)-from)
	ids := make([]tally.EventID, 0, len(events)-from)
	here := make(map[tally.EventID]struct{}, len(events)-from)
	for i, e := range events[from:] {
		if e.ID != 0 {
			if _, twice := here[e.ID]; twice || s.known[from+i] {
				continue
			}
			here[e.ID] = struct{}{}
			ids = append(ids, e.ID)
		}
		out = append(out, e)
	}
	return out, ids
}

// peaks asks for the audience of the rooms that somebody came into.
func (s *Service) peaks(ctx context.Context, w tally.Window) (map[live.RoomID]int64, error) {
	var rooms []live.RoomID
	for _, room := range slices.Sorted(maps.Keys(w.Rooms)) {
		if w.Rooms[room].Joined {
			rooms = append(rooms, room)
		}
	}
	if len(rooms) == 0 {
		return nil, nil
	}
	counts, err := s.deps.Presence.Audiences(ctx, rooms)
	if err != nil {
		return nil, fmt.Errorf("viewers of %d rooms: %w", len(rooms), err)
	}
	peaks := make(map[live.RoomID]int64, len(rooms))
	for i, room := range rooms {
		peaks[room] = counts[i].Online
	}
	return peaks, nil
}

// step moves the partition from one watermark to the next, with everything that lies between, or not at all.
func (s *Service) step(ctx context.Context, topic stream.Topic, number int32, from, to string, ids []tally.EventID, w tally.Window, peaks map[live.RoomID]int64) error {
	keys := make([]string, 0, 7+len(w.Rooms))
	keys = append(keys, s.key(number, keyWatermark(topic)), s.key(number, keyTotal), s.key(number, keyHot),
		s.key(number, keySeen0), s.key(number, keySeen1), s.key(number, keyGeneration), s.key(number, keyWatched))
	args := make([]any, 0, 11+len(ids)+15*len(w.Rooms))
	args = append(args, from, to, s.deps.SeenIDs, seenTTL.Milliseconds(), roomTTL.Milliseconds(), maxHot)
	args = append(counts(args, w.Total), len(ids))
	for _, id := range ids {
		args = append(args, member(id))
	}
	for _, room := range slices.Sorted(maps.Keys(w.Rooms)) {
		d := w.Rooms[room]
		keys = append(keys, roomstate.StatsRoomKey(s.deps.Space, number, room))
		args = append(args, int64(room), d.Session)
		args = segment(args, d.Before, s.deps.Heat)
		args = segment(args, d.Since, s.deps.Heat)
		args = append(args, peaks[room])
	}
	added, err := s.script.Run(ctx, s.deps.Redis, keys, args...).Int()
	if err != nil {
		return fmt.Errorf("step: %w", err)
	}
	if added == 0 {
		return errMoved
	}
	return nil
}

func counts(to []any, c tally.Counts) []any {
	return append(to, c.Danmu, c.Likes, c.Gifts, int64(c.Coins))
}

func segment(to []any, s tally.Segment, heat tally.Heat) []any {
	sum := ""
	if log2, ok := heat.Log2(s.Heat); ok {
		sum = strconv.FormatFloat(log2, 'g', 17, 64)
	}
	return append(counts(to, s.Counts), s.Ended, sum)
}

// member is the id as sets keep it: eight bytes are half of what digits would take.
func member(id tally.EventID) string {
	return string(binary.BigEndian.AppendUint64(nil, uint64(id)))
}
