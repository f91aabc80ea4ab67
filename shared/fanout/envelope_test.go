package fanout

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/barrage-live/barrage/shared/live"
)

func TestDecodeEnvelope(t *testing.T) {
	for text, want := range map[string]envelope{
		"S e1 7 2 1=00-a-b-01\n{\"a\":1}\n{}": {
			kind: 'S', epoch: "e1", first: 7, payloads: [][]byte{[]byte(`{"a":1}`), []byte("{}")},
			traces: []Trace{{Index: 1, TraceParent: "00-a-b-01"}},
		},
		"S e1 1 1\n{}": {kind: 'S', epoch: "e1", first: 1, payloads: [][]byte{[]byte("{}")}},
		"A 42\n{}":     {kind: 'A', user: 42, payloads: [][]byte{[]byte("{}")}},
		"U\n{}\n":      {kind: 'U', payloads: [][]byte{[]byte("{}\n")}},
		"C\n{}":        {kind: 'C', payloads: [][]byte{[]byte("{}")}},
	} {
		got, err := decodeEnvelope([]byte(text))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %+v, %v, want %+v", text, got, err, want)
		}
	}
}

func TestDecodeEnvelopeRefuses(t *testing.T) {
	for _, text := range []string{
		"", "\n", "S", "U", "U\n", "C\n", "Z\n{}", "UU\n{}", "U x\n{}",
		"A\n{}", "A \n{}", "A x\n{}", "A 0\n{}", "A -1\n{}", "A +1\n{}", "A 01\n{}", "A 9007199254740992\n{}", "A 42\n",
		"S e1 1\n{}", "S  1 1\n{}", "S e1 0 1\n{}", "S e1 1 0\n", "S e1 1 2\n{}", "S e1 1 1\n{}\n{}", "S e1 1 2\n{}\n",
		"S e1 1 251\n" + strings.Repeat("{}\n", 250) + "{}", "S e1 1 1 \n{}", "S e1 1 1 1=x\n{}", "S e1 1 1 0=\n{}",
		"S e1 1 1 0\n{}", "S e1 1 1 0=a 1\n{}", "S e1 1 1 0=a,0=b\n{}", "S " + strings.Repeat("e", 33) + " 1 1\n{}",
		"S" + strings.Repeat(" ", maxHeader) + "\n{}",
	} {
		if e, err := decodeEnvelope([]byte(text)); err == nil {
			t.Errorf("%q: got %+v", text, e)
		}
	}
}

func TestEncodedEnvelopes(t *testing.T) {
	for want, got := range map[string][]byte{
		"A 42\n{}": encodeAddressed(42, []byte("{}")),
		"U\n{}":    encodePlain(kindUnsequenced, []byte("{}")),
		"C\n{}":    encodePlain(kindCommand, []byte("{}")),
	} {
		if string(got) != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestEnvelopeSince(t *testing.T) {
	e, err := decodeEnvelope([]byte("S e 5 3 0=a,2=c\n5\n6\n7"))
	if err != nil {
		t.Fatal(err)
	}
	for after, want := range map[live.Seq]string{
		3: "5 [5 6 7] [{0 a} {2 c}]", 4: "5 [5 6 7] [{0 a} {2 c}]", 5: "6 [6 7] [{1 c}]", 6: "7 [7] [{0 c}]", 7: "8 [] []", 9: "10 [] []",
	} {
		cut := e.since(after)
		if got := fmt.Sprintf("%d %s %v", cut.first, cut.payloads, cut.traces); got != want {
			t.Errorf("since %d: got %s, want %s", after, got, want)
		}
	}
}

func FuzzDecodeEnvelope(f *testing.F) {
	for _, seed := range []string{"S e1 7 2 1=00-a-b-01\n{\"a\":1}\n{}", "A 42\n{}", "U\n{}", "C\n{}", "S e 1 1\n{}", "S e 1 2 0=a,1=b\n1\n2"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := decodeEnvelope(b)
		if err != nil {
			return
		}
		if len(e.payloads) == 0 || len(e.payloads) > maxItems {
			t.Fatalf("got %d payloads", len(e.payloads))
		}
		if again := encode(e); !bytes.Equal(again, b) && e.traces == nil {
			t.Fatalf("%q became %q", b, again)
		} else if back, err := decodeEnvelope(again); err != nil || !reflect.DeepEqual(back, e) {
			t.Fatalf("%q became %+v, %v, want %+v", again, back, err, e)
		}
	})
}

// encode is what publish.lua and the publisher write.
func encode(e envelope) []byte {
	switch e.kind {
	case kindAddressed:
		return encodeAddressed(e.user, e.payloads[0])
	case kindSequenced:
		b := fmt.Appendf(nil, "S %s %d %d", e.epoch, e.first, len(e.payloads))
		for i, trace := range e.traces {
			b = fmt.Appendf(append(b, " ,"[min(i, 1)]), "%d=%s", trace.Index, trace.TraceParent)
		}
		return append(append(b, '\n'), bytes.Join(e.payloads, []byte("\n"))...)
	default:
		return encodePlain(e.kind, e.payloads[0])
	}
}

func FuzzDecodeRead(f *testing.F) {
	f.Add("e1", "9", "8 {}\n9 {}", "S e1 8 2\n{}\n{}", "S e1 7 1\n{}")
	f.Add("", "0", "", "", "U\n{}")
	f.Add("e1", "-1", "1", "x", "S e1 1 1\n{}\n")
	f.Fuzz(func(t *testing.T, epoch, last, gone, one, other string) {
		at, found, bad, err := decodeRead([]string{epoch, last, gone, one, other})
		if err != nil {
			return
		}
		if at.Seq < 0 || len(found)+bad != 2 {
			t.Fatalf("got %+v, %d found, %d bad", at, len(found), bad)
		}
		for _, e := range found {
			if e.kind != kindSequenced || e.first <= 0 || len(e.payloads) == 0 {
				t.Fatalf("got %+v", e)
			}
		}
	})
}
