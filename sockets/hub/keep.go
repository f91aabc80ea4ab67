package hub

// kept is one frame that must reach even those who fell out of the log.
type kept struct {
	pos   int64 // in the room log
	at    int64 // Unix seconds
	frame []byte
}

// keepLog holds the frames that must not be shed, gifts and control, longer than the room log does. It is bounded too:
// whoever is slower than this is closed. It is guarded by Room.mu.
type keepLog struct {
	frames  []kept
	bytes   int
	dropped int64 // frames before this position are gone
}

// add remembers the frame, by a copy: the frame itself would keep its whole segment alive.
func (k *keepLog) add(f kept, limit int) {
	f.frame = append([]byte(nil), f.frame...)
	k.frames = append(k.frames, f)
	k.bytes += len(f.frame)
	drop := 0
	for left := k.bytes; left > limit; drop++ {
		left -= len(k.frames[drop].frame)
	}
	k.drop(drop)
}

// forget drops the frames from before old.
func (k *keepLog) forget(old int64) {
	n := 0
	for n < len(k.frames) && k.frames[n].at < old {
		n++
	}
	k.drop(n)
}

func (k *keepLog) drop(n int) {
	if n == 0 {
		return
	}
	for _, f := range k.frames[:n] {
		k.bytes -= len(f.frame)
		k.dropped = f.pos + 1
	}
	k.frames = append([]kept(nil), k.frames[n:]...)
}

// between appends the frames at positions from ≤ pos < to; it reports false when some of them are gone.
func (k *keepLog) between(dst []byte, from, to int64) ([]byte, bool) {
	if from < k.dropped {
		return dst, false
	}
	for _, f := range k.frames {
		if f.pos >= from && f.pos < to {
			dst = append(dst, f.frame...)
		}
	}
	return dst, true
}
