package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"time"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/store"
)

// A refresh token is "brt_" and 64 characters of base64url: 16 random bytes that name the family, 32 that are the
// secret. The prefix lets scanners find tokens that were leaked into logs and repositories.
const (
	refreshPrefix = "brt_"
	familyBytes   = 16
	secretBytes   = 32
	refreshLength = len(refreshPrefix) + (familyBytes+secretBytes)*4/3
)

type refreshToken struct {
	family [familyBytes]byte
	secret [secretBytes]byte
}

// newRefreshToken begins a family. crypto/rand never fails: it ends the process instead.
func newRefreshToken() (t refreshToken) {
	_, _ = rand.Read(t.family[:])
	return t.next()
}

// next is the family's next token.
func (t refreshToken) next() refreshToken {
	_, _ = rand.Read(t.secret[:])
	return t
}

func (t refreshToken) String() string {
	return refreshPrefix + base64.RawURLEncoding.EncodeToString(append(t.family[:], t.secret[:]...))
}

func parseRefreshToken(s string) (t refreshToken, ok bool) {
	if len(s) != refreshLength || !strings.HasPrefix(s, refreshPrefix) {
		return refreshToken{}, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s[len(refreshPrefix):])
	if err != nil || len(b) != familyBytes+secretBytes {
		return refreshToken{}, false
	}
	copy(t.family[:], b)
	copy(t.secret[:], b[familyBytes:])
	return t, true
}

func (t refreshToken) familyHash() store.RefreshHash { return sha256.Sum256(t.family[:]) }
func (t refreshToken) secretHash() store.RefreshHash { return sha256.Sum256(t.secret[:]) }

func (t refreshToken) stored(user live.UserID, expires time.Time) store.Refresh {
	return store.Refresh{Family: t.familyHash(), Secret: t.secretHash(), User: user, Expires: expires}
}
