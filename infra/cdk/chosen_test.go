package main

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"

	"github.com/barrage-live/barrage/functions/manifest"
	"github.com/barrage-live/barrage/infra/cdk/fleet"
)

const aSecret = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:hook-AbCdEf"

// Each setting that the code reads is set by the stack, or may be by its operator.
func TestEverySettingCanBeSet(t *testing.T) {
	tpl := synthesized(t, "prod")
	o := built(t, "prod")
	o.Chosen = map[string]string{}
	for _, row := range manifest.Functions() {
		_, found := lambdas(t, tpl)
		for _, name := range row.Env() {
			if _, own := found[row.Name].Environment.Variables[name]; own {
				continue
			}
			if o.Chosen[name] = "1"; slices.Contains(manifest.Secrets, name) {
				o.Chosen[name] = aSecret
			}
		}
	}
	delete(o.Chosen, "BLOCKED_WORDS_FILES") // follows from the lists
	o.Words = t.TempDir()
	if err := os.WriteFile(filepath.Join(o.Words, "words.txt"), []byte("word\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	stack, err := build(awscdk.NewApp(nil), o)
	if err != nil {
		t.Fatal(err)
	}
	tpl = templateOf(t, stack)
	_, found := lambdas(t, tpl)
	for _, row := range manifest.Functions() {
		for _, name := range row.Env() {
			if _, ok := found[row.Name].Environment.Variables[name]; !ok {
				t.Errorf("%s: nothing can set %s", row.Name, name)
			}
		}
	}
	if got := found["room"].Environment.Variables["BLOCKED_WORDS_FILES"]; got != "/opt/words.txt" || len(found["room"].Layers) != 1 || len(found["auth"].Layers) != 0 {
		t.Errorf("got words in %v, layers %v of room and %v of auth", got, found["room"].Layers, found["auth"].Layers)
	}
	if _, ok := tpl.Outputs["SocketsReviewHookUrl"]; !ok {
		t.Error("the socket fleet is not told of the review hook")
	}
	if policies := fmt.Sprint(tpl.of("AWS::IAM::Policy")); strings.Count(policies, aSecret) < 2 {
		t.Error("want the room function and the pods to read the review hook's secret")
	}
}

func TestSettingsThatCannotBeChosenAreNamed(t *testing.T) {
	for name, chosen := range map[string]map[string]string{
		"REVIEW_HOOK_SECRET": {"REVIEW_HOOK_SECRET": "hunter2"}, "CLICKHOUSE_URL": {"CLICKHOUSE_URL": "https://u:p@clickhouse"},
		"REDIS_ADDRS": {"REDIS_ADDRS": "elsewhere:6379"},
	} {
		o := built(t, "dev")
		o.Chosen = chosen
		if _, err := build(awscdk.NewApp(nil), o); err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("got %v, want word of %s", err, name)
		}
	}
	o := built(t, "dev")
	o.Chosen = map[string]string{"CLICKHOUSE_URL": "https://clickhouse:8443/barrage"}
	if _, err := build(awscdk.NewApp(nil), o); err != nil {
		t.Errorf("a URL without a secret: %v", err)
	}
	o.Words = t.TempDir()
	if _, err := build(awscdk.NewApp(nil), o); err == nil || !strings.Contains(err.Error(), "words") {
		t.Errorf("lists that are not there: got %v", err)
	}
}

// The balancer sends viewers, and asks for health, where the pods of infra/k8s listen.
func TestBalancerKnowsThePodsDoors(t *testing.T) {
	pods := map[string]string{}
	f, err := os.Open("../k8s/base/settings.env")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), "="); ok {
			pods[name] = strings.TrimPrefix(value, ":")
		}
	}
	if pods["LISTEN_ADDR"] != strconv.Itoa(fleet.SocketPort) || pods["METRICS_ADDR"] != strconv.Itoa(fleet.HealthPort) {
		t.Errorf("pods listen on %s and %s", pods["LISTEN_ADDR"], pods["METRICS_ADDR"])
	}
	for _, s := range []string{"dev", "prod"} {
		wants(t, s, synthesized(t, s), "AWS::ElasticLoadBalancingV2::TargetGroup", map[string]string{
			"Port": pods["LISTEN_ADDR"], "HealthCheckPort": pods["METRICS_ADDR"], "HealthCheckPath": "/health/ready",
		})
		for id, r := range synthesized(t, s).of("AWS::ElasticLoadBalancingV2::Listener") {
			if port := property(r.Properties, "Port"); port == pods["METRICS_ADDR"] {
				t.Errorf("%s %s: shows metrics to the world", s, id)
			}
		}
	}
}
