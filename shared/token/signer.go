package token

import (
	"crypto"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
)

// Signer issues tokens. It may be used concurrently.
type Signer struct {
	key      Key
	keys     []Key
	set      KeySet
	jwks     []byte
	issuer   string
	audience string
	ttl      time.Duration
}

// NewSigner signs with the first key and publishes all of them; ttl 0 is DefaultTTL.
func NewSigner(keys []Key, issuer, audience string, ttl time.Duration) (*Signer, error) {
	switch {
	case len(keys) == 0 || keys[0].private == nil:
		return nil, errors.New("signer: the first key must be a private one")
	case len(keys) > maxKeys:
		return nil, fmt.Errorf("signer: %d keys, at most %d can be published", len(keys), maxKeys)
	case issuer == "" || audience == "":
		return nil, errors.New("signer: issuer and audience must be set")
	case ttl < 0:
		return nil, errors.New("signer: negative lifetime")
	case ttl == 0:
		ttl = DefaultTTL
	}
	set, err := newKeySet(keys)
	if err != nil {
		return nil, fmt.Errorf("signer: %w", err)
	}
	text, err := json.Marshal(set)
	if err != nil {
		return nil, fmt.Errorf("signer: %w", err)
	}
	return &Signer{key: keys[0], keys: keys, set: set, jwks: text, issuer: issuer, audience: audience, ttl: ttl}, nil
}

// claims are those of RFC 7519, the scope of RFC 8693, and two of our own.
type claims struct {
	jwt.RegisteredClaims
	Nickname string       `json:"nickname"`
	Role     live.Role    `json:"role"`
	Scope    right.Scopes `json:"scope,omitempty"`
}

// subject names a user by its id and a server by its name, so that neither can be taken for the other.
func (id Identity) subject() (string, error) {
	isUser := id.User > 0 && id.User <= maxID && userRole(id.Role) && id.Scopes == ""
	isService := id.User == 0 && id.Role == live.RoleService && id.Nickname != "" && id.Scopes != ""
	switch {
	case len(id.Nickname) > MaxNickname:
		return "", errors.New("nickname too long")
	case isUser:
		return strconv.FormatInt(int64(id.User), 10), nil
	case isService:
		return servicePrefix + id.Nickname, nil
	default:
		return "", errors.New("neither a user with a role nor a named server with scopes")
	}
}

const servicePrefix = "service:"

// Sign issues a token for the user or server, with the nickname, role and scopes of id. Expires and TokenID of id are not used: it sets
// its own. The token expires at a whole second.
func (s *Signer) Sign(id Identity) (raw string, expires time.Time, err error) {
	subject, err := id.subject()
	if err != nil {
		return "", time.Time{}, fmt.Errorf("sign token of user %d, role %q: %w", id.User, id.Role, err)
	}
	now := time.Now()
	expires = now.Add(s.ttl).Truncate(time.Second).UTC()
	t := jwt.NewWithClaims(jwt.GetSigningMethod(s.key.alg), claims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer:    s.issuer,
			Audience:  jwt.ClaimStrings{s.audience},
			Subject:   subject,
			IssuedAt:  jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(expires),
			ID:        rand.Text(),
		},
		Nickname: id.Nickname,
		Role:     id.Role,
		Scope:    id.Scopes,
	})
	t.Header["kid"] = s.key.ID
	raw, err = t.SignedString(crypto.PrivateKey(s.key.private))
	if err != nil {
		return "", time.Time{}, fmt.Errorf("sign token of user %d: %w", id.User, err)
	}
	return raw, expires, nil
}

// JWKS is the public key set as JSON; callers must not change it.
func (s *Signer) JWKS() []byte { return s.jwks }

// KeySet is the public key set; callers must not change it.
func (s *Signer) KeySet() KeySet { return s.set }

// Keyring holds the signer's public keys, for a verifier in the same process.
func (s *Signer) Keyring() *Keyring { return NewKeyring(s.issuer, s.keys) }

func userRole(r live.Role) bool { return r == live.RoleViewer || r == live.RoleAdmin }
