// Package fanout carries what happens in a room to every pod that has viewers there: one Redis script gives messages
// their place in the room's sequence, keeps them for a while and sends them out; a subscriber hears them in order and
// repairs what pub/sub lost.
//
// Everything a room keeps in Redis is bounded: ids of the last two to four minutes, the newest messages up to a limit,
// one small hash. The history goes an hour after the last message and the last subscriber, the sequence after a day.
package fanout

import (
	"time"

	"github.com/barrage-live/barrage/shared/limit"
	"github.com/barrage-live/barrage/shared/live"
)

// Item is one message on its way into a room.
type Item struct {
	Sender      string // dedupe scope, for example "u7"
	ID          string // empty: never a duplicate
	Class       live.Class
	Payload     []byte // the JSON message without seq, on one line, at most 64 KiB
	TraceParent string // empty unless the trace is sampled
	Settled     bool   // is in Kafka already: no Persisted call is owed
	Mark        bool   // only remember the id: nothing is shown, and Payload is not looked at

	Rate limit.Rate // of the sender in the room, over all processes; zero: any. Its tolerance is at most DedupeFor
	At   time.Time  // when it came in: its rate counts from then; zero: now
}

// Outcome says what became of an Item.
type Outcome struct {
	Seq       live.Seq // 0: shed by the room's display budget
	Epoch     live.Epoch
	Batch     uint64 // names the Publish call, for Persisted; 0 when all of its items were Settled
	Duplicate bool   // the id was known: Seq and Shown are the first one's
	Shown     bool
	Persisted bool // the message is known to be in Kafka; if not, publish it there, again if it is a Duplicate

	// Wait is how long the sender's rate wants it to wait, 0 if it need not. Nothing is known of a message that has to
	// wait: it is not shown, owes no Persisted, and may come again under its id.
	Wait time.Duration
}

// Position is a place in a room's sequence.
type Position struct {
	Epoch live.Epoch
	Seq   live.Seq
}

// Trace ties the message at Index of a batch to its sampled trace.
type Trace struct {
	Index       int
	TraceParent string
}

// Sink takes what a Subscriber hears. Calls for one room come in order and never at once; calls for different rooms
// may. A Sink that blocks holds up the rooms of its shard; in the end Redis drops the connection, and the subscriber
// reconnects and repairs. Payloads may be kept but not changed.
type Sink interface {
	// Messages: payloads[i] (JSON without seq) has seq first+i. Seqs follow each other without holes, but for Lost.
	Messages(room live.RoomID, epoch live.Epoch, first live.Seq, payloads [][]byte, traces []Trace)
	Addressed(room live.RoomID, user live.UserID, payload []byte)
	Unsequenced(room live.RoomID, payload []byte)
	Command(room live.RoomID, payload []byte)
	// Lost: the messages from..to of the epoch can't be had any more. When the epoch is a new one, all that followed
	// the last message of the former epoch is gone as well, and to may be 0: nothing of the new one is missing.
	Lost(room live.RoomID, from, to live.Seq, epoch live.Epoch)
}
