package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
)

// Op describes one route. Its Action is looked up in the table of rights before the route is called: who could never do
// it is refused; what depends on the room or the order is for the route to check. The zero Action is refused at
// registration, so that nobody forgets it unnoticed.
type Op struct {
	Method  string
	Path    string // whole, with /api/v1; parameters in braces
	Summary string
	Action  right.Action
	Status  int // of success; default 200, or 204 when there is no body

	Description string
	Tags        []string      // default: the first word of the path
	Errors      []*live.Error // refusals worth documenting, beyond those that every route of its kind has
	Hidden      bool          // not described in /openapi.json
}

// Route registers a route. I holds the input: fields tagged path, query or header, and a field Body for JSON; O holds
// the output: a field Body, and fields tagged header. Tags such as maxLength and minimum are checked before fn is called.
// A *live.Error from fn becomes its problem body; any other error is 500, shows nothing, and is logged once.
//
// Route panics when the description is incomplete or clashes, which is when the binary starts.
func Route[I, O any](a *API, op Op, fn func(context.Context, *I) (*O, error)) {
	if !op.Action.Known() {
		panic(fmt.Sprintf("route %s %s: say who may call it", op.Method, op.Path))
	}
	a.routes = append(a.routes, RouteInfo{Method: op.Method, Path: op.Path, Action: op.Action})
	huma.Register(a.huma, a.operation(op), func(ctx context.Context, in *I) (*O, error) {
		out, err := fn(ctx, in)
		if err != nil {
			return nil, exchangeOf(ctx).problem(ctx, err)
		}
		return out, nil
	})
}

func (a *API) operation(op Op) huma.Operation {
	if len(op.Tags) == 0 {
		op.Tags = []string{firstWord(op.Path)}
	}
	return huma.Operation{
		OperationID:   operationID(op.Method, op.Path),
		Method:        op.Method,
		Path:          op.Path,
		Summary:       op.Summary,
		Description:   op.Description,
		Tags:          op.Tags,
		DefaultStatus: op.Status,
		Hidden:        op.Hidden,
		MaxBodyBytes:  MaxBody + 1, // huma refuses a body that reaches its limit, not one that passes it
		Metadata:      map[string]any{metaAction: op.Action},
		Security:      security(op.Action),
		Responses:     a.refusals(op),
	}
}

// operationID makes "getRoomsId" of GET /api/v1/rooms/{id}.
func operationID(method, path string) string {
	id := strings.ToLower(method)
	for _, word := range strings.FieldsFunc(strings.TrimPrefix(path, "/api/v1"), func(r rune) bool {
		return strings.ContainsRune("/{}.-_", r)
	}) {
		id += strings.ToUpper(word[:1]) + word[1:]
	}
	return id
}

func firstWord(path string) string {
	word, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(path, "/api/v1"), "/"), "/")
	return strings.TrimPrefix(word, ".")
}

func splitPattern(pattern string) (method, path string) {
	if method, path, ok := strings.Cut(pattern, " "); ok {
		return method, path
	}
	return "", pattern
}

func knownMethods() []string {
	return []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch,
		http.MethodDelete, http.MethodOptions, http.MethodConnect, http.MethodTrace, methodOther}
}
