package intake

import (
	"errors"
	"sync"
	"time"

	"github.com/barrage-live/barrage/shared/live"
)

// Why a lane takes nothing more; each is also a reason under which message.shed is counted.
var (
	errRoomFull   = errors.New("room's queue is full")
	errOverloaded = errors.New("pod's queue is full")
	errClosed     = errors.New("intake is closed")
)

// bounds say how much may wait and how much goes out together.
type bounds struct {
	window     time.Duration // from the start of one batch to the start of the next
	eager      bool          // the first of a quiet room goes at once instead of after window
	batchItems int           // one batch; a full one does not wait for window
	batchBytes int
	roomItems  int // waiting in one room
	roomBytes  int
	totalBytes int // waiting in all rooms
}

// lanes collects what enters each room into batches and hands them to flush, oldest first and never two of one room at
// a time: while one is out, the next collects. So what enters a room here leaves in the same order. A room costs a
// goroutine only while something of it is on its way.
type lanes struct {
	bounds
	flush func(live.RoomID, []*entry)

	mu     sync.Mutex
	rooms  map[live.RoomID]*lane
	bytes  int
	closed bool
	busy   sync.WaitGroup
}

type lane struct {
	waiting []*entry
	bytes   int
	full    chan struct{} // holds a token when a whole batch waits, or nothing more will come
}

func newLanes(b bounds, flush func(live.RoomID, []*entry)) *lanes {
	return &lanes{bounds: b, flush: flush, rooms: make(map[live.RoomID]*lane)}
}

// add queues e or says why not. It never blocks on a flush.
func (l *lanes) add(room live.RoomID, e *entry) error {
	size := e.size()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return errClosed
	}
	if l.bytes+size > l.totalBytes {
		return errOverloaded
	}
	ln := l.rooms[room]
	if ln == nil {
		ln = &lane{full: make(chan struct{}, 1)}
		l.rooms[room] = ln
		l.busy.Go(func() { l.run(room, ln) })
	}
	if len(ln.waiting) >= l.roomItems || ln.bytes+size > l.roomBytes {
		return errRoomFull
	}
	ln.waiting = append(ln.waiting, e)
	ln.bytes += size
	l.bytes += size
	if len(ln.waiting) >= l.batchItems || ln.bytes >= l.batchBytes {
		ln.wake()
	}
	return nil
}

// run flushes one room until a whole window brought nothing.
func (l *lanes) run(room live.RoomID, ln *lane) {
	timer := time.NewTimer(l.window)
	defer timer.Stop()
	if !l.eager {
		ln.wait(timer)
	}
	for {
		batch := l.take(room, ln)
		if batch == nil {
			return
		}
		timer.Reset(l.window)
		l.flush(room, batch)
		ln.wait(timer)
	}
}

// take removes the next batch from the lane. When there is none it removes the lane itself, under the same lock, so
// that add starts a new one.
func (l *lanes) take(room live.RoomID, ln *lane) []*entry {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(ln.waiting) == 0 {
		delete(l.rooms, room)
		return nil
	}
	n, size := 0, 0
	for n < len(ln.waiting) && n < l.batchItems {
		s := ln.waiting[n].size()
		if n > 0 && size+s > l.batchBytes {
			break
		}
		size += s
		n++
	}
	batch := ln.waiting[:n:n]
	ln.waiting = ln.waiting[n:]
	ln.bytes -= size
	l.bytes -= size
	if len(ln.waiting) >= l.batchItems || ln.bytes >= l.batchBytes || l.closed {
		ln.wake()
	}
	return batch
}

// close takes nothing more, flushes what waits without further delay, and returns when the last flush did.
func (l *lanes) close() {
	l.mu.Lock()
	l.closed = true
	for _, ln := range l.rooms {
		ln.wake()
	}
	l.mu.Unlock()
	l.busy.Wait()
}

func (ln *lane) wake() {
	select {
	case ln.full <- struct{}{}:
	default:
	}
}

func (ln *lane) wait(timer *time.Timer) {
	select {
	case <-timer.C:
	case <-ln.full:
	}
}
