package main

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"

	"github.com/barrage-live/barrage/functions/manifest"
)

func TestFilesAreThoseOfTheManifest(t *testing.T) {
	files, err := os.ReadDir("functions")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != len(manifest.Functions()) {
		t.Errorf("got %d files for %d functions", len(files), len(manifest.Functions()))
	}
	for _, row := range manifest.Functions() {
		want, err := render(row)
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile("functions/" + row.Name + ".yaml")
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("functions/%s.yaml is not what the manifest says (%v): go run . in infra/knative", row.Name, err)
		}
	}
}

type meta struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name      string            `json:"name"`
		Namespace string            `json:"namespace"`
		Labels    map[string]string `json:"labels"`
	} `json:"metadata"`
}

type sink struct {
	Ref struct {
		APIVersion string `json:"apiVersion"`
		Kind       string `json:"kind"`
		Name       string `json:"name"`
		Namespace  string `json:"namespace"`
	} `json:"ref"`
}

type delivery struct {
	Retry         int    `json:"retry"`
	BackoffPolicy string `json:"backoffPolicy"`
	BackoffDelay  string `json:"backoffDelay"`
}

// What Knative's types have of what is used here.
type (
	service struct {
		meta
		Spec struct {
			Template struct {
				Metadata struct {
					Annotations map[string]string `json:"annotations"`
				} `json:"metadata"`
				Spec struct {
					corev1.PodSpec `json:",inline"`
					TimeoutSeconds int `json:"timeoutSeconds"`
				} `json:"spec"`
			} `json:"template"`
		} `json:"spec"`
	}
	kafkaSource struct {
		meta
		Spec struct {
			BootstrapServers []string `json:"bootstrapServers"`
			Topics           []string `json:"topics"`
			ConsumerGroup    string   `json:"consumerGroup"`
			InitialOffset    string   `json:"initialOffset"`
			Ordering         string   `json:"ordering"`
			Delivery         delivery `json:"delivery"`
			Sink             sink     `json:"sink"`
		} `json:"spec"`
	}
	pingSource struct {
		meta
		Spec struct {
			Schedule    string `json:"schedule"`
			ContentType string `json:"contentType"`
			Data        string `json:"data"`
			Sink        sink   `json:"sink"`
		} `json:"spec"`
	}
	trigger struct {
		meta
		Spec struct {
			Broker string `json:"broker"`
			Filter struct {
				Attributes map[string]string `json:"attributes"`
			} `json:"filter"`
			Delivery   delivery `json:"delivery"`
			Subscriber sink     `json:"subscriber"`
		} `json:"spec"`
	}
)

// all are the objects that kubectl apply -k would send.
type all struct {
	services map[string]service
	sources  map[string]kafkaSource
	pings    map[string]pingSource
	triggers map[string]trigger
	settings corev1.ConfigMap
	brokers  map[string]meta
}

func built(t *testing.T) all {
	t.Helper()
	objects, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), ".")
	if err != nil {
		t.Fatal(err)
	}
	a := all{services: map[string]service{}, sources: map[string]kafkaSource{}, pings: map[string]pingSource{}, triggers: map[string]trigger{}, brokers: map[string]meta{}}
	for _, o := range objects.Resources() {
		text, err := o.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		name := o.GetName()
		if o.GetNamespace() != "barrage" {
			t.Errorf("%s %s is in namespace %q", o.GetKind(), name, o.GetNamespace())
		}
		switch o.GetKind() {
		case "Service":
			a.services[name] = strict[service](t, text)
		case "KafkaSource":
			a.sources[name] = strict[kafkaSource](t, text)
		case "PingSource":
			a.pings[name] = strict[pingSource](t, text)
		case "Trigger":
			a.triggers[name] = strict[trigger](t, text)
		case "ConfigMap":
			a.settings = strict[corev1.ConfigMap](t, text)
		case "Broker":
			a.brokers[name] = strict[meta](t, text)
		default:
			t.Errorf("%s %s is not expected", o.GetKind(), name)
		}
	}
	return a
}

// strict refuses fields that the type does not have.
func strict[T any](t *testing.T, text []byte) (v T) {
	t.Helper()
	if err := yaml.UnmarshalStrict(text, &v); err != nil {
		t.Errorf("%v in\n%s", err, text)
	}
	return v
}

func TestObjectsAgreeWithTheManifest(t *testing.T) {
	a := built(t)
	sources, pings := 0, 0
	for _, row := range manifest.Functions() {
		s, ok := a.services["barrage-"+row.Name]
		if !ok {
			t.Errorf("%s: nothing serves it: is it in kustomization.yaml?", row.Name)
			continue
		}
		pod := s.Spec.Template.Spec
		if got := time.Duration(pod.TimeoutSeconds) * time.Second; got != row.Timeout {
			t.Errorf("%s: got %v, want %v", row.Name, got, row.Timeout)
		}
		if got := pod.Containers[0].Resources.Limits.Memory().Value(); got != int64(row.MemoryMB)<<20 {
			t.Errorf("%s: got %d bytes, want %d MiB", row.Name, got, row.MemoryMB)
		}
		set := []string{}
		for _, e := range pod.Containers[0].Env {
			set = append(set, e.Name)
			if !slices.Contains(manifest.Secrets, e.Name) || !slices.Contains(row.Env(), e.Name) {
				t.Errorf("%s: gets the secret %s, which is none or none of its own", row.Name, e.Name)
			}
		}
		for _, name := range row.Required() {
			if a.settings.Data[name] == "" && !slices.Contains(set, name) {
				t.Errorf("%s: does not get %s", row.Name, name)
			}
		}
		for _, b := range row.Batches {
			sources++
			k := a.sources["barrage-"+b.Group].Spec
			if !slices.Equal(k.Topics, []string{b.Topic}) || k.ConsumerGroup != b.Group || k.Ordering != "ordered" || k.Sink.Ref.Name != "barrage-"+row.Name {
				t.Errorf("%s: got %+v, want %+v in order", row.Name, k, b)
			}
			if !slices.Equal(k.BootstrapServers, []string{a.settings.Data["KAFKA_BROKERS"]}) {
				t.Errorf("%s: reads from %v", b.Group, k.BootstrapServers)
			}
		}
		for _, j := range row.Jobs {
			if j.Every == 0 {
				continue
			}
			pings++
			name := "barrage-" + row.Name + "-" + j.Name
			p, tr := a.pings[name].Spec, a.triggers[name].Spec
			if p.Data != `{"job":"`+j.Name+`"}` || p.Schedule == "" || p.Sink.Ref.Name != tr.Broker || a.brokers[tr.Broker].Kind != "Broker" {
				t.Errorf("%s: got %+v", name, p)
			}
			if !strings.HasSuffix(tr.Filter.Attributes["source"], "/pingsources/"+name) || tr.Subscriber.Ref.Name != "barrage-"+row.Name {
				t.Errorf("%s: got %+v", name, tr)
			}
		}
	}
	if len(a.sources) != sources || len(a.pings) != pings || len(a.triggers) != pings || len(a.services) != len(manifest.Functions()) {
		t.Errorf("got %d services, %d sources, %d clocks, %d triggers, want %d, %d, %d, %[6]d", len(a.services), len(a.sources), len(a.pings), len(a.triggers), len(manifest.Functions()), sources, pings)
	}
}

func TestSettingsAreKnown(t *testing.T) {
	known := map[string]bool{}
	for _, row := range manifest.Functions() {
		for _, name := range row.Env() {
			known[name] = true
		}
	}
	data := built(t).settings.Data
	for name := range known {
		if _, set := data[name]; set == slices.Contains(manifest.Secrets, name) {
			t.Errorf("%s is in settings.env: %v; want each setting that is no secret, if only for the default", name, set)
		}
	}
	for name := range data {
		if !known[name] || slices.Contains(manifest.Secrets, name) {
			t.Errorf("settings.env has %s, which no function reads or which is secret", name)
		}
	}
}

func TestIntervalsAsCron(t *testing.T) {
	for every, want := range map[time.Duration]string{
		time.Minute: "* * * * *", 5 * time.Minute: "*/5 * * * *", time.Hour: "7 * * * *", 6 * time.Hour: "7 */6 * * *", 24 * time.Hour: "0 4 * * *",
	} {
		if got, err := schedule(every); err != nil || got != want {
			t.Errorf("%v: got %q, %v, want %q", every, got, err, want)
		}
	}
	for _, every := range []time.Duration{7 * time.Minute, 90 * time.Minute, 36 * time.Hour, 90 * time.Second} {
		if got, err := schedule(every); err == nil {
			t.Errorf("%v: got %q, want an error", every, got)
		}
	}
}
