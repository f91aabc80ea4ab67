package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// A floor is the price of what no design can avoid: one raw 142-byte write to a loopback socket, in µs of the writing
// thread's CPU. There are two. W is that of a room: every floorPause one write to each of many sockets, which somebody on
// another core reads. Then each write is a packet of its own and finds cold caches, and 142 bytes cost as much as 14 KB.
// The other is a tight loop over sockets that nobody reads: the kernel appends to the packet that still waits there, at
// a third of the price. No server whose viewers are there gets it.
type floor struct {
	Room   float64 `json:"w_us"`
	Unread float64 `json:"w_unread_us"`
	Writes int     `json:"writes"`
	Error  string  `json:"error,omitempty"`
}

const (
	floorBytes  = 142
	floorPairs  = 1000
	floorRounds = 50 // what nobody reads stays below the sockets' buffers
	floorPause  = 20 * time.Millisecond
	writerCore  = 0 // the pod's in scripts/bench
	readerCore  = 1 // the load's
)

// measureFloor takes half of d for each price.
func measureFloor(d time.Duration) floor {
	var f floor
	var read, unread error
	f.Room, read = f.price(d/2, true)
	f.Unread, unread = f.price(d/2, false)
	if err := errors.Join(read, unread); err != nil {
		f.Error = err.Error()
	}
	return f
}

func (f *floor) price(d time.Duration, read bool) (micros float64, err error) {
	var spent time.Duration
	writes := 0
	for deadline := time.Now().Add(d); writes == 0 || time.Now().Before(deadline); writes += floorRounds * floorPairs {
		cpu, err := floorRun(read)
		if err != nil {
			return 0, fmt.Errorf("measure the floor: %w", err)
		}
		spent += cpu
	}
	f.Writes += writes
	return float64(spent.Microseconds()) / float64(writes), nil
}

func floorRun(read bool) (spent time.Duration, err error) {
	p := &tcpPairs{}
	defer p.close()
	if err := p.open(floorPairs); err != nil {
		return 0, err
	}
	group, ctx := errgroup.WithContext(context.Background())
	ctx, done := context.WithCancel(ctx)
	if read {
		group.Go(func() error { return p.readAll(ctx) })
	}
	group.Go(func() (err error) {
		defer done()
		spent, err = p.writeAll(ctx, read)
		return err
	})
	return spent, group.Wait()
}

// writeAll writes once a round to every pair and returns the CPU of the writes alone.
func (p *tcpPairs) writeAll(ctx context.Context, read bool) (spent time.Duration, err error) {
	runtime.LockOSThread() // pinned: the thread ends with the goroutine
	if err := pin(writerCore); err != nil {
		return 0, err
	}
	payload := make([]byte, floorBytes)
	for round := range floorRounds {
		before, err := threadCPU()
		if err != nil {
			return 0, err
		}
		for _, fd := range p.writers {
			if _, err := unix.Write(fd, payload); err != nil {
				return 0, fmt.Errorf("write: %w", err)
			}
		}
		after, err := threadCPU()
		if err != nil {
			return 0, err
		}
		spent += after - before
		for want := int64((round + 1) * floorPairs * floorBytes); read && ctx.Err() == nil; {
			time.Sleep(floorPause)
			if p.got.Load() >= want {
				break
			}
		}
	}
	return spent, nil
}

// pin keeps the calling thread on one core.
func pin(core int) error {
	var set unix.CPUSet
	set.Set(core)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("pin a thread to core %d: %w", core, err)
	}
	return nil
}

// threadCPU is the calling thread's own user and system time.
func threadCPU() (time.Duration, error) {
	var ru unix.Rusage
	err := unix.Getrusage(unix.RUSAGE_THREAD, &ru)
	return time.Duration(ru.Utime.Nano() + ru.Stime.Nano()), err
}

// tcpPairs are loopback connections, by the descriptors of their ends.
type tcpPairs struct {
	writers, readers []int
	got              atomic.Int64 // bytes read
}

func (p *tcpPairs) open(n int) error {
	listener, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open a socket: %w", err)
	}
	defer unix.Close(listener)
	if err := errors.Join(unix.Bind(listener, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}), unix.Listen(listener, n)); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	addr, err := unix.Getsockname(listener)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	for range n {
		r, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("open a socket: %w", err)
		}
		p.readers = append(p.readers, r)
		if err := unix.Connect(r, addr); err != nil {
			return fmt.Errorf("connect: %w", err)
		}
		w, _, err := unix.Accept4(listener, unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK)
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		p.writers = append(p.writers, w)
	}
	return nil
}

// readAll reads as the load does, on its core, until ctx ends.
func (p *tcpPairs) readAll(ctx context.Context) error {
	runtime.LockOSThread() // pinned: the thread ends with the goroutine
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return fmt.Errorf("create epoll: %w", err)
	}
	defer unix.Close(epoll)
	err = pin(readerCore)
	for _, fd := range p.readers {
		err = errors.Join(err, unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}))
	}
	if err != nil {
		return fmt.Errorf("watch the sockets: %w", err)
	}
	buf := make([]byte, floorBytes)
	events := make([]unix.EpollEvent, floorPairs)
	for ctx.Err() == nil {
		n, err := unix.EpollWait(epoll, events, 10)
		if err != nil && err != unix.EINTR {
			return fmt.Errorf("wait for bytes: %w", err)
		}
		for _, e := range events[:max(n, 0)] {
			got, err := unix.Read(int(e.Fd), buf)
			if err != nil {
				return fmt.Errorf("read: %w", err)
			}
			p.got.Add(int64(got))
		}
		time.Sleep(readPause)
	}
	return nil
}

func (p *tcpPairs) close() {
	for _, ends := range [][]int{p.writers, p.readers} {
		for _, fd := range ends {
			unix.Close(fd)
		}
	}
}
