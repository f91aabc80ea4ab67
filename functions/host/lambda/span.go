package lambda

import (
	"context"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
)

// What may trigger an invocation, as the semantic conventions name it (faas.trigger).
const (
	triggerHTTP  = "http"
	triggerKafka = "pubsub"
	triggerTimer = "timer"
	triggerOther = "other"
)

func (e event) trigger() string {
	switch {
	case e.RequestContext.HTTP.Method != "":
		return triggerHTTP
	case e.EventSource == "aws:kafka" || e.EventSource == "SelfManagedKafka":
		return triggerKafka
	case e.Job != "":
		return triggerTimer
	}
	return triggerOther
}

// start begins the invocation's span, as the instrumentation of the OpenTelemetry project does; below it lie those of the
// request or the batches. https://opentelemetry.io/docs/specs/semconv/faas/aws-lambda/
func (h *Host) start(ctx context.Context, e event) (_ context.Context, end func(error)) {
	cold := !h.warm.Swap(true)
	ctx, span := h.Tracer.Start(ctx, "lambda.invoke", trace.WithSpanKind(trace.SpanKindServer))
	if span.IsRecording() {
		span.SetAttributes(attribute.String("faas.trigger", e.trigger()), attribute.Bool("faas.coldstart", cold))
		if lc, ok := lambdacontext.FromContext(ctx); ok {
			span.SetAttributes(attribute.String("faas.invocation_id", lc.AwsRequestID),
				attribute.String("cloud.resource_id", lc.InvokedFunctionArn))
		}
	}
	return ctx, func(err error) {
		if err != nil {
			span.RecordError(err)
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}
