package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/telemetry"
)

const problemType = "application/problem+json"

// maxFieldErrors bounds how much of a bad request is explained: a body of 10,000 unknown fields gets a short answer.
const maxFieldErrors = 10

// statusClientGone is nginx's code for a client that left before its answer; it is seen in metrics only.
const statusClientGone = 499

// Problem is the body of every refusal (RFC 9457). Code is stable; Detail is a sentence for people.
type Problem struct {
	Title        string       `json:"title" doc:"The status in words."`
	Status       int          `json:"status"`
	Code         string       `json:"code" doc:"A stable name of the problem, for programs."`
	Detail       string       `json:"detail,omitempty" doc:"A sentence for people."`
	RetryAfterMS int64        `json:"retry_after_ms,omitempty" doc:"When the same call may succeed."`
	RequestID    string       `json:"request_id,omitempty" doc:"Names the request in the logs."`
	Errors       []FieldError `json:"errors,omitempty" doc:"What is wrong with which part of the request."`
}

// FieldError says what is wrong with one part of a request. It never repeats the value, which may be a password.
type FieldError struct {
	Location string `json:"location,omitempty"`
	Message  string `json:"message"`
}

func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus makes a Problem an error that huma answers with.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType makes huma answer with the media type of problems.
func (p *Problem) ContentType(string) string { return problemType }

// GetHeaders are the headers that go with the problem's status.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	p.setHeaders(h)
	return h
}

func (p *Problem) setHeaders(h http.Header) {
	switch p.Status {
	case http.StatusUnauthorized:
		challenge := `Bearer realm="barrage"`
		if p.Code == "invalid_token" || p.Code == "token_expired" {
			challenge += `, error="invalid_token"` // RFC 6750 §3.1
		}
		h.Set("Www-Authenticate", challenge)
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		seconds := (p.RetryAfterMS + 999) / 1000
		h.Set("Retry-After", strconv.FormatInt(max(seconds, 1), 10))
	}
}

// Status returns the HTTP status of a kind of error.
func Status(kind live.Kind) int {
	switch kind {
	case live.KindMalformed:
		return http.StatusBadRequest
	case live.KindInvalid:
		return http.StatusUnprocessableEntity
	case live.KindUnauthenticated:
		return http.StatusUnauthorized
	case live.KindForbidden:
		return http.StatusForbidden
	case live.KindNotFound:
		return http.StatusNotFound
	case live.KindConflict:
		return http.StatusConflict
	case live.KindTooLarge:
		return http.StatusRequestEntityTooLarge
	case live.KindRateLimited:
		return http.StatusTooManyRequests
	case live.KindUnavailable:
		return http.StatusServiceUnavailable
	default:
		return http.StatusInternalServerError
	}
}

// codeOf names problems that have no name of their own.
func codeOf(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "malformed"
	case http.StatusUnauthorized:
		return "unauthenticated"
	case http.StatusForbidden:
		return "forbidden"
	case http.StatusNotFound:
		return "not_found"
	case http.StatusMethodNotAllowed:
		return "method_not_allowed"
	case http.StatusRequestTimeout:
		return "timeout"
	case http.StatusRequestEntityTooLarge:
		return "too_large"
	case http.StatusUnsupportedMediaType:
		return "unsupported_media_type"
	case http.StatusUnprocessableEntity:
		return "invalid"
	case http.StatusServiceUnavailable:
		return "unavailable"
	default:
		if status < http.StatusInternalServerError {
			return "bad_request"
		}
		return "internal"
	}
}

func newProblem(status int, detail string) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Code: codeOf(status), Detail: detail}
}

func problemOf(e *live.Error) *Problem {
	p := newProblem(Status(e.Kind), e.Message)
	if e.Code != "" {
		p.Code = e.Code
	}
	if e.RetryAfter > 0 {
		p.RetryAfterMS = (e.RetryAfter + time.Millisecond - 1).Milliseconds()
	}
	return p
}

// problem turns a route's error into what the caller may see, and logs what it may not.
func (ex *exchange) problem(ctx context.Context, err error) *Problem {
	if refusal, ok := live.AsError(err); ok {
		return problemOf(refusal)
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return newProblem(statusClientGone, "The client left.")
	}
	ex.api.log.ErrorContext(ctx, "request failed", telemetry.Route, ex.route.path, telemetry.Method, ex.route.method,
		telemetry.Request, ex.requestID, telemetry.Err, err)
	return newProblem(http.StatusInternalServerError, "")
}

// problemsOnly replaces huma's own error body, so that what huma refuses looks like what routes refuse.
func problemsOnly(ctx huma.Context, _ string, body any) (any, error) {
	switch b := body.(type) {
	case *huma.ErrorModel:
		p := newProblem(b.Status, b.Detail)
		if b.Status == http.StatusRequestEntityTooLarge {
			p.Detail = fmt.Sprintf("The body is longer than %d bytes.", MaxBody)
		}
		for _, e := range b.Errors {
			if len(p.Errors) == maxFieldErrors {
				break
			}
			p.Errors = append(p.Errors, FieldError{Location: e.Location, Message: e.Message})
		}
		p.RequestID = exchangeOf(ctx.Context()).requestID
		return p, nil
	case *Problem:
		b.RequestID = exchangeOf(ctx.Context()).requestID
		return b, nil
	default:
		return body, nil
	}
}

// WriteError answers with the error's problem body; what is not a *live.Error is 500 and shows nothing. It is for
// handlers outside of an API, such as the refusal of a socket's handshake.
func WriteError(w http.ResponseWriter, err error) {
	if refusal, ok := live.AsError(err); ok {
		writeProblem(w, problemOf(refusal))
		return
	}
	writeProblem(w, newProblem(http.StatusInternalServerError, ""))
}

func writeProblem(w http.ResponseWriter, p *Problem) {
	body, err := json.Marshal(p)
	if err != nil {
		panic(err) // a Problem holds strings and numbers only
	}
	h := w.Header()
	p.setHeaders(h)
	h.Set("Content-Type", problemType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(p.Status)
	_, _ = w.Write(body) // the client may be gone; nobody is left to tell
}
