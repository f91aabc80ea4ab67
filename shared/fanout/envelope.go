package fanout

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/barrage-live/barrage/shared/live"
)

// What one envelope may hold. A Publish call with more takes several steps.
const (
	maxItems   = 250 // publish.lua needs a byte for each
	maxBody    = 256 << 10
	maxPayload = 64 << 10
	maxEpoch   = 32
	maxHeader  = 64 + maxItems*64
)

// The kinds of envelope on a room's channel.
const (
	kindSequenced   = 'S' // S <epoch> <first seq> <n>[ i=<traceparent>,…]\n then n payloads, a line each
	kindAddressed   = 'A' // A <user>\n<payload>
	kindUnsequenced = 'U' // U\n<payload>
	kindCommand     = 'C' // C\n<payload>
)

// envelope is one message of the channel, or one entry of the history, which are all of kindSequenced.
type envelope struct {
	kind     byte
	epoch    live.Epoch
	first    live.Seq
	payloads [][]byte
	traces   []Trace
	user     live.UserID
}

func (e envelope) last() live.Seq { return e.first + live.Seq(len(e.payloads)) - 1 }

// since returns the envelope without the messages up to and including seq.
func (e envelope) since(seq live.Seq) envelope {
	if seq < e.first {
		return e
	}
	cut := int(min(seq-e.first+1, live.Seq(len(e.payloads))))
	e.first, e.payloads = seq+1, e.payloads[cut:]
	var traces []Trace
	for _, t := range e.traces {
		if t.Index >= cut {
			traces = append(traces, Trace{Index: t.Index - cut, TraceParent: t.TraceParent})
		}
	}
	e.traces = traces
	return e
}

func encodeAddressed(user live.UserID, msg []byte) []byte {
	b := strconv.AppendInt(append(make([]byte, 0, len(msg)+24), kindAddressed, ' '), int64(user), 10)
	return append(append(b, '\n'), msg...)
}

func encodePlain(kind byte, msg []byte) []byte {
	return append(append(make([]byte, 0, len(msg)+2), kind, '\n'), msg...)
}

// decodeEnvelope reads what any pod may have written: it trusts nothing. The result refers to b.
func decodeEnvelope(b []byte) (envelope, error) {
	header, rest, ok := bytes.Cut(b, []byte{'\n'})
	if !ok || len(header) == 0 || len(header) > maxHeader {
		return envelope{}, fmt.Errorf("envelope of %d bytes has no header", len(b))
	}
	e := envelope{kind: header[0]}
	switch e.kind {
	case kindSequenced:
		return decodeSequenced(header, rest)
	case kindAddressed:
		if len(header) < 3 || header[1] != ' ' {
			return e, fmt.Errorf("addressed envelope without a user")
		}
		user, err := number(header[2:])
		if err != nil {
			return e, fmt.Errorf("addressed envelope: %w", err)
		}
		e.user = live.UserID(user)
	case kindUnsequenced, kindCommand:
		if len(header) != 1 {
			return e, fmt.Errorf("envelope %q with a header of %d bytes", e.kind, len(header))
		}
	default:
		return e, fmt.Errorf("envelope of unknown kind %q", e.kind)
	}
	if len(rest) == 0 {
		return e, fmt.Errorf("envelope %q is empty", e.kind)
	}
	e.payloads = [][]byte{rest}
	return e, nil
}

func decodeSequenced(header, body []byte) (envelope, error) {
	e := envelope{kind: kindSequenced}
	fields := bytes.Split(header, []byte{' '})
	if len(fields) < 4 || len(fields) > 5 || len(fields[0]) != 1 {
		return e, fmt.Errorf("batch header has %d fields", len(fields))
	}
	if len(fields[1]) == 0 || len(fields[1]) > maxEpoch {
		return e, fmt.Errorf("batch epoch of %d bytes", len(fields[1]))
	}
	e.epoch = live.Epoch(fields[1])
	first, err := number(fields[2])
	if err != nil {
		return e, fmt.Errorf("batch first seq: %w", err)
	}
	n, err := number(fields[3])
	if err != nil || n > maxItems {
		return e, fmt.Errorf("batch of %q messages", fields[3])
	}
	e.first, e.payloads = live.Seq(first), make([][]byte, 0, n)
	for rest, more := body, true; more; {
		var line []byte
		line, rest, more = bytes.Cut(rest, []byte{'\n'})
		if len(line) == 0 || len(e.payloads) == int(n) {
			return e, fmt.Errorf("batch of %d messages has an empty line or too many", n)
		}
		e.payloads = append(e.payloads, line[:len(line):len(line)])
	}
	if len(e.payloads) != int(n) {
		return e, fmt.Errorf("batch of %d messages holds %d", n, len(e.payloads))
	}
	if len(fields) == 5 {
		e.traces, err = decodeTraces(fields[4], int(n))
	}
	return e, err
}

func decodeTraces(field []byte, n int) ([]Trace, error) {
	var traces []Trace
	for pair := range bytes.SplitSeq(field, []byte{','}) {
		at, parent, ok := bytes.Cut(pair, []byte{'='})
		i, err := strconv.Atoi(string(at))
		if !ok || err != nil || i < 0 || i >= n || len(parent) == 0 || len(traces) == n {
			return nil, fmt.Errorf("batch of %d messages with a trace %q", n, pair)
		}
		traces = append(traces, Trace{Index: i, TraceParent: string(parent)})
	}
	return traces, nil
}

// number reads a positive id or seq, which is below 2^53 (see live).
func number(b []byte) (int64, error) {
	if len(b) > 16 {
		return 0, fmt.Errorf("number of %d digits", len(b))
	}
	n, err := strconv.ParseInt(string(b), 10, 64)
	if err != nil || n <= 0 || n >= 1<<53 || b[0] < '1' || b[0] > '9' {
		return 0, fmt.Errorf("%q is not a positive number", b)
	}
	return n, nil
}
