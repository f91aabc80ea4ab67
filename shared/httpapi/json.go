package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/danielgtaylor/huma/v2"
)

var errDuplicateField = errors.New("a field is given twice")

func jsonFormat() huma.Format {
	return huma.Format{Marshal: huma.DefaultJSONFormat.Marshal, Unmarshal: unmarshal}
}

// unmarshal refuses objects that hold a field twice. Huma decodes a body two times, to a map that it validates and to
// the struct that the route gets, and the two disagree about duplicates: a map takes the last, a struct merges objects
// and takes "Title" for "title". A value could pass by the validation that way.
func unmarshal(data []byte, v any) error {
	err := json.Unmarshal(data, v)
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		// The decoder's own text names Go types.
		return fmt.Errorf("field %s: the value does not fit", mismatch.Field)
	}
	if err != nil {
		return err
	}
	if _, validates := v.(*any); validates {
		return refuseDuplicates(data)
	}
	return nil
}

// refuseDuplicates expects valid JSON.
func refuseDuplicates(data []byte) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var open []map[string]bool // the objects and arrays around the token; nil for an array
	isKey := false
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		switch t := tok.(type) {
		case json.Delim:
			switch t {
			case '{':
				open = append(open, map[string]bool{})
			case '[':
				open = append(open, nil)
			default:
				open = open[:len(open)-1]
			}
			isKey = len(open) > 0 && open[len(open)-1] != nil
			continue
		case string:
			if isKey {
				name := strings.Map(foldRune, t)
				if open[len(open)-1][name] {
					return errDuplicateField
				}
				open[len(open)-1][name] = true
				isKey = false
				continue
			}
		}
		isKey = len(open) > 0 && open[len(open)-1] != nil
	}
}

// foldRune returns the smallest of the runes that differ in case only, as encoding/json compares field names.
func foldRune(r rune) rune {
	for {
		next := unicode.SimpleFold(r)
		if next <= r {
			return next
		}
		r = next
	}
}
