// Package embedded runs a Kafka broker inside the process, so that `go run ./local` and the tests need nothing installed.
// It speaks the real protocol on a loopback port (kfake) and is no replacement for a cluster: one broker, no replicas.
package embedded

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Options says where the broker listens and keeps its records.
type Options struct {
	Port       int    // on 127.0.0.1; 0 takes a free one
	DataDir    string // records, topics and group offsets survive a restart there; empty keeps them in memory
	Partitions int    // of topics that are made without a number; 0 is 10
	User       string // with Password: only SCRAM-SHA-512 sign-ins of this user are served
	Password   string
}

// Broker is a running embedded broker. Its methods may be called concurrently.
type Broker struct {
	cluster *kfake.Cluster
	addr    string
	log     *errorLog
}

// Start runs a broker until Close. The error of a port that is taken wraps syscall.EADDRINUSE.
func Start(o Options) (*Broker, error) {
	if o.Partitions == 0 {
		o.Partitions = 10
	}
	log := &errorLog{}
	opts := []kfake.Opt{
		kfake.Ports(o.Port), // one port is one broker
		kfake.DefaultNumPartitions(o.Partitions),
		kfake.WithLogger(log),
	}
	if o.DataDir != "" {
		if err := os.MkdirAll(o.DataDir, 0o700); err != nil {
			return nil, fmt.Errorf("make kafka data directory: %w", err)
		}
		opts = append(opts, kfake.DataDir(o.DataDir))
	}
	if o.User != "" {
		opts = append(opts, kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-512", o.User, o.Password))
	}
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		return nil, fmt.Errorf("start embedded kafka on port %d: %w", o.Port, err)
	}
	return &Broker{cluster: cluster, addr: cluster.ListenAddrs()[0], log: log}, nil
}

// Addr is the broker's host:port.
func (b *Broker) Addr() string { return b.addr }

// Close writes what is in memory to the data directory and stops the broker. Close its clients first: what they send
// after it is lost. Only the first call does anything; its error says what could not be kept.
func (b *Broker) Close() error {
	b.log.clear()
	b.cluster.Close()
	if msg := b.log.take(); msg != "" {
		return errors.New("close embedded kafka: " + msg)
	}
	return nil
}

// errorLog keeps what the broker logs as errors, because its Close reports them nowhere else.
type errorLog struct {
	mu   sync.Mutex
	msgs []string
}

const maxErrors = 16

func (l *errorLog) Logf(level kfake.LogLevel, format string, args ...any) {
	if level != kfake.LogLevelError {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.msgs) < maxErrors {
		l.msgs = append(l.msgs, fmt.Sprintf(format, args...))
	}
}

func (l *errorLog) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.msgs = nil
}

func (l *errorLog) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.msgs, "; ")
}
