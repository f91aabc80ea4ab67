package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"slices"
	"text/template"
	"time"

	"github.com/barrage-live/barrage/functions/manifest"
)

//go:embed function.yaml.tmpl
var text string

// page is a function as the template sees it.
type page struct {
	manifest.Function
	Secrets []string // settings that come from the Secret
	Ticks   []tick
	Words   bool // it reads lists of blocked words
}

// tick is a job with its schedule.
type tick struct{ Name, Cron string }

// render makes the manifests of a function.
func render(row manifest.Function) ([]byte, error) {
	p := page{Function: row, Words: slices.Contains(row.Env(), "BLOCKED_WORDS_FILES")}
	for _, name := range row.Env() {
		if slices.Contains(manifest.Secrets, name) {
			p.Secrets = append(p.Secrets, name)
		}
	}
	for _, j := range row.Jobs {
		every := j.Schedule()
		if every == 0 {
			continue
		}
		cron, err := schedule(every)
		if err != nil {
			return nil, fmt.Errorf("job %s: %w", j.Name, err)
		}
		p.Ticks = append(p.Ticks, tick{Name: j.Name, Cron: cron})
	}
	tpl, err := template.New("function").Option("missingkey=error").Parse(text)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = tpl.Execute(&out, p)
	return out.Bytes(), err
}

// schedule is an interval as cron writes it.
func schedule(every time.Duration) (string, error) {
	minutes, hours := int(every/time.Minute), int(every/time.Hour)
	switch {
	case every == 24*time.Hour:
		return "0 4 * * *", nil
	case every == time.Hour:
		return "7 * * * *", nil // not when everybody's do
	case every == time.Minute:
		return "* * * * *", nil
	case every%time.Hour == 0 && hours < 24 && 24%hours == 0:
		return fmt.Sprintf("7 */%d * * *", hours), nil
	case every%time.Minute == 0 && minutes < 60 && 60%minutes == 0:
		return fmt.Sprintf("*/%d * * * *", minutes), nil
	}
	return "", fmt.Errorf("every %v is nothing that cron can say", every)
}
