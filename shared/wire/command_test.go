package wire

import (
	"reflect"
	"testing"

	"github.com/barrage-live/barrage/shared/live"
)

func FuzzUnmarshalCommand(f *testing.F) {
	f.Add([]byte(`{"order":"room_changed","room":{"id":42,"status":2}}`))
	f.Add([]byte(`{"order":"disconnect","user_id":7,"code":4003,"reason":"banned"}`))
	f.Add([]byte(`{"order":"from_the_future","x":[{}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := UnmarshalCommand(b)
		if err != nil {
			return
		}
		again, err := MarshalCommand(c)
		if err != nil {
			return // a room whose times JSON can't write
		}
		back, err := UnmarshalCommand(again)
		if err != nil || !reflect.DeepEqual(back, c) {
			t.Fatalf("%+v became %+v, %v", c, back, err)
		}
	})
}

func TestCommandSurvivesTheWay(t *testing.T) {
	want := Command{Order: RoomChanged, Room: &live.Room{ID: 42, Status: live.RoomEnded}, User: 7, Code: CloseBanned, Reason: "a\nb"}
	b, err := MarshalCommand(want)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range b {
		if c == '\n' {
			t.Fatalf("%q spans lines: the channel's envelopes end at one", b)
		}
	}
	got, err := UnmarshalCommand(b)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("got %+v, %v, want %+v", got, err, want)
	}
}
