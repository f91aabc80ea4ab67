package wire

import (
	"encoding/binary"
	"strconv"
	"unicode/utf8"

	"github.com/barrage-live/barrage/shared/live"
)

// Opcode is the kind of a WebSocket frame, RFC 6455 section 5.2.
type Opcode byte

// The opcodes.
const (
	OpContinuation Opcode = 0x0
	OpText         Opcode = 0x1
	OpBinary       Opcode = 0x2
	OpClose        Opcode = 0x8
	OpPing         Opcode = 0x9
	OpPong         Opcode = 0xA
)

const (
	finBit     = 0x80
	deflateBit = 0x40 // RSV1: the message is compressed, RFC 7692

	maxControl = 125
	maxReason  = maxControl - 2
)

// MaxFrameHeader is the longest header of a server's frame: servers do not mask.
const MaxFrameHeader = 10

// AppendHeader appends the header of a whole unmasked message of size bytes.
func AppendHeader(dst []byte, op Opcode, size int) []byte {
	return appendHeader(dst, finBit|byte(op), size)
}

func appendHeader(dst []byte, first byte, size int) []byte {
	switch {
	case size <= 125:
		return append(dst, first, byte(size))
	case size <= 0xffff:
		return binary.BigEndian.AppendUint16(append(dst, first, 126), uint16(size))
	default:
		return binary.BigEndian.AppendUint64(append(dst, first, 127), uint64(size))
	}
}

// AppendTextFrame appends payload as one unmasked text message.
func AppendTextFrame(dst, payload []byte) []byte {
	return append(AppendHeader(dst, OpText, len(payload)), payload...)
}

// AppendSeq appends the message object payload, which has no seq, with its seq. It trusts payload to be a JSON object
// without white space around it and parses nothing.
func AppendSeq(dst, payload []byte, seq live.Seq) []byte {
	dst = append(dst, payload[:len(payload)-1]...)
	if len(payload) > len("{}") {
		dst = append(dst, ',')
	}
	dst = append(dst, `"seq":`...)
	dst = strconv.AppendInt(dst, int64(seq), 10)
	return append(dst, '}')
}

// AppendSeqFrame appends AppendSeq's object as one unmasked text message.
func AppendSeqFrame(dst, payload []byte, seq live.Seq) []byte {
	size := len(payload) + len(`"seq":`) + digits(seq)
	if len(payload) > len("{}") {
		size++
	}
	return AppendSeq(AppendHeader(dst, OpText, size), payload, seq)
}

func digits(n live.Seq) int {
	count := 1
	if n < 0 {
		count++
	}
	for n /= 10; n != 0; n /= 10 {
		count++
	}
	return count
}

// AppendClose appends a close frame; a reason longer than 123 bytes is cut between characters.
func AppendClose(dst []byte, code CloseCode, reason string) []byte {
	if len(reason) > maxReason {
		reason = reason[:maxReason]
		for len(reason) > 0 && !utf8.ValidString(reason) {
			reason = reason[:len(reason)-1]
		}
	}
	dst = AppendHeader(dst, OpClose, 2+len(reason))
	dst = binary.BigEndian.AppendUint16(dst, uint16(code))
	return append(dst, reason...)
}

// AppendPing appends a ping without payload.
func AppendPing(dst []byte) []byte { return AppendHeader(dst, OpPing, 0) }

// AppendPong appends the answer to a ping; payload is at most 125 bytes, as every control frame's.
func AppendPong(dst, payload []byte) []byte {
	return append(AppendHeader(dst, OpPong, len(payload)), payload...)
}
