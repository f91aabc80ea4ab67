package telemetry_test

import (
	"maps"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/trace"

	"github.com/barrage-live/barrage/shared/telemetry"
)

const parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func inject(t *testing.T, headers map[string]string) map[string]string {
	t.Helper()
	ctx := telemetry.Extract(t.Context(), func(key string) string { return headers[key] })
	out := map[string]string{}
	telemetry.Inject(ctx, func(key, value string) { out[key] = value })
	return out
}

func TestExtractAndInject(t *testing.T) {
	unsampled := strings.TrimSuffix(parent, "1") + "0"
	for name, tc := range map[string]struct{ in, want map[string]string }{
		"nothing":          {nil, map[string]string{}},
		"sampled":          {map[string]string{"traceparent": parent}, map[string]string{"traceparent": parent}},
		"unsampled":        {map[string]string{"traceparent": unsampled}, map[string]string{"traceparent": unsampled}},
		"later version":    {map[string]string{"traceparent": "01" + parent[2:] + "-more"}, map[string]string{"traceparent": parent}},
		"garbage":          {map[string]string{"traceparent": strings.Repeat("x", 55), "baggage": "%%%"}, map[string]string{}},
		"zero trace":       {map[string]string{"traceparent": "00-" + strings.Repeat("0", 32) + parent[35:]}, map[string]string{}},
		"huge":             {map[string]string{"traceparent": "01" + parent[2:] + "-" + strings.Repeat("x", 300)}, map[string]string{}},
		"room":             {map[string]string{"baggage": "room.id=42"}, map[string]string{"baggage": "room.id=42"}},
		"not on the list":  {map[string]string{"baggage": "room.id=42,secret=1,user.idx=2"}, map[string]string{"baggage": "room.id=42"}},
		"only unlisted":    {map[string]string{"baggage": "secret=1"}, map[string]string{}},
		"properties":       {map[string]string{"baggage": "room.id=42;secret=1"}, map[string]string{"baggage": "room.id=42"}},
		"not an id":        {map[string]string{"baggage": "user.id=root"}, map[string]string{}},
		"negative":         {map[string]string{"baggage": "user.id=-1"}, map[string]string{}},
		"long baggage":     {map[string]string{"baggage": "room.id=42,x=" + strings.Repeat("y", 200)}, map[string]string{}},
		"overflowing room": {map[string]string{"baggage": "room.id=99999999999999999999"}, map[string]string{}},
	} {
		if got := inject(t, tc.in); !maps.Equal(got, tc.want) {
			t.Errorf("%s: got %v, want %v", name, got, tc.want)
		}
	}
}

func TestWithBaggage(t *testing.T) {
	ctx := telemetry.WithBaggage(t.Context(), 7, 0)
	ctx = telemetry.WithBaggage(ctx, 0, 42)
	got := map[string]string{}
	telemetry.Inject(ctx, func(key, value string) { got[key] = value })
	b, err := baggage.Parse(got["baggage"])
	if err != nil || b.Len() != 2 || b.Member("user.id").Value() != "7" || b.Member("room.id").Value() != "42" {
		t.Errorf("got %v, want user 7 and room 42", got)
	}
}

func TestTraceIDs(t *testing.T) {
	ctx, id := telemetry.WithTrace(t.Context())
	if again, same := telemetry.WithTrace(ctx); again != ctx || same != id || telemetry.TraceID(ctx) != id {
		t.Error("got another trace for a context that has one")
	}
	if sc := trace.SpanContextFromContext(ctx); !sc.IsValid() || sc.IsSampled() {
		t.Errorf("got %v, want a trace that is not sampled", sc)
	}
	if got := telemetry.TraceParent(ctx); len(got) != 55 || !strings.Contains(got, id) || !strings.HasSuffix(got, "-00") {
		t.Errorf("got traceparent %q of trace %s", got, id)
	}
	if got := telemetry.TraceParent(t.Context()); got != "" {
		t.Errorf("got %q, want none", got)
	}
	seen := map[string]bool{}
	for range 1000 {
		id := telemetry.TraceID(t.Context())
		if len(id) != 32 || seen[id] {
			t.Fatalf("got %q, want 32 new hex digits", id)
		}
		seen[id] = true
	}
}

func FuzzExtract(f *testing.F) {
	f.Add(parent, "room.id=42,user.id=7")
	f.Add("", "room.id=%34%32;p=1")
	f.Add("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-09-x", "a=b")
	f.Fuzz(func(t *testing.T, traceparent, bag string) {
		out := inject(t, map[string]string{"traceparent": traceparent, "baggage": bag})
		if again := inject(t, out); !maps.Equal(again, out) {
			t.Errorf("got %v the second time, want %v", again, out)
		}
		if tp, ok := out["traceparent"]; ok && len(tp) != 55 {
			t.Errorf("got traceparent %q", tp)
		}
		if strings.ContainsAny(out["baggage"], "\r\n\"; ") || len(out["baggage"]) > 128 {
			t.Errorf("got baggage %q", out["baggage"])
		}
	})
}
