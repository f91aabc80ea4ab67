package hub

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/wire"
)

// Conn is what the hub needs of a connection. Only one goroutine of the hub calls it, and Release is its last call.
type Conn interface {
	// TryWrite writes the buffers, one after another, without blocking; it returns how many bytes were taken. When that
	// is less than all, Member.Writable must be called once there is room again. It keeps no buffer.
	TryWrite(bufs [][]byte) (int, error)
	// CloseWrite says that nothing more will be written: the client sees the end of the stream behind our close frame.
	CloseWrite()
	// Release closes the connection; why is nil only when the client said goodbye.
	Release(why error)
}

// CloseError says with which close frame a connection ended.
type CloseError struct {
	Code   wire.CloseCode
	Reason string
}

func (e *CloseError) Error() string { return fmt.Sprintf("closed with %d %s", e.Code, e.Reason) }

// Member is one connection in one room. All methods may be called concurrently; those that take a payload keep it, so
// the caller must not change it afterwards.
type Member struct {
	// Tag is the gateway's own; it is set by Join and not touched here.
	Tag any

	conn    Conn
	room    *Room
	shard   *shard
	user    live.UserID
	sibling *Member // the next connection of the same user in the room; guarded by Room.mu

	heard   atomic.Uint32 // second of the last byte from the client
	partial atomic.Uint32 // second at which an unfinished frame began, 0 if none
	inbox   atomic.Int32  // bytes on their way to out
	state   atomic.Uint32 // stateOpen, stateClosing, stateReleased

	// What follows belongs to the shard's goroutine once the member has started.
	out     []byte   // goes out before anything else: the rest of a cut frame, then whole private frames
	cursor  int64    // in the room's log, always between two frames
	seq     live.Seq // last seq that was sent, or that the client had when it joined
	closing []byte   // a close frame that goes out after the log, or at once if noLog
	index   int32    // in viewers.members
	flags   flags
	packed  bool // gets compressed frames; never changes
	wheel   link
	expires uint32         // second at which the token is worth nothing, 0 = never
	epoch   uint32         // roomLog.epochs at the cursor
	granted int32          // private bytes that came with Start and may still be in out
	ping    uint32         // second of the next ping
	stuck   uint32         // second since which nothing could be written, 0 if writable
	closeBy uint32         // second at which the connection is released, 0 = not closing
	code    wire.CloseCode // of our close frame
}

type flags uint16

const (
	started     flags = 1 << iota
	ahead             // the client has seen more than the log: skip until seq
	noLog             // nothing from the log any more
	lastFrame         // the close frame went out, or waits in out
	goodbye           // the client's close frame came
	clientFirst       // and before ours
	ended             // CloseWrite was called
	queued            // in shard.private
)

const (
	stateOpen uint32 = iota
	stateClosing
	stateReleased
)

// User is the connection's user, 0 for a guest.
func (m *Member) User() live.UserID { return m.user }

// Room is the room that the connection joined.
func (m *Member) Room() *Room { return m.room }

// Start lets the flusher serve the connection: first answer, which are bytes and not a frame, then the private
// messages, then the log from where Join put the cursor, all in one write. It is called once.
func (m *Member) Start(answer []byte, payloads ...[]byte) {
	m.shard.post(op{kind: opStart, m: m, payload: answer, payloads: payloads})
}

// Send queues one private message. It fails when the connection is closed, or closes it when too much waits already.
func (m *Member) Send(payload []byte) error {
	return m.queue(op{kind: opSend, m: m, payload: payload}, wire.MaxFrameHeader+len(payload))
}

// SendFrame queues bytes that are whole frames already.
func (m *Member) SendFrame(frame []byte) error {
	return m.queue(op{kind: opFrame, m: m, payload: frame}, len(frame))
}

func (m *Member) queue(o op, size int) error {
	if m.state.Load() != stateOpen {
		return ErrClosed
	}
	if int(m.inbox.Add(int32(size))) > m.shard.hub.config.PrivateBytes {
		m.inbox.Add(int32(-size))
		m.Close(wire.CloseTooSlow, "too slow")
		return ErrTooSlow
	}
	m.shard.post(o)
	return nil
}

// Close sends what is in the room's log, then a close frame, and waits for the client's, but not long. A connection
// that is already closing keeps its first code.
func (m *Member) Close(code wire.CloseCode, reason string) {
	if m.state.CompareAndSwap(stateOpen, stateClosing) {
		m.shard.post(op{kind: opClose, m: m, code: code, reason: reason})
	}
}

// Closing says whether the connection is on its way out: nothing that it still sends counts.
func (m *Member) Closing() bool { return m.state.Load() != stateOpen }

// Goodbye says that the client's close frame came: it is answered with code and the connection released.
func (m *Member) Goodbye(code wire.CloseCode) {
	m.state.CompareAndSwap(stateOpen, stateClosing)
	m.shard.post(op{kind: opGoodbye, m: m, code: code})
}

// Gone says that the connection broke: it is released without a word.
func (m *Member) Gone(err error) {
	m.state.CompareAndSwap(stateOpen, stateClosing)
	m.shard.post(op{kind: opGone, m: m, err: err})
}

// Writable says that there is room again after a TryWrite that took less than all.
func (m *Member) Writable() { m.shard.post(op{kind: opWritable, m: m}) }

// Heard says that bytes came from the client. unfinished is true when they end inside a frame: the rest of it must
// come within Config.FrameTimeout of the first call that said so.
func (m *Member) Heard(unfinished bool) {
	now := m.shard.clock.Load()
	m.heard.Store(now)
	switch {
	case !unfinished:
		if m.partial.Load() != 0 {
			m.partial.Store(0)
		}
	case m.partial.CompareAndSwap(0, now):
		m.shard.post(op{kind: opPartial, m: m})
	}
}

// Expire sets the time at which the connection is closed with 4001; the zero time means never.
func (m *Member) Expire(at time.Time) {
	m.shard.post(op{kind: opExpire, m: m, second: m.shard.hub.expiry(at)})
}

func (h *Hub) expiry(at time.Time) uint32 {
	if at.IsZero() {
		return 0
	}
	return h.seconds(at)
}
