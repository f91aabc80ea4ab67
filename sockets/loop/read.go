package loop

import (
	"errors"
	"time"
	"unicode/utf8"

	"github.com/barrage-live/barrage/shared/wire"
)

// assembly is what has come of a message that is not complete yet.
type assembly struct {
	tail     []byte // of a frame: less than one
	message  []byte // of a message in fragments: the payload so far
	op       wire.Opcode
	deflated bool
	open     bool // a first fragment came
}

// controlBudget counts a client's control frames of one second.
type controlBudget struct {
	second int64
	count  int
}

// maxControls a second is far above what a client needs, and what costs no more than its messages may.
const maxControls = 20

func (b *controlBudget) spend(now time.Time) bool {
	if second := now.Unix(); second != b.second {
		b.second, b.count = second, 0
	}
	b.count++
	return b.count <= maxControls
}

// pending returns the unfinished bytes that come before the next ones.
func (c *Conn) pending() []byte {
	if c.part == nil {
		return nil
	}
	return c.part.tail
}

// received takes bytes that came after pending ones. It calls the handler for each message that is complete, and keeps
// the rest.
func (c *Conn) received(data []byte) {
	if c.deaf {
		return
	}
	if c.part != nil && len(c.part.tail) > 0 {
		c.part.tail = append(c.part.tail, data...)
		data = c.part.tail
	}
	rest, bad := c.consume(data)
	if bad != nil {
		c.deafen()
		c.Member().Close(bad.code, bad.text)
	}
	if c.deaf {
		return
	}
	c.keepTail(rest)
	if c.whole {
		c.whole = false
		c.Member().Heard(false) // the deadline of what is unfinished begins anew with each whole message
	}
	c.Member().Heard(c.part != nil)
}

// deafen ignores what still comes.
func (c *Conn) deafen() {
	c.deaf = true
	c.dropPart()
}

func (c *Conn) dropPart() { c.part = nil }

func (c *Conn) keepTail(rest []byte) {
	if len(rest) == 0 {
		if c.part != nil && !c.part.open {
			c.part = nil
		} else if c.part != nil {
			c.part.tail = c.part.tail[:0]
		}
		return
	}
	if c.part == nil {
		c.part = &assembly{}
	}
	if len(rest) != len(c.part.tail) || &rest[0] != &c.part.tail[0] { // else it is the tail, and stays where it is
		c.part.tail = append(c.part.tail[:0], rest...)
	}
}

// consume handles the whole frames in data and returns what is left.
func (c *Conn) consume(data []byte) ([]byte, *violation) {
	for {
		limit := c.loop.config.MaxMessage
		if c.part != nil {
			limit -= len(c.part.message)
		}
		h, complete, bad := parseHeader(data, limit, c.deflate)
		if bad == nil && len(data) >= 2 {
			bad = c.inTurn(&h)
		}
		if bad != nil {
			return nil, bad
		}
		if !complete || len(data) < h.length+h.size {
			break
		}
		payload := data[h.length : h.length+h.size]
		data = data[h.length+h.size:]
		unmask(payload, h.mask)
		if h.control() {
			bad = c.controlFrame(h.op, payload)
		} else {
			bad = c.fragment(h, payload)
		}
		if bad != nil {
			return nil, bad
		}
		if c.deaf {
			return nil, nil
		}
	}
	return data, nil
}

func (c *Conn) controlFrame(op wire.Opcode, payload []byte) *violation {
	switch {
	case op == wire.OpClose:
		return c.goodbye(payload)
	case !c.control.spend(time.Now()):
		return &violation{code: wire.CloseFlooding, text: "too many control frames"}
	case op == wire.OpPing:
		_ = c.Member().SendFrame(wire.AppendPong(nil, payload)) // fails when it is closing: then no pong is missed
	}
	return nil
}

func (c *Conn) goodbye(payload []byte) *violation {
	code, bad := parseClose(payload)
	if bad != nil {
		return bad
	}
	c.deafen()
	c.Member().Goodbye(code)
	return nil
}

// open says whether a message has begun and not ended.
func (c *Conn) open() bool { return c.part != nil && c.part.open }

// inTurn says whether a frame may come now, as soon as its first two bytes are there.
func (c *Conn) inTurn(h *header) *violation {
	switch {
	case h.control():
		return nil
	case c.open() != (h.op == wire.OpContinuation):
		return protocolError("fragment out of turn")
	case h.op == wire.OpBinary && c.loop.config.Binary == nil:
		return &violation{code: wire.CloseUnsupported, text: "binary message"}
	default:
		return nil
	}
}

// fragment takes the payload of a data frame that is in turn.
func (c *Conn) fragment(h header, payload []byte) *violation {
	switch {
	case !c.open() && h.fin:
		return c.message(h.op, h.deflated, payload)
	case !c.open():
		if c.part == nil {
			c.part = &assembly{}
		}
		c.part.open, c.part.op, c.part.deflated = true, h.op, h.deflated
	}
	c.part.message = append(c.part.message, payload...)
	if !h.fin {
		return nil
	}
	p := c.part
	message := p.message
	p.message, p.open = nil, false
	return c.message(p.op, p.deflated, message)
}

// message hands one whole message on.
func (c *Conn) message(op wire.Opcode, deflated bool, payload []byte) *violation {
	c.whole = true
	if c.Member().Closing() { // nothing but the client's close frame counts any more
		return nil
	}
	if deflated {
		inflated, err := wire.Inflate(payload, c.loop.config.MaxMessage)
		switch {
		case errors.Is(err, wire.ErrTooBig):
			return &violation{code: wire.CloseTooBig, text: err.Error()}
		case err != nil:
			return &violation{code: wire.CloseBadPayload, text: err.Error()}
		}
		payload = inflated
	}
	if op == wire.OpBinary {
		c.loop.config.Binary(c, payload)
		return nil
	}
	if !utf8.Valid(payload) {
		return &violation{code: wire.CloseBadPayload, text: "text is not UTF-8"}
	}
	c.loop.handler.Frame(c, payload)
	return nil
}
