// Package loop reads from a pod's connections and writes to them for the hub. On Linux plain connections are served by
// epoll and cost no goroutine; TLS connections, and other systems, take a goroutine a connection. gorilla/websocket
// makes the handshake; the frames are parsed here, so that an idle connection holds no buffer and half a frame holds no
// goroutine.
package loop

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"sync"

	"github.com/barrage-live/barrage/shared/wire"
)

// Config bounds the loop; zero values are replaced by those in brackets.
type Config struct {
	MaxMessage int                           // bytes of a client's message, in all its frames [wire.MaxInbound]
	Loops      int                           // goroutines that wait for readiness [GOMAXPROCS]
	Workers    int                           // goroutines that read and call Handler; one that waits for Redis holds one [64]
	SendBuffer int                           // bytes that the kernel holds for a slow client [64 KiB]
	Portable   bool                          // a goroutine a connection, even where there is epoll
	Binary     func(c *Conn, payload []byte) // takes binary messages [refused with 1003]
}

func (c *Config) fill() {
	for _, d := range []struct {
		v         *int
		byDefault int
	}{{&c.MaxMessage, wire.MaxInbound}, {&c.Loops, runtime.GOMAXPROCS(0)}, {&c.Workers, 64}, {&c.SendBuffer, 64 << 10}} {
		if *d.v <= 0 {
			*d.v = d.byDefault
		}
	}
}

// Handler is told what clients do. Calls for one Conn never overlap.
type Handler interface {
	// Frame is one whole text message, valid UTF-8. The payload may be changed but not kept. It runs on a worker: what
	// blocks here holds back other connections.
	Frame(c *Conn, payload []byte)
	// Closed is the last call for c, once for each Conn that was started. err is nil when the client said goodbye.
	Closed(c *Conn, err error)
}

// ErrStopped is returned for connections that come after the end.
var ErrStopped = errors.New("loop is stopped")

// Loop serves connections. Methods may be called concurrently.
type Loop struct {
	config  Config
	handler Handler
	ready   readyQueue
	pollers []*poller // empty when there is no epoll

	mu      sync.Mutex
	turn    int
	stopped bool
	conns   sync.WaitGroup // those that were adopted and not yet closed
	streams sync.WaitGroup // goroutines of portable connections
}

// New makes a loop; Run starts it.
func New(config Config, handler Handler) (*Loop, error) {
	config.fill()
	l := &Loop{config: config, handler: handler}
	l.ready.init()
	if config.Portable {
		return l, nil
	}
	for range config.Loops {
		p, err := newPoller(l)
		if errors.Is(err, errors.ErrUnsupported) {
			return l, nil
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("open event loop: %w", err), l.closePollers())
		}
		l.pollers = append(l.pollers, p)
	}
	return l, nil
}

func (l *Loop) closePollers() error {
	var errs []error
	for _, p := range l.pollers {
		errs = append(errs, p.close())
	}
	return errors.Join(errs...)
}

// Run serves until ctx ends and every connection is closed: the hub must stop first, for it releases them. Connections
// that come after the end of ctx are refused.
func (l *Loop) Run(ctx context.Context) error {
	var workers, pollers sync.WaitGroup
	for range l.config.Workers {
		workers.Go(l.work)
	}
	errs := make([]error, 2*len(l.pollers))
	for i, p := range l.pollers {
		pollers.Go(func() { errs[2*i] = p.run() })
	}
	<-ctx.Done()
	l.mu.Lock()
	l.stopped = true
	l.mu.Unlock()
	l.conns.Wait()
	l.streams.Wait()
	for i, p := range l.pollers {
		errs[2*i+1] = p.stop()
	}
	pollers.Wait()
	l.ready.close()
	workers.Wait()
	return errors.Join(append(errs, l.closePollers())...)
}

// adopt takes an upgraded connection over.
func (l *Loop) adopt(nc net.Conn) (*Conn, error) {
	turn, err := l.register()
	if err != nil {
		return nil, err
	}
	c := &Conn{loop: l, fd: -1}
	c.state.Store(connBusy)
	tcp, ok := nc.(*net.TCPConn)
	if !ok || len(l.pollers) == 0 {
		c.stream, err = newStream(nc, l.config.SendBuffer)
	} else {
		c.poller = l.pollers[turn%len(l.pollers)]
		c.fd, err = takeFD(tcp, l.config.SendBuffer)
	}
	if err != nil {
		l.conns.Done()
		return nil, fmt.Errorf("take connection over: %w", err)
	}
	return c, nil
}

// register counts a new connection, so that Run waits for it.
func (l *Loop) register() (turn int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stopped {
		return 0, ErrStopped
	}
	l.conns.Add(1)
	l.turn++
	return l.turn, nil
}
