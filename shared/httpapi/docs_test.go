package httpapi_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/right"
)

func TestDescription(t *testing.T) {
	f := newFixture(t, nil)
	got := f.do(t, "GET", "/openapi.json", "")
	var doc struct {
		OpenAPI    string
		Info       struct{ Title string }
		Paths      map[string]map[string]map[string]any
		Components struct {
			Schemas         map[string]any
			SecuritySchemes map[string]any
		}
	}
	if err := json.Unmarshal(got.body, &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1") || doc.Info.Title != "Test" || got.Header.Get("Content-Type") != "application/json" {
		t.Errorf("got openapi %q of %q", doc.OpenAPI, doc.Info.Title)
	}
	names := slices.Sorted(maps.Keys(doc.Components.Schemas))
	want := []string{"CreateInputBody", "DataStruct", "FieldError", "PageRoom", "Problem", "Room", "WhoAnswer"}
	if !slices.Equal(names, want) {
		t.Errorf("got schemas %v, want %v", names, want)
	}
	create := doc.Paths["/api/v1/rooms"]["post"]
	if create["operationId"] != "postRooms" || len(create["security"].([]any)) != 1 {
		t.Errorf("got %v", create)
	}
	conflict := create["responses"].(map[string]any)["409"].(map[string]any)
	if !strings.Contains(conflict["description"].(string), "title_taken") || conflict["content"].(map[string]any)["application/problem+json"] == nil {
		t.Errorf("got %v, want the code described", conflict)
	}
	for _, route := range f.api.Routes() {
		if doc.Paths[route.Path][strings.ToLower(route.Method)] == nil {
			t.Errorf("%s %s is not described", route.Method, route.Path)
		}
	}
}

func TestSchemasOfTheSameName(t *testing.T) {
	f := newFixture(t, nil)
	type Problem struct {
		X int `json:"x"`
	}
	httpapi.Route(f.api, httpapi.Op{Method: "GET", Path: "/same/1", Action: right.SignIn}, answerWith(Problem{}))
	httpapi.Route(f.api, httpapi.Op{Method: "GET", Path: "/same/2", Action: right.SignIn}, answerWith(struct {
		Data struct{ X int }
	}{}))
	httpapi.Route(f.api, httpapi.Op{Method: "GET", Path: "/same/3", Action: right.SignIn}, answerWith(struct {
		Data struct{ Y, Z int }
	}{}))
	got := f.do(t, "GET", "/openapi.json", "")
	for _, want := range []string{`"Problem"`, `"Httpapi_testProblem"`, `"DataStruct"`, `"DataStruct2"`, `"DataStruct3"`} {
		if !strings.Contains(string(got.body), want) {
			t.Errorf("got %s, want %s in it", got.body, want)
		}
	}
}

func TestDocsNeedNobodyElse(t *testing.T) {
	f := newFixture(t, nil)
	for path, contentType := range map[string]string{"/docs": "text/html", "/docs/docs.js": "text/javascript", "/docs/docs.css": "text/css"} {
		got := f.do(t, "GET", path, "")
		if got.StatusCode != 200 || !strings.HasPrefix(got.Header.Get("Content-Type"), contentType) {
			t.Errorf("%s: got %d %s", path, got.StatusCode, got.Header.Get("Content-Type"))
		}
		if csp := got.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'; script-src 'self'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: got policy %q", path, csp)
		}
		for _, elsewhere := range []string{"http://", "https://", "<script>", "style=", "onclick", "innerHTML"} {
			if strings.Contains(string(got.body), elsewhere) {
				t.Errorf("%s holds %s", path, elsewhere)
			}
		}
	}
}
