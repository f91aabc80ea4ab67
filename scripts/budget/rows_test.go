package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestPrintNamesWhatMissedItsBudget(t *testing.T) {
	r := row{name: "r", figures: []figure{
		{name: "cost", field: "cost", unit: "µs", limit: 2, inW: true},
		{name: "p99", field: "p99", under: "latency_ms", unit: "ms", limit: 100},
		{name: "rate", field: "rate", limit: 1000, atLeast: true}, delivered(),
	}}
	report := func(cost, p99, rate, delivered float64) map[string]any {
		return map[string]any{"cost": cost, "latency_ms": map[string]any{"p99": p99}, "rate": rate, "delivered_percent": delivered}
	}
	for name, tc := range map[string]struct {
		report map[string]any
		want   []string
	}{
		"all within":        {report(20, 100, 1000, 100), nil},
		"inside the margin": {report(22.9, 114, 880, 100), nil},
		"cost":              {report(23.1, 1, 1000, 100), []string{"cost"}},
		"p99 and rate":      {report(1, 116, 860, 100), []string{"p99", "rate"}},
		"one message lost":  {report(1, 1, 1000, 99.9999), []string{"delivered"}},
		"no figure at all":  {map[string]any{}, []string{"cost", "p99", "rate", "delivered_percent"}},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			missed := r.print(&out, tc.report, 10)
			if len(missed) != len(tc.want) {
				t.Fatalf("got %v, want %v\n%s", missed, tc.want, out.String())
			}
			for i, want := range tc.want {
				if !strings.Contains(missed[i].Error(), want) {
					t.Errorf("got %v, want one of %s", missed[i], want)
				}
			}
		})
	}
}
