package settings

import (
	"errors"
	"net/url"
	"reflect"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"
)

// The parsers' errors say nothing of the value: explain adds what is wanted, and the value may be a secret.
var errNotWanted = errors.New("not what is wanted")

func parsers() map[reflect.Type]env.ParserFunc {
	return map[reflect.Type]env.ParserFunc{
		reflect.TypeFor[time.Duration](): parseDuration,
		reflect.TypeFor[[]string]():      parseList,
		reflect.TypeFor[url.URL]():       parseURL,
	}
}

func parseDuration(text string) (any, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return nil, errNotWanted
	}
	return d, nil
}

func parseList(text string) (any, error) {
	var items []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items, nil
}

func parseURL(text string) (any, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme == "" || u.Host == "" {
		return nil, errNotWanted
	}
	return *u, nil
}

// wanted says in words what a value of the type looks like.
func wanted(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return "a duration such as 50ms or 1m30s"
	case reflect.TypeFor[url.URL](), reflect.TypeFor[*url.URL]():
		return "an absolute URL such as https://host/path"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number, not negative"
	case reflect.Float32, reflect.Float64:
		return "a number"
	default:
		return "a " + t.String()
	}
}
