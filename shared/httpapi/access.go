package httpapi

import (
	"net/http"
	"strings"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
	"github.com/barrage-live/barrage/shared/token"
)

const (
	bearerScheme = "bearer"
	metaAction   = "action"
)

var errInvalidToken = live.Errorf(live.KindUnauthenticated, "invalid_token", "The access token is not valid.")

// authorize is the door of every route: it returns the caller, nil for a guest, or why the table of rights does not let
// it try. A token that is given but not valid is refused everywhere but where it is not looked at.
func (a *API) authorize(do right.Action, r *http.Request) (*token.Identity, *live.Error) {
	if do.Open() {
		return nil, nil
	}
	caller, refusal := a.authenticate(r.Header["Authorization"])
	if refusal != nil {
		return nil, refusal
	}
	var who right.Who
	if caller != nil {
		who = caller.Who()
	}
	if refusal, refused := live.AsError(right.Door(do, who)); refused {
		return nil, refusal
	}
	return caller, nil
}

func (a *API) authenticate(headers []string) (*token.Identity, *live.Error) {
	if len(headers) == 0 {
		return nil, nil
	}
	scheme, raw, _ := strings.Cut(headers[0], " ")
	raw = strings.TrimLeft(raw, " ")
	// Two headers could be read differently by a proxy that checked one of them.
	if len(headers) > 1 || raw == "" || !strings.EqualFold(scheme, bearerScheme) || a.verifier == nil {
		return nil, errInvalidToken
	}
	caller, err := a.verifier.Verify(raw)
	if err == nil {
		return &caller, nil
	}
	if refusal, ok := live.AsError(err); ok {
		return nil, refusal
	}
	return nil, errInvalidToken
}

func security(do right.Action) []map[string][]string {
	needed := map[string][]string{bearerScheme: {}}
	switch {
	case do.Open():
		return nil
	case do.Anonymous():
		return []map[string][]string{{}, needed} // with or without
	default:
		return []map[string][]string{needed}
	}
}
