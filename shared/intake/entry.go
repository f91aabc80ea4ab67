package intake

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/telemetry"
	"github.com/barrage-live/barrage/shared/wire"
)

// entry is one message on its way. Only answered is touched by two goroutines at once.
type entry struct {
	who      Sender
	room     live.RoomID
	msg      wire.Inbound
	class    live.Class
	id       string // the sender's, or one made for it
	scope    string // under which id is remembered
	payload  []byte // the message without seq
	received time.Time
	ctx      context.Context // the message's trace and nothing else
	traceID  string
	span     trace.Span // message.receive; nil where nothing is recorded
	reply    func(Reply)
	answered atomic.Bool
	released bool // a moderator has decided: nobody else is asked

	sum   []*entry // the likes that this one adds up; nil for a message of its own
	twins []*entry // repeats of this like, which get the same reply
	claim *claim   // what has to hear whether this message of likes was stored
}

// entryOverhead is what an entry costs beyond its text, roughly.
const entryOverhead = 512

func (e *entry) size() int {
	return entryOverhead + len(e.payload) + len(e.msg.Content) + len(e.msg.ID)
}

func (in *Intake) item(e *entry) fanout.Item {
	item := fanout.Item{Sender: e.scope, ID: e.id, Class: e.class, Payload: e.payload}
	if e.sum == nil && !e.released {
		item.At = e.received
		item.Rate = in.rates.of(e.who)
	}
	if e.sampled() {
		item.TraceParent = telemetry.TraceParent(e.ctx)
	}
	return item
}

// record is the message as Kafka keeps it, with the seq that the room gave it.
func (e *entry) record(seq live.Seq, partitions int32) stream.Outgoing {
	value := e.payload
	if seq > 0 {
		value = wire.AppendSeq(make([]byte, 0, len(e.payload)+24), e.payload, seq)
	}
	return stream.Outgoing{
		Topic: stream.LiveMessages, Key: roomKey(e.room), Partition: stream.RoomPartition(e.room, partitions), Value: value,
		Headers: []stream.Header{
			{Key: stream.HeaderMessageID, Value: []byte(e.id)},
			{Key: stream.HeaderSchema, Value: []byte(stream.SchemaMessage)},
			{Key: stream.HeaderTraceParent, Value: []byte(telemetry.TraceParent(e.ctx))},
			{Key: stream.HeaderBaggage, Value: baggage(e.room, e.who.User)},
		},
	}
}

// answer tells the sender, once, or all whose likes e adds up.
func (in *Intake) answer(e *entry, r Reply) {
	if e.answered.Swap(true) {
		return
	}
	if e.claim != nil {
		e.claim.done(r.Err == nil)
	}
	for _, other := range slices.Concat(e.sum, e.twins) {
		in.answer(other, r)
	}
	if e.sum != nil {
		return
	}
	r.ID = e.msg.ID
	in.meters.answered(e, r)
	endSpan(e.span, r)
	e.reply(r)
}
