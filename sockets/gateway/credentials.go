package gateway

import (
	"net/http"
	"slices"
	"strings"

	"github.com/barrage-live/barrage/shared/live"
)

// subprotocol is the one name that this server speaks; browsers offer it beside "bearer.<token>", as they can't set
// headers.
const (
	subprotocol  = "barrage.v1"
	bearerPrefix = "bearer."
)

// credentials are what a handshake brought.
type credentials struct {
	token   string
	answers string // the subprotocol to answer with; empty when none was offered
}

// credentialsOf finds the token in the header, among the subprotocols, or, where allowed, in the query. More than one
// token, or subprotocols without ours, are refused rather than guessed at.
func credentialsOf(r *http.Request, allowQuery bool) (credentials, *live.Error) {
	var found []string
	if h := r.Header.Get("Authorization"); h != "" {
		scheme, token, ok := strings.Cut(h, " ")
		if !ok || !strings.EqualFold(scheme, "Bearer") {
			return credentials{}, live.Errorf(live.KindMalformed, codeBadRequest, "Authorization is not a bearer token")
		}
		found = append(found, strings.TrimSpace(token))
	}
	var c credentials
	offered := subprotocols(r)
	for _, p := range offered {
		if token, ok := strings.CutPrefix(p, bearerPrefix); ok {
			found = append(found, token)
		}
	}
	if len(offered) > 0 {
		if !slices.Contains(offered, subprotocol) {
			return credentials{}, live.Errorf(live.KindMalformed, codeBadRequest, "this server speaks the subprotocol "+subprotocol)
		}
		c.answers = subprotocol
	}
	if q := r.URL.Query(); q.Has("token") {
		if !allowQuery {
			return credentials{}, live.Errorf(live.KindMalformed, codeBadRequest, "tokens in the address are not allowed here: they end up in logs")
		}
		found = append(found, q.Get("token"))
	}
	if len(found) > 1 {
		return credentials{}, live.Errorf(live.KindMalformed, codeBadRequest, "more than one token")
	}
	if len(found) == 1 {
		if c.token = found[0]; c.token == "" {
			return credentials{}, live.Errorf(live.KindUnauthenticated, "invalid_token", "the token is empty")
		}
	}
	return c, nil
}

func subprotocols(r *http.Request) []string {
	var all []string
	for _, h := range r.Header.Values("Sec-WebSocket-Protocol") {
		for p := range strings.SplitSeq(h, ",") {
			if p = strings.TrimSpace(p); p != "" {
				all = append(all, p)
			}
		}
	}
	return all
}
