package main

import (
	"fmt"
	"io"
)

// A row is one line of the budgets: a load, and what its report must show.
type row struct {
	name    string
	load    []string
	figures []figure
	drains  bool // the viewers' pod, while a second one takes them
}

// A figure is one number of a report and its budget: at most, or with atLeast at least, limit; in units of W when inW.
type figure struct {
	name    string
	field   string
	under   string // the object that holds field; empty: the report itself
	unit    string
	limit   float64
	inW     bool
	atLeast bool
}

// rows are the socket rows of the budgets. Loads are pinned: the pod to one core, everything else to the other.
func rows() []row {
	return []row{
		{name: "quiet room, 5,000 × 10/s", load: []string{"-connections", "5000", "-rate", "10", "-publishers", "2"}, figures: []figure{
			{name: "CPU a delivery", field: "cpu_us_per_delivery", unit: "µs", limit: 1.5, inW: true},
			{name: "p99", field: "p99", under: "latency_ms", unit: "ms", limit: 90}, delivered()}},
		{name: "hot room, 2,000 × 200/s", load: []string{"-connections", "2000", "-rate", "200", "-publishers", "4"}, figures: []figure{
			{name: "CPU a delivery", field: "cpu_us_per_delivery", unit: "µs", limit: 0.13, inW: true},
			{name: "bytes a delivery", field: "bytes_per_delivery", limit: 400},
			{name: "p99", field: "p99", under: "latency_ms", unit: "ms", limit: 100}, delivered()}},
		{name: "hot room, compressed, 2,000 × 200/s", load: []string{"-connections", "2000", "-rate", "200", "-publishers", "4", "-deflate"}, figures: []figure{
			{name: "CPU a delivery", field: "cpu_us_per_delivery", unit: "µs", limit: 0.13, inW: true},
			{name: "bytes a delivery", field: "bytes_per_delivery", limit: 300},
			{name: "p99", field: "p99", under: "latency_ms", unit: "ms", limit: 100}, delivered()}},
		{name: "very hot room, 1,000 × 1,000/s", load: []string{"-connections", "1000", "-rate", "1000", "-publishers", "4"}, figures: []figure{
			{name: "deliveries/s", field: "deliveries_per_second", limit: 1e6, atLeast: true},
			{name: "p99", field: "p99", under: "latency_ms", unit: "ms", limit: 150}, delivered()}},
		{name: "idle, 15,000 connections", load: []string{"-connections", "15000", "-rooms", "10", "-rate", "0", "-hold", "30s", "-warmup", "0s", "-duration", "1s"}, figures: []figure{
			{name: "RSS a connection", field: "rss_per_connection", unit: "bytes", limit: 4096},
			{name: "CPU a handshake", field: "connect_cpu_us", unit: "µs", limit: 25, inW: true},
			{name: "CPU while idle", field: "idle_cpu_percent", unit: "%", limit: 5}}},
		{name: "danmu in, pipelined", load: []string{"-connections", "0", "-rooms", "8", "-rate", "-1", "-publishers", "1", "-window", "256"}, figures: []figure{
			{name: "CPU a message", field: "cpu_us_per_sent", unit: "µs", limit: 2.5, inW: true}}},
		{name: "sender to all, 10,000 viewers", load: []string{"-connections", "10000", "-rate", "10", "-publishers", "2"}, figures: []figure{
			{name: "p99", field: "p99", under: "latency_ms", unit: "ms", limit: 50}, delivered()}},
		{name: "5 % never read, 2,000 × 50/s", load: []string{"-connections", "2000", "-rate", "50", "-publishers", "2", "-stall", "5%"}, figures: []figure{
			{name: "p99 of the others", field: "p99", under: "latency_ms", unit: "ms", limit: 100}, delivered()}},
		{name: "the same, all read", load: []string{"-connections", "2000", "-rate", "50", "-publishers", "2"}, figures: []figure{
			{name: "p99", field: "p99", under: "latency_ms", unit: "ms", limit: 100}, delivered()}},
		{name: "drain, 10,000 viewers × 5/s", drains: true, load: []string{"-connections", "10000", "-rate", "5", "-publishers", "2", "-duration", "25s"},
			figures: []figure{{name: "viewers that moved", field: "moved", limit: 10_000, atLeast: true},
				{name: "from SIGTERM to the last", field: "drain_seconds", unit: "s", limit: 20},
				{name: "doubled", field: "doubled", limit: 0}, delivered()}},
	}
}

// delivered: whatever the speed, nothing is lost.
func delivered() figure {
	return figure{name: "delivered", field: "delivered_percent", unit: "%", limit: 100, atLeast: true}
}

// print writes a table line for each figure and returns those that missed their budget by more than the tolerance.
func (r row) print(w io.Writer, rep map[string]any, floor float64) []error {
	var missed []error
	for _, f := range r.figures {
		holder := rep
		if f.under != "" {
			holder, _ = rep[f.under].(map[string]any)
		}
		got, ok := holder[f.field].(float64)
		if !ok {
			missed = append(missed, fmt.Errorf("%s: the report has no %s", r.name, f.field))
			continue
		}
		limit, shown, allowed := f.limit, fmt.Sprintf("%.4g %s", got, f.unit), fmt.Sprintf("≤ %.4g %s", f.limit, f.unit)
		if f.inW {
			limit = f.limit * floor
			shown, allowed = fmt.Sprintf("%.3g µs = %.3g W", got, got/floor), fmt.Sprintf("≤ %.3g W", f.limit)
		}
		miss, verdict := got > limit*tolerance, "ok"
		if f.atLeast {
			allowed = "≥ " + fmt.Sprintf("%.6g %s", f.limit, f.unit)
			miss = got < limit/tolerance
			if f.field == "delivered_percent" {
				miss = got < limit
			}
		}
		if miss {
			verdict = "MISSED"
			missed = append(missed, fmt.Errorf("%s: %s is %s, allowed %s", r.name, f.name, shown, allowed))
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s |\n", r.name, f.name, shown, allowed, verdict)
	}
	return missed
}
