// Package host opens one function over the servers that its row in the manifest names. Each host (lambda, knative, plain)
// begins with it and differs only in how requests and records come in.
package host

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/barrage-live/barrage/functions"
	"github.com/barrage-live/barrage/functions/manifest"
	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/secrets"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/telemetry"
)

// Make wires a function from its parts: functions.Room and its like.
type Make func(functions.Parts) (functions.Function, error)

// Instance is an open function. Its methods may be called concurrently.
type Instance struct {
	functions.Function
	HTTP      http.Handler // its routes, and health
	Telemetry *telemetry.Telemetry
	Kafka     *stream.Client // nil unless it uses Kafka

	parts *parts
}

// OpenTimeout is what all servers together have to answer in. It is shorter than the ten seconds in which Lambda wants a
// process started, so that its log says which server it was.
const OpenTimeout = 9 * time.Second

// Open reads the settings, connects and wires. When it fails, nothing is left open.
func Open(ctx context.Context, kind Kind, getenv func(string) string) (_ *Instance, err error) {
	row, err := manifest.Lookup(kind.Name)
	if err == nil {
		err = kind.agrees(row)
	}
	if err != nil {
		return nil, err
	}
	opening, cancel := context.WithTimeout(ctx, OpenTimeout)
	defer cancel()
	if getenv, err = secrets.New(0).Getenv(opening, getenv, secretsOf(row)...); err != nil {
		return nil, fmt.Errorf("settings: %w", err)
	}
	cfg, err := load(row, getenv)
	if err != nil {
		return nil, err
	}
	tel, err := telemetry.Start(opening, telemetry.Config{Service: "barrage-" + kind.Name, Getenv: getenv})
	if err != nil {
		return nil, err
	}
	i := &Instance{Telemetry: tel, parts: &parts{cfg: cfg, row: row}}
	i.parts.Telemetry = tel
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("open %s: %w", kind.Name, err), i.Close(context.WithoutCancel(ctx)))
		}
	}()
	if err := i.parts.connect(opening, kind.uses); err != nil {
		return nil, err
	}
	if i.Function, err = kind.Make(i.parts.Parts); err != nil {
		return nil, err
	}
	if i.Name != kind.Name {
		return nil, fmt.Errorf("it is the function %s", i.Name)
	}
	i.Kafka = i.parts.Kafka
	i.HTTP = i.api()
	return i, nil
}

func (i *Instance) api() http.Handler {
	cfg := httpapi.Config{
		Title: "Barrage " + i.Name, Telemetry: i.Telemetry,
		AllowedOrigins: i.parts.cfg.AllowedOrigins, TrustedProxies: i.parts.cfg.proxies,
	}
	cfg.PerAddress, cfg.PerUser = i.parts.cfg.HTTP.Guards(i.Name, i.parts.Redis, i.Telemetry)
	if i.parts.verifier != nil {
		cfg.Verifier = i.parts.verifier
	}
	api := httpapi.New(cfg)
	if i.Routes != nil {
		i.Routes(api)
	}
	api.ServeHealth(i.Checks)
	return api.Handler()
}

// Handlers are the function's batch handlers by topic, each observed as the group loop does it.
func (i *Instance) Handlers() map[stream.Topic]stream.BatchFunc {
	handlers := make(map[stream.Topic]stream.BatchFunc, len(i.Batches))
	for _, b := range i.Batches {
		handlers[b.Topic] = stream.Observe(i.Telemetry, b.Group, b.Topic, b.Handle)
	}
	return handlers
}

// Run keeps up to date what the function was opened with, until ctx ends.
func (i *Instance) Run(ctx context.Context) {
	if i.parts.remote != nil {
		i.parts.remote.Run(ctx, func(err error) {
			i.Telemetry.Logger().WarnContext(ctx, "keys cannot be fetched", telemetry.Err, err)
		})
	}
}

// Ready says what is missing for the function to work.
func (i *Instance) Ready(ctx context.Context) error {
	var missing []error
	for name, check := range i.Checks {
		if err := check(ctx); err != nil {
			missing = append(missing, fmt.Errorf("%s: %w", name, err))
		}
	}
	return errors.Join(missing...)
}

// Close ends the function when nothing calls it any more, then what it was opened with.
func (i *Instance) Close(ctx context.Context) error {
	if i.Function.Close != nil {
		i.Function.Close()
	}
	return errors.Join(i.parts.close(ctx), i.Telemetry.Shutdown(ctx))
}
