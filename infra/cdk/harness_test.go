package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/assertions"
	"github.com/aws/jsii-runtime-go"

	"github.com/barrage-live/barrage/functions/manifest"
	"github.com/barrage-live/barrage/infra/cdk/stage"
)

func TestMain(m *testing.M) {
	code := m.Run()
	jsii.Close()
	os.Exit(code)
}

// built are options for a stage with placeholders for the functions' code.
func built(t *testing.T, name string) options {
	t.Helper()
	s, err := stage.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	o := options{Stage: s, Region: "eu-central-1", Code: t.TempDir()}
	if s.OwnSocketHost {
		o.SocketHost, o.Certificate = "sockets.example.org", "arn:aws:acm:eu-central-1:111122223333:certificate/0"
		o.Proxies = "192.0.2.0/24"
	}
	for _, row := range manifest.Functions() {
		if err := os.MkdirAll(filepath.Join(o.Code, row.Name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(o.Code, row.Name, "bootstrap"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return o
}

// stacks keeps what was synthesized: it takes seconds.
var stacks sync.Map

// synthesized is the platform's template of a stage.
func synthesized(t *testing.T, name string) template {
	t.Helper()
	if tpl, ok := stacks.Load(name); ok {
		return tpl.(template)
	}
	stack, err := build(awscdk.NewApp(nil), built(t, name))
	if err != nil {
		t.Fatal(err)
	}
	tpl := templateOf(t, stack)
	stacks.Store(name, tpl)
	return tpl
}

func templateOf(t *testing.T, stack awscdk.Stack) template {
	t.Helper()
	text, err := json.Marshal(assertions.Template_FromStack(stack, nil).ToJSON())
	if err != nil {
		t.Fatal(err)
	}
	var tpl template
	if err := json.Unmarshal(text, &tpl); err != nil {
		t.Fatal(err)
	}
	return tpl
}

// template is a CloudFormation template.
type template struct {
	Resources map[string]resource
	Outputs   map[string]any
}

type resource struct {
	Type           string
	Properties     map[string]any
	DeletionPolicy string
}

// of lists the resources of a type, by their names.
func (tpl template) of(kind string) map[string]resource {
	found := map[string]resource{}
	for name, r := range tpl.Resources {
		if r.Type == kind {
			found[name] = r
		}
	}
	return found
}

// into decodes the properties into a struct.
func (r resource) into(t *testing.T, v any) {
	t.Helper()
	text, err := json.Marshal(r.Properties)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, v); err != nil {
		t.Fatal(err)
	}
}

// wants compares properties of every resource of a type, of which there must be one at least, by their paths.
func wants(t *testing.T, stage string, tpl template, kind string, want map[string]string) {
	t.Helper()
	found := tpl.of(kind)
	if len(found) == 0 {
		t.Errorf("%s: no %s", stage, kind)
	}
	for id, r := range found {
		for path, value := range want {
			if got := property(r.Properties, path); got != value {
				t.Errorf("%s %s: got %s %s, want %s", stage, id, path, got, value)
			}
		}
	}
}

// property is a value as text, found by its path.
func property(in any, path string) string {
	for _, step := range strings.Split(path, ".") {
		switch v := in.(type) {
		case map[string]any:
			in = v[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(v) {
				return ""
			}
			in = v[i]
		default:
			return ""
		}
	}
	if in == nil {
		return ""
	}
	return fmt.Sprint(in)
}
