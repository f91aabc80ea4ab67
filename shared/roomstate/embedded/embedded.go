// Package embedded runs a Redis server inside the process, for local mode and for tests.
package embedded

import (
	"fmt"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// tick is how often the server's clock is moved: its TTLs run only when told to.
const tick = 100 * time.Millisecond

// Start serves the Redis protocol on addr ("127.0.0.1:0" takes a free port) until stop is called. Nothing is persisted.
// stop may be called more than once, and waits for the clock's goroutine.
func Start(addr string) (listening string, stop func(), err error) {
	server := miniredis.NewMiniRedis()
	if err := server.StartAddr(addr); err != nil {
		return "", nil, fmt.Errorf("listen for redis on %s: %w", addr, err)
	}
	done := make(chan struct{})
	var clock sync.WaitGroup
	clock.Go(func() { runClock(server, done) })
	var once sync.Once
	stop = func() {
		once.Do(func() {
			close(done)
			clock.Wait()
			server.Close()
		})
	}
	return server.Addr(), stop, nil
}

// runClock moves the server's time by what has really passed, so that a late tick doesn't make leases live longer.
func runClock(server *miniredis.Miniredis, done <-chan struct{}) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case <-done:
			return
		case now := <-ticker.C:
			server.FastForward(now.Sub(last))
			last = now
		}
	}
}
