package loop

import (
	"sync/atomic"

	"github.com/barrage-live/barrage/sockets/hub"
)

// Conn is one WebSocket connection after its handshake. It is the hub.Conn of its member.
type Conn struct {
	loop   *Loop
	poller *poller // with fd, or
	stream *stream // a goroutine of its own
	member atomic.Pointer[hub.Member]
	next   *Conn     // in the ready queue
	part   *assembly // what has come of a message that is not complete, nil while idle
	why    error     // of Release

	fd       int32
	state    atomic.Uint32 // connIdle, connBusy, connAgain
	short    atomic.Bool   // a write took less than all: tell the member when there is room
	released atomic.Bool
	deaf     bool // nothing that comes counts any more
	deflate  bool
	whole    bool // a message was completed since the last Heard
	control  controlBudget
}

// States of a connection between the event loop and the workers: it is in the ready queue, or on a worker, once at
// most. Until Start is done it counts as busy, so that nobody closes the descriptor before it is registered.
const (
	connIdle uint32 = iota
	connBusy
	connAgain // became ready while busy
)

// Member is the connection's place in the hub, nil before Start.
func (c *Conn) Member() *hub.Member { return c.member.Load() }

// Deflate says whether the client agreed to permessage-deflate without context takeover.
func (c *Conn) Deflate() bool { return c.deflate }

// Start begins to read for the member, whose connection c is. It is called once, whatever became of m meanwhile.
func (c *Conn) Start(m *hub.Member) {
	c.member.Store(m)
	if c.stream != nil {
		c.loop.streams.Go(func() { c.readStream() })
		m.Writable()
		return
	}
	if err := c.poller.add(c); err != nil {
		m.Gone(err)
	}
	if !c.state.CompareAndSwap(connBusy, connIdle) { // something came meanwhile
		c.state.Store(connBusy)
		c.loop.ready.push(c)
	}
}

// TryWrite is for the hub.
func (c *Conn) TryWrite(bufs [][]byte) (int, error) {
	if c.stream != nil {
		return c.stream.tryWrite(c, bufs)
	}
	n, err := tryWrite(c.fd, bufs)
	if err != nil || n == size(bufs) {
		return n, err
	}
	// The socket may have become writable before short was set, and the event been overlooked: try once more.
	c.short.Store(true)
	more, err := tryWrite(c.fd, skip(bufs, n))
	return n + more, err
}

// CloseWrite is for the hub.
func (c *Conn) CloseWrite() {
	if c.stream != nil {
		c.stream.closeWrite()
		return
	}
	shutdownWrite(c.fd)
}

// Release is for the hub: a worker closes the connection, so that no read or Handler call is under way.
func (c *Conn) Release(why error) {
	c.why = why
	c.released.Store(true)
	if c.stream != nil {
		c.stream.release()
		return
	}
	c.becameReady()
}

// writable is called when a short write may go on.
func (c *Conn) writable() {
	if c.short.Load() && c.short.CompareAndSwap(true, false) {
		c.Member().Writable()
	}
}

// becameReady puts c into the ready queue unless it is there, or on a worker, already.
func (c *Conn) becameReady() {
	for {
		switch c.state.Load() {
		case connIdle:
			if c.state.CompareAndSwap(connIdle, connBusy) {
				c.loop.ready.push(c)
				return
			}
		case connBusy:
			if c.state.CompareAndSwap(connBusy, connAgain) {
				return
			}
		default:
			return
		}
	}
}

// closed ends c; nobody uses it any more but the caller.
func (c *Conn) closed() {
	c.dropPart()
	c.loop.handler.Closed(c, c.why)
	c.loop.conns.Done()
}

func size(bufs [][]byte) int {
	n := 0
	for _, b := range bufs {
		n += len(b)
	}
	return n
}

// skip returns bufs without their first n bytes; it leaves bufs as they are.
func skip(bufs [][]byte, n int) [][]byte {
	for len(bufs) > 0 && n >= len(bufs[0]) {
		n -= len(bufs[0])
		bufs = bufs[1:]
	}
	if n == 0 {
		return bufs
	}
	rest := append([][]byte(nil), bufs...)
	rest[0] = rest[0][n:]
	return rest
}
