package live

import (
	"errors"
	"fmt"
	"time"
)

// Kind is the closed list of what can be wrong, from the caller's side. Anything that is not an *Error is internal
// and shows nothing to users.
type Kind string

// The kinds of error, each with the HTTP status it is shown as.
const (
	KindInvalid         Kind = "invalid"         // 422
	KindMalformed       Kind = "malformed"       // 400
	KindUnauthenticated Kind = "unauthenticated" // 401
	KindForbidden       Kind = "forbidden"       // 403
	KindNotFound        Kind = "not_found"       // 404
	KindConflict        Kind = "conflict"        // 409
	KindTooLarge        Kind = "too_large"       // 413
	KindRateLimited     Kind = "rate_limited"    // 429
	KindUnavailable     Kind = "unavailable"     // 503
)

// Error is an error that users may see: Code is stable and documented, Message is a sentence.
type Error struct {
	Kind       Kind
	Code       string
	Message    string
	RetryAfter time.Duration // > 0 when the same call may succeed after that long
}

func (e *Error) Error() string { return fmt.Sprintf("%s (%s)", e.Message, e.Code) }

// Is makes errors.Is match errors of the same kind and code, whatever their message.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Kind == e.Kind && t.Code == e.Code
}

// Errorf makes an Error of the kind and code with a formatted message.
func Errorf(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// AsError returns the Error inside err, and whether there is one.
func AsError(err error) (*Error, bool) {
	var e *Error
	ok := errors.As(err, &e)
	return e, ok
}
