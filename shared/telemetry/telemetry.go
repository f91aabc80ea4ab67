// Package telemetry gives each binary its traces, metrics and log lines under the names of CONTRACT §7, so that one
// danmu can be followed from the socket to the last function that counted it.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/attribute"
	promexporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
)

const scope = "github.com/barrage-live/barrage"

// Config says what a binary's telemetry is called and where it goes. The zero value of each field is a default.
type Config struct {
	Service string                   // service.name, unless OTEL_SERVICE_NAME names another
	Getenv  func(name string) string // default os.Getenv; the OTLP exporters themselves always read the process's own
	Log     io.Writer                // default os.Stderr

	// A test's view: an exporter that gets each chosen span as it ends, and a reader that collects when it is asked.
	SpanExporter sdktrace.SpanExporter
	MetricReader sdkmetric.Reader
}

// Telemetry is one binary's telemetry. All methods may be called concurrently.
type Telemetry struct {
	Metrics *Metrics

	log        *slog.Logger
	traces     trace.TracerProvider
	tracer     trace.Tracer
	tracing    bool
	meters     metric.MeterProvider
	meter      metric.Meter
	prometheus http.Handler
	flush      []func(context.Context) error
	shutdown   []func(context.Context) error
}

// Start builds the telemetry that the OTEL_* variables ask for. Without any of them spans cost nothing and metrics are
// kept for the Prometheus handler alone. The caller owes a Shutdown.
func Start(ctx context.Context, cfg Config) (*Telemetry, error) {
	if cfg.Getenv == nil {
		cfg.Getenv = os.Getenv
	}
	if cfg.Log == nil {
		cfg.Log = os.Stderr
	}
	log, err := newLogger(cfg)
	if err != nil {
		return nil, err
	}
	res, err := resource.New(ctx,
		resource.WithAttributes(attribute.String("service.name", cfg.Service)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("telemetry resource: %w", err)
	}
	t := &Telemetry{log: log}
	if err := t.startTraces(ctx, cfg, res); err != nil {
		return nil, err
	}
	if err := t.startMetrics(ctx, cfg, res); err != nil {
		return nil, errors.Join(err, t.Shutdown(ctx))
	}
	return t, nil
}

// Discard is telemetry that goes nowhere, for tests and tools that don't look at it.
func Discard() *Telemetry {
	t := &Telemetry{
		log:        slog.New(slog.DiscardHandler),
		traces:     tracenoop.NewTracerProvider(),
		meters:     metricnoop.NewMeterProvider(),
		prometheus: http.NotFoundHandler(),
	}
	t.tracer, t.meter = t.traces.Tracer(scope), t.meters.Meter(scope)
	t.Metrics, _ = NewMetrics(t.meter) // instruments that do nothing are never refused
	return t
}

func (t *Telemetry) startTraces(ctx context.Context, cfg Config, res *resource.Resource) error {
	t.traces = tracenoop.NewTracerProvider()
	processor, err := spanProcessor(ctx, cfg)
	if err != nil {
		return fmt.Errorf("trace exporter: %w", err)
	}
	if processor != nil {
		ratio, err := traceRatio(cfg.Getenv)
		if err != nil {
			return err
		}
		provider := sdktrace.NewTracerProvider(sdktrace.WithResource(res),
			sdktrace.WithSampler(newSampler(ratio)), sdktrace.WithSpanProcessor(lateChoice{processor}))
		t.traces, t.tracing = provider, true
		t.flush = append(t.flush, provider.ForceFlush)
		t.shutdown = append(t.shutdown, provider.Shutdown)
	}
	t.tracer = t.traces.Tracer(scope)
	return nil
}

func (t *Telemetry) startMetrics(ctx context.Context, cfg Config, res *resource.Resource) error {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	exporter, err := promexporter.New(promexporter.WithRegisterer(registry), promexporter.WithoutScopeInfo())
	if err != nil {
		return fmt.Errorf("prometheus exporter: %w", err)
	}
	t.prometheus = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})

	options := []sdkmetric.Option{sdkmetric.WithResource(res), sdkmetric.WithReader(exporter)}
	readers, err := metricReaders(ctx, cfg)
	if err != nil {
		return fmt.Errorf("metric exporter: %w", err)
	}
	for _, r := range readers {
		options = append(options, sdkmetric.WithReader(r))
	}
	provider := sdkmetric.NewMeterProvider(options...)
	t.meters, t.meter = provider, provider.Meter(scope)
	t.flush = append(t.flush, provider.ForceFlush)
	t.shutdown = append(t.shutdown, provider.Shutdown)
	t.Metrics, err = NewMetrics(t.meter)
	return err
}

// Logger writes log lines; those written with a context of a trace carry its ids.
func (t *Telemetry) Logger() *slog.Logger { return t.log }

// Tracer starts the platform's spans. It costs nothing while Tracing is false.
func (t *Telemetry) Tracer() trace.Tracer { return t.tracer }

// Tracing says whether spans go anywhere: callers skip building attributes when they don't.
func (t *Telemetry) Tracing() bool { return t.tracing }

// Meter makes instruments beyond those of Metrics.
func (t *Telemetry) Meter() metric.Meter { return t.meter }

// TracerProvider is for client libraries that start their own spans.
func (t *Telemetry) TracerProvider() trace.TracerProvider { return t.traces }

// MeterProvider is for client libraries with instruments of their own.
func (t *Telemetry) MeterProvider() metric.MeterProvider { return t.meters }

// PrometheusHandler answers with all metrics, and Go's own, in Prometheus text.
func (t *Telemetry) PrometheusHandler() http.Handler { return t.prometheus }

// Flush sends what is waiting and returns when it is out. A Lambda is frozen after its answer and must flush before.
func (t *Telemetry) Flush(ctx context.Context) error { return all(ctx, t.flush) }

// Shutdown flushes and ends the exporters. Nothing may be recorded afterwards.
func (t *Telemetry) Shutdown(ctx context.Context) error { return all(ctx, t.shutdown) }

func all(ctx context.Context, calls []func(context.Context) error) error {
	var errs error
	for _, call := range calls {
		errs = errors.Join(errs, call(ctx))
	}
	return errs
}
