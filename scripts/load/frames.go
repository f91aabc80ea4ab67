package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strconv"
)

// A frame is one WebSocket frame from the server. Payload points into the read buffer.
type frame struct {
	opcode  byte
	packed  bool // the payload is compressed
	payload []byte
	size    int // bytes on the wire, header included
}

const (
	opText  = 0x1
	opClose = 0x8
	opPing  = 0x9
	opPong  = 0xA

	deflateBit = 0x40

	maxServerFrame = 1 << 20
)

var (
	errMasked   = errors.New("the server masked a frame")
	errHugeSize = errors.New("the server sent a frame over 1 MiB")
	errUnasked  = errors.New("the server compressed a message without agreement")
	errFragment = errors.New("the server fragmented a message")
)

// nextFrame reads the first frame of b. ok is false when b holds only a part of one.
func nextFrame(b []byte) (f frame, ok bool, err error) {
	if len(b) < 2 {
		return f, false, nil
	}
	head := headSize(b[1])
	if len(b) < head {
		return f, false, nil
	}
	size, err := payloadSize(b[:head])
	if err != nil {
		return f, false, err
	}
	if len(b) < head+size {
		return f, false, nil
	}
	return frame{opcode: b[0] & 0x0f, packed: b[0]&deflateBit != 0, payload: b[head : head+size], size: head + size}, true, nil
}

// headSize is how long a server's frame header is, by its second byte.
func headSize(second byte) int {
	switch second & 0x7f {
	case 126:
		return 4
	case 127:
		return 10
	}
	return 2
}

// payloadSize reads a whole frame header and refuses what a server may not send.
func payloadSize(head []byte) (int, error) {
	if head[0]&0x80 == 0 {
		return 0, errFragment
	}
	if head[1]&0x80 != 0 {
		return 0, errMasked
	}
	size := uint64(head[1])
	switch len(head) {
	case 4:
		size = uint64(binary.BigEndian.Uint16(head[2:]))
	case 10:
		size = binary.BigEndian.Uint64(head[2:])
	}
	if size > maxServerFrame {
		return 0, errHugeSize
	}
	return int(size), nil
}

var (
	seqKey     = []byte(`"seq":`)
	contentKey = []byte(`"content":"load `)
	typeKey    = []byte(`"type":"`)
)

// seqOf returns the room's sequence number of a message. The server puts it last, so the search begins there: at a
// million deliveries a second a JSON decoder would be the bottleneck of the measurement.
func seqOf(payload []byte) int64 {
	i := bytes.LastIndex(payload, seqKey)
	if i < 0 {
		return 0
	}
	var n int64
	for _, c := range payload[i+len(seqKey):] {
		if c < '0' || c > '9' {
			break
		}
		n = n*10 + int64(c-'0')
	}
	return n
}

// typeOf returns the message's type, which the server writes first.
func typeOf(payload []byte) string {
	i := bytes.Index(payload, typeKey)
	if i < 0 {
		return ""
	}
	rest := payload[i+len(typeKey):]
	if j := bytes.IndexByte(rest, '"'); j >= 0 {
		switch string(rest[:j]) { // no allocation for the common ones
		case "danmu":
			return "danmu"
		case "online":
			return "online"
		}
		return string(rest[:j])
	}
	return ""
}

// sentAt returns when the danmu was sent, in Unix microseconds, or 0 when it isn't one of ours.
// Its content is "load <microseconds> <number>".
func sentAt(payload []byte) int64 {
	i := bytes.Index(payload, contentKey)
	if i < 0 {
		return 0
	}
	rest := payload[i+len(contentKey):]
	j := bytes.IndexByte(rest, ' ')
	if j < 0 {
		return 0
	}
	v, err := strconv.ParseInt(string(rest[:j]), 10, 64)
	if err != nil {
		return 0
	}
	return v
}
