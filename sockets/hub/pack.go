package hub

import (
	"bytes"
	"compress/flate"
	"sync"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/wire"
)

// minPacked is the shortest message that is worth a compressor's time.
const minPacked = 64

// packer compresses messages, each on its own: what one message refers to is never in another (RFC 7692 calls that "no
// context takeover"), so the same bytes serve everybody who agreed to compression.
type packer struct {
	to      *flate.Writer
	packed  bytes.Buffer
	message []byte
}

// A compressor holds over half a megabyte, so there is one for each appender at work and none for a connection. Level 1
// gains as much as level 9 on messages of a few hundred bytes, at half the price.
var packers = sync.Pool{New: func() any {
	p := &packer{}
	p.to, _ = flate.NewWriter(&p.packed, flate.BestSpeed) // fails for unknown levels only
	return p
}}

// syncMarker ends what a compressor flushed; RFC 7692 section 7.2.1 has it left out.
const syncMarker = "\x00\x00\xff\xff"

// frame appends message as a compressed frame; nothing when it is short, or the compressor fails to shrink it.
func (p *packer) frame(dst, message []byte) []byte {
	if len(message) < minPacked {
		return dst
	}
	p.packed.Reset()
	p.to.Reset(&p.packed)
	if _, err := p.to.Write(message); err != nil {
		return dst // the buffer takes everything, so never; the plain frame is as good
	}
	if err := p.to.Flush(); err != nil {
		return dst
	}
	packed := bytes.TrimSuffix(p.packed.Bytes(), []byte(syncMarker))
	if len(packed) >= len(message) {
		return dst
	}
	return append(wire.AppendDeflatedHeader(dst, len(packed)), packed...)
}

// pack returns the compressed frames of messages with consecutive seq from first on, or without seq when first is 0; an
// empty one where the plain frame is to be sent. It returns nil while nobody in the room agreed to compression.
func (r *Room) pack(first live.Seq, payloads ...[]byte) packedFrames {
	if r.packers.Load() == 0 {
		return nil
	}
	p := packers.Get().(*packer)
	defer packers.Put(p)
	frames := make(packedFrames, len(payloads))
	for i, payload := range payloads {
		message := payload
		if first != 0 {
			p.message = wire.AppendSeq(p.message[:0], payload, first+live.Seq(i))
			message = p.message
		}
		frames[i] = p.frame(nil, message)
	}
	return frames
}

// packedFrames are the compressed frames of a few messages, in their order.
type packedFrames [][]byte

// at is the frame of message i, empty where the plain one is to be sent.
func (f packedFrames) at(i int) []byte {
	if f == nil {
		return nil
	}
	return f[i]
}
