package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// workerVerb makes this binary a worker: it takes orders on its standard input and answers on its standard output.
const workerVerb = "worker"

// An order is one line from the driver to a worker.
type order struct {
	Do    string `json:"do"` // connect, measure, tally (the measured time is over: churn ends too), finish
	Spec  *spec  `json:"spec,omitempty"`
	Churn bool   `json:"churn,omitempty"` // with measure: begin to replace connections
}

// A spec says which connections a worker opens.
type spec struct {
	Process   int     `json:"process"`
	URL       string  `json:"url"`
	FirstRoom int64   `json:"first_room"`
	Rooms     int     `json:"rooms"`
	FirstUser int64   `json:"first_user"`
	Count     int     `json:"count"`
	Stall     float64 `json:"stall"`
	Slow      float64 `json:"slow"`
	Churn     float64 `json:"churn"`
	Parallel  int     `json:"parallel"`
	Deflate   bool    `json:"deflate"`
	ByProcess bool    `json:"by_process"`
	Follow    bool    `json:"follow"` // all join the first target, and go to the second when they are told to

	SampleEvery int64         `json:"sample_every"` // the latency of every n-th message is measured
	Pause       time.Duration `json:"pause"`        // between two passes over what has come
	Token       tokenKey      `json:"token"`
}

// A note is one line from a worker to the driver.
type note struct {
	Event    string  `json:"event"` // progress, connected, measuring, report
	Progress tally   `json:"progress"`
	Report   *result `json:"report,omitempty"`
	Error    string  `json:"error,omitempty"`
}

// A tally is a worker's counters so far.
type tally struct {
	Open       int64 `json:"open"`
	Failed     int64 `json:"failed"`
	Closed     int64 `json:"closed"`
	Deliveries int64 `json:"deliveries"` // numbered messages received
	Bytes      int64 `json:"bytes"`
}

type worker struct {
	spec    spec
	pass    passport
	targets []target
	epoll   int
	conns   []atomic.Pointer[viewer] // by descriptor
	next    atomic.Int64             // index of the next connection to open
	leaving chan *viewer             // to be closed by the event loop
	moves   moves
	inflater

	open, failed, closed, deliveries, bytes atomic.Int64
	measureFrom                             atomic.Int64 // Unix µs; latency counts from here on; 0: not yet

	mu     sync.Mutex
	result result // guarded by mu once the event loop has ended or for failures
	slow   []*viewer
	stalls []*viewer
}

func runWorker(ctx context.Context, stdin io.Reader, stdout io.Writer) error {
	orders := json.NewDecoder(stdin)
	var first order
	if err := orders.Decode(&first); err != nil {
		return fmt.Errorf("worker: read the spec: %w", err)
	}
	w, err := newWorker(*first.Spec)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var out sync.Mutex
	tell := func(n note) {
		out.Lock()
		defer out.Unlock()
		n.Progress = w.tally()
		if err := json.NewEncoder(stdout).Encode(n); err != nil {
			cancel() // the driver is gone
		}
	}
	var parts sync.WaitGroup
	parts.Go(func() { w.readLoop(ctx) })
	for range w.spec.Parallel {
		parts.Go(func() { w.follow(ctx) })
	}
	parts.Go(func() { every(ctx, time.Second, func() { tell(note{Event: "progress"}) }) })
	w.connectAll(ctx)
	tell(note{Event: "connected"})
	churn, endChurn := context.WithCancel(ctx)
	defer endChurn()
	var churning sync.WaitGroup
	for {
		var o order
		if err := orders.Decode(&o); err != nil || o.Do == "finish" {
			break
		}
		if o.Do == "tally" {
			// Who comes in the last moment would still wait for its welcome when the counts are made.
			endChurn()
			churning.Wait()
			tell(note{Event: "tally"})
			continue
		}
		w.measureFrom.Store(time.Now().UnixMicro())
		if o.Churn && w.spec.Churn > 0 {
			churning.Go(func() { every(churn, time.Second, func() { w.replaceSome(churn) }) })
		}
		tell(note{Event: "measuring"})
	}
	cancel()
	churning.Wait()
	parts.Wait()
	tell(note{Event: "report", Report: w.finish()})
	return nil
}

func every(ctx context.Context, d time.Duration, fn func()) {
	t := time.NewTicker(d)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			fn()
		}
	}
}

func newWorker(s spec) (*worker, error) {
	targets, err := parseTarget(s.URL)
	if err != nil {
		return nil, err
	}
	pass, err := newPassport(s.Token)
	if err != nil {
		return nil, err
	}
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("worker: create epoll: %w", err)
	}
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return nil, fmt.Errorf("worker: read the open-file limit: %w", err)
	}
	return &worker{
		spec: s, pass: pass, targets: targets, epoll: epoll, leaving: make(chan *viewer, 64),
		moves:  newMoves(s),
		conns:  make([]atomic.Pointer[viewer], min(limit.Cur, 1<<20)),
		result: result{Closes: map[int]int64{}, Failures: map[string]int64{}, Gaps: map[string]int64{}, Rooms: map[int64]*roomTally{}},
	}, nil
}

func (w *worker) tally() tally {
	return tally{Open: w.open.Load(), Failed: w.failed.Load(), Closed: w.closed.Load(),
		Deliveries: w.deliveries.Load(), Bytes: w.bytes.Load()}
}

func (w *worker) connectAll(ctx context.Context) {
	var dialers sync.WaitGroup
	for range w.spec.Parallel {
		dialers.Go(func() {
			for ctx.Err() == nil {
				i := w.next.Add(1) - 1
				if i >= int64(w.spec.Count) {
					return
				}
				w.connect(ctx, i)
			}
		})
	}
	dialers.Wait()
}

// connect opens the i-th connection, trying again while the server asks to come back later (503, 429).
func (w *worker) connect(ctx context.Context, i int64) {
	v := &viewer{index: i, room: w.spec.FirstRoom + i%int64(w.spec.Rooms)}
	at := float64(i%1000) / 1000
	v.stalled = at < w.spec.Stall
	v.slow = !v.stalled && at < w.spec.Stall+w.spec.Slow
	t := w.targets[w.spec.Process%len(w.targets)]
	switch {
	case w.spec.Follow:
		t = w.targets[0]
	case !w.spec.ByProcess:
		t = w.targets[(w.spec.Process+int(i))%len(w.targets)]
	}
	w.dial(ctx, v, t)
}

// dial opens the viewer's connection.
func (w *worker) dial(ctx context.Context, v *viewer, t target) {
	receiveBuffer := 0
	if v.stalled || v.slow {
		receiveBuffer = 4096 // so that the server feels it soon
	}
	token, err := w.pass.token(w.spec.FirstUser + v.index)
	if err != nil {
		w.fail(err)
		return
	}
	request := t.handshakeRequest(v.room, token, v.resume(), w.spec.Deflate)
	for try := 0; ; try++ {
		fd, rest, err := dialRaw(sourceAddress(w.spec.Process, v.index), t, request, receiveBuffer)
		if err == nil {
			v.fd = fd
			w.adopt(v, rest)
			return
		}
		if try >= 5 || ctx.Err() != nil {
			w.fail(err)
			return
		}
		pause := time.Duration(50<<try)*time.Millisecond + rand.N(50*time.Millisecond)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

func (w *worker) fail(err error) {
	w.failed.Add(1)
	reason := err.Error()
	if r := (*errRefused)(nil); errors.As(err, &r) {
		reason = r.status
	}
	w.mu.Lock()
	w.result.Failures[reason]++
	w.mu.Unlock()
}

// adopt hands a fresh connection to the event loop.
func (w *worker) adopt(v *viewer, rest []byte) {
	v.partial = rest
	w.open.Add(1)
	switch {
	case v.stalled:
		w.mu.Lock()
		w.stalls = append(w.stalls, v)
		w.mu.Unlock()
		return
	case v.slow:
		w.mu.Lock()
		w.slow = append(w.slow, v)
		w.mu.Unlock()
		return
	}
	w.conns[v.fd].Store(v)
	if err := unix.EpollCtl(w.epoll, unix.EPOLL_CTL_ADD, v.fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(v.fd)}); err != nil {
		w.fail(fmt.Errorf("watch a socket: %w", err))
	}
}
