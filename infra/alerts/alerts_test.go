package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

func signals(t *testing.T) []signal {
	t.Helper()
	all, err := load("signals.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestFilesAreThoseOfTheSignals(t *testing.T) {
	for file, make := range outputs {
		want, err := make(signals(t))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is not what signals.yaml says (%v): go run . in infra/alerts", file, err)
		}
	}
}

func TestEveryAlertHasAPlaybook(t *testing.T) {
	index, err := os.ReadFile("../../docs/playbooks/README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range signals(t) {
		if !s.alerts() {
			continue
		}
		if _, err := os.Stat("../../docs/playbooks/" + s.Playbook + ".md"); err != nil || !bytes.Contains(index, []byte("("+s.Playbook+".md)")) {
			t.Errorf("%s: playbook %s: %v, or the index lacks it", s.Name, s.Playbook, err)
		}
	}
}

// A figure that nothing measures alerts nobody.
func TestEveryFigureIsMeasured(t *testing.T) {
	measured := map[string]bool{}
	instrument := regexp.MustCompile(`(?i)(?:counter|gauge|histogram|sizes)\([^"\n]*"([a-z.]+)"`)
	for _, pattern := range []string{"../../shared/*/*.go", "../../sockets/*/*.go", "../../functions/*/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range instrument.FindAllStringSubmatch(string(text), -1) {
				measured[strings.ReplaceAll(m[1], ".", "_")] = true
			}
		}
	}
	figure := regexp.MustCompile(`\b[a-z]+(?:_[a-z]+)+\b`)
	suffix := regexp.MustCompile(`(_total|_(milliseconds|seconds)_(bucket|count))$`)
	word := regexp.MustCompile(`histogram_quantile|\{[^}]*\}`)
	for _, s := range signals(t) {
		found := figure.FindAllString(word.ReplaceAllString(s.Expr, ""), -1)
		if len(found) == 0 {
			t.Errorf("%s looks at nothing", s.Name)
		}
		for _, name := range found {
			if !measured[suffix.ReplaceAllString(name, "")] {
				t.Errorf("%s: nothing measures %s", s.Name, name)
			}
		}
	}
}

func TestPodIsCalledFullBelowItsLimit(t *testing.T) {
	text, err := os.ReadFile("../k8s/base/settings.env")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^MAX_CONNECTIONS=(\d+)$`).FindSubmatch(text)
	limit, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range signals(t) {
		if s.Name == "PodFull" && *s.Above != limit*0.9 {
			t.Errorf("a pod is called full at %v of %v", *s.Above, limit)
		}
	}
}

// Prometheus' own tool reads the rules, and says when they fire.
func TestRulesFire(t *testing.T) {
	tool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("no promtool (Debian's package prometheus)")
	}
	for _, args := range [][]string{{"check", "rules", "rules.yaml"}, {"test", "rules", "rules_test.yaml"}} {
		if out, err := exec.CommandContext(t.Context(), tool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
}
