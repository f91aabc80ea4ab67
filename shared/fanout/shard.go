package fanout

import (
	"context"
	"time"

	"github.com/barrage-live/barrage/shared/live"
)

// hearing is one room as a shard follows it.
type hearing struct {
	room  live.RoomID
	wait  []chan<- Position // until based
	based bool              // at is known
	at    Position          // the last message that the sink got
	heard live.Seq          // the highest seq of at.Epoch that came over the channel

	reused bool // seqs of at.Epoch came twice: it must end

	dirty   bool // something is missing: repair before the next message
	listed  bool // is in the shard's list of dirty rooms
	retryAt time.Time
	backoff time.Duration
	audit   time.Time // when to compare with Redis next
}

// shard follows some of the rooms. One goroutine runs it, and alone calls the sink for them.
type shard struct {
	s     *Subscriber
	queue *queue
	rooms map[live.RoomID]*hearing
	dirty []*hearing // some may be clean again, or gone
}

// soil makes the room be repaired before its next message.
func (sh *shard) soil(h *hearing) {
	if !h.dirty {
		h.dirty, h.retryAt, h.backoff = true, time.Time{}, 0
	}
	if !h.listed {
		h.listed = true
		sh.dirty = append(sh.dirty, h)
	}
}

func (sh *shard) run(ctx context.Context) {
	stop := context.AfterFunc(ctx, sh.queue.close)
	defer stop()
	var events []event
	for {
		var ok bool
		if events, ok = sh.queue.take(events); !ok {
			return
		}
		for i := range events {
			sh.handle(ctx, &events[i])
		}
		sh.repairDue(ctx)
	}
}

func (sh *shard) handle(ctx context.Context, e *event) {
	h := sh.rooms[e.room]
	switch e.kind {
	case evAdd:
		if h == nil {
			h = &hearing{room: e.room}
			sh.rooms[e.room] = h
		}
		h.wait = append(h.wait, e.wait)
	case evRemove:
		delete(sh.rooms, e.room)
	case evSubscribed:
		if h != nil {
			sh.soil(h)
		}
	case evTick:
		sh.tick(time.Now())
	case evMessage:
		if h != nil {
			sh.message(ctx, h, e.text)
		}
	}
}

// tick makes rooms dirty whose turn it is to be compared with Redis: the loss of the last message of a room shows in no
// hole, and a subscription may be lost without a word when a slot moves.
func (sh *shard) tick(now time.Time) {
	for _, h := range sh.rooms {
		if h.based && now.After(h.audit) {
			h.audit = sh.s.nextAudit(now)
			sh.soil(h)
		}
	}
}

func (sh *shard) message(ctx context.Context, h *hearing, text string) {
	e, err := decodeEnvelope([]byte(text))
	if err != nil {
		sh.s.stats.bad.Add(1)
		sh.s.c.Logger.WarnContext(ctx, "room channel carries what can't be read", "error", err)
		sh.soil(h)
		return
	}
	if e.kind == kindSequenced {
		sh.sequenced(h, e)
		return
	}
	if h.dirty {
		// What it refers to comes first: a deletion after the message it hides.
		sh.repair(ctx, []*hearing{h})
	}
	switch e.kind {
	case kindAddressed:
		sh.s.sink.Addressed(h.room, e.user, e.payloads[0])
	case kindUnsequenced:
		sh.s.sink.Unsequenced(h.room, e.payloads[0])
	case kindCommand:
		sh.s.sink.Command(h.room, e.payloads[0])
	}
}

func (sh *shard) sequenced(h *hearing, e envelope) {
	if e.epoch == h.at.Epoch {
		// A room is on one connection at a time, which brings no message twice: Redis has lost data, and gives seqs
		// that viewers have seen to other messages.
		h.reused = h.reused || e.first <= h.heard
		h.heard = max(h.heard, e.last())
	}
	switch {
	case h.dirty || !h.based:
		// The history has it by now; the repair brings it.
	case h.reused || e.epoch != h.at.Epoch || e.first > h.at.Seq+1:
		sh.soil(h)
	case e.last() > h.at.Seq:
		sh.deliver(h, e.since(h.at.Seq))
	}
}

func (sh *shard) deliver(h *hearing, e envelope) {
	h.at.Seq = e.last()
	if p := sh.s.c.Publisher; p != nil {
		p.tracks.observe(h.room, h.at)
	}
	sh.s.sink.Messages(h.room, e.epoch, e.first, e.payloads, e.traces)
}
