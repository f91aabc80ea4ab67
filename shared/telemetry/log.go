package telemetry

import (
	"context"
	"fmt"
	"log/slog"

	"go.opentelemetry.io/otel/trace"
)

// newLogger reads LOG_LEVEL (debug, info, warn, error; default info) and LOG_FORMAT (json, text; default json).
func newLogger(cfg Config) (*slog.Logger, error) {
	level := slog.LevelInfo
	if text := cfg.Getenv("LOG_LEVEL"); text != "" {
		if err := level.UnmarshalText([]byte(text)); err != nil {
			return nil, fmt.Errorf("LOG_LEVEL=%q: want debug, info, warn or error", text)
		}
	}
	options := &slog.HandlerOptions{Level: level}
	var h slog.Handler
	switch format := cfg.Getenv("LOG_FORMAT"); format {
	case "", "json":
		h = slog.NewJSONHandler(cfg.Log, options)
	case "text":
		h = slog.NewTextHandler(cfg.Log, options)
	default:
		return nil, fmt.Errorf("LOG_FORMAT=%q: want json or text", format)
	}
	log := slog.New(tracedHandler{h})
	if cfg.Service != "" {
		log = log.With(Service, cfg.Service)
	}
	return log, nil
}

// tracedHandler adds the ids of the context's span, also when that span is not exported: the id is in the message that
// a viewer reports, too.
type tracedHandler struct{ slog.Handler }

func (h tracedHandler) Handle(ctx context.Context, r slog.Record) error {
	if sc := trace.SpanContextFromContext(ctx); sc.IsValid() {
		r.AddAttrs(slog.String(Trace, sc.TraceID().String()), slog.String(Span, sc.SpanID().String()))
	}
	return h.Handler.Handle(ctx, r)
}

func (h tracedHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return tracedHandler{h.Handler.WithAttrs(attrs)}
}

func (h tracedHandler) WithGroup(name string) slog.Handler {
	return tracedHandler{h.Handler.WithGroup(name)}
}
