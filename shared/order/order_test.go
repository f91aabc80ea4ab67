package order

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/wire"
)

func valid() Request {
	return Request{Sender: 7, Nickname: "小明", Role: live.RoleViewer, Room: 42, Gift: 3, Count: 2, Key: "k-1", At: time.UnixMilli(1_700_000_000_000)}
}

func encode(t testing.TB, r Request) []byte {
	t.Helper()
	m, err := r.Message()
	if err != nil {
		t.Fatal(err)
	}
	b, err := wire.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestARequestComesBackAsItWent(t *testing.T) {
	got, err := Parse(encode(t, valid()))
	if err != nil {
		t.Fatal(err)
	}
	if got != valid() {
		t.Errorf("got %+v, want %+v", got, valid())
	}
}

func TestIDsHangOnSenderAndKeyAlone(t *testing.T) {
	a, b, c, d := valid(), valid(), valid(), valid()
	b.Room, b.Count, b.Gift = 1, 9, 9
	c.Sender = 8
	d.Key = "k-2"
	if a.ID() != b.ID() || a.Fingerprint() == b.Fingerprint() {
		t.Errorf("another body: ids %s and %s, fingerprints %s and %s", a.ID(), b.ID(), a.Fingerprint(), b.Fingerprint())
	}
	if a.ID() == c.ID() || a.ID() == d.ID() {
		t.Errorf("ids %s, %s, %s are not all different", a.ID(), c.ID(), d.ID())
	}
	if len(a.ID()) != 26 {
		t.Errorf("id %q", a.ID())
	}
}

func TestCheck(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*Request)
		want   error
	}{
		"zero":       {func(r *Request) { r.Count = 0 }, ErrBadCount},
		"negative":   {func(r *Request) { r.Count = -1 }, ErrBadCount},
		"too many":   {func(r *Request) { r.Count = wire.MaxGiftCount + 1 }, ErrBadCount},
		"no gift":    {func(r *Request) { r.Gift = 0 }, ErrBadGift},
		"no key":     {func(r *Request) { r.Key = "" }, ErrBadKey},
		"long key":   {func(r *Request) { r.Key = strings.Repeat("k", MaxKey+1) }, ErrBadKey},
		"line break": {func(r *Request) { r.Key = "a\nb" }, ErrBadKey},
		"most":       {func(r *Request) { r.Count, r.Key = wire.MaxGiftCount, strings.Repeat("k", MaxKey) }, nil},
	} {
		r := valid()
		tc.change(&r)
		if err := r.Check(); !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v, want %v", name, err, tc.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(encode(f, valid()))
	f.Add([]byte(`{"type":"gift","id":"x","user_id":1,"room_id":1,"data":{"gift_id":1,"count":1,"key":"k"}}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := Parse(b)
		if err != nil {
			return
		}
		if r.Check() != nil || r.Sender < 1 || r.Room < 1 {
			t.Fatalf("accepted %+v", r)
		}
		if again, err := Parse(encode(t, r)); err != nil || again.ID() != r.ID() || again.Fingerprint() != r.Fingerprint() {
			t.Fatalf("%+v came back as %+v, %v", r, again, err)
		}
	})
}
