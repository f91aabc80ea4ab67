package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"golang.org/x/sys/unix"
)

// A viewer is one connection. Only the event loop touches it once it is adopted.
type viewer struct {
	fd      int
	index   int64 // among the worker's
	room    int64
	stalled bool // never reads
	slow    bool // reads 2 KiB every 100 ms
	partial []byte

	start int64 // the room's seq at the welcome
	last  int64 // the newest seq seen
	count int64 // numbered messages seen
	epoch string
	moved bool // it was told to go to the second target
	away  bool // and has left the first
}

// resume is where the viewer was, "" when it is new.
func (v *viewer) resume() string {
	if v.epoch == "" {
		return ""
	}
	return fmt.Sprintf("%s:%d", v.epoch, v.last)
}

const (
	// A reader that waits all the time is woken by almost every write, and the writer pays for waking it: half of what a
	// write costs here, and nothing where viewers are on other machines. So there is a pause between two passes over
	// what has come, which is also the most by which a latency is overstated.
	readPause = time.Millisecond
	maxPause  = 25 * time.Millisecond

	readBuffer = 256 << 10
	slowRead   = 2 << 10
	slowEvery  = 100 * time.Millisecond
)

// readLoop reads every connection until ctx ends.
func (w *worker) readLoop(ctx context.Context) {
	buf := make([]byte, readBuffer)
	events := make([]unix.EpollEvent, 512)
	nextSlow := time.Now().Add(slowEvery)
	for ctx.Err() == nil {
		n, err := unix.EpollWait(w.epoll, events, 100)
		if err != nil && err != unix.EINTR {
			w.fail(err)
			return
		}
		for _, e := range events[:max(n, 0)] {
			if v := w.conns[e.Fd].Load(); v != nil {
				w.read(v, buf)
			}
		}
		w.letGo()
		if n < len(events) {
			time.Sleep(w.spec.Pause)
		}
		if now := time.Now(); now.After(nextSlow) {
			nextSlow = now.Add(slowEvery)
			w.mu.Lock()
			slow := w.slow
			w.mu.Unlock()
			for _, v := range slow {
				if v.fd >= 0 {
					w.read(v, buf[:len(v.partial)+slowRead])
				}
			}
		}
	}
}

// read takes what the socket holds, once: level-triggered epoll comes back for the rest.
func (w *worker) read(v *viewer, buf []byte) {
	if len(v.partial) >= len(buf) {
		w.fail(errHugeSize)
		w.close(v, 0)
		return
	}
	head := copy(buf, v.partial)
	n, err := unix.Read(v.fd, buf[head:])
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return
	case err != nil || n == 0:
		w.close(v, 1006)
		return
	}
	w.bytes.Add(int64(n))
	w.consume(v, buf[:head+n])
}

// consume handles every whole frame of b and keeps the rest.
func (w *worker) consume(v *viewer, b []byte) {
	now := time.Now().UnixMicro()
	var deliveries int64
	for {
		f, ok, err := nextFrame(b)
		if err != nil {
			w.fail(err)
			w.close(v, 0)
			break
		}
		if !ok {
			break
		}
		b = b[f.size:]
		switch f.opcode {
		case opText:
			payload, err := w.messageOf(f)
			if err != nil {
				w.fail(err)
				w.close(v, 0)
				break
			}
			if w.text(v, payload, now) {
				deliveries++
			}
		case opPing:
			w.pong(v, f.payload)
		case opClose:
			code := 1005
			if len(f.payload) >= 2 {
				code = int(binary.BigEndian.Uint16(f.payload))
			}
			w.close(v, code)
		}
		if v.fd < 0 {
			break
		}
	}
	w.deliveries.Add(deliveries)
	v.partial = nil
	if len(b) > 0 && v.fd >= 0 {
		v.partial = bytes.Clone(b)
	}
}

// messageOf is what a text frame says. That a server compressed unasked is an error.
func (w *worker) messageOf(f frame) ([]byte, error) {
	if !f.packed {
		return f.payload, nil
	}
	if !w.spec.Deflate {
		return nil, errUnasked
	}
	w.result.Packed++
	return w.inflate(f.payload)
}

// text counts one message and reports whether it was a numbered one.
func (w *worker) text(v *viewer, payload []byte, now int64) bool {
	switch kind := typeOf(payload); kind {
	case "welcome":
		w.welcome(v, payload)
		return false
	case "reconnect":
		w.reconnect(v, payload)
		return false
	case "gap":
		w.gap(v, payload)
		return false
	case "ack", "error", "online", "deleted", "gift_result", "pong":
		return false
	}
	seq := seqOf(payload)
	if seq == 0 {
		return false
	}
	switch {
	case seq == v.last+1:
		v.last = seq
		v.count++
	case seq <= v.last:
		w.result.Doubled++
	default:
		w.result.Holes += seq - v.last - 1
		v.last = seq
		v.count++
	}
	if seq%w.spec.SampleEvery == 0 {
		if from := w.measureFrom.Load(); from > 0 {
			if at := sentAt(payload); at >= from {
				w.result.Latency.add(now - at)
			}
		}
	}
	return true
}

// welcome begins a viewer's account; one that moved goes on where it was.
func (w *worker) welcome(v *viewer, payload []byte) {
	var m struct {
		Data struct {
			Epoch     string
			Seq       int64
			Recovered bool
		}
	}
	err := json.Unmarshal(payload, &m)
	switch {
	case err != nil:
		w.fail(err)
	case v.moved && !m.Data.Recovered:
		w.fail(errNotRecovered)
	case v.moved:
		w.moves.arrived(time.Now())
	default:
		v.epoch, v.start, v.last = m.Data.Epoch, m.Data.Seq, m.Data.Seq
	}
}

// gap moves the cursor over what the server says this connection missed.
func (w *worker) gap(v *viewer, payload []byte) {
	var m struct {
		Data struct {
			FromSeq int64  `json:"from_seq"`
			ToSeq   int64  `json:"to_seq"`
			Reason  string `json:"reason"`
		}
	}
	if err := json.Unmarshal(payload, &m); err != nil {
		w.fail(err)
		return
	}
	if missed := m.Data.ToSeq - v.last; missed > 0 {
		w.result.Gaps[m.Data.Reason] += missed
		v.last = m.Data.ToSeq
	}
}

func (w *worker) pong(v *viewer, payload []byte) {
	w.result.Pings++
	if len(payload) > 125 {
		return
	}
	out := maskedFrame(nil, opPong, payload)
	if _, err := unix.Write(v.fd, out); err != nil && err != unix.EAGAIN {
		w.close(v, 1006)
	}
}

// close folds the connection's counts into the result.
func (w *worker) close(v *viewer, code int) {
	if v.fd < 0 {
		return
	}
	if v.moved && !v.away {
		w.detach(v)
		return
	}
	w.conns[v.fd].Store(nil)
	unix.Close(v.fd)
	v.fd = -1
	w.open.Add(-1)
	w.closed.Add(1)
	if code != 0 {
		w.result.Closes[code]++
	}
	w.result.account(v, false)
}

// detach closes the connection of a viewer that goes elsewhere, once: it may have been closed before its time came.
func (w *worker) detach(v *viewer) {
	if v.away {
		return
	}
	v.away = true
	w.conns[v.fd].Store(nil)
	unix.Close(v.fd)
	v.fd, v.partial = -1, nil
	w.open.Add(-1)
	w.moves.ready <- v
}

// letGo closes the connections that have to leave. Only the loop may: to anybody else a descriptor could be another's.
func (w *worker) letGo() {
	for {
		select {
		case v := <-w.leaving:
			if v.fd >= 0 {
				w.result.Churned++
			}
			w.close(v, 0)
		case v := <-w.moves.due:
			w.detach(v)
		default:
			return
		}
	}
}

// replaceSome closes a share of the connections and opens as many new ones.
func (w *worker) replaceSome(ctx context.Context) {
	share := int(w.spec.Churn*float64(w.spec.Count) + 0.5)
	first := rand.IntN(len(w.conns))
	for i := range w.conns {
		if share == 0 {
			return
		}
		v := w.conns[(first+i)%len(w.conns)].Load()
		if v == nil {
			continue
		}
		select {
		case w.leaving <- v:
		case <-ctx.Done():
			return
		}
		w.connect(ctx, w.next.Add(1)-1)
		share--
	}
}
