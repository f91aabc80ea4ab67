package main

import (
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// A floor is the price of what no design can avoid.
type floor struct {
	WriteMicros float64 `json:"w_us"` // CPU of one raw 142-byte write to a loopback socket
	Writes      int     `json:"writes"`
	Error       string  `json:"error,omitempty"`
}

const floorBytes = 142

// measureFloor writes 142 bytes at a time to many loopback sockets, as a fan-out does, and charges the process' CPU
// without the reader: the reading ends are drained only after the writing was measured.
func measureFloor(d time.Duration) floor {
	const pairs, rounds = 200, 100 // 200 × 100 × 142 bytes stay below the sockets' buffers
	var f floor
	var spent time.Duration
	deadline := time.Now().Add(d)
	for time.Now().Before(deadline) {
		cpu, err := floorRound(pairs, rounds)
		if err != nil {
			f.Error = err.Error()
			return f
		}
		spent += cpu
		f.Writes += pairs * rounds
	}
	f.WriteMicros = float64(spent.Microseconds()) / float64(f.Writes)
	return f
}

func floorRound(pairs, rounds int) (time.Duration, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("measure the floor: %w", err)
	}
	defer listener.Close()
	var writers, readers []net.Conn
	defer func() {
		for _, c := range append(writers, readers...) {
			c.Close()
		}
	}()
	for range pairs {
		w, err := net.Dial("tcp4", listener.Addr().String())
		if err != nil {
			return 0, fmt.Errorf("measure the floor: %w", err)
		}
		writers = append(writers, w)
		r, err := listener.Accept()
		if err != nil {
			return 0, fmt.Errorf("measure the floor: %w", err)
		}
		readers = append(readers, r)
	}
	payload := make([]byte, floorBytes)
	before := selfCPU()
	for range rounds {
		for _, w := range writers {
			if _, err := w.Write(payload); err != nil {
				return 0, fmt.Errorf("measure the floor: %w", err)
			}
		}
	}
	cpu := selfCPU() - before
	var drained sync.WaitGroup
	for i := range readers {
		drained.Go(func() {
			// Ends when the writer is closed below; the count is not needed.
			_, _ = io.CopyN(io.Discard, readers[i], int64(rounds*floorBytes))
		})
	}
	drained.Wait()
	return cpu, nil
}
