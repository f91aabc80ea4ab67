package token

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/barrage-live/barrage/shared/live"
)

// Verifier checks tokens against keyrings. It may be used concurrently.
type Verifier struct {
	rings  map[string]*Keyring // by issuer
	parser *jwt.Parser
	seen   *seen
}

// NewVerifier accepts tokens for the audience, signed by a key of one of the keyrings. Each keyring is of another issuer.
func NewVerifier(audience string, rings ...*Keyring) (*Verifier, error) {
	if audience == "" || len(rings) == 0 {
		return nil, errors.New("verifier: audience and a keyring must be given")
	}
	v := &Verifier{rings: make(map[string]*Keyring, len(rings)), seen: newSeen(maxSeen)}
	for _, r := range rings {
		if r.issuer == "" || v.rings[r.issuer] != nil {
			return nil, fmt.Errorf("verifier: issuer %q is empty or given twice", r.issuer)
		}
		v.rings[r.issuer] = r
	}
	v.parser = jwt.NewParser(
		jwt.WithValidMethods([]string{algEdDSA, algES256}),
		jwt.WithAudience(audience),
		jwt.WithExpirationRequired(),
		jwt.WithStrictDecoding(),
	)
	return v, nil
}

// Verify returns who bears the token, or ErrExpired or ErrInvalid. It does no I/O.
func (v *Verifier) Verify(raw string) (Identity, error) {
	if len(raw) > MaxLength {
		return Identity{}, refuse(ErrInvalid, fmt.Errorf("%d bytes long", len(raw)))
	}
	sum := sha256.Sum256([]byte(raw))
	if hit, ok := v.seen.get(sum); ok && v.rings[hit.issuer].keys.Load() == hit.keys {
		if !time.Now().Before(hit.identity.Expires) {
			return Identity{}, ErrExpired
		}
		return hit.identity, nil
	}
	c, set, err := v.parse(raw)
	if errors.Is(err, jwt.ErrTokenExpired) { // claims are looked at after the signature
		return Identity{}, refuse(ErrExpired, err)
	}
	if err != nil {
		return Identity{}, refuse(ErrInvalid, err)
	}
	id, err := c.identity()
	if err != nil {
		return Identity{}, refuse(ErrInvalid, err)
	}
	v.seen.put(sum, verified{identity: id, issuer: c.Issuer, keys: set})
	return id, nil
}

// parse checks signature and registered claims, and returns the set that the key was taken from.
func (v *Verifier) parse(raw string) (*claims, *keySet, error) {
	var c claims
	var set *keySet
	_, err := v.parser.ParseWithClaims(raw, &c, func(t *jwt.Token) (any, error) {
		if _, ok := t.Header["crit"]; ok {
			return nil, errors.New("critical extensions are not supported") // RFC 7515 4.1.11: then refuse
		}
		kid, ok := t.Header["kid"].(string)
		if !ok || kid == "" || len(kid) > maxKeyID {
			return nil, errors.New("no usable kid")
		}
		ring := v.rings[c.Issuer]
		if ring == nil {
			return nil, errors.New("unknown issuer")
		}
		set = ring.keys.Load()
		key, ok := (*set)[keyName{c.Issuer, kid, t.Method.Alg()}]
		if !ok {
			return nil, errors.New("unknown key")
		}
		return key, nil
	})
	return &c, set, err
}

// maxID is the largest integer that JavaScript reads exactly.
const maxID = 1<<53 - 1

func (c *claims) identity() (Identity, error) {
	id := Identity{Nickname: c.Nickname, Role: c.Role, Scopes: c.Scope, Expires: c.ExpiresAt.UTC(), TokenID: c.ID}
	if c.Role != live.RoleService {
		user, err := strconv.ParseInt(c.Subject, 10, 64)
		if err != nil {
			return Identity{}, errors.New("sub is no user id")
		}
		id.User = live.UserID(user)
	}
	if len(c.ID) > maxTokenID {
		return Identity{}, errors.New("jti too long")
	}
	// What could not have been signed so is refused: one subject has one spelling.
	if subject, err := id.subject(); err != nil || subject != c.Subject {
		return Identity{}, errors.Join(errors.New("sub and role don't go together"), err)
	}
	return id, nil
}
