package manifest_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"testing"

	"github.com/barrage-live/barrage/functions/manifest"
)

// rights are the actions on topics and groups as a template grants them: "ReadData topic live-messages".
func rights(row manifest.Function) []string {
	if row.MakesTopics() {
		return []string{"CreateTopic topic *", "DescribeTopic topic *"}
	}
	if !row.Needs(manifest.Kafka) {
		return nil
	}
	a, got := row.Access(), map[string]bool{}
	grant := func(kind string, names []string, actions ...string) {
		for _, name := range names {
			for _, action := range actions {
				got[fmt.Sprintf("%s %s %s", action, kind, name)] = true
			}
		}
	}
	grant("topic", a.Write, "DescribeTopic", "WriteData")
	grant("topic", a.Read, "DescribeTopic", "ReadData")
	grant("topic", a.Describe, "DescribeTopic")
	grant("group", a.Join, "AlterGroup", "DescribeGroup")
	grant("group", a.Watch, "DescribeGroup")
	return slices.Sorted(maps.Keys(got))
}

func TestTemplateGrantsWhatTheManifestSays(t *testing.T) {
	var tpl struct {
		Resources map[string]struct {
			Properties struct{ Policies []any }
		}
	}
	decode(t, "template.yaml", &tpl)
	statement := regexp.MustCompile(`action:\[([^\]]*)\][^\]]*?resource:(\[[^\]]*\]|\S+)`)
	action := regexp.MustCompile(`kafka-cluster:(\w+)`)
	resource := regexp.MustCompile(`:(topic|group)/\$\{ClusterName\}/\*/([a-z.*-]+)`)
	for _, row := range manifest.Functions() {
		got := map[string]bool{}
		for _, s := range statement.FindAllStringSubmatch(fmt.Sprint(tpl.Resources[row.Name+"function"].Properties.Policies), -1) {
			for _, a := range action.FindAllStringSubmatch(s[1], -1) {
				for _, r := range resource.FindAllStringSubmatch(s[2], -1) {
					got[a[1]+" "+r[1]+" "+r[2]] = true
				}
			}
		}
		if found := slices.Sorted(maps.Keys(got)); !slices.Equal(found, rights(row)) {
			t.Errorf("%s: got rights %q, want %q", row.Name, found, rights(row))
		}
	}
}
