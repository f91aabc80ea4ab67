package loop

import (
	"net"
	"sync"
	"time"
)

// stream is a connection that is read by a goroutine of its own. It is written by another, which lives only while
// something waits: the hub must not block.
type stream struct {
	nc    net.Conn
	bound int // bytes in waiting

	mu       sync.Mutex
	waiting  []byte
	writing  bool // the writer runs
	short    bool // the hub waits for room
	ending   bool // close for writing when all is written
	released bool // close when all is written
	err      error
	done     chan struct{} // closed when the connection is
}

// lastWrite is how long a released connection may take its last bytes.
const lastWrite = time.Second

// newStream also bounds what the kernel holds, where there is a kernel below nc: by itself it takes megabytes for a slow
// client on a fast link.
func newStream(nc net.Conn, bound int) (*stream, error) {
	below := nc
	if tls, ok := nc.(interface{ NetConn() net.Conn }); ok {
		below = tls.NetConn()
	}
	if tcp, ok := below.(*net.TCPConn); ok {
		if err := tcp.SetWriteBuffer(bound); err != nil {
			return nil, err
		}
	}
	return &stream{nc: nc, bound: bound, done: make(chan struct{})}, nil
}

// readStream reads until the connection is closed, which it always is in the end: by the peer, by an error, or by
// release.
func (c *Conn) readStream() {
	buf := make([]byte, 4<<10)
	for {
		n, err := c.stream.nc.Read(buf)
		if n > 0 {
			c.received(buf[:n])
		}
		if err != nil {
			c.deafen()
			c.Member().Gone(err)
			break
		}
	}
	<-c.stream.done
	c.closed()
}

// tryWrite takes what fits into the bound.
func (s *stream) tryWrite(c *Conn, bufs [][]byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return 0, s.err
	}
	if s.released { // a writer that began now would close a second time
		return 0, net.ErrClosed
	}
	taken := 0
	for _, b := range bufs {
		n := min(len(b), s.bound-len(s.waiting))
		s.waiting = append(s.waiting, b[:n]...)
		if taken += n; n < len(b) {
			s.short = true
			break
		}
	}
	s.startWriter(c)
	return taken, nil
}

// startWriter is called with the lock.
func (s *stream) startWriter(c *Conn) {
	if !s.writing && len(s.waiting) > 0 {
		s.writing = true
		c.loop.streams.Go(func() { s.write(c) })
	}
}

// write is the writer; it ends when nothing waits.
func (s *stream) write(c *Conn) {
	var buf []byte
	for {
		s.mu.Lock()
		buf, s.waiting = s.waiting, buf[:0]
		short := s.short
		s.short = false
		if len(buf) == 0 {
			s.idle()
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		if m := c.Member(); short && m != nil {
			m.Writable()
		}
		if _, err := s.nc.Write(buf); err != nil {
			s.fail(err)
		}
	}
}

// idle is when the writer ends; it is called with the lock.
func (s *stream) idle() {
	s.writing, s.waiting = false, nil
	switch {
	case s.released:
		s.close()
	case s.ending:
		s.endStream()
	}
}

// fail makes the reader notice too.
func (s *stream) fail(err error) {
	s.mu.Lock()
	s.err, s.waiting = err, nil
	s.mu.Unlock()
	_ = s.nc.SetReadDeadline(time.Unix(1, 0)) // fails only where the reader has failed already
}

func (s *stream) closeWrite() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ending = true; !s.writing {
		s.endStream()
	}
}

// endStream shows the peer the end of what we write; TCP and TLS can, and for others the end is release.
func (s *stream) endStream() {
	if half, ok := s.nc.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite() // the peer may have closed first
	}
}

func (s *stream) release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.released = true; !s.writing {
		s.close()
		return
	}
	_ = s.nc.SetWriteDeadline(time.Now().Add(lastWrite)) // fails only when the writer has failed already
}

// close is called once, with the lock.
func (s *stream) close() {
	_ = s.nc.Close() // the reader notices
	close(s.done)
}
