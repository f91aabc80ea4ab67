package httpapi

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"

	"github.com/barrage-live/barrage/shared/live"
)

//go:embed docs
var docsFiles embed.FS

// refusals describes the errors of a route: its own, and those that its kind of route has anyway.
func (a *API) refusals(op Op) map[string]*huma.Response {
	schema := a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem")
	lines := map[int][]string{}
	note := func(e *live.Error) {
		status := Status(e.Kind)
		lines[status] = append(lines[status], fmt.Sprintf("`%s`: %s", e.Code, e.Message))
	}
	if !op.Action.Open() {
		note(errInvalidToken)
	}
	for _, e := range op.Action.Refusals() {
		note(e)
	}
	for _, e := range op.Errors {
		note(e)
	}
	content := map[string]*huma.MediaType{problemType: {Schema: schema}}
	responses := map[string]*huma.Response{"default": {Description: "Any other problem.", Content: content}}
	for status, text := range lines {
		responses[strconv.Itoa(status)] = &huma.Response{Description: strings.Join(text, "\n\n"), Content: content}
	}
	return responses
}

// newSchemaNamer names schemas after their types. Functions name types as they like, so that the second type of a name
// gets its package's name in front, and further ones a number.
func newSchemaNamer() func(reflect.Type, string) string {
	owners, names := map[string]reflect.Type{}, map[reflect.Type]string{}
	return func(t reflect.Type, hint string) string {
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct {
			return huma.DefaultSchemaNamer(t, hint)
		}
		if name, ok := names[t]; ok {
			return name
		}
		plain := huma.DefaultSchemaNamer(t, hint)
		name := plain
		if pkg := path.Base(t.PkgPath()); owners[name] != nil && t.PkgPath() != "" {
			plain = strings.ToUpper(pkg[:1]) + pkg[1:] + plain
			name = plain
		}
		for n := 2; owners[name] != nil; n++ {
			name = plain + strconv.Itoa(n)
		}
		owners[name], names[t] = t, name
		return name
	}
}

func (a *API) mountDocs() {
	description := sync.OnceValues(a.describe)
	a.Mount("GET /openapi.json", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := description()
		if err != nil {
			panic(err)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body) // the client may be gone
	}))
	for pattern, file := range map[string]string{
		"GET /docs": "docs/docs.html", "GET /docs/docs.js": "docs/docs.js", "GET /docs/docs.css": "docs/docs.css",
	} {
		a.Mount(pattern, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; "+
				"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
			h.Set("Cache-Control", "no-cache")
			http.ServeFileFS(w, r, docsFiles, file)
		}))
	}
}

// describe returns the OpenAPI document. It is called once, when all routes are there.
func (a *API) describe() ([]byte, error) {
	doc := a.huma.OpenAPI()
	schemas := doc.Components.Schemas.Map()
	delete(schemas, "ErrorModel") // huma's own error body, which no answer has
	delete(schemas, "ErrorDetail")
	body, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("describe the api: %w", err)
	}
	var out bytes.Buffer
	err = json.Indent(&out, body, "", " ")
	return out.Bytes(), err
}
