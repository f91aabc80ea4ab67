package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"time"
)

// A crew is the worker processes of one run.
type crew struct {
	workers   []*hand
	notes     chan note
	listening sync.WaitGroup
}

// A hand is one worker process.
type hand struct {
	cmd    *exec.Cmd
	orders *json.Encoder
	pipe   io.Closer
	crew   *crew

	mu       sync.Mutex
	progress tally
}

func startCrew(ctx context.Context, o options, key tokenKey) (*crew, error) {
	binary, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this binary: %w", err)
	}
	processes := max(1, (o.connections+o.perProcess-1)/o.perProcess)
	c := &crew{notes: make(chan note, 4*processes)}
	for i := range processes {
		from, to := i*o.connections/processes, (i+1)*o.connections/processes
		h, err := c.start(ctx, binary)
		if err != nil {
			c.stop()
			return nil, err
		}
		s := spec{Process: i, URL: o.url, FirstRoom: int64(o.firstRoom), Rooms: o.rooms, FirstUser: firstViewer + int64(from),
			Count: to - from, Stall: o.stall, Slow: o.slow, Churn: o.churn, Parallel: o.workers, Deflate: o.deflate,
			ByProcess: o.byProcess, Follow: o.drain != 0, SampleEvery: o.sampleEvery(), Pause: pauseOf(processes), Token: key}
		if err := h.orders.Encode(order{Do: "connect", Spec: &s}); err != nil {
			c.stop()
			return nil, fmt.Errorf("order worker %d: %w", i, err)
		}
	}
	return c, nil
}

// sampleEvery keeps the reader out of the picture: where hundreds of thousands of deliveries a second are expected, one in
// eight is enough for the quantiles.
func (o options) sampleEvery() int64 {
	if o.rate*float64(o.connections) > 50_000 {
		return 8
	}
	return 1
}

// pauseOf keeps many processes from spending the machine on waking up.
func pauseOf(processes int) time.Duration { return min(time.Duration(processes)*readPause, maxPause) }

// Users of the load: publishers from firstPublisher on, viewers far above them.
const (
	firstPublisher = 1_000_000
	firstViewer    = 10_000_000
)

func (c *crew) start(ctx context.Context, binary string) (*hand, error) {
	cmd := exec.CommandContext(ctx, binary, workerVerb)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a worker: %w", err)
	}
	h := &hand{cmd: cmd, orders: json.NewEncoder(in), pipe: in, crew: c}
	c.workers = append(c.workers, h)
	c.listening.Go(func() { h.listen(out) }) // ends with the process
	return h, nil
}

// listen passes a worker's notes on, up to its report or its early end.
func (h *hand) listen(out io.Reader) {
	notes := json.NewDecoder(out)
	for {
		var n note
		if err := notes.Decode(&n); err != nil {
			h.crew.notes <- note{Event: "ended", Error: err.Error()}
			return
		}
		h.mu.Lock()
		h.progress = n.Progress
		h.mu.Unlock()
		if n.Event != "progress" {
			h.crew.notes <- n
		}
		if n.Event == "report" {
			return // its end is as ordered
		}
	}
}

func (c *crew) tell(o order) error {
	for i, h := range c.workers {
		if err := h.orders.Encode(o); err != nil {
			return fmt.Errorf("order worker %d: %w", i, err)
		}
	}
	return nil
}

// await waits until every worker has said event.
func (c *crew) await(ctx context.Context, event string) error {
	_, err := c.collect(ctx, event)
	return err
}

func (c *crew) collect(ctx context.Context, event string) ([]note, error) {
	var notes []note
	for len(notes) < len(c.workers) {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case n := <-c.notes:
			if n.Event == "ended" {
				return nil, errors.New("a worker ended early: " + n.Error)
			}
			if n.Event == event {
				notes = append(notes, n)
			}
		}
	}
	return notes, nil
}

func (c *crew) finish(ctx context.Context) ([]*result, error) {
	if err := c.tell(order{Do: "finish"}); err != nil {
		return nil, err
	}
	notes, err := c.collect(ctx, "report")
	if err != nil {
		return nil, err
	}
	var results []*result
	for _, n := range notes {
		results = append(results, n.Report)
	}
	return results, nil
}

func (c *crew) tally() (sum tally) {
	for _, h := range c.workers {
		h.mu.Lock()
		p := h.progress
		h.mu.Unlock()
		sum.Open += p.Open
		sum.Failed += p.Failed
		sum.Closed += p.Closed
		sum.Deliveries += p.Deliveries
		sum.Bytes += p.Bytes
	}
	return sum
}

// stop ends the workers: a closed order pipe tells them to.
func (c *crew) stop() {
	for _, h := range c.workers {
		h.pipe.Close()
	}
	go func() {
		c.listening.Wait()
		close(c.notes)
	}()
	for range c.notes { // what they still say is of no use, but must not block them
	}
	for _, h := range c.workers {
		_ = h.cmd.Wait() // its exit status says no more than its notes did
	}
}
