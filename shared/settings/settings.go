// Package settings fills a binary's settings from the environment and reports everything wrong with them at once, so
// that an operator fixes a deployment in one go.
package settings

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/caarlos0/env/v11"
)

// Production is the value of APP_ENV in which insecure switches refuse to start.
const Production = "production"

// checker is what a settings struct may implement to refuse values that are only wrong together, or out of bounds.
type checker interface{ Check() error }

// Load fills a T from the environment. Fields are tagged `env:"NAME"`, with `,required` and `envDefault:"…"` where it
// applies; an empty variable counts as unset. Besides plain types there are durations ("50ms", not negative), lists
// (comma-separated, blanks dropped) and url.URL (absolute). A field tagged `insecure:"a,b"` must not have one of these
// values in production. If *T has a method Check() error, it is asked too. The error holds one line a problem and
// never a value that may be secret.
func Load[T any](getenv func(name string) string) (T, error) {
	var cfg T
	fields := fieldsOf(reflect.ValueOf(&cfg).Elem(), "")
	environment := make(map[string]string, len(fields))
	for _, f := range fields {
		if value := strings.TrimSpace(getenv(f.variable)); value != "" {
			environment[f.variable] = value
		}
	}
	var problems []error
	if err := env.ParseWithOptions(&cfg, env.Options{Environment: environment, FuncMap: parsers()}); err != nil {
		problems = append(problems, explain(err, fields, environment)...)
	}
	appEnv, err := appEnv(getenv)
	if err != nil {
		problems = append(problems, err)
	}
	if appEnv == Production {
		for _, name := range Insecure(&cfg) {
			problems = append(problems, fmt.Errorf("%s: insecure value refused while APP_ENV=production", name))
		}
	}
	// A check of half-filled settings would complain of what the parser has complained of already.
	if c, ok := any(&cfg).(checker); ok && len(problems) == 0 {
		if err := c.Check(); err != nil {
			problems = append(problems, err)
		}
	}
	if len(problems) > 0 {
		var zero T
		return zero, fmt.Errorf("settings: %w", errors.Join(problems...))
	}
	return cfg, nil
}

// Insecure returns the names of the variables of cfg, a pointer to a settings struct, whose values are tagged as
// insecure. A binary logs them loudly where Load lets them pass.
func Insecure(cfg any) []string {
	var names []string
	for _, f := range fieldsOf(reflect.ValueOf(cfg).Elem(), "") {
		if f.insecure != "" && f.isInsecure() {
			names = append(names, f.variable)
		}
	}
	return names
}

// appEnv refuses unknown names: a typo of "production" must not switch its guards off.
func appEnv(getenv func(string) string) (string, error) {
	value := strings.TrimSpace(getenv("APP_ENV"))
	known := []string{"", "development", "test", "staging", Production}
	if !slices.Contains(known, value) {
		return Production, fmt.Errorf("APP_ENV: want one of %s", strings.Join(known[1:], ", "))
	}
	return value, nil
}

// explain turns the parser's errors into lines that name the variable instead of the struct's field.
func explain(err error, fields []field, environment map[string]string) []error {
	var all env.AggregateError
	if !errors.As(err, &all) {
		return []error{err}
	}
	var problems []error
	for _, e := range all.Errors {
		var unset env.VarIsNotSetError
		var bad env.ParseError
		switch {
		case errors.As(e, &unset):
			problems = append(problems, fmt.Errorf("%s: required but not set", unset.Key))
		case errors.As(e, &bad):
			problems = append(problems, fmt.Errorf("%s: want %s", variables(bad, fields, environment), wanted(bad.Type)))
		default:
			problems = append(problems, e)
		}
	}
	return problems
}

// variables names what the parser's error is about. It knows the field's name and type only, so that equally named
// fields of embedded structs are named together.
func variables(bad env.ParseError, fields []field, environment map[string]string) string {
	var names []string
	for _, f := range fields {
		if f.name == bad.Name && f.value.Type() == bad.Type && (environment[f.variable] != "" || f.hasDefault) {
			names = append(names, f.variable)
		}
	}
	if len(names) == 0 {
		return bad.Name
	}
	return strings.Join(names, " or ")
}
