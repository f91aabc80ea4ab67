package review

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"

	"github.com/barrage-live/barrage/shared/live"
)

// Kind is what becomes of a danmu.
type Kind string

// The kinds. Failed is no answer's.
const (
	Allow  Kind = "allow"
	Mask   Kind = "mask" // show Content instead
	Hold   Kind = "hold" // a moderator decides; see package held
	Refuse Kind = "refuse"
	Failed Kind = "failed" // nobody has looked at it
)

// Verdict on one danmu.
type Verdict struct {
	Kind    Kind
	Content string // of Mask
	open    bool   // Failed is let through
}

// Codes of the errors that a sender may see.
const (
	CodeHeld       = "held"
	CodeRefused    = "refused"
	CodeUnreviewed = "unreviewed"
)

// retryAfter is when a sender may try again whom the endpoint could not be asked about.
const retryAfter = 2 * time.Second

// Err is what the sender hears, nil for what may be shown.
func (v Verdict) Err() *live.Error {
	switch {
	case v.Kind == Hold:
		return live.Errorf(live.KindForbidden, CodeHeld, "the message waits for a moderator")
	case v.Kind == Refuse:
		return live.Errorf(live.KindForbidden, CodeRefused, "the message was refused")
	case v.Kind == Failed && !v.open:
		return &live.Error{Kind: live.KindUnavailable, Code: CodeUnreviewed, Message: "the message could not be reviewed", RetryAfter: retryAfter}
	default:
		return nil
	}
}

// The headers of a question, the same as those of the payment provider's webhook.
const (
	TimestampHeader = "Barrage-Timestamp"
	SignatureHeader = "Barrage-Signature"
)

// Sign returns the signature of a body that is sent at the Unix second stamp: "v1=" and the hex HMAC-SHA256 of stamp, a
// dot, and the body. The endpoint compares in constant time, and refuses stamps of more than a few minutes ago.
func Sign(secret string, stamp int64, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(strconv.AppendInt(nil, stamp, 10))
	mac.Write([]byte{'.'})
	mac.Write(body)
	return "v1=" + hex.EncodeToString(mac.Sum(nil))
}
