package store

import (
	"errors"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"gorm.io/gorm"
)

// spans is a GORM plug-in: one span a statement, named by operation and table. It records no SQL text and no arguments:
// those hold names, hashes and chat.
type spans struct {
	tracer trace.Tracer
	system system
}

// Name makes spans a gorm.Plugin.
func (spans) Name() string { return "barrage:spans" }

const spanKey = "barrage:span"

// Initialize hangs the span around every kind of statement. The first error is enough: they all mean the same.
func (p spans) Initialize(db *gorm.DB) error {
	cb := db.Callback()
	return errors.Join(
		cb.Create().Before("*").Register("barrage:span_start", p.start("INSERT")),
		cb.Create().After("*").Register("barrage:span_end", p.end),
		cb.Query().Before("*").Register("barrage:span_start", p.start("SELECT")),
		cb.Query().After("*").Register("barrage:span_end", p.end),
		cb.Update().Before("*").Register("barrage:span_start", p.start("UPDATE")),
		cb.Update().After("*").Register("barrage:span_end", p.end),
		cb.Delete().Before("*").Register("barrage:span_start", p.start("DELETE")),
		cb.Delete().After("*").Register("barrage:span_end", p.end),
		cb.Row().Before("*").Register("barrage:span_start", p.start("")),
		cb.Row().After("*").Register("barrage:span_end", p.end),
		cb.Raw().Before("*").Register("barrage:span_start", p.start("")),
		cb.Raw().After("*").Register("barrage:span_end", p.end),
	)
}

func (p spans) start(operation string) func(*gorm.DB) {
	return func(db *gorm.DB) {
		op := orDefault(operation, firstWord(db.Statement.SQL.String()))
		attrs := []attribute.KeyValue{
			attribute.String("db.system.name", string(p.system)),
			attribute.String("db.operation.name", op),
		}
		name := op
		if table := db.Statement.Table; table != "" {
			attrs = append(attrs, attribute.String("db.collection.name", table))
			name += " " + table
		}
		_, span := p.tracer.Start(db.Statement.Context, name,
			trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attrs...))
		db.InstanceSet(spanKey, span)
	}
}

func (p spans) end(db *gorm.DB) {
	v, ok := db.InstanceGet(spanKey)
	if !ok {
		return
	}
	span, ok := v.(trace.Span)
	if !ok {
		return
	}
	// A missing row or a taken key is an answer. Texts of errors may quote values, so only the fact is recorded.
	if err := db.Error; err != nil && !errors.Is(err, gorm.ErrRecordNotFound) && !IsDuplicate(err) {
		span.SetStatus(codes.Error, "statement failed")
	}
	span.End()
}

func firstWord(sql string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(sql), " ")
	switch op := strings.ToUpper(word); op {
	case "SELECT", "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH":
		return op
	}
	return "EXECUTE"
}
