package manifest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/barrage-live/barrage/functions/manifest"
)

type template struct {
	Resources map[string]struct {
		Type       string
		Properties struct {
			MemorySize, Timeout int
			Environment         struct{ Variables map[string]any }
			Events              map[string]struct {
				Type       string
				Properties struct{ Path, ScheduleExpression, Input string }
			}
			FunctionName                        string
			Topics                              []string
			AmazonManagedKafkaEventSourceConfig struct{ ConsumerGroupId string }
			BatchSize                           int
			MaximumBatchingWindowInSeconds      int
			MaximumRetryAttempts                int
			MaximumRecordAgeInSeconds           int
			FunctionResponseTypes               []string
			DestinationConfig                   struct{ OnFailure struct{ Destination string } }
			ProvisionedPollerConfig             struct{ MinimumPollers, MaximumPollers int }
		}
	}
}

func decode(t *testing.T, file string, into any) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../..", file))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(lowerKeys(t, text), into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// lowerKeys makes the keys of a document lower case, which is what the fields of the structs above are matched by.
func lowerKeys(t *testing.T, text []byte) []byte {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	var walk func(*yaml.Node)
	walk = func(n *yaml.Node) {
		for i, c := range n.Content {
			if n.Kind == yaml.MappingNode && i%2 == 0 && !regexp.MustCompile(`^[A-Z0-9_]+$`).MatchString(c.Value) {
				c.Value = strings.ToLower(c.Value)
			}
			walk(c)
		}
	}
	walk(&doc)
	out, err := yaml.Marshal(&doc)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// unset are the settings that template.yaml leaves out, and why.
var unset = map[string]string{
	"KAFKA_USER": "functions sign in at MSK by IAM", "KAFKA_PASSWORD": "the same", "KAFKA_TLS": "IAM has it always",
	"AWS_ENDPOINT_URL_S3": "the buckets are AWS's",
}

func TestTemplateAgreesWithTheManifest(t *testing.T) {
	var tpl template
	decode(t, "template.yaml", &tpl)
	functions, sources := 0, 0
	for _, r := range tpl.Resources {
		switch r.Type {
		case "AWS::Serverless::Function":
			functions++
		case "AWS::Lambda::EventSourceMapping":
			sources++
		}
	}
	batches := 0
	for _, row := range manifest.Functions() {
		got := tpl.Resources[row.Name+"function"].Properties
		if got.MemorySize != row.MemoryMB || time.Duration(got.Timeout)*time.Second != row.Timeout {
			t.Errorf("%s: got %d MB and %d s, want %d and %v", row.Name, got.MemorySize, got.Timeout, row.MemoryMB, row.Timeout)
		}
		for name := range got.Environment.Variables {
			if !slices.Contains(row.Env(), name) {
				t.Errorf("%s: sets %s, which it does not read", row.Name, name)
			}
		}
		for _, name := range row.Env() {
			if _, set := got.Environment.Variables[name]; set == (unset[name] != "") {
				t.Errorf("%s: sets %s: %v, left out because %q", row.Name, name, set, unset[name])
			}
		}
		var want, events []string
		want = append(want, row.Routes...)
		for _, j := range row.Jobs {
			if every := j.Schedule(); every > 0 {
				want = append(want, fmt.Sprintf(`{"job":%q} %s`, j.Name, rate(every)))
			}
		}
		for _, e := range got.Events {
			events = append(events, strings.TrimSpace(e.Properties.Path+e.Properties.Input+" "+e.Properties.ScheduleExpression))
		}
		slices.Sort(want)
		slices.Sort(events)
		if !slices.Equal(events, want) {
			t.Errorf("%s: got events %v, want %v", row.Name, events, want)
		}
		for _, b := range row.Batches {
			batches++
			s := tpl.Resources[strings.ReplaceAll(b.Group, "-", "")+"source"].Properties
			found := manifest.Batch{
				Topic: strings.Join(s.Topics, ","), Group: s.AmazonManagedKafkaEventSourceConfig.ConsumerGroupId, Size: s.BatchSize,
				Window: time.Duration(s.MaximumBatchingWindowInSeconds) * time.Second, MaxAttempts: s.MaximumRetryAttempts,
				OnFailure:  strings.TrimPrefix(s.DestinationConfig.OnFailure.Destination, "kafka://"),
				MaxAge:     time.Duration(s.MaximumRecordAgeInSeconds) * time.Second,
				MinPollers: s.ProvisionedPollerConfig.MinimumPollers, MaxPollers: s.ProvisionedPollerConfig.MaximumPollers,
			}
			b.Window = b.Window.Truncate(time.Second) // Lambda takes whole seconds
			if found != b {
				t.Errorf("%s: got %+v, want %+v", row.Name, found, b)
			}
			if !slices.Equal(s.FunctionResponseTypes, []string{"ReportBatchItemFailures"}) {
				t.Errorf("%s: partial failures are not reported", row.Name)
			}
		}
	}
	if functions != len(manifest.Functions()) || sources != batches {
		t.Errorf("got %d functions and %d event sources, want %d and %d", functions, sources, len(manifest.Functions()), batches)
	}
}

func rate(every time.Duration) string {
	switch every {
	case time.Minute:
		return "rate(1 minute)"
	case time.Hour:
		return "rate(1 hour)"
	}
	return fmt.Sprintf("rate(%d minutes)", int(every.Minutes()))
}

func TestKnativeAgreesWithTheManifest(t *testing.T) {
	for _, row := range manifest.Functions() {
		var got struct {
			Name string
			Run  struct {
				Envs []struct{ Name, Value string }
			}
			Deploy struct {
				Options struct {
					Resources struct{ Limits struct{ Memory string } }
				}
			}
		}
		decode(t, "functions/knative/"+row.Name+"/func.yaml", &got)
		o := got.Deploy.Options
		if got.Name != "barrage-"+row.Name || o.Resources.Limits.Memory != fmt.Sprintf("%dMi", row.MemoryMB) {
			t.Errorf("%s: got %+v", row.Name, got)
		}
		var secrets []string
		for _, e := range got.Run.Envs {
			if e.Name != "" && !slices.Contains(row.Env(), e.Name) {
				t.Errorf("%s: sets %s, which it does not read", row.Name, e.Name)
			}
			if e.Name != "" {
				secrets = append(secrets, e.Name)
			}
			if e.Name != "" && e.Value != "{{ secret:barrage:"+e.Name+" }}" {
				t.Errorf("%s: got %s of %s", row.Name, e.Name, e.Value)
			}
		}
		for _, name := range row.Env() {
			if slices.Contains(manifest.Secrets, name) != slices.Contains(secrets, name) {
				t.Errorf("%s: %s comes from the Secret, or it is a secret: not both", row.Name, name)
			}
		}
	}
}
