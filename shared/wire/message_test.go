package wire_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/wire"
)

func sample() live.Message {
	return live.Message{
		Type: live.Danmu, ID: "01JCDZ8Q4W1Z9J7C3M6A5K2T0V", RoomID: 42, UserID: 7, Content: "hello from the third row",
		Data:      json.RawMessage(`{"nickname":"viewer","role":"viewer","color":"#ff8800","mode":"scroll","size":"medium"}`),
		Timestamp: 1_790_000_000_000, TraceID: "4bf92f3577b34da6a3ce929d0e0e4736",
	}
}

func TestMarshalRefuses(t *testing.T) {
	for name, m := range map[string]live.Message{
		"data that is not JSON": {Type: live.Danmu, Data: json.RawMessage(`{"a":}`)},
		"two values in data":    {Type: live.Danmu, Data: json.RawMessage(`{} {}`)},
		"broken UTF-8":          {Type: live.Danmu, Content: "\xff"},
	} {
		if b, err := wire.Marshal(m); err == nil {
			t.Errorf("%s: got %s, want an error", name, b)
		}
	}
}

func TestMarshalIsOneLine(t *testing.T) {
	m := live.Message{Type: live.Danmu, Content: "a\nb\u2028\"\\\x01", Data: json.RawMessage("{\n \"x\": 1\r\n}")}
	b, err := wire.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"type":"danmu","content":"a\nb\u2028\"\\\u0001","data":{"x":1}}`; string(b) != want {
		t.Fatalf("got %s, want %s", b, want)
	}
}

// FuzzUnmarshal holds the decoder against encoding/json: what it accepts, encoding/json reads alike, and it survives a
// round trip.
func FuzzUnmarshal(f *testing.F) {
	whole, err := wire.Marshal(sample())
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{string(whole), `{"type":"a","data":[1, 2],"seq":-3,"x":{"y":[true,null]}}`, ` {"content":"\ud83d\ude00\/"} `, `{"seq":1e3}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := wire.Unmarshal(b)
		if err != nil {
			return
		}
		if !json.Valid(b) {
			t.Fatalf("accepted what is not JSON: %q", b)
		}
		line, err := wire.Marshal(got)
		if err != nil {
			t.Fatalf("marshal %+v: %v", got, err)
		}
		if bytes.ContainsAny(line, "\n\r") {
			t.Fatalf("more than one line: %q", line)
		}
		var want live.Message
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatalf("encoding/json reads %q: %v", line, err)
		}
		again, err := wire.Unmarshal(line)
		if err != nil || !reflect.DeepEqual(again, want) {
			t.Fatalf("got %+v, %v, want %+v", again, err, want)
		}
	})
}

func BenchmarkMarshal(b *testing.B) {
	m, buf := sample(), make([]byte, 0, 1024)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := wire.AppendMessage(buf[:0], m); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	line, err := wire.Marshal(sample())
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		if _, err := wire.Unmarshal(line); err != nil {
			b.Fatal(err)
		}
	}
}
