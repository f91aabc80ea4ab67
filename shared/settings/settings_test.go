package settings_test

import (
	"errors"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/settings"
)

type Limits struct {
	Rate  float64       `env:"RATE" envDefault:"2"`
	Drain time.Duration `env:"DRAIN" envDefault:"30s"`
}

type config struct {
	Listen  string   `env:"LISTEN_ADDR" envDefault:":8080"`
	Key     string   `env:"KEY,required"`
	Max     int      `env:"MAX"`
	Hook    url.URL  `env:"HOOK"`
	Origins []string `env:"ORIGINS" insecure:"*"`
	Query   bool     `env:"QUERY" insecure:"true"`
	Auth    string   `env:"AUTH" envDefault:"none" insecure:"none,plain"`
	Limits
	Other Limits `envPrefix:"OTHER_"`
}

func (c *config) Check() error {
	if c.Max < 0 {
		return errors.New("MAX: want 0 or more")
	}
	return nil
}

func environment(pairs ...string) func(string) string {
	m := map[string]string{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return func(name string) string { return m[name] }
}

func TestLoadFillsAndDefaults(t *testing.T) {
	got, err := settings.Load[config](environment(
		"KEY", " k ", "ORIGINS", "https://a.example, ,https://b.example,", "HOOK", "https://h.example/x",
		"QUERY", "true", "OTHER_RATE", "7.5", "DRAIN", "1m30s", "LISTEN_ADDR", ""))
	if err != nil {
		t.Fatal(err)
	}
	want := config{
		Listen: ":8080", Key: "k", Hook: url.URL{Scheme: "https", Host: "h.example", Path: "/x"},
		Origins: []string{"https://a.example", "https://b.example"}, Query: true, Auth: "none",
		Other: Limits{Rate: 7.5, Drain: 30 * time.Second},
	}
	want.Rate, want.Drain = 2, 90*time.Second
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if names := settings.Insecure(&got); !reflect.DeepEqual(names, []string{"QUERY", "AUTH"}) {
		t.Errorf("got insecure %v, want QUERY and AUTH", names)
	}
}

func TestLoadReportsAllProblemsAndNoValues(t *testing.T) {
	_, err := settings.Load[config](environment(
		"MAX", "s3cret", "HOOK", "https://user:s3cret@%zz", "QUERY", "s3cret", "OTHER_DRAIN", "s3cret", "DRAIN", "-1s"))
	if err == nil {
		t.Fatal("got no error")
	}
	for _, want := range []string{"KEY: required but not set", "MAX: want a whole number", "HOOK: want an absolute URL",
		"QUERY: want true or false", "DRAIN", "OTHER_DRAIN: want a duration"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %q, want it to say %q", err, want)
		}
	}
	if strings.Contains(err.Error(), "s3cret") {
		t.Errorf("the error shows a value: %q", err)
	}
}

func TestProductionRefusesInsecureSwitches(t *testing.T) {
	for name, tc := range map[string]struct {
		env  []string
		want []string // named in the error; none: it loads
	}{
		"secure":       {env: []string{"APP_ENV", "production", "AUTH", "sasl-scram", "ORIGINS", "https://a.example"}},
		"default":      {env: []string{"APP_ENV", "production"}, want: []string{"AUTH"}},
		"all":          {env: []string{"APP_ENV", "production", "QUERY", "1", "AUTH", "plain", "ORIGINS", "a,*"}, want: []string{"QUERY", "AUTH", "ORIGINS"}},
		"development":  {env: []string{"APP_ENV", "development", "QUERY", "true"}},
		"unset":        {env: []string{"QUERY", "true"}},
		"typo guards":  {env: []string{"APP_ENV", "prod", "QUERY", "true"}, want: []string{"APP_ENV", "QUERY"}},
		"checked last": {env: []string{"MAX", "-1"}, want: []string{"MAX: want 0 or more"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := settings.Load[config](environment(append(tc.env, "KEY", "k")...))
			if len(tc.want) == 0 && err != nil {
				t.Fatalf("got %v, want none", err)
			}
			for _, want := range tc.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want it to name %s", err, want)
				}
			}
		})
	}
}
