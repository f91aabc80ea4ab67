//go:build nogrpc

package telemetry

import (
	"cmp"
	"context"
	"fmt"
	"os"

	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// A binary that is built with the tag nogrpc exports by OTLP over HTTP alone, as a cloud function does to the collector
// beside it: gRPC and the other exporters would be a quarter of it.

func newSpanExporter(ctx context.Context) (sdktrace.SpanExporter, error) {
	if err := onlyHTTP("TRACES"); err != nil {
		return nil, err
	}
	return otlptracehttp.New(ctx)
}

func newMetricReader(ctx context.Context) (sdkmetric.Reader, error) {
	if err := onlyHTTP("METRICS"); err != nil {
		return nil, err
	}
	exporter, err := otlpmetrichttp.New(ctx)
	if err != nil {
		return nil, err
	}
	return sdkmetric.NewPeriodicReader(exporter), nil
}

func onlyHTTP(signal string) error {
	if kind := os.Getenv("OTEL_" + signal + "_EXPORTER"); kind != "" && kind != "otlp" {
		return fmt.Errorf("OTEL_%s_EXPORTER=%q: this binary exports by otlp alone", signal, kind)
	}
	protocol := cmp.Or(os.Getenv("OTEL_EXPORTER_OTLP_"+signal+"_PROTOCOL"), os.Getenv("OTEL_EXPORTER_OTLP_PROTOCOL"))
	if protocol != "" && protocol != "http/protobuf" {
		return fmt.Errorf("OTEL_EXPORTER_OTLP_PROTOCOL=%q: this binary speaks http/protobuf alone", protocol)
	}
	return nil
}
