// Package history says what is kept of the log for looking back: events without their texts, counted by the minute, and
// how many watched. It is kept in SQL (package rollup) or in ClickHouse (package clickhouse), to one contract
// (historytest).
package history

import (
	"time"

	"github.com/barrage-live/barrage/shared/live"
)

// AllRooms as a room means all rooms together.
const AllRooms live.RoomID = 0

// Event is one thing that happened. What was said is not part of it.
type Event struct {
	ID     uint64 // of what happened, however often it is told; never 0
	Offset int64  // of the record that tells it
	Room   live.RoomID
	User   live.UserID
	Type   live.MessageType
	At     time.Time // to the millisecond
	Danmu  int64
	Likes  int64
	Gifts  int64
	Coins  live.Coins
}

// Source is where events come from: a partition of a topic, and the topic's id, as one that is made again begins anew.
type Source struct {
	Topic     string
	TopicID   string
	Partition int32
}

// Batch is consecutive events of one source. Next is the offset behind the last record that was read for it.
type Batch struct {
	Source Source
	Events []Event
	Next   int64
}

// Sample is how many watched a room, or AllRooms, at a moment.
type Sample struct {
	Room   live.RoomID
	At     time.Time
	Online int64
}

// Keep says how many days to keep what. Not every store has both.
type Keep struct {
	EventDays  int // events one by one
	MinuteDays int // their counts by the minute
}

// Point is what happened in a step of time that begins at T. Online is the most who were seen watching at once.
type Point struct {
	T      time.Time  `json:"t"`
	Online int64      `json:"online"`
	Danmu  int64      `json:"danmu"`
	Likes  int64      `json:"likes"`
	Gifts  int64      `json:"gifts"`
	Coins  live.Coins `json:"coins"`
}

// Query asks for the points of a room, or of AllRooms, in [From, To). Step is whole minutes.
type Query struct {
	Room     live.RoomID
	From, To time.Time
	Step     time.Duration
}

// Aligned moves From down and To up to multiples of Step since 1970.
func (q Query) Aligned() Query {
	from := time.UnixMilli(floor(q.From.UnixMilli(), q.Step.Milliseconds()))
	to := time.UnixMilli(floor(q.To.UnixMilli()+q.Step.Milliseconds()-1, q.Step.Milliseconds()))
	return Query{Room: q.Room, From: from.UTC(), To: to.UTC(), Step: q.Step}
}

// Points is how many points answer the aligned query.
func (q Query) Points() int { return int(q.To.Sub(q.From) / q.Step) }

// Fill answers the aligned query with a point for each step: those given, in any order, and empty ones between them.
func (q Query) Fill(some []Point) []Point {
	points := make([]Point, q.Points())
	for i := range points {
		points[i].T = q.From.Add(time.Duration(i) * q.Step)
	}
	for _, p := range some {
		if i := int(p.T.Sub(q.From) / q.Step); i >= 0 && i < len(points) {
			p.T = points[i].T
			points[i] = p
		}
	}
	return points
}

func floor(n, step int64) int64 { return n - ((n%step)+step)%step }
