package wire

import (
	"testing"
)

func TestCommandRoundTrip(t *testing.T) {
	want := Command{Kind: CommandBan, User: 7, Reason: "spam\n“again”"}
	b, err := MarshalCommand(want)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(b); got != `{"kind":"ban","user_id":7,"reason":"spam\n“again”"}` {
		t.Errorf("got %s", got)
	}
	if got, err := UnmarshalCommand(b); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if _, err := UnmarshalCommand([]byte(`{"kind":7}`)); err == nil {
		t.Error("got a command from a number")
	}
}

func FuzzUnmarshalCommand(f *testing.F) {
	f.Add([]byte(`{"kind":"kick","user_id":7}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := UnmarshalCommand(b)
		if err != nil {
			return
		}
		again, err := MarshalCommand(c)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := UnmarshalCommand(again); err != nil || got != c {
			t.Errorf("got %+v, %v, want %+v", got, err, c)
		}
	})
}
