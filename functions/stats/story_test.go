package stats

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/barrage-live/barrage/functions/stats/tally"
	"github.com/barrage-live/barrage/shared/history"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/wire"
)

// story is a log, and what must be known of it when every record of it has been counted exactly once. It is told by
// plain sums, one event after the other: no fold, no watermark, no sight of what was told before.
type story struct {
	messages, presence []stream.Outgoing

	rooms   map[live.RoomID]tally.Counts // of the last session
	total   tally.Counts
	minutes map[live.RoomID]map[int64]history.Point // by Unix minute
	viewers map[live.UserID]bool
	events  int // that count, each once
	poison  map[string]bool
}

const (
	storyRooms   = 40
	storyMinutes = 20
)

// tell makes a story of about n records that began at a minute. One record in thirty is told again by its producer, at
// an offset of its own; one in two thousand can't be read; sessions end and begin.
func tell(r *rand.Rand, n int, began time.Time, messages, presence stream.Topic) *story {
	s := &story{
		rooms: make(map[live.RoomID]tally.Counts), minutes: make(map[live.RoomID]map[int64]history.Point),
		viewers: make(map[live.UserID]bool), poison: make(map[string]bool),
	}
	recent := make(map[live.RoomID][]stream.Outgoing)
	publish := func(m live.Message) {
		value, err := wire.Marshal(m)
		if err != nil {
			panic(err)
		}
		out := stream.Outgoing{Topic: messages, Partition: stream.RoomPartition(m.RoomID, stream.DefaultPartitions), Value: value}
		s.messages, recent[m.RoomID] = append(s.messages, out), append(recent[m.RoomID], out)
	}
	for i := range n {
		at := began.Add(time.Duration(i) * storyMinutes * time.Minute / time.Duration(n))
		room, user := live.RoomID(1+r.IntN(storyRooms)), live.UserID(1+r.IntN(n/10+1))
		m := live.Message{RoomID: room, UserID: user, ID: fmt.Sprint("e", i), Timestamp: at.UnixMilli()}
		var c tally.Counts
		switch dice := r.IntN(2000); {
		case dice == 0:
			broken := fmt.Sprintf(`{"type":"gift","room_id":%d,"id":"broken-%d"}`, room, i)
			s.poison[broken] = true
			s.messages = append(s.messages, stream.Outgoing{Topic: messages, Partition: stream.RoomPartition(room, stream.DefaultPartitions), Value: []byte(broken)})
			continue
		case dice < 4:
			m.Type, m.Data = live.RoomEvent, fmt.Appendf(nil, `{"event":"started","room":{"started_at":%q}}`, at.Format(time.RFC3339Nano))
			s.rooms[room] = tally.Counts{}
		case dice < 66 && len(recent[room]) > 0:
			again := recent[room][max(0, len(recent[room])-1-r.IntN(20))]
			s.messages = append(s.messages, again)
			continue
		case dice < 300:
			c.Likes = 1 + r.Int64N(50)
			m.Type, m.Data = live.Like, fmt.Appendf(nil, `{"count":%d}`, c.Likes)
		case dice < 500:
			c.Gifts, c.Coins = 1+r.Int64N(9), live.Coins(r.Int64N(5000))
			m.Type, m.Data = live.Gift, fmt.Appendf(nil, `{"count":%d,"cost":%d}`, c.Gifts, c.Coins)
		case dice < 600:
			s.join(r, m, presence)
			continue
		default:
			c.Danmu = 1
			m.Type, m.Content = live.Danmu, "hello"
		}
		s.sum(room, at, c)
		publish(m)
	}
	return s
}

func (s *story) sum(room live.RoomID, at time.Time, c tally.Counts) {
	if c == (tally.Counts{}) {
		return
	}
	s.events++
	kept := s.rooms[room]
	kept.Add(c)
	s.rooms[room] = kept
	s.total.Add(c)
	if s.minutes[room] == nil {
		s.minutes[room] = make(map[int64]history.Point)
	}
	p := s.minutes[room][at.Unix()/60]
	p.Danmu, p.Likes, p.Gifts, p.Coins = p.Danmu+c.Danmu, p.Likes+c.Likes, p.Gifts+c.Gifts, p.Coins+c.Coins
	s.minutes[room][at.Unix()/60] = p
}

func (s *story) join(r *rand.Rand, m live.Message, topic stream.Topic) {
	m.Type, m.Data = live.Presence, fmt.Appendf(nil, `{"pod":"p","joined":[%d,%d],"guests_joined":%d}`, m.UserID, m.UserID+1, r.IntN(3))
	s.viewers[m.UserID], s.viewers[m.UserID+1] = true, true
	value, err := wire.Marshal(m)
	if err != nil {
		panic(err)
	}
	s.presence = append(s.presence, stream.Outgoing{Topic: topic, Partition: stream.RoomPartition(m.RoomID, stream.DefaultPartitions), Value: value})
}
