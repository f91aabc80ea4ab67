package wire_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/wire"
)

func TestParseInbound(t *testing.T) {
	style := wire.DanmuStyle{Color: "#ffffff", Mode: "scroll", Size: "medium"}
	for name, tc := range map[string]struct {
		in   string
		want wire.Inbound
	}{
		"shortest danmu": {`{"type":"danmu","content":"hi"}`, wire.Inbound{Type: live.Danmu, Content: "hi", Danmu: style}},
		"styled danmu": {
			`{"type":"danmu","id":"01J9Z","content":" 弹幕 ","data":{"color":"#FF00aa","mode":"top","size":"large","x":[1,{}]}}`,
			wire.Inbound{Type: live.Danmu, ID: "01J9Z", Content: "弹幕", Danmu: wire.DanmuStyle{Color: "#ff00aa", Mode: "top", Size: "large"}},
		},
		"composed":           {`{"type":"danmu","content":"e\u0301"}`, wire.Inbound{Type: live.Danmu, Content: "é", Danmu: style}},
		"surrogate pair":     {`{"type":"danmu","content":"\ud83d\ude00"}`, wire.Inbound{Type: live.Danmu, Content: "😀", Danmu: style}},
		"server's fields":    {`{"type":"ping","id":"p1","room_id":"no","user_id":9,"timestamp":{},"seq":1}`, wire.Inbound{Type: live.Ping, ID: "p1"}},
		"null is absent":     {`{"type":"like","id":null,"data":null}`, wire.Inbound{Type: live.Like, LikeCount: 1}},
		"likes":              {`{"type":"like","data":{"count":100}}`, wire.Inbound{Type: live.Like, LikeCount: 100}},
		"gift":               {`{"type":"gift","id":"g1","data":{"gift_id":3,"count":9999}}`, wire.Inbound{Type: live.Gift, ID: "g1", GiftID: 3, GiftCount: 9999}},
		"one gift":           {`{"type":"gift","id":"g1","data":{"gift_id":3}}`, wire.Inbound{Type: live.Gift, ID: "g1", GiftID: 3, GiftCount: 1}},
		"auth":               {`{"type":"auth","data":{"token":"a.b.c"}}`, wire.Inbound{Type: live.Auth, Token: "a.b.c"}},
		"hundred characters": {`{"type":"danmu","content":"` + strings.Repeat("幕", 100) + `"}`, wire.Inbound{Type: live.Danmu, Content: strings.Repeat("幕", 100), Danmu: style}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := wire.ParseInbound([]byte(tc.in))
			if err != nil || got != tc.want {
				t.Fatalf("got %+v, %v, want %+v", got, err, tc.want)
			}
		})
	}
}

func TestParseInboundRefuses(t *testing.T) {
	bad, long := wire.CodeBadMessage, wire.CodeTooLong
	for name, tc := range map[string]struct{ in, code, id string }{
		"empty":                  {``, bad, ""},
		"not an object":          {`[]`, bad, ""},
		"trailing":               {`{"type":"ping"} {}`, bad, ""},
		"type of the wrong case": {`{"Type":"ping"}`, bad, ""},
		"unknown type":           {`{"type":"welcome","id":"a"}`, bad, "a"},
		"content is a number":    {`{"id":"a","type":"danmu","content":1}`, bad, "a"},
		"data is a list":         {`{"id":"a","type":"danmu","content":"x","data":[]}`, bad, "a"},
		"id with a space":        {`{"id":"a b","type":"ping"}`, bad, ""},
		"id too long":            {`{"id":"` + strings.Repeat("a", 65) + `","type":"ping"}`, bad, ""},
		"no content":             {`{"id":"a","type":"danmu"}`, bad, "a"},
		"blank content":          {`{"id":"a","type":"danmu","content":" \u3000"}`, bad, "a"},
		"newline":                {`{"id":"a","type":"danmu","content":"a\nb"}`, bad, "a"},
		"raw newline":            {"{\"id\":\"a\",\"type\":\"danmu\",\"content\":\"a\nb\"}", bad, "a"},
		"direction override":     {`{"id":"a","type":"danmu","content":"a\u202eb"}`, bad, "a"},
		"101 characters":         {`{"id":"a","type":"danmu","content":"` + strings.Repeat("x", 101) + `"}`, long, "a"},
		"4097 bytes":             {`{"type":"danmu","content":"` + strings.Repeat("x", 4096) + `"}`, long, ""},
		"broken UTF-8":           {"{\"type\":\"danmu\",\"content\":\"\xff\"}", bad, ""},
		"half a pair":            {`{"type":"danmu","content":"\ud83d"}`, bad, ""},
		"colour name":            {`{"type":"danmu","content":"x","data":{"color":"red"}}`, bad, ""},
		"mode":                   {`{"type":"danmu","content":"x","data":{"mode":"left"}}`, bad, ""},
		"size":                   {`{"type":"danmu","content":"x","data":{"size":"huge"}}`, bad, ""},
		"no like":                {`{"type":"like","data":{"count":0}}`, bad, ""},
		"101 likes":              {`{"type":"like","data":{"count":101}}`, bad, ""},
		"half a like":            {`{"type":"like","data":{"count":0.5}}`, bad, ""},
		"gift without id":        {`{"type":"gift","data":{"gift_id":1,"count":1}}`, bad, ""},
		"gift of nothing":        {`{"type":"gift","id":"g","data":{"count":1}}`, bad, "g"},
		"minus one gift":         {`{"type":"gift","id":"g","data":{"gift_id":1,"count":-1}}`, bad, "g"},
		"wrapping count":         {`{"type":"gift","id":"g","data":{"gift_id":1,"count":4294967297}}`, bad, "g"},
		"auth without token":     {`{"type":"auth"}`, bad, ""},
		"bottomless":             {`{"x":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + `,"type":"ping"}`, bad, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := wire.ParseInbound([]byte(tc.in))
			var e *live.Error
			if !errors.As(err, &e) || e.Code != tc.code {
				t.Fatalf("got %+v, %v, want code %s", got, err, tc.code)
			}
			if got.ID != tc.id {
				t.Errorf("got id %q, want %q", got.ID, tc.id)
			}
		})
	}
}

func FuzzParseInbound(f *testing.F) {
	for _, seed := range []string{
		`{"type":"danmu","id":"a","content":"hé😀","data":{"color":"#aabbcc","mode":"top","size":"small"}}`,
		`{"type":"gift","id":"g","data":{"gift_id":7,"count":2}}`, `{"type":"like","data":{"count":3}}`,
		`{"type":"auth","data":{"token":"x"}}`, `{"type":"ping"}`, `{"a":[1,-2.5e+3,true,false,null,{"b":"\u00e9\ud83d\ude00"}]}`, `{`, ``,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		in, err := wire.ParseInbound(frame)
		if err != nil {
			if e, ok := live.AsError(err); !ok || e.Code != wire.CodeBadMessage && e.Code != wire.CodeTooLong {
				t.Fatalf("error of another kind: %v", err)
			}
			return
		}
		if !json.Valid(frame) {
			t.Fatalf("accepted what is not JSON: %q", frame)
		}
		if !utf8.ValidString(in.Content) || utf8.RuneCountInString(in.Content) > wire.MaxContent || !norm.NFC.IsNormalString(in.Content) {
			t.Fatalf("content %q", in.Content)
		}
		if len(in.ID) > wire.MaxID {
			t.Fatalf("id %q", in.ID)
		}
		again, err := wire.ParseInbound(encodeInbound(t, in))
		if err != nil || again != in {
			t.Fatalf("round trip: got %+v, %v, want %+v", again, err, in)
		}
		if checked, err := in.Check(); err != nil || checked != in {
			t.Fatalf("check twice: got %+v, %v, want %+v", checked, err, in)
		}
	})
}

// encodeInbound writes the message as a client would.
func encodeInbound(t *testing.T, in wire.Inbound) []byte {
	data := map[string]any{}
	switch in.Type {
	case live.Danmu:
		data["color"], data["mode"], data["size"] = in.Danmu.Color, in.Danmu.Mode, in.Danmu.Size
	case live.Like:
		data["count"] = in.LikeCount
	case live.Gift:
		data["gift_id"], data["count"] = in.GiftID, in.GiftCount
	case live.Auth:
		data["token"] = in.Token
	}
	raw, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	b, err := wire.Marshal(live.Message{Type: in.Type, ID: in.ID, Content: in.Content, Data: raw})
	if err != nil {
		t.Fatal(err)
	}
	if len(b) > wire.MaxInbound {
		t.Skip("grew beyond the limit by quoting")
	}
	return b
}

func BenchmarkParseInbound(b *testing.B) {
	frame := []byte(`{"type":"danmu","id":"01JCDZ8Q4W1Z9J7C3M6A5K2T0V","content":"hello from the third row","data":{"color":"#ff8800","mode":"scroll","size":"medium"}}`)
	b.ReportAllocs()
	b.SetBytes(int64(len(frame)))
	for b.Loop() {
		if _, err := wire.ParseInbound(frame); err != nil {
			b.Fatal(err)
		}
	}
}
