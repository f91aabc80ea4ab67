package loop

import (
	"errors"
	"net"
	"testing"
)

// The hub may flush a connection in the moment at which it is let go: a second writer would close it again, which
// panics.
func TestAWriteBehindReleaseIsRefused(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	s, err := newStream(ours, 1<<10)
	if err != nil {
		t.Fatal(err)
	}
	s.release()
	c := &Conn{loop: &Loop{}, stream: s}
	if n, err := s.tryWrite(c, [][]byte{[]byte("late")}); n != 0 || !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %d, %v; want 0, net.ErrClosed", n, err)
	}
	c.loop.streams.Wait()
}
