package recording

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/barrage-live/barrage/shared/live"
)

// Window is how many offsets of a partition share an object. Smaller ones make many small objects, larger ones are
// written anew more often than they grow.
const Window = 1 << 16

// Source is a partition of a topic, and the topic's id: one that is made again begins anew at offset 0.
type Source struct {
	Topic     string
	TopicID   string
	Partition int32
}

func (s Source) String() string { return fmt.Sprintf("%s.%s.%d", s.Topic, s.TopicID, s.Partition) }

// Name is where a row is kept. It follows from the row alone, so that a row delivered again, in whatever batch, comes to
// the same object.
type Name struct {
	Room   live.RoomID
	Hour   int64 // hours since 1970
	Source Source
	First  int64 // offset of the window; of a joined one: of the first window in it
	Joined bool  // what was recorded in small objects, see join.go
}

func nameOf(src Source, r Row) Name {
	return Name{Room: live.RoomID(r.Room), Hour: hourOf(r.At), Source: src, First: r.Offset - r.Offset%Window}
}

func hourOf(ms int64) int64 { return ms / time.Hour.Milliseconds() }

// Key is the name in the bucket: room=42/date=2026-11-24/h13.live-messages.ID.3.00000000000065536.parquet.
func (n Name) Key() string {
	prefix := hourPrefix(n.Room, n.Hour)
	if n.Joined {
		prefix += joinedMark
	}
	return fmt.Sprintf("%s%s.%017d.parquet", prefix, n.Source, n.First)
}

// joinedMark sorts behind every topic's name: who lists an hour while it is joined sees the joined object if it does not
// see the parts any more.
const joinedMark = "~"

func roomPrefix(room live.RoomID) string { return fmt.Sprintf("room=%d/date=", room) }

// hourPrefix begins the names of the objects of an hour. In the order of keys hours follow each other.
func hourPrefix(room live.RoomID, hour int64) string {
	at := time.UnixMilli(hour * time.Hour.Milliseconds()).UTC()
	return roomPrefix(room) + at.Format("2006-01-02/h15.")
}

// parseKey is the inverse of Name.Key.
func parseKey(key string) (Name, bool) {
	var n Name
	room, rest, ok := strings.Cut(strings.TrimPrefix(key, "room="), "/date=")
	id, err := strconv.ParseInt(room, 10, 64)
	if !ok || err != nil || len(rest) < len("2006-01-02/h15.") {
		return n, false
	}
	const hourLen = len("2006-01-02/h15")
	at, err := time.Parse("2006-01-02/h15", rest[:hourLen])
	if err != nil {
		return n, false
	}
	n.Room, n.Hour = live.RoomID(id), at.Unix()/3600
	rest, n.Joined = strings.CutPrefix(rest[hourLen+1:], joinedMark)
	parts := strings.Split(strings.TrimSuffix(rest, ".parquet"), ".") // a topic's name may have dots of its own
	if len(parts) < 4 {
		return n, false
	}
	tail := parts[len(parts)-3:]
	partition, err1 := strconv.ParseInt(tail[1], 10, 32)
	first, err2 := strconv.ParseInt(tail[2], 10, 64)
	n.Source = Source{Topic: strings.Join(parts[:len(parts)-3], "."), TopicID: tail[0], Partition: int32(partition)}
	n.First = first
	return n, err1 == nil && err2 == nil && n.Key() == key
}
