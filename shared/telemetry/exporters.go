package telemetry

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// defaultRatio is the share of traces kept though they were neither slow nor failed (CONTRACT §7).
const defaultRatio = 0.01

// exports says whether the environment asks for the export of a signal (TRACES, METRICS). The standard's own default is
// OTLP to localhost; here nothing set means nothing sent.
func exports(getenv func(string) string, signal string) bool {
	if disabled, _ := strconv.ParseBool(getenv("OTEL_SDK_DISABLED")); disabled {
		return false
	}
	switch chosen := getenv("OTEL_" + signal + "_EXPORTER"); chosen {
	case "":
		return getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || getenv("OTEL_EXPORTER_OTLP_"+signal+"_ENDPOINT") != ""
	case "none":
		return false
	case "prometheus":
		return false // the handler always serves it; the exporter's second server would only take a port
	default:
		return true
	}
}

// spanProcessor returns nil when spans go nowhere.
func spanProcessor(ctx context.Context, cfg Config) (sdktrace.SpanProcessor, error) {
	if cfg.SpanExporter != nil {
		return sdktrace.NewSimpleSpanProcessor(cfg.SpanExporter), nil
	}
	if !exports(cfg.Getenv, "TRACES") {
		return nil, nil
	}
	exporter, err := newSpanExporter(ctx)
	if err != nil {
		return nil, err
	}
	return sdktrace.NewBatchSpanProcessor(exporter), nil
}

func metricReaders(ctx context.Context, cfg Config) ([]sdkmetric.Reader, error) {
	var readers []sdkmetric.Reader
	if cfg.MetricReader != nil {
		readers = append(readers, cfg.MetricReader)
	}
	if exports(cfg.Getenv, "METRICS") {
		r, err := newMetricReader(ctx)
		if err != nil {
			return nil, err
		}
		readers = append(readers, r)
	}
	return readers, nil
}

// traceRatio reads OTEL_TRACES_SAMPLER and its argument. Failed and slow spans are kept beside every ratio, also beside
// always_off; a collector that samples tails itself wants always_on.
func traceRatio(getenv func(string) string) (float64, error) {
	name := strings.TrimPrefix(getenv("OTEL_TRACES_SAMPLER"), "parentbased_")
	arg := getenv("OTEL_TRACES_SAMPLER_ARG")
	switch name {
	case "always_on":
		return 1, nil
	case "always_off":
		return 0, nil
	case "", "traceidratio":
		if arg == "" {
			return defaultRatio, nil
		}
		ratio, err := strconv.ParseFloat(arg, 64)
		if err != nil || !(ratio >= 0 && ratio <= 1) {
			return 0, fmt.Errorf("OTEL_TRACES_SAMPLER_ARG=%q: want a ratio from 0 to 1", arg)
		}
		return ratio, nil
	default:
		return 0, fmt.Errorf("OTEL_TRACES_SAMPLER=%q: want always_on, always_off or traceidratio", name)
	}
}
