// Package fanout carries what happens in a room to every pod that has viewers there: one Redis script gives messages
// their place in the room's sequence, keeps them for a while and sends them out; a subscriber hears them in order and
// repairs what pub/sub lost.
package fanout

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/live"
)

var errNotBuilt = errors.New("not built")

// Item is one message on its way into a room.
type Item struct {
	Sender      string // dedupe scope, for example "u7"
	ID          string // empty: never a duplicate
	Class       live.Class
	Payload     []byte // the JSON message without seq, on one line
	TraceParent string // empty unless the trace is sampled
}

// Outcome says what became of an Item.
type Outcome struct {
	Seq       live.Seq // 0: shed by the room's display budget
	Epoch     live.Epoch
	Batch     uint64 // names the Publish call, for Persisted
	Duplicate bool   // the id was known: Seq and Shown are the first one's
	Shown     bool
	Persisted bool // of a Duplicate: the first one is known to be in Kafka; if not, publish it there again
}

// PublisherConfig holds what may be left zero.
type PublisherConfig struct {
	Origin      string                // unique to this life of this process; default random
	DisplayRate int                   // danmu and likes shown a second in a room; 0: all
	RoomRate    func(live.RoomID) int // overrides DisplayRate where it returns more than 0; must not block
	History     int                   // messages kept a room; default 10,000
	Settled     bool                  // all that this publisher fans out is in Kafka already
}

// Publisher fans messages out. Its methods may be called concurrently; calls for one room that must keep their order
// must not overlap.
type Publisher struct{}

// NewPublisher returns a publisher on one Redis or on a cluster.
func NewPublisher(rdb redis.UniversalClient, c PublisherConfig) *Publisher { return &Publisher{} }

// Publish gives the items their places in the room's sequence and fans them out, in one step. An error means that
// nothing is known: calling again with the same ids is safe.
func (p *Publisher) Publish(ctx context.Context, room live.RoomID, items []Item) ([]Outcome, error) {
	return nil, errNotBuilt
}

// Persisted says that all of the batch that had to go to Kafka is there.
func (p *Publisher) Persisted(room live.RoomID, batch uint64) {}

// NotPersisted says that the batch didn't get into Kafka: its ids will be reported so when they are sent again.
func (p *Publisher) NotPersisted(room live.RoomID, batch uint64) {}

// Send brings the message to the user's connections in the room, outside seq and history.
func (p *Publisher) Send(ctx context.Context, room live.RoomID, user live.UserID, msg []byte) error {
	return errNotBuilt
}

// Broadcast brings the message to all connections of the room, outside seq and history.
func (p *Publisher) Broadcast(ctx context.Context, room live.RoomID, msg []byte) error {
	return errNotBuilt
}

// Command brings the message to all pods that hold the room; no viewer sees it.
func (p *Publisher) Command(ctx context.Context, room live.RoomID, msg []byte) error {
	return errNotBuilt
}

// Retire lets what Redis keeps of an ended room go soon. Publishing into the room again keeps it.
func (p *Publisher) Retire(ctx context.Context, room live.RoomID) error { return errNotBuilt }

// Stored is one message of the history.
type Stored struct {
	Seq     live.Seq
	Payload []byte // the JSON message without seq
}

// History reads what the room's sequence still holds.
type History struct{}

// NewHistory returns the history kept in rdb.
func NewHistory(rdb redis.UniversalClient) *History { return &History{} }

// Since returns up to limit messages that follow after in the epoch, oldest first. complete is true when nothing
// between after and the first of them is missing and the epoch is the room's present one; otherwise there are none.
// last is the highest seq of epochNow.
func (h *History) Since(ctx context.Context, room live.RoomID, epoch live.Epoch, after live.Seq, limit int) (msgs []Stored, epochNow live.Epoch, last live.Seq, complete bool, err error) {
	return nil, "", 0, false, errNotBuilt
}

// Before returns up to limit messages that come before the seq (0: the newest), oldest first.
func (h *History) Before(ctx context.Context, room live.RoomID, before live.Seq, limit int) ([]Stored, error) {
	return nil, errNotBuilt
}

// Latest returns up to limit of the newest messages, oldest first, and the position that they end at.
func (h *History) Latest(ctx context.Context, room live.RoomID, limit int) ([]Stored, Position, error) {
	return nil, Position{}, errNotBuilt
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
// may. A Sink that blocks holds up the rooms of its shard, at last Redis drops the connection, and the subscriber
// repairs. Payloads may be kept but not changed.
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

// Config of a Subscriber holds what may be left zero.
type Config struct {
	Connections int           // pub/sub connections to each Redis server; default 2
	Shards      int           // goroutines that call the sink; default GOMAXPROCS
	QueueBytes  int           // what may wait between Redis and the sink in one shard; default 8 MiB
	Audit       time.Duration // how often each room's last seq is compared with Redis; default 30 s
	Publisher   *Publisher    // told of what was heard, so that it notices when Redis lost data; may be nil
	Logger      *slog.Logger  // default: discard
}

// Subscriber hears the rooms it is subscribed to.
type Subscriber struct{}

// NewSubscriber returns a subscriber that does nothing until Run.
func NewSubscriber(rdb redis.UniversalClient, c Config, sink Sink) *Subscriber { return &Subscriber{} }

// Run serves until ctx ends. It must be called once.
func (s *Subscriber) Run(ctx context.Context) error { return errNotBuilt }

// Subscribe begins to hear the room and returns the position after which the sink gets everything; the sink may be
// called before it returns. A room without a sequence gets one. The caller counts its uses: one Subscribe a room, then one Unsubscribe.
func (s *Subscriber) Subscribe(ctx context.Context, room live.RoomID) (Position, error) {
	return Position{}, errNotBuilt
}

// Unsubscribe stops hearing the room. A call of the sink may still be under way.
func (s *Subscriber) Unsubscribe(room live.RoomID) {}
