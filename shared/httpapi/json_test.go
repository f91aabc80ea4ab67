package httpapi

import (
	"encoding/json"
	"reflect"
	"testing"
)

// What is validated, the map, must be what the route gets, the struct.
func FuzzUnmarshal(f *testing.F) {
	for _, seed := range []string{
		`{"title":"a"}`, `{"title":"a","title":"b"}`, `{"title":"a","TITLE":"b"}`, `{"data":{"color":"x"},"data":{}}`,
		`{"like":1,"liKe":2}`, `{"\u212aey":1,"key":2}`, `[{"a":1},{"a":2}]`, `{"a":{"a":{"a":1}}}`, `{"a":"a","b":["a","a"]}`,
		"{\"\xff\":1,\"\xfe\":2}", `null`, `1e400`, `{"":1,"":2}`, `[[[[]]]]`, `{"list":[{"title":"x"}],"LIST":[]}`,
	} {
		f.Add([]byte(seed))
	}
	type inner struct {
		Color string `json:"color"`
		Key   any    `json:"key"`
	}
	type body struct {
		Title string            `json:"title"`
		Data  inner             `json:"data"`
		Ptr   *inner            `json:"ptr"`
		List  []inner           `json:"list"`
		Map   map[string]*inner `json:"map"`
		Key   any               `json:"key"`
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var validated any
		if err := unmarshal(data, &validated); err != nil {
			return
		}
		var got, want body
		if err := unmarshal(data, &got); err != nil {
			return // a type that does not fit: huma refuses it
		}
		again, err := json.Marshal(validated)
		if err != nil {
			t.Fatalf("encode %q again: %v", data, err)
		}
		if err := json.Unmarshal(again, &want); err != nil {
			t.Fatalf("decode %q again: %v", again, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: the route gets %+v, validated was %+v", data, got, want)
		}
	})
}
