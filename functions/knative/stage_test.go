// Package knative_test builds each staged folder as Knative's func does.
package knative_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/barrage-live/barrage/functions/manifest"
)

// scaffold is the main that func puts beside a function with New.
const scaffold = `package main

import (
	"fmt"
	"os"

	"knative.dev/func-go/http"

	f "github.com/barrage-live/barrage"
)

func main() {
	if err := http.Start(f.New()); err != nil {
		fmt.Fprintln(os.Stderr, err.Error())
		os.Exit(1)
	}
}
`

func TestStagedFoldersBuildAsFuncDoes(t *testing.T) {
	stage := filepath.Join(t.TempDir(), "stage") // the same for all, so that they share what the compiler makes of its files
	for _, row := range manifest.Functions() {
		t.Run(row.Name, func(t *testing.T) {
			build := scaffolded(t, row.Name, stage)
			if row.Name != "room" {
				// The main is the same for all. One is linked: that takes longer than all else.
				command(t, build, "go", "build", "-mod=mod", "github.com/barrage-live/barrage")
				return
			}
			command(t, build, "go", "build", "-mod=mod", "-o", "function", ".")
			// Without settings the instance's Start fails, which ends func's service and says what is missing.
			cmd := exec.CommandContext(t.Context(), filepath.Join(build, "function"))
			cmd.Env = []string{"LISTEN_ADDRESS=127.0.0.1:0"}
			out, err := cmd.CombinedOutput()
			if want := row.Required()[0] + ": required but not set"; err == nil || !strings.Contains(string(out), want) {
				t.Errorf("got %v and %s, want %s", err, out, want)
			}
		})
	}
}

// scaffolded stages a function and puts func's main behind it.
func scaffolded(t *testing.T, name, stage string) (build string) {
	command(t, "../..", "scripts/knative-stage", name, stage)
	build = filepath.Join(stage, ".func", "build")
	must(t, os.MkdirAll(build, 0o755))
	must(t, os.Symlink("../..", filepath.Join(build, "f")))
	must(t, os.WriteFile(filepath.Join(build, "main.go"), []byte(scaffold), 0o644))
	mod, err := os.ReadFile(filepath.Join(stage, "go.mod"))
	must(t, err)
	mod = regexp.MustCompile(`(?m)^module .*$`).ReplaceAll(mod, []byte("module s"))
	mod = append(mod, "\nrequire github.com/barrage-live/barrage v0.0.0-00010101000000-000000000000\n\nreplace github.com/barrage-live/barrage => ./f\n"...)
	must(t, os.WriteFile(filepath.Join(build, "go.mod"), mod, 0o644))
	sum, err := os.ReadFile(filepath.Join(stage, "go.sum"))
	must(t, err)
	must(t, os.WriteFile(filepath.Join(build, "go.sum"), sum, 0o644))
	return build
}

func command(t *testing.T, dir, name string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
