package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/sockets/gateway"
	"github.com/barrage-live/barrage/sockets/loop"
)

// door is a server with the listener that it serves.
type door struct {
	server   *http.Server
	listener net.Listener
}

func (d door) serve() error {
	if err := d.server.Serve(d.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", d.listener.Addr(), err)
	}
	return nil
}

// open makes the viewers' door and, where METRICS_ADDR names one, that of who operates the pod behind it. Where there is
// one, a balancer that shows the viewers' port to the world shows neither metrics nor health, which asks Redis each time.
func open(ctx context.Context, cfg config, p *parts, g *gateway.Gateway) ([]door, error) {
	viewers := http.NewServeMux()
	viewers.Handle("/ws", g)
	operators := viewers
	if cfg.MetricsAddr != "" {
		operators = http.NewServeMux()
	}
	operators.Handle("GET /health/", httpapi.Health(map[string]func(context.Context) error{
		"sockets": g.Ready,
		"redis":   func(ctx context.Context) error { return p.redis.Ping(ctx).Err() },
		"keys":    p.keys.check,
	}, p.telemetry.Logger()))
	operators.Handle("GET /metrics", p.telemetry.PrometheusHandler())

	listener, err := loop.Listen(ctx, cfg.ListenAddr)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	doors := []door{{httpapi.NewServer(viewers, p.telemetry.Logger()), listener}}
	if cfg.MetricsAddr == "" {
		return doors, nil
	}
	var lc net.ListenConfig
	if listener, err = lc.Listen(ctx, "tcp", cfg.MetricsAddr); err != nil {
		return nil, errors.Join(fmt.Errorf("listen for metrics: %w", err), doors[0].listener.Close())
	}
	return append(doors, door{httpapi.NewServer(operators, p.telemetry.Logger()), listener}), nil
}
