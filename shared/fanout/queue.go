package fanout

import (
	"sync"

	"github.com/barrage-live/barrage/shared/live"
)

// What an event tells a shard.
type eventKind int

const (
	evMessage    eventKind = iota // text is one envelope from the channel
	evSubscribed                  // Redis confirmed: what comes from here on will be heard
	evAdd                         // begin to follow the room; wait gets its position
	evRemove
	evTick
)

type event struct {
	kind eventKind
	room live.RoomID
	text string
	wait chan<- Position
}

// eventCost is what an event takes beside its text.
const eventCost = 64

// queue holds what a shard has still to do, bounded in bytes. put blocks while it is full: the reader of the connection
// then stops reading, Redis' own output buffer fills up and Redis cuts the connection, and what was missed is repaired
// after the reconnect.
type queue struct {
	mu     sync.Mutex
	change sync.Cond
	events []event
	bytes  int // of what waits and of what was taken last
	taken  int
	max    int
	closed bool
}

func newQueue(maxBytes int) *queue {
	q := &queue{max: maxBytes}
	q.change.L = &q.mu
	return q
}

// put waits for room; false when the queue is closed.
func (q *queue) put(e event) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.bytes >= q.max && !q.closed {
		q.change.Wait()
	}
	return q.add(e)
}

// putNow doesn't wait: for the few events that are not messages.
func (q *queue) putNow(e event) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.add(e)
}

func (q *queue) add(e event) bool {
	if q.closed {
		return false
	}
	q.events = append(q.events, e)
	q.bytes += eventCost + len(e.text)
	q.change.Broadcast()
	return true
}

// take waits for events and returns all of them; those taken before are done. spare is used for what comes next.
func (q *queue) take(spare []event) ([]event, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.bytes -= q.taken
	q.taken = 0
	q.change.Broadcast()
	for len(q.events) == 0 && !q.closed {
		q.change.Wait()
	}
	if q.closed {
		return nil, false
	}
	events := q.events
	clear(spare)
	q.events, q.taken = spare[:0], q.bytes
	return events, true
}

// close ends all waits. What waits is dropped.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.change.Broadcast()
}
