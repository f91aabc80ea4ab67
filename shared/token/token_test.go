package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/barrage-live/barrage/shared/live"
)

const issuer, audience = "https://auth.test", "barrage"

var viewer = Identity{User: 42, Nickname: "夜猫", Role: live.RoleViewer}

func newEd25519(t testing.TB) Key {
	t.Helper()
	k, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newP256(t testing.TB) Key {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k, err := newKey(private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newSigner(t testing.TB, keys ...Key) *Signer {
	t.Helper()
	s, err := NewSigner(keys, issuer, audience, 0)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newVerifier(t testing.TB, rings ...*Keyring) *Verifier {
	t.Helper()
	v, err := NewVerifier(audience, rings...)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func sign(t testing.TB, s *Signer) string {
	t.Helper()
	raw, _, err := s.Sign(viewer)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestSignedTokenVerifies(t *testing.T) {
	for name, key := range map[string]Key{algEdDSA: newEd25519(t), algES256: newP256(t)} {
		s := newSigner(t, key)
		v := newVerifier(t, s.Keyring())
		raw, expires, err := s.Sign(viewer)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // by signature, then from memory
			got, err := v.Verify(raw)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if got.User != viewer.User || got.Nickname != viewer.Nickname || got.Role != viewer.Role ||
				!got.Expires.Equal(expires) || got.TokenID == "" {
				t.Errorf("%s: got %+v, want %+v until %v", name, got, viewer, expires)
			}
		}
		if life := time.Until(expires); life > DefaultTTL || life < DefaultTTL-2*time.Second {
			t.Errorf("%s: lives %v, want %v", name, life, DefaultTTL)
		}
	}
}

func TestSignRefusesWhatVerifyWould(t *testing.T) {
	s := newSigner(t, newEd25519(t))
	for name, id := range map[string]Identity{
		"no user":       {Role: live.RoleViewer},
		"unknown role":  {User: 1, Role: "root"},
		"long nickname": {User: 1, Role: live.RoleViewer, Nickname: strings.Repeat("x", MaxNickname+1)},
	} {
		if _, _, err := s.Sign(id); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}

// forge signs arbitrary header and claims.
func forge(t *testing.T, method jwt.SigningMethod, key any, header map[string]any, c jwt.MapClaims) string {
	t.Helper()
	tok := jwt.NewWithClaims(method, c)
	for k, v := range header {
		tok.Header[k] = v
	}
	raw, err := tok.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// crowd is two issuers' keys, one of them with two.
type crowd struct {
	key, p256, other Key
	signer           *Signer
}

func newCrowd(t *testing.T) crowd {
	t.Helper()
	key, p256 := newEd25519(t), newP256(t)
	return crowd{key: key, p256: p256, other: newEd25519(t), signer: newSigner(t, key, p256)}
}

// claims are valid but for what change does.
func validClaims(change func(jwt.MapClaims)) jwt.MapClaims {
	c := jwt.MapClaims{"iss": issuer, "aud": audience, "sub": "42", "role": "viewer", "nickname": "n",
		"exp": time.Now().Add(time.Minute).Unix()}
	if change != nil {
		change(c)
	}
	return c
}

// forgeries are tokens that must not be accepted, by what is wrong with them.
func (c crowd) forgeries(t *testing.T) map[string]string {
	t.Helper()
	ed, key, valid := jwt.SigningMethodEdDSA, c.key, validClaims
	with := func(k string, val any) jwt.MapClaims { return valid(func(c jwt.MapClaims) { c[k] = val }) }
	without := func(k string) jwt.MapClaims { return valid(func(c jwt.MapClaims) { delete(c, k) }) }
	kid := map[string]any{"kid": key.ID}
	header := func(k string, val any) map[string]any { return map[string]any{"kid": key.ID, k: val} }
	unknown := func(k string, val any) map[string]any { return map[string]any{"kid": "nobody", k: val} }
	public, err := key.PEM()
	if err != nil {
		t.Fatal(err)
	}
	good := sign(t, c.signer)
	parts := strings.Split(good, ".")
	return map[string]string{
		"empty":                  "",
		"alg none":               forge(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, kid, valid(nil)),
		"HS256 over public key":  forge(t, jwt.SigningMethodHS256, []byte(key.public.(ed25519.PublicKey)), kid, valid(nil)),
		"HS256 over PEM":         forge(t, jwt.SigningMethodHS256, public, kid, valid(nil)),
		"another one's key":      forge(t, ed, c.other.private, kid, valid(nil)),
		"other issuer's kid":     forge(t, ed, c.other.private, map[string]any{"kid": c.other.ID}, valid(nil)),
		"kid of other algorithm": forge(t, ed, key.private, map[string]any{"kid": c.p256.ID}, valid(nil)),
		"unknown kid":            forge(t, ed, key.private, map[string]any{"kid": "nobody"}, valid(nil)),
		"no kid":                 forge(t, ed, key.private, nil, valid(nil)),
		"kid is a number":        forge(t, ed, key.private, map[string]any{"kid": 7}, valid(nil)),
		"critical extension":     forge(t, ed, key.private, header("crit", []string{"b64"}), valid(nil)),
		"wrong audience":         forge(t, ed, key.private, kid, with("aud", "other")),
		"no audience":            forge(t, ed, key.private, kid, without("aud")),
		"wrong issuer":           forge(t, ed, key.private, kid, with("iss", "https://evil.test")),
		"second issuer's name":   forge(t, ed, key.private, kid, with("iss", "https://second.test")),
		"no issuer":              forge(t, ed, key.private, kid, without("iss")),
		"no expiry":              forge(t, ed, key.private, kid, without("exp")),
		"not yet valid":          forge(t, ed, key.private, kid, with("nbf", time.Now().Add(time.Hour).Unix())),
		"no subject":             forge(t, ed, key.private, kid, without("sub")),
		"subject zero":           forge(t, ed, key.private, kid, with("sub", "0")),
		"subject +42":            forge(t, ed, key.private, kid, with("sub", "+42")),
		"subject 042":            forge(t, ed, key.private, kid, with("sub", "042")),
		"subject above 2^53":     forge(t, ed, key.private, kid, with("sub", "9007199254740992")),
		"unknown role":           forge(t, ed, key.private, kid, with("role", "root")),
		"no role":                forge(t, ed, key.private, kid, without("role")),
		"long nickname":          forge(t, ed, key.private, kid, with("nickname", strings.Repeat("x", MaxNickname+1))),
		"claims are null":        forge(t, ed, key.private, kid, nil),
		"oversized":              forge(t, ed, key.private, kid, with("junk", strings.Repeat("x", MaxLength))),
		"a million dots":         strings.Repeat(".", 1_000_000),
		"JWE":                    "eyJhbGciOiJkaXIiLCJlbmMiOiJBMTI4R0NNIn0..aaaaaaaaaaaaaaaa.bbbb.cccccccccccccccccccccc",
		"changed claims":         parts[0] + "." + parts[1][:len(parts[1])-2] + "AA." + parts[2],
		"no signature":           parts[0] + "." + parts[1] + ".",
		"space before":           " " + good,
		"bearer before":          "Bearer " + good,
		"key in the header":      forge(t, ed, c.other.private, unknown("jwk", map[string]string{"kty": "OKP"}), valid(nil)),
		"address of keys":        forge(t, ed, c.other.private, unknown("jku", "https://evil.test/jwks.json"), valid(nil)),
		"address of certificate": forge(t, ed, c.other.private, unknown("x5u", "https://evil.test/cert.pem"), valid(nil)),
	}
}

func (c crowd) expired(t *testing.T) string {
	t.Helper()
	claims := validClaims(func(c jwt.MapClaims) { c["exp"] = time.Now().Add(-time.Second).Unix() })
	return forge(t, jwt.SigningMethodEdDSA, c.key.private, map[string]any{"kid": c.key.ID}, claims)
}

func TestVerifyRefuses(t *testing.T) {
	c := newCrowd(t)
	v := newVerifier(t, c.signer.Keyring(), NewKeyring("https://second.test", []Key{c.other}))
	whole := forge(t, jwt.SigningMethodEdDSA, c.key.private, map[string]any{"kid": c.key.ID}, validClaims(nil))
	if _, err := v.Verify(whole); err != nil {
		t.Fatalf("the token that the others are made from: %v", err)
	}
	for name, raw := range c.forgeries(t) {
		if id, err := v.Verify(raw); !errors.Is(err, ErrInvalid) || id != (Identity{}) {
			t.Errorf("%s: got %+v, %v, want ErrInvalid", name, id, err)
		}
	}
	if _, err := v.Verify(c.expired(t)); !errors.Is(err, ErrExpired) {
		t.Errorf("expired: got %v, want ErrExpired", err)
	}
}

func TestRememberedTokenExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSigner(t, newEd25519(t))
		v := newVerifier(t, s.Keyring())
		raw := sign(t, s)
		if _, err := v.Verify(raw); err != nil {
			t.Fatal(err)
		}
		time.Sleep(DefaultTTL)
		if _, err := v.Verify(raw); !errors.Is(err, ErrExpired) {
			t.Errorf("got %v, want ErrExpired", err)
		}
	})
}

func TestRotationKeepsOldTokensUntilTheirKeyIsDropped(t *testing.T) {
	first, second := newEd25519(t), newEd25519(t)
	ring := NewKeyring(issuer, []Key{first})
	v := newVerifier(t, ring)
	before, after := sign(t, newSigner(t, first, second)), sign(t, newSigner(t, second, first))
	accepted := func(raw string) bool { _, err := v.Verify(raw); return err == nil }

	if !accepted(before) || accepted(after) {
		t.Error("with the first key: want its tokens only")
	}
	ring.replace([]Key{first, second})
	if !accepted(before) || !accepted(after) {
		t.Error("with both keys: want both tokens")
	}
	ring.replace([]Key{second})
	if accepted(before) || !accepted(after) {
		t.Error("after the first key is gone: want the second one's tokens only, remembered or not")
	}
}

func TestEqualKeysKeepTheRememberedTokens(t *testing.T) {
	key := newP256(t)
	ring := NewKeyring(issuer, []Key{key})
	before := ring.keys.Load()
	ring.replace([]Key{{ID: key.ID, alg: key.alg, public: crypto.PublicKey(key.public)}})
	if ring.keys.Load() != before {
		t.Error("an equal set replaced the old one")
	}
}

func TestSeenIsBounded(t *testing.T) {
	s := newSeen(100)
	for i := range 10_000 {
		s.put([32]byte{byte(i), byte(i >> 8)}, verified{})
	}
	if n := len(s.young) + len(s.old); n > 100 {
		t.Errorf("remembers %d tokens, want at most 100", n)
	}
}

func FuzzVerify(f *testing.F) {
	s := newSigner(f, newEd25519(f), newP256(f))
	v := newVerifier(f, s.Keyring())
	good := sign(f, s)
	f.Add(good)
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Add("..")
	f.Add(strings.Repeat("e30.", 3))
	f.Fuzz(func(t *testing.T, raw string) {
		id, err := v.Verify(raw)
		if (err == nil) != (raw == good) {
			t.Fatalf("Verify(%q) = %+v, %v", raw, id, err)
		}
		if err != nil && !errors.Is(err, ErrInvalid) && !errors.Is(err, ErrExpired) {
			t.Fatalf("unknown error %v", err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	s := newSigner(b, newEd25519(b))
	raw := sign(b, s)
	b.Run("signature", func(b *testing.B) {
		for b.Loop() {
			v := newVerifier(b, s.Keyring())
			if _, err := v.Verify(raw); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("remembered", func(b *testing.B) {
		v := newVerifier(b, s.Keyring())
		for b.Loop() {
			if _, err := v.Verify(raw); err != nil {
				b.Fatal(err)
			}
		}
	})
}
