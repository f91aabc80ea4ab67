package danmaku

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

func decodeAll(text string) (all []Comment, err error) {
	err = Decode(strings.NewReader(text), func(c Comment) error { all = append(all, c); return nil })
	return all, err
}

func TestDocument(t *testing.T) {
	var out bytes.Buffer
	err := Encode(&out, 42, []Comment{
		{At: 1234 * time.Millisecond, Mode: Top, Size: Large, Color: 0xff8000, Sent: 1700000001, User: UserOf(7), Row: 9, Text: "a <b> & \x00\ufffe\xff 弹幕"},
	})
	const want = `<?xml version="1.0" encoding="UTF-8"?>
<i><chatserver>barrage</chatserver><chatid>42</chatid><mission>0</mission><maxlimit>1</maxlimit><state>0</state><real_name>0</real_name><source>k-v</source>
<d p="1.234,5,36,16744448,1700000001,0,4dbd0b28,9">a &lt;b&gt; &amp;  弹幕</d>
</i>
`
	if got := strings.ReplaceAll(out.String(), UserOf(7), "4dbd0b28"); err != nil || got != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
	if UserOf(7) == UserOf(8) || strings.Contains(UserOf(7), ",") {
		t.Errorf("got users %s and %s", UserOf(7), UserOf(8))
	}
}

func TestDocumentsOfOthers(t *testing.T) {
	got, err := decodeAll(`<?xml version="1.0" encoding="utf-8"?><i><maxlimit>2</maxlimit>
<d p="23.82600,1,25,16777215,1422201084,0,057075e9,757076900">hello</d><d p="1.5,7,18,255">[program]</d><d p="2">x</d><d p="3,1,25,1,1,0,u,id-of-another-site">y</d></i>`)
	want := []Comment{
		{23826 * time.Millisecond, Scroll, 25, White, 1422201084, "057075e9", 757076900, "hello"},
		{1500 * time.Millisecond, Scroll, 18, 255, 0, "", 0, "[program]"},
		{2 * time.Second, Scroll, 25, White, 0, "", 0, "x"},
		{3 * time.Second, Scroll, 25, 1, 1, "u", 0, "y"},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for name, bad := range map[string]string{
		"no time": `<i><d>x</d></i>`, "not a time": `<i><d p="x,1">x</d></i>`, "before the start": `<i><d p="-1">x</d></i>`,
		"not finite": `<i><d p="NaN">x</d></i>`, "too late": `<i><d p="1e9">x</d></i>`, "mode": `<i><d p="1,x">x</d></i>`,
		"cut off": `<i><d p="1">x`, "other encoding": `<?xml version="1.0" encoding="gbk"?><i></i>`, "markup": `<i><d p="1">a<b/>c</d></i>`,
		"endless": `<i><d p="1">` + strings.Repeat("x", maxText+1) + `</d></i>`,
	} {
		if got, err := decodeAll(bad); err == nil {
			t.Errorf("%s: got %+v, want an error", name, got)
		}
	}
	stop := errors.New("stop")
	if err := Decode(strings.NewReader(`<i><d p="1">x</d><d p="2">y</d></i>`), func(Comment) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v, want the reader's own error", err)
	}
}

// What was decoded is the same after it was written and read again.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(`<i><d p="23.826,1,25,16777215,1422201084,0,057075e9,757076900">hello &amp; &#x5f39;</d></i>`))
	f.Add([]byte(`<?xml version="1.0" encoding="utf-8"?><i><d p="1,5,18,255">x]]&gt;</d></i>`))
	f.Add([]byte(`<i><d p="0"></d><d p="1e4,9,,">`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		first, err := decodeAll(string(doc))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := Encode(&out, 1, first); err != nil {
			t.Fatal(err)
		}
		again, err := decodeAll(out.String())
		if err != nil || len(again) != len(first) {
			t.Fatalf("got %d comments, %v, want %d in %q", len(again), err, len(first), out.String())
		}
		for i := range first {
			first[i].Text = legal(first[i].Text)
			if first[i].User, again[i].User = "", ""; first[i] != again[i] {
				t.Errorf("got %+v, want %+v", again[i], first[i])
			}
		}
	})
}
