// Command alerts writes rules.yaml for Prometheus and dashboard.json for Grafana, both of signals.yaml. Run it in
// infra/alerts after a change; a test compares.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"sigs.k8s.io/yaml"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "alerts:", err)
		os.Exit(1)
	}
}

func run() error {
	signals, err := load("signals.yaml")
	if err != nil {
		return err
	}
	for file, make := range outputs {
		text, err := make(signals)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if err := os.WriteFile(file, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// outputs are the files that are made.
var outputs = map[string]func([]signal) ([]byte, error){"rules.yaml": rules, "dashboard.json": dashboard}

// signal is a figure, and where it is bad.
type signal struct {
	Name     string   `json:"name"`
	Title    string   `json:"title"`
	Expr     string   `json:"expr"`
	Above    *float64 `json:"above,omitempty"`
	Below    *float64 `json:"below,omitempty"`
	For      string   `json:"for,omitempty"`
	Playbook string   `json:"playbook,omitempty"` // of docs/playbooks, without .md
}

// alerts says whether somebody is woken.
func (s signal) alerts() bool { return s.Above != nil || s.Below != nil }

// limit is the bound and the side of it that is bad.
func (s signal) limit() (bound float64, side string) {
	if s.Below != nil {
		return *s.Below, "<"
	}
	return *s.Above, ">"
}

func load(file string) ([]signal, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var signals []signal
	if err := yaml.UnmarshalStrict(text, &signals); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	for _, s := range signals {
		if s.Above != nil && s.Below != nil || s.alerts() != (s.Playbook != "") || s.alerts() != (s.For != "") {
			return nil, fmt.Errorf("%s: %s: want above or below, with for and playbook, or none of them", file, s.Name)
		}
	}
	return signals, nil
}

const made = "# Made by go run . in infra/alerts from signals.yaml.\n"

// rules are the alerts as Prometheus takes them.
func rules(signals []signal) ([]byte, error) {
	type rule struct {
		Alert       string            `json:"alert"`
		Expr        string            `json:"expr"`
		For         string            `json:"for"`
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	}
	type group struct {
		Name  string `json:"name"`
		Rules []rule `json:"rules"`
	}
	g := group{Name: "barrage"}
	for _, s := range signals {
		if !s.alerts() {
			continue
		}
		bound, side := s.limit()
		g.Rules = append(g.Rules, rule{
			Alert: "Barrage" + s.Name, Expr: fmt.Sprintf("(%s) %s %v", s.Expr, side, bound), For: s.For, Labels: map[string]string{"severity": "page"},
			Annotations: map[string]string{"summary": s.Title + ": {{ $value }}", "playbook": "docs/playbooks/" + s.Playbook + ".md"},
		})
	}
	text, err := yaml.Marshal(map[string][]group{"groups": {g}})
	return append([]byte(made), text...), err
}

// dashboard shows every signal, with its bound as a line, as Grafana imports it.
func dashboard(signals []signal) ([]byte, error) {
	const width, height = 12, 8
	type object = map[string]any
	var panels []object
	for i, s := range signals {
		defaults := object{"min": 0}
		steps := []object{{"color": "green", "value": nil}}
		if s.alerts() {
			bound, side := s.limit()
			if steps = append(steps, object{"color": "red", "value": bound}); side == "<" {
				steps = []object{{"color": "red", "value": nil}, {"color": "green", "value": bound}}
			}
			defaults["custom"] = object{"thresholdsStyle": object{"mode": "line"}}
		}
		defaults["thresholds"] = object{"mode": "absolute", "steps": steps}
		panel := object{
			"id": i + 1, "type": "timeseries", "title": s.Title, "datasource": object{"type": "prometheus", "uid": "${source}"},
			"gridPos": object{"x": i % 2 * width, "y": i / 2 * height, "w": width, "h": height}, "fieldConfig": object{"defaults": defaults, "overrides": []any{}},
			"targets": []object{{"refId": "A", "expr": s.Expr}},
		}
		if s.Playbook != "" {
			panel["description"] = "docs/playbooks/" + s.Playbook + ".md"
		}
		panels = append(panels, panel)
	}
	text, err := json.MarshalIndent(object{
		"title": "Barrage", "uid": "barrage", "schemaVersion": 39, "refresh": "30s", "time": object{"from": "now-3h", "to": "now"}, "panels": panels,
		"templating": object{"list": []object{{"name": "source", "type": "datasource", "query": "prometheus"}}},
	}, "", " ")
	return append(text, '\n'), err
}
