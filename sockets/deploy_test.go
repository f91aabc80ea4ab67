package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/barrage-live/barrage/shared/settings"
)

// names are the settings of a struct: the value says whether one must be there.
func names(t reflect.Type, into map[string]bool) {
	for f := range t.Fields() {
		name, must, _ := strings.Cut(f.Tag.Get("env"), ",")
		switch {
		case name != "":
			into[name] = must == "required"
		case f.Type.Kind() == reflect.Struct:
			names(f.Type, into)
		}
	}
}

// deployed are the settings of an overlay of infra/k8s.
func deployed(t *testing.T, overlay string) map[string]string {
	t.Helper()
	got := map[string]string{}
	for _, file := range []string{"base/settings.env", overlay + "/settings.env"} {
		f, err := os.Open(filepath.Join("../infra/k8s", file))
		if err != nil {
			t.Fatal(err)
		}
		for lines := bufio.NewScanner(f); lines.Scan(); {
			if name, value, ok := strings.Cut(lines.Text(), "="); ok && !strings.HasPrefix(name, "#") {
				got[name] = value
			}
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return got
}

func TestFleetIsDeployedWithSettingsOfOurs(t *testing.T) {
	known := map[string]bool{"APP_ENV": false}
	names(reflect.TypeFor[config](), known)
	for _, overlay := range []string{"dev", "prod"} {
		env := deployed(t, overlay)
		for name := range env {
			if _, ok := known[name]; !ok {
				t.Errorf("%s: sets %s, which a pod does not read", overlay, name)
			}
		}
		for name, must := range known {
			if must && env[name] == "" {
				t.Errorf("%s: does not set %s", overlay, name)
			}
		}
		if _, err := settings.Load[config](func(name string) string { return env[name] }); err != nil {
			t.Errorf("%s: %v", overlay, err)
		}
	}
}

// undeployed are the settings that the fleet's manifests leave out, and why.
var undeployed = map[string]string{
	"TOKEN_SIGNING_KEY": "pods check tokens by JWKS_URL and can make none",
	"ALLOW_QUERY_TOKEN": "refused in production",
}

// A setting that the manifests don't show can't be found by who deploys them.
func TestEverySettingOfThePodIsDeployed(t *testing.T) {
	known := map[string]bool{}
	names(reflect.TypeFor[config](), known)
	text, err := os.ReadFile("../infra/k8s/base/deployment.yaml")
	if err != nil {
		t.Fatal(err)
	}
	env := deployed(t, "dev")
	for name := range known {
		_, set := env[name]
		if set = set || strings.Contains(string(text), "name: "+name+"\n"); set == (undeployed[name] != "") {
			t.Errorf("%s: in the manifests: %v, left out because %q", name, set, undeployed[name])
		}
	}
}

func TestFleetIsDeployedWithRoutesOfOurs(t *testing.T) {
	text, err := os.ReadFile("../infra/k8s/base/deployment.yaml")
	if err != nil {
		t.Fatal(err)
	}
	type probe struct {
		HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
	}
	var d struct {
		Spec struct {
			Template struct {
				Metadata struct{ Annotations map[string]string }
				Spec     struct {
					Containers []struct {
						Ports []struct {
							Name          string
							ContainerPort int `yaml:"containerPort"`
						}
						Env                                         []struct{ Name string }
						StartupProbe, ReadinessProbe, LivenessProbe probe
					}
				}
			}
		}
	}
	// Keys in lower case, as the decoder takes the names of fields.
	if err := yaml.Unmarshal([]byte(strings.NewReplacer("Probe:", "probe:").Replace(string(text))), &d); err != nil {
		t.Fatal(err)
	}
	c := d.Spec.Template.Spec.Containers[0]
	known := map[string]bool{}
	names(reflect.TypeFor[config](), known)
	for _, e := range c.Env {
		if _, ok := known[e.Name]; !ok {
			t.Errorf("sets %s, which a pod does not read", e.Name)
		}
	}
	cfg, err := settings.Load[config](func(name string) string { return deployed(t, "prod")[name] })
	if err != nil {
		t.Fatal(err)
	}
	ports := map[string]string{}
	for _, p := range c.Ports {
		ports[p.Name] = fmt.Sprintf(":%d", p.ContainerPort)
	}
	if len(ports) != 2 || ports["sockets"] != cfg.ListenAddr || ports["metrics"] != cfg.MetricsAddr {
		t.Errorf("listens on %s and %s, and ports are %v", cfg.ListenAddr, cfg.MetricsAddr, ports)
	}
	if got := ":" + d.Spec.Template.Metadata.Annotations["prometheus.io/port"]; got != cfg.MetricsAddr {
		t.Errorf("Prometheus is sent to %s, want %s", got, cfg.MetricsAddr)
	}
	for want, p := range map[string][]probe{"/health/live": {c.StartupProbe, c.LivenessProbe}, "/health/ready": {c.ReadinessProbe}} {
		for _, got := range p {
			if got.HTTPGet.Path != want || got.HTTPGet.Port != "metrics" {
				t.Errorf("a probe asks %s of port %s, want %s of metrics", got.HTTPGet.Path, got.HTTPGet.Port, want)
			}
		}
	}
}
