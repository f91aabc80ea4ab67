package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// publishers are the sending connections of all rooms.
type publishers struct {
	all     []*publisher
	cancel  context.CancelFunc
	sending sync.WaitGroup
	hearing sync.WaitGroup

	mu   sync.Mutex
	errs []error
}

// startPublishers connects them and begins to publish.
func startPublishers(ctx context.Context, o options, targets []target, key tokenKey) (*publishers, error) {
	ctx, cancel := context.WithCancel(ctx)
	ps := &publishers{cancel: cancel}
	if o.rate == 0 {
		return ps, nil
	}
	pass, err := newPassport(key)
	if err != nil {
		cancel()
		return nil, err
	}
	for room := range o.rooms {
		for i := range o.publishers {
			n := room*o.publishers + i
			token, err := pass.token(firstPublisher + int64(n))
			if err != nil {
				cancel()
				return nil, err
			}
			p, err := newPublisher(targets[n%len(targets)], int64(o.firstRoom)+int64(room), token, o.window)
			if err != nil {
				cancel()
				return nil, err
			}
			ps.all = append(ps.all, p)
		}
	}
	rate := o.rate
	if rate > 0 {
		rate /= float64(o.publishers)
	}
	for _, p := range ps.all {
		ps.hearing.Go(func() { ps.note(p.listen()) })
		ps.sending.Go(func() { ps.note(p.publish(ctx, rate)) })
	}
	return ps, nil
}

func (ps *publishers) note(err error) {
	if err == nil {
		return
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.errs = append(ps.errs, err)
}

// stop ends the sending, waits for the last answers and deliveries, and closes the connections.
func (ps *publishers) stop(ctx context.Context, settle time.Duration) error {
	ps.cancel()
	ps.sending.Wait()
	ps.mu.Lock()
	failed := errors.Join(ps.errs...)
	ps.mu.Unlock()
	err := wait(ctx, settle)
	for _, p := range ps.all {
		p.client.conn.Close()
	}
	ps.hearing.Wait() // their errors are the closing just done
	if failed != nil {
		return fmt.Errorf("a publisher's connection failed: %w", failed)
	}
	return err
}

func (ps *publishers) sent() (n int64) {
	for _, p := range ps.all {
		n += p.sent.Load()
	}
	return n
}

func (ps *publishers) acked() (n int64) {
	for _, p := range ps.all {
		n += p.acked.Load()
	}
	return n
}
