package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/barrage-live/barrage/functions/manifest"
)

// lambda is what the manifest has a word on.
type lambda struct {
	MemorySize, Timeout int
	Description         string
	Environment         struct{ Variables map[string]any }
	Layers              []any
}

type source struct {
	FunctionName                        attribute
	Topics                              []string
	AmazonManagedKafkaEventSourceConfig struct{ ConsumerGroupId string }
	BatchSize                           int
	MaximumBatchingWindowInSeconds      int
	MaximumRetryAttempts                int
	MaximumRecordAgeInSeconds           int
	BisectBatchOnFunctionError          bool
	FunctionResponseTypes               []string
	DestinationConfig                   struct{ OnFailure struct{ Destination string } }
	ProvisionedPollerConfig             struct{ MinimumPollers, MaximumPollers int }
}

// attribute is a reference to an attribute of a resource.
type attribute struct {
	GetAtt []string `json:"Fn::GetAtt"`
}

// owner is the function whose resource it refers to.
func (a attribute) owner(rows map[string]string) string {
	if len(a.GetAtt) == 0 {
		return ""
	}
	return rows[a.GetAtt[0]]
}

// lambdas are the functions of the table by the names of their resources, and each one's properties by its row's name.
func lambdas(t *testing.T, tpl template) (names map[string]string, found map[string]lambda) {
	names, found = map[string]string{}, map[string]lambda{}
	for id, r := range tpl.of("AWS::Lambda::Function") {
		var l lambda
		r.into(t, &l)
		if name, ok := strings.CutPrefix(l.Description, "The "); ok {
			name = strings.TrimSuffix(name, " function")
			names[id], found[name] = name, l
		}
	}
	return names, found
}

func TestFunctionsAgreeWithTheManifest(t *testing.T) {
	for _, s := range []string{"dev", "prod"} {
		tpl := synthesized(t, s)
		names, found := lambdas(t, tpl)
		for _, row := range manifest.Functions() {
			got := found[row.Name]
			if got.MemorySize != row.MemoryMB || time.Duration(got.Timeout)*time.Second != row.Timeout {
				t.Errorf("%s %s: got %d MB and %d s, want %d and %v", s, row.Name, got.MemorySize, got.Timeout, row.MemoryMB, row.Timeout)
			}
			for name := range got.Environment.Variables {
				if !slices.Contains(row.Env(), name) {
					t.Errorf("%s %s: sets %s, which it does not read", s, row.Name, name)
				}
			}
			for _, name := range row.Required() {
				if _, ok := got.Environment.Variables[name]; !ok {
					t.Errorf("%s %s: does not set %s", s, row.Name, name)
				}
			}
		}
		if len(names) != len(manifest.Functions()) {
			t.Errorf("%s: got %d functions, want %d", s, len(names), len(manifest.Functions()))
		}
	}
}

func TestSourcesAgreeWithTheManifest(t *testing.T) {
	tpl := synthesized(t, "dev")
	names, _ := lambdas(t, tpl)
	got := map[string][]manifest.Batch{}
	for id, r := range tpl.of("AWS::Lambda::EventSourceMapping") {
		var s source
		r.into(t, &s)
		if !s.BisectBatchOnFunctionError || !slices.Equal(s.FunctionResponseTypes, []string{"ReportBatchItemFailures"}) {
			t.Errorf("%s: partial failures are not reported, or a bad batch is not cut", id)
		}
		name := s.FunctionName.owner(names)
		got[name] = append(got[name], manifest.Batch{
			Topic: strings.Join(s.Topics, ","), Group: s.AmazonManagedKafkaEventSourceConfig.ConsumerGroupId, Size: s.BatchSize,
			Window: time.Duration(s.MaximumBatchingWindowInSeconds) * time.Second, MaxAttempts: s.MaximumRetryAttempts,
			OnFailure:  strings.TrimPrefix(s.DestinationConfig.OnFailure.Destination, "kafka://"),
			MaxAge:     time.Duration(s.MaximumRecordAgeInSeconds) * time.Second,
			MinPollers: s.ProvisionedPollerConfig.MinimumPollers, MaxPollers: s.ProvisionedPollerConfig.MaximumPollers,
		})
	}
	for _, row := range manifest.Functions() {
		var want []manifest.Batch
		for _, b := range row.Batches {
			b.Window = b.Window.Truncate(time.Second) // Lambda takes whole seconds
			want = append(want, b)
		}
		for _, list := range [][]manifest.Batch{want, got[row.Name]} {
			slices.SortFunc(list, func(a, b manifest.Batch) int { return strings.Compare(a.Group, b.Group) })
		}
		if !slices.Equal(got[row.Name], want) {
			t.Errorf("%s: got %+v, want %+v", row.Name, got[row.Name], want)
		}
		delete(got, row.Name)
	}
	if len(got) > 0 {
		t.Errorf("sources of no function: %v", got)
	}
}

func TestRoutesAgreeWithTheManifest(t *testing.T) {
	tpl := synthesized(t, "dev")
	names, _ := lambdas(t, tpl)
	integrations := map[string]string{}
	for id, r := range tpl.of("AWS::ApiGatewayV2::Integration") {
		var i struct{ IntegrationUri attribute }
		r.into(t, &i)
		integrations[id] = i.IntegrationUri.owner(names)
	}
	got := map[string][]string{}
	for id, r := range tpl.of("AWS::ApiGatewayV2::Route") {
		var route struct {
			RouteKey string
			Target   struct {
				Join []any `json:"Fn::Join"`
			}
		}
		r.into(t, &route)
		name := ""
		for integration, fn := range integrations {
			if strings.Contains(fmt.Sprint(route.Target.Join), "Ref:"+integration) {
				name = fn
			}
		}
		if name == "" {
			t.Errorf("%s: leads to no function", id)
		}
		got[name] = append(got[name], strings.TrimPrefix(route.RouteKey, "ANY "))
	}
	for _, row := range manifest.Functions() {
		want := slices.Sorted(slices.Values(row.Routes))
		if slices.Sort(got[row.Name]); !slices.Equal(got[row.Name], want) {
			t.Errorf("%s: got routes %v, want %v", row.Name, got[row.Name], want)
		}
	}
}

func TestJobsAgreeWithTheManifest(t *testing.T) {
	tpl := synthesized(t, "dev")
	names, _ := lambdas(t, tpl)
	var got, want []string
	for _, r := range tpl.of("AWS::Scheduler::Schedule") {
		var s struct {
			ScheduleExpression string
			Target             struct {
				Arn   attribute
				Input string
			}
		}
		r.into(t, &s)
		got = append(got, s.Target.Arn.owner(names)+" "+s.Target.Input+" "+s.ScheduleExpression)
	}
	for _, row := range manifest.Functions() {
		for _, j := range row.Jobs {
			every := map[time.Duration]string{time.Minute: "rate(1 minute)", 10 * time.Minute: "rate(10 minutes)", time.Hour: "rate(1 hour)", 24 * time.Hour: "rate(24 hours)"}[j.Schedule()]
			if j.Every > 0 {
				want = append(want, fmt.Sprintf(`%s {"job":%q} %s`, row.Name, j.Name, every))
			}
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got schedules %q, want %q", got, want)
	}
}
