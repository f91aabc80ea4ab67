package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// A pod is one gateway process under test.
type pod struct {
	cmd  *exec.Cmd
	addr string
}

// startPod starts a gateway on the first core, without limits that the rows don't ask for.
func (p plan) startPod(ctx context.Context) (*pod, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	addr := "127.0.0.1:" + port
	cmd := exec.CommandContext(ctx, "taskset", "-c", "0", filepath.Join(p.bin, "sockets"))
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Stderr = p.log
	cmd.Env = append(os.Environ(),
		"LISTEN_ADDR="+addr, "REDIS_ADDRS="+p.redis, "KAFKA_BROKERS="+p.kafka, "TOKEN_SIGNING_KEY="+p.key, "GOMAXPROCS=1",
		"USER_MESSAGE_RATE=0", "ROOM_DISPLAY_RATE=0", "ROOM_MESSAGE_RATE=0", "MAX_CONNECTIONS=0",
		"MAX_CONNECTIONS_PER_ADDRESS=0", "MAX_CONNECTIONS_PER_USER=0", "HANDSHAKE_RATE=0", "SOCKET_DEFLATE=true", "OTEL_SDK_DISABLED=true")
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the pod: %w", err)
	}
	one := &pod{cmd: cmd, addr: addr}
	if err := one.await(ctx); err != nil {
		return nil, errors.Join(err, one.stop())
	}
	return one, nil
}

func freePort() (string, error) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), nil
}

const podStart = 20 * time.Second

func (one *pod) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, podStart)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+one.addr+"/health/ready", nil)
		if err != nil {
			return err
		}
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the pod was not ready within %v", podStart)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// stop does not wait for a drain: the connections are the load's own, and gone.
func (one *pod) stop() error {
	if err := one.cmd.Process.Kill(); err != nil {
		return fmt.Errorf("stop the pod: %w", err)
	}
	_ = one.cmd.Wait() // killed
	return nil
}

// measure runs one row's load against a pod of its own.
func (p plan) measure(ctx context.Context, r row) (map[string]any, error) {
	one, err := p.startPod(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = one.stop() }() // a pod that is gone already has failed the load
	url, pid := "ws://"+one.addr+"/ws", strconv.Itoa(one.cmd.Process.Pid)
	var drain []string
	if r.drains {
		next, err := p.startPod(ctx)
		if err != nil {
			return nil, err
		}
		defer func() { _ = next.stop() }()
		drain = []string{"-drain", pid}
		url, pid = url+",ws://"+next.addr+"/ws", strconv.Itoa(next.cmd.Process.Pid)
	}
	args := slices.Concat([]string{"-c", "1", filepath.Join(p.bin, "load"), "-url", url, "-token-key", p.key,
		"-seed", p.redis, "-pid", pid, "-duration", fmt.Sprintf("%ds", p.seconds)}, drain, r.load)
	fmt.Fprintf(p.log, "%s: load %v\n", r.name, r.load)
	cmd := exec.CommandContext(ctx, "taskset", args...)
	cmd.Stderr = p.log
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	var rep map[string]any
	if err := json.Unmarshal(out, &rep); err != nil {
		return nil, fmt.Errorf("read the load's report: %w", err)
	}
	fmt.Fprintf(p.log, "%s\n", out)
	return rep, nil
}
