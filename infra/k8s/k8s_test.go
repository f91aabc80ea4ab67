// Package k8s tests the manifests of the socket fleet as kubectl apply -k would send them.
package k8s

import (
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// fleet is what an overlay makes.
type fleet struct {
	deployment appsv1.Deployment
	service    corev1.Service
	settings   corev1.ConfigMap
	scaler     autoscalingv2.HorizontalPodAutoscaler
	budget     policyv1.PodDisruptionBudget
	network    networkingv1.NetworkPolicy
}

type binding struct {
	APIVersion string         `json:"apiVersion"`
	Kind       string         `json:"kind"`
	Metadata   map[string]any `json:"metadata"`
	Spec       struct {
		ServiceRef struct {
			Name string `json:"name"`
			Port int    `json:"port"`
		} `json:"serviceRef"`
		TargetType     string `json:"targetType"`
		TargetGroupARN string `json:"targetGroupARN"`
	} `json:"spec"`
}

// build decodes every object into its type, which refuses what the type does not have.
func build(t *testing.T, overlay string) fleet {
	t.Helper()
	objects, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), overlay)
	if err != nil {
		t.Fatal(err)
	}
	var f fleet
	into := map[string]any{
		"Deployment": &f.deployment, "Service": &f.service, "ConfigMap": &f.settings, "HorizontalPodAutoscaler": &f.scaler,
		"PodDisruptionBudget": &f.budget, "NetworkPolicy": &f.network, "Namespace": &corev1.Namespace{}, "ServiceAccount": &corev1.ServiceAccount{},
		"TargetGroupBinding": &binding{},
	}
	seen := map[string]bool{}
	for _, o := range objects.Resources() {
		text, err := o.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		object, ok := into[o.GetKind()]
		if !ok || seen[o.GetKind()] {
			t.Fatalf("%s: %s %s is not expected", overlay, o.GetKind(), o.GetName())
		}
		seen[o.GetKind()] = true
		if err := yaml.UnmarshalStrict(text, object); err != nil {
			t.Errorf("%s: %s: %v", overlay, o.GetKind(), err)
		}
		if o.GetKind() != "Namespace" && o.GetNamespace() != "barrage" {
			t.Errorf("%s: %s is in namespace %q", overlay, o.GetKind(), o.GetNamespace())
		}
	}
	for kind := range into {
		if !seen[kind] && kind != "TargetGroupBinding" {
			t.Fatalf("%s: no %s", overlay, kind)
		}
	}
	return f
}

func each(t *testing.T, test func(*testing.T, fleet)) {
	for _, overlay := range []string{"dev", "prod"} {
		t.Run(overlay, func(t *testing.T) { test(t, build(t, overlay)) })
	}
}

func TestPodsMayFinishTheirDrain(t *testing.T) {
	each(t, func(t *testing.T, f fleet) {
		drain, err := time.ParseDuration(f.settings.Data["DRAIN_TIMEOUT"])
		if err != nil {
			t.Fatal(err)
		}
		grace := time.Duration(*f.deployment.Spec.Template.Spec.TerminationGracePeriodSeconds) * time.Second
		// Behind the drain: the server, Redis and Kafka, telemetry, 5 s each, and those who place orders.
		if grace < drain+20*time.Second {
			t.Errorf("got a grace period of %v, want 20 s more than the drain's %v", grace, drain)
		}
		if u := f.deployment.Spec.Strategy.RollingUpdate.MaxUnavailable; u.IntValue() != 0 {
			t.Errorf("a roll-out takes %v pods away before new ones are there", u)
		}
	})
}

func TestPodsMayDoNothingButServe(t *testing.T) {
	each(t, func(t *testing.T, f fleet) {
		pod := f.deployment.Spec.Template.Spec
		c := pod.Containers[0]
		if !*pod.SecurityContext.RunAsNonRoot || *pod.SecurityContext.RunAsUser == 0 || *pod.AutomountServiceAccountToken {
			t.Error("the pod is root, or has a token of Kubernetes")
		}
		s := c.SecurityContext
		if !*s.ReadOnlyRootFilesystem || *s.AllowPrivilegeEscalation || !slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}) {
			t.Error("the container may write, rise, or has capabilities")
		}
		if c.Resources.Limits.Memory().IsZero() || c.Resources.Requests.Cpu().IsZero() || !c.Resources.Limits.Cpu().IsZero() {
			t.Error("want a limit of memory, a request of CPU, and no limit of CPU, which would delay everybody's messages")
		}
		if strings.HasSuffix(c.Image, ":latest") || !strings.Contains(c.Image, ":") {
			t.Errorf("image %s: which one?", c.Image)
		}
	})
}

func TestPartsFindEachOther(t *testing.T) {
	each(t, func(t *testing.T, f fleet) {
		labels := f.deployment.Spec.Template.Labels
		for what, selector := range map[string]map[string]string{
			"deployment": f.deployment.Spec.Selector.MatchLabels, "service": f.service.Spec.Selector,
			"budget": f.budget.Spec.Selector.MatchLabels, "network": f.network.Spec.PodSelector.MatchLabels,
		} {
			if len(selector) == 0 {
				t.Errorf("%s selects everything", what)
			}
			for k, v := range selector {
				if labels[k] != v {
					t.Errorf("%s selects %s=%s, which pods have not", what, k, v)
				}
			}
		}
		c := f.deployment.Spec.Template.Spec.Containers[0]
		viewers, operators := c.Ports[0].Name, c.Ports[1].Name
		in := f.network.Spec.Ingress
		for what, port := range map[string][2]string{
			"service": {f.service.Spec.Ports[0].TargetPort.StrVal, viewers}, "network": {in[0].Ports[0].Port.StrVal, viewers},
			"readiness": {c.ReadinessProbe.HTTPGet.Port.StrVal, operators}, "liveness": {c.LivenessProbe.HTTPGet.Port.StrVal, operators},
			"network of operators": {in[1].Ports[0].Port.StrVal, operators},
		} {
			if port[0] != port[1] {
				t.Errorf("%s: got port %q, want %q", what, port[0], port[1])
			}
		}
		if len(f.service.Spec.Ports) != 1 || len(in) != 2 || len(in[0].From) != 0 || len(in[1].From) == 0 {
			t.Errorf("metrics are for the network within alone: got the service's ports %v and ingress %v", f.service.Spec.Ports, in)
		}
		if got := c.EnvFrom[0].ConfigMapRef.Name; got != f.settings.Name {
			t.Errorf("settings come from %s, which is named %s", got, f.settings.Name)
		}
		if ref := f.scaler.Spec.ScaleTargetRef; ref.Kind != "Deployment" || ref.Name != f.deployment.Name || f.deployment.Spec.Replicas != nil {
			t.Errorf("the autoscaler scales %v, whose replicas are %v", ref, f.deployment.Spec.Replicas)
		}
	})
}

func TestNoPodIsFullBeforeAnotherComes(t *testing.T) {
	each(t, func(t *testing.T, f fleet) {
		limit := f.settings.Data["MAX_CONNECTIONS"]
		target := f.scaler.Spec.Metrics[0].Pods.Target.AverageValue.Value()
		if want := int64(20000); limit != "20000" || target*2 > want {
			t.Errorf("pods take %s and another comes at %d: want room for a rush that doubles them", limit, target)
		}
		if *f.scaler.Spec.MinReplicas < 2 {
			t.Error("one pod alone can't be rolled")
		}
	})
}
