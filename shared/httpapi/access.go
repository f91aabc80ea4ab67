package httpapi

import (
	"net/http"
	"strings"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/token"
)

const (
	bearerScheme = "bearer"
	metaAccess   = "access"
)

var (
	errNoToken      = live.Errorf(live.KindUnauthenticated, "unauthenticated", "An access token is needed.")
	errInvalidToken = live.Errorf(live.KindUnauthenticated, "invalid_token", "The access token is not valid.")
	errNotAdmin     = live.Errorf(live.KindForbidden, "forbidden", "This needs the role admin.")
)

// authorize is the one place where a route's Access is enforced. It returns the caller, nil for a guest.
func (a *API) authorize(access Access, r *http.Request) (*token.Identity, *live.Error) {
	if access == Open {
		return nil, nil
	}
	caller, refusal := a.authenticate(r.Header["Authorization"])
	switch {
	case refusal != nil:
		return nil, refusal
	case access == Anyone:
		return caller, nil
	case caller == nil:
		return nil, errNoToken
	case access == User:
		return caller, nil
	case access == Admin && caller.Role == live.RoleAdmin:
		return caller, nil
	default:
		return nil, errNotAdmin
	}
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

func security(access Access) []map[string][]string {
	needed := map[string][]string{bearerScheme: {}}
	switch access {
	case Open:
		return nil
	case Anyone:
		return []map[string][]string{{}, needed} // with or without
	default:
		return []map[string][]string{needed}
	}
}
