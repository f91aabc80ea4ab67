package gateway

import (
	"encoding/json"
	"math"
	"net/http"
	"strconv"

	"github.com/barrage-live/barrage/shared/live"
)

// Codes of refused handshakes, beside those of tokens.
const (
	codeBadRequest     = "bad_request"
	codeTokenRequired  = "token_required"
	codeForbidden      = "forbidden_origin"
	codeUnknownRoom    = "unknown_room"
	codeRoomEnded      = "not_live"
	codeTooMany        = "too_many_connections"
	codeTooFast        = "rate_limited"
	codeFull           = "full"
	codeDraining       = "draining"
	codeRoomsAway      = "unavailable"
	problemContentType = "application/problem+json"
)

func statusOf(kind live.Kind) int {
	switch kind {
	case live.KindInvalid, live.KindMalformed:
		return http.StatusBadRequest
	case live.KindUnauthenticated:
		return http.StatusUnauthorized
	case live.KindForbidden:
		return http.StatusForbidden
	case live.KindNotFound:
		return http.StatusNotFound
	case live.KindConflict:
		return http.StatusConflict
	case live.KindRateLimited:
		return http.StatusTooManyRequests
	default:
		return http.StatusServiceUnavailable
	}
}

// refuse answers a handshake with a problem body (RFC 9457).
func refuse(w http.ResponseWriter, e *live.Error) {
	status := statusOf(e.Kind)
	body, err := json.Marshal(struct {
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
		Code   string `json:"code"`
	}{http.StatusText(status), status, e.Message, e.Code})
	if err != nil { // strings and a number
		panic(err)
	}
	h := w.Header()
	h.Set("Content-Type", problemContentType)
	h.Set("Cache-Control", "no-store")
	h.Set("Connection", "close")
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64(math.Ceil(e.RetryAfter.Seconds())), 10))
	}
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // the client may be gone: nobody to tell
}
