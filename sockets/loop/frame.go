package loop

import (
	"encoding/binary"
	"unicode/utf8"

	"github.com/barrage-live/barrage/shared/wire"
)

// violation is why a client's stream can't be read on: it is closed with the code.
type violation struct {
	code wire.CloseCode
	text string
}

func (v *violation) Error() string { return v.text }

// Violations where the tests know that gorilla is more lenient, or later.
var (
	errTopBit     = protocolError("size has the top bit")
	errShortClose = protocolError("close code of one byte")
)

func protocolError(text string) *violation {
	return &violation{code: wire.CloseProtocolError, text: text}
}

// header is that of a client's frame, RFC 6455 section 5.2.
type header struct {
	fin, deflated bool
	op            wire.Opcode
	length        int // of the header itself
	size          int // of the payload, at most what parseHeader was given
	mask          [4]byte
}

func (h *header) control() bool { return h.op >= wire.OpClose }

// parseHeader reads a header at the start of b; complete is false while bytes are missing. What is wrong with a frame,
// its size above all, is said before any of the payload has come.
func parseHeader(b []byte, limit int, deflate bool) (h header, complete bool, bad *violation) {
	if len(b) < 2 {
		return h, false, nil
	}
	h = header{fin: b[0]&0x80 != 0, deflated: b[0]&0x40 != 0, op: wire.Opcode(b[0] & 0xf), length: 2}
	short := int(b[1] & 0x7f)
	switch {
	case b[0]&0x30 != 0, h.deflated && !deflate:
		return h, false, protocolError("reserved bit")
	case h.op > wire.OpBinary && h.op < wire.OpClose, h.op > wire.OpPong:
		return h, false, protocolError("unknown opcode")
	case b[1]&0x80 == 0:
		return h, false, protocolError("frame is not masked")
	case h.control() && (!h.fin || h.deflated || short > 125):
		return h, false, protocolError("control frame is long, cut or compressed")
	case h.deflated && h.op == wire.OpContinuation:
		return h, false, protocolError("compressed continuation")
	}
	size := uint64(short)
	switch short {
	case 126:
		h.length = 4
	case 127:
		h.length = 10
	}
	if len(b) < h.length {
		return h, false, nil
	}
	switch short {
	case 126:
		size = uint64(binary.BigEndian.Uint16(b[2:]))
	case 127:
		size = binary.BigEndian.Uint64(b[2:])
	}
	if size>>63 != 0 {
		return h, false, errTopBit
	}
	if size > uint64(limit) && !h.control() {
		return h, false, &violation{code: wire.CloseTooBig, text: "message is too big"}
	}
	h.size = int(size)
	if len(b) < h.length+4 {
		return h, false, nil
	}
	copy(h.mask[:], b[h.length:])
	h.length += 4
	return h, true, nil
}

// unmask undoes RFC 6455 section 5.3 in place.
func unmask(b []byte, mask [4]byte) {
	key := uint64(binary.LittleEndian.Uint32(mask[:]))
	key |= key << 32
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^key)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= mask[i&3]
	}
}

// parseClose checks the payload of a close frame and returns the code to answer with.
func parseClose(payload []byte) (wire.CloseCode, *violation) {
	if len(payload) == 0 {
		return wire.CloseNormal, nil
	}
	if len(payload) == 1 {
		return 0, errShortClose
	}
	code := wire.CloseCode(binary.BigEndian.Uint16(payload))
	switch {
	case code >= 1000 && code <= 1003, code >= 1007 && code <= 1013, code >= 3000 && code <= 4999:
	default:
		return 0, protocolError("close code is reserved")
	}
	if !utf8.Valid(payload[2:]) {
		return 0, &violation{code: wire.CloseBadPayload, text: "close reason is not UTF-8"}
	}
	return code, nil
}
