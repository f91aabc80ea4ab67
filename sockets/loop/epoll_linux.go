package loop

import (
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// poller is one epoll instance and the goroutine that waits on it. Registrations are edge triggered for both
// directions and never changed: a connection costs one system call in its life, and EPOLLOUT comes only after a write
// that was short.
//
// The epoll descriptor itself is watched by Go's own poller. A goroutine that blocks in epoll_wait would keep its P until
// the runtime's monitor takes it away, some 20 µs later, and keep that monitor awake: a tenth of a busy pod.
type poller struct {
	fd    int
	file  *os.File // owns fd
	conns fdTable
}

const interest = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLET

func newPoller(*Loop) (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // or os.NewFile would not have it watched
		return nil, errors.Join(fmt.Errorf("epoll: %w", err), unix.Close(fd))
	}
	return &poller{fd: fd, file: os.NewFile(uintptr(fd), "epoll")}, nil
}

func (p *poller) close() error { return p.file.Close() }

func (p *poller) add(c *Conn) error {
	p.conns.set(c.fd, c)
	err := unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, int(c.fd), &unix.EpollEvent{Events: interest, Fd: c.fd})
	if err != nil {
		return fmt.Errorf("epoll_ctl: %w", err)
	}
	return nil
}

// remove closes the descriptor, which ends its registration. An event that was fetched before may still find a new
// connection under the same number: it reads nothing and waits on.
func (p *poller) remove(c *Conn) {
	p.conns.set(c.fd, nil)
	closeFD(c.fd)
}

// run waits for events until stop.
func (p *poller) run() error {
	raw, err := p.file.SyscallConn()
	if err != nil {
		return fmt.Errorf("epoll: %w", err)
	}
	events := make([]unix.EpollEvent, 256)
	for {
		var n int
		var failed error
		err := raw.Read(func(uintptr) (done bool) {
			n, failed = pollFD(p.fd, events)
			return n > 0 || failed != nil
		})
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			return nil
		case err != nil || failed != nil:
			return fmt.Errorf("epoll_wait: %w", errors.Join(err, failed))
		}
		for _, e := range events[:n] {
			if c := p.conns.get(e.Fd); c != nil {
				p.event(c, e.Events)
			}
		}
	}
}

func (p *poller) event(c *Conn, events uint32) {
	if events&unix.EPOLLOUT != 0 {
		c.writable()
	}
	if events&^uint32(unix.EPOLLOUT) != 0 {
		c.becameReady()
	}
}

// stop ends run; connections are there no more.
func (p *poller) stop() error { return p.file.SetReadDeadline(time.Unix(1, 0)) }

// fdTable finds a connection by its descriptor without a lock. Descriptors are small numbers: pages of the table are
// made as they are reached.
type fdTable struct {
	mu    sync.Mutex // for new pages
	pages [fdPages]atomic.Pointer[fdPage]
}

const (
	fdPages    = 2048
	fdPageSize = 1024 // 2 million descriptors
)

type fdPage [fdPageSize]atomic.Pointer[Conn]

func (t *fdTable) get(fd int32) *Conn {
	if page := t.pages[fd/fdPageSize].Load(); page != nil {
		return page[fd%fdPageSize].Load()
	}
	return nil
}

func (t *fdTable) set(fd int32, c *Conn) {
	slot := &t.pages[fd/fdPageSize]
	if slot.Load() == nil {
		t.mu.Lock()
		if slot.Load() == nil {
			slot.Store(&fdPage{})
		}
		t.mu.Unlock()
	}
	slot.Load()[fd%fdPageSize].Store(c)
}

// takeFD moves the connection out of Go's runtime, which would keep a poller registration and watch it as well.
func takeFD(nc *net.TCPConn, sendBuffer int) (int32, error) {
	raw, err := nc.SyscallConn()
	if err != nil {
		return -1, err
	}
	fd := -1
	var dupErr error
	err = raw.Control(func(old uintptr) {
		fd, dupErr = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0)
	})
	if err = errors.Join(err, dupErr); err != nil {
		return -1, fmt.Errorf("dup: %w", err)
	}
	if fd >= fdPages*fdPageSize {
		return -1, errors.Join(unix.EMFILE, unix.Close(fd))
	}
	err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, sendBuffer)
	if err = errors.Join(err, nc.Close()); err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	return int32(fd), nil
}
