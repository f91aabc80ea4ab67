package hub

import (
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/wire"
)

// minPacked is the shortest message that is worth a compressor's time.
const minPacked = 64

// packedFrames are the compressed frames of a few messages, in their order; an empty one where the plain frame is to be
// sent. They depend on nothing before them, so the same bytes serve everybody who agreed to compression.
type packedFrames [][]byte

// at is the frame of message i.
func (f packedFrames) at(i int) []byte {
	if f == nil {
		return nil
	}
	return f[i]
}

// pack returns the compressed frames of messages with consecutive seq from first on, or without seq when first is 0; nil
// while nobody in the room agreed to compression.
func (r *Room) pack(first live.Seq, payloads ...[]byte) packedFrames {
	if r.packers.Load() == 0 {
		return nil
	}
	frames := make(packedFrames, len(payloads))
	var numbered []byte
	for i, payload := range payloads {
		message := payload
		if first != 0 {
			numbered = wire.AppendSeq(numbered[:0], payload, first+live.Seq(i))
			message = numbered
		}
		if len(message) < minPacked {
			continue
		}
		// It fails only when a buffer does not take bytes; the plain frame is as good, as it is when it is the shorter one.
		if frame, err := wire.AppendDeflatedFrame(nil, message); err == nil && len(frame) < len(message) {
			frames[i] = frame
		}
	}
	return frames
}
