package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// A report is what one run found, as it is printed.
type report struct {
	Connections     int              `json:"connections"`
	Rooms           int              `json:"rooms"`
	ConnectSeconds  float64          `json:"connect_seconds"`
	ConnectCPU      float64          `json:"connect_cpu_us,omitempty"` // server CPU a handshake
	RSSPerConn      float64          `json:"rss_per_connection,omitempty"`
	IdleCPUPercent  float64          `json:"idle_cpu_percent,omitempty"`
	MeasuredSeconds float64          `json:"measured_seconds"`
	Sent            int64            `json:"sent"`
	Acked           int64            `json:"acked"`
	Errors          map[string]int64 `json:"errors,omitempty"`
	Deliveries      int64            `json:"deliveries"` // in the measured time
	PerSecond       float64          `json:"deliveries_per_second"`
	DeliveredPct    float64          `json:"delivered_percent"` // of the whole run, declared gaps aside
	Holes           int64            `json:"holes"`
	Doubled         int64            `json:"doubled"`
	Gapped          map[string]int64 `json:"gapped,omitempty"`
	Latency         quantiles        `json:"latency_ms"`
	AckLatency      quantiles        `json:"ack_latency_ms"`
	CPUPercent      float64          `json:"server_cpu_percent,omitempty"`
	CPUPerDelivery  float64          `json:"cpu_us_per_delivery,omitempty"`
	CPUPerSent      float64          `json:"cpu_us_per_sent,omitempty"`
	BytesPer        float64          `json:"bytes_per_delivery"`
	RSSMiB          float64          `json:"server_rss_mib,omitempty"`
	Pings           int64            `json:"pings"`
	Packed          int64            `json:"packed,omitempty"` // messages that came compressed, of the whole run
	Churned         int64            `json:"churned,omitempty"`
	Moved           int64            `json:"moved,omitempty"`
	DrainSeconds    float64          `json:"drain_seconds,omitempty"` // from SIGTERM to the last viewer on the next pod
	Closes          map[int]int64    `json:"closes,omitempty"`
	Failures        map[string]int64 `json:"failures,omitempty"`

	drained time.Time
}

type quantiles struct {
	P50  float64 `json:"p50"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

func (h *histogram) quantiles() quantiles {
	return quantiles{P50: h.quantile(0.50), P99: h.quantile(0.99), P999: h.quantile(0.999), Max: float64(h.Max) / 1000}
}

func newReport(o options) *report { return &report{Rooms: o.rooms} }

func (r *report) connected(t tally, before, after usage) {
	r.Connections = int(t.Open)
	if t.Open > 0 {
		r.ConnectCPU = float64((after.cpu - before.cpu).Microseconds()) / float64(t.Open)
		r.RSSPerConn = float64(after.rss-before.rss) / float64(t.Open)
	}
}

// idle measures what the server uses while nothing is said: pings and leases only.
func (r *report) idle(ctx context.Context, o options) error {
	before, err := usageOf(o.pids)
	if err != nil {
		return err
	}
	if err := wait(ctx, o.hold); err != nil {
		return err
	}
	after, err := usageOf(o.pids)
	if err != nil {
		return err
	}
	r.IdleCPUPercent = 100 * (after.cpu - before.cpu).Seconds() / o.hold.Seconds()
	return nil
}

func (r *report) measured(took time.Duration, before, after usage, start, end tally, sent, acked int64) {
	r.MeasuredSeconds = took.Seconds()
	r.Sent, r.Acked = sent, acked
	r.Deliveries = end.Deliveries - start.Deliveries
	r.PerSecond = float64(r.Deliveries) / took.Seconds()
	cpu := after.cpu - before.cpu
	r.CPUPercent = 100 * cpu.Seconds() / took.Seconds()
	if r.Deliveries > 0 {
		r.CPUPerDelivery = float64(cpu.Microseconds()) / float64(r.Deliveries)
		r.BytesPer = float64(end.Bytes-start.Bytes) / float64(r.Deliveries)
	}
	if sent > 0 {
		r.CPUPerSent = float64(cpu.Microseconds()) / float64(sent)
	}
	r.RSSMiB = float64(after.rss) / (1 << 20)
}

func (r *report) finish(results []*result, pubs *publishers) {
	var all result
	for _, one := range results {
		all.merge(one)
	}
	got, want := all.delivered()
	r.DeliveredPct = 100
	if want > 0 {
		r.DeliveredPct = 100 * float64(got) / float64(want)
	}
	r.Holes, r.Doubled, r.Gapped, r.Pings, r.Packed = all.Holes, all.Doubled, all.Gaps, all.Pings, all.Packed
	r.Closes, r.Failures, r.Churned = all.Closes, all.Failures, all.Churned
	r.Moved = all.Moved
	if all.Moved > 0 {
		r.DrainSeconds = time.UnixMicro(all.LastMove).Sub(r.drained).Seconds()
	}
	r.Latency = all.Latency.quantiles()
	var acks histogram
	for _, p := range pubs.all {
		acks.merge(p.acks)
		addInto(&r.Errors, p.errors)
		if n := p.unanswered(); n > 0 {
			addInto(&r.Errors, map[string]int64{"unanswered": int64(n)})
		}
	}
	r.AckLatency = acks.quantiles()
}

// verdict is an error when -strict was asked for and anything went wrong that no message declared.
func (r *report) verdict(o options) error {
	if !o.strict {
		return nil
	}
	var problems []error
	if r.Connections != o.connections {
		problems = append(problems, fmt.Errorf("%d of %d connections are open", r.Connections, o.connections))
	}
	if r.Holes > 0 || r.Doubled > 0 || r.DeliveredPct < 100 {
		problems = append(problems, fmt.Errorf("delivered %.4f %%, %d holes, %d doubled", r.DeliveredPct, r.Holes, r.Doubled))
	}
	return errors.Join(problems...)
}

// A progressLine keeps one line of the terminal up to date.
type progressLine struct {
	out   io.Writer
	crew  *crew
	began time.Time
	last  tally
	at    time.Time
}

func newProgressLine(out io.Writer, c *crew) *progressLine {
	return &progressLine{out: out, crew: c, began: time.Now(), at: time.Now()}
}

func (p *progressLine) paint() {
	now, t := time.Now(), p.crew.tally()
	rate := float64(t.Deliveries-p.last.Deliveries) / now.Sub(p.at).Seconds()
	p.last, p.at = t, now
	fmt.Fprintf(p.out, "\r%5.0fs  open %d  failed %d  closed %d  deliveries/s %.0f   ",
		now.Sub(p.began).Seconds(), t.Open, t.Failed, t.Closed, rate)
}

func (p *progressLine) end() { fmt.Fprintln(p.out) }
