package main

import (
	"context"
	"fmt"
	"io"
	"sync"
	"syscall"
	"time"
)

// drive runs the whole measurement and returns what came out of it.
func drive(ctx context.Context, o options, progress io.Writer) (*report, error) {
	key, err := readTokenKey(o)
	if err != nil {
		return nil, err
	}
	targets, err := parseTarget(o.url)
	if err != nil {
		return nil, err
	}
	if err := seedRooms(ctx, o); err != nil {
		return nil, err
	}
	rep := newReport(o)
	base, err := usageOf(o.pids)
	if err != nil {
		return nil, err
	}
	c, err := startCrew(ctx, o, key)
	if err != nil {
		return nil, err
	}
	defer c.stop()

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	line := newProgressLine(progress, c)
	var painting sync.WaitGroup
	painting.Go(func() { every(ctx, time.Second, line.paint) })
	defer painting.Wait()
	defer cancel()

	began := time.Now()
	if err := c.await(ctx, "connected"); err != nil {
		return nil, err
	}
	rep.ConnectSeconds = time.Since(began).Seconds()
	connected, err := usageOf(o.pids)
	if err != nil {
		return nil, err
	}
	rep.connected(c.tally(), base, connected)
	if o.hold > 0 {
		if err := rep.idle(ctx, o); err != nil {
			return nil, err
		}
	}
	if o.drain != 0 {
		targets = targets[1:] // who publishes stays
	}
	pubs, err := startPublishers(ctx, o, targets, key)
	if err != nil {
		return nil, err
	}
	if err := measure(ctx, o, c, pubs, rep); err != nil {
		return nil, err
	}
	if err := pubs.stop(ctx, o.settle); err != nil {
		return nil, err
	}
	results, err := c.finish(ctx)
	if err != nil {
		return nil, err
	}
	rep.finish(results, pubs)
	cancel()
	painting.Wait()
	line.end()
	return rep, nil
}

// measure lets the warm-up pass, then brackets the measured time with the server's own CPU account.
func measure(ctx context.Context, o options, c *crew, pubs *publishers, rep *report) error {
	if err := wait(ctx, o.warmup); err != nil {
		return err
	}
	if err := c.tell(order{Do: "measure", Churn: true}); err != nil {
		return err
	}
	if err := c.await(ctx, "measuring"); err != nil {
		return err
	}
	before, err := usageOf(o.pids)
	if err != nil {
		return err
	}
	if o.drain != 0 {
		rep.drained = time.Now()
		if err := syscall.Kill(o.drain, syscall.SIGTERM); err != nil {
			return fmt.Errorf("drain process %d: %w", o.drain, err)
		}
	}
	start, sent, acked, at := c.tally(), pubs.sent(), pubs.acked(), time.Now()
	if err := wait(ctx, o.duration); err != nil {
		return err
	}
	after, err := usageOf(o.pids)
	if err != nil {
		return err
	}
	// The tallies arrive once a second, so the counts may be off by one second's worth: ask again for exact ones.
	if err := c.tell(order{Do: "tally"}); err != nil {
		return err
	}
	if err := c.await(ctx, "tally"); err != nil {
		return err
	}
	rep.measured(time.Since(at), before, after, start, c.tally(), pubs.sent()-sent, pubs.acked()-acked)
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
