// Package token issues and checks access tokens: short-lived JWTs, signed with EdDSA or ES256, that say who is calling.
//
// Whoever holds the private keys uses a [Signer]; everybody else checks with a [Verifier] over a [Keyring] that was
// filled from the issuer's JWKS. Nothing a token says is used before its signature is checked, but to pick one of the
// keys that are already here: no claim ever causes a fetch.
package token

import (
	"errors"
	"time"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
)

// The limits of a token. MaxLength is checked before anything is parsed.
const (
	MaxLength   = 2048 // bytes
	MaxNickname = 256  // bytes
	maxKeyID    = 64   // bytes
	maxTokenID  = 64   // bytes

	// DefaultTTL is how long an access token lives.
	DefaultTTL = 15 * time.Minute
)

// Identity is what a valid token says about its bearer: a user, or a server of the operator, which is no User and has
// scopes instead.
type Identity struct {
	User     live.UserID
	Nickname string // as it was when the token was issued; of a server, its name
	Role     live.Role
	Scopes   right.Scopes
	Expires  time.Time
	TokenID  string
}

// Who is the bearer as far as rights are concerned; the zero Identity is a guest.
func (id Identity) Who() right.Who {
	return right.Who{User: id.User, Role: id.Role, Scopes: id.Scopes}
}

// The reasons to refuse a token. Callers show users no more than [live.KindUnauthenticated].
var (
	ErrInvalid = live.Errorf(live.KindUnauthenticated, "invalid_token", "The access token is not valid.")
	ErrExpired = live.Errorf(live.KindUnauthenticated, "token_expired", "The access token has expired.")
)

// refuse keeps the reason for logs and tests beside the error that users see.
func refuse(public *live.Error, reason error) error { return errors.Join(public, reason) }
