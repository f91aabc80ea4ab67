package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// JWK is one key of a JSON Web Key Set (RFC 7517, RFC 8037): public parts only.
type JWK struct {
	Kty string `json:"kty"`
	Crv string `json:"crv"`
	X   string `json:"x"`
	Y   string `json:"y,omitempty"`
	Kid string `json:"kid"`
	Alg string `json:"alg"`
	Use string `json:"use"`
}

// KeySet is a JSON Web Key Set.
type KeySet struct {
	Keys []JWK `json:"keys" nullable:"false"`
}

const maxKeys = 16 // in a set

func (k Key) jwk() (JWK, error) {
	enc := base64.RawURLEncoding.EncodeToString
	j := JWK{Kid: k.ID, Alg: k.alg, Use: "sig"}
	switch p := k.public.(type) {
	case ed25519.PublicKey:
		j.Kty, j.Crv, j.X = "OKP", "Ed25519", enc(p)
		return j, nil
	case *ecdsa.PublicKey:
		point, err := p.Bytes() // 4, then x and y of 32 bytes each
		if err != nil {
			return JWK{}, fmt.Errorf("key: %w", err)
		}
		j.Kty, j.Crv, j.X, j.Y = "EC", "P-256", enc(point[1:33]), enc(point[33:])
		return j, nil
	}
	return JWK{}, fmt.Errorf("key: %T can't be published", k.public)
}

func newKeySet(keys []Key) (KeySet, error) {
	set := KeySet{Keys: make([]JWK, 0, len(keys))}
	for _, k := range keys {
		j, err := k.jwk()
		if err != nil {
			return KeySet{}, err
		}
		set.Keys = append(set.Keys, j)
	}
	return set, nil
}

// parseJWKS takes the keys it can use and passes over the others: an issuer may publish keys for other purposes.
func parseJWKS(text []byte) ([]Key, error) {
	var set KeySet
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("key set: %w", err)
	}
	if len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("key set: %d keys, at most %d are taken", len(set.Keys), maxKeys)
	}
	var keys []Key
	for _, j := range set.Keys {
		if k, ok := j.key(); ok {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("key set: no key for EdDSA or ES256 with a kid")
	}
	return keys, nil
}

func (j JWK) key() (Key, bool) {
	if j.Kid == "" || len(j.Kid) > maxKeyID || (j.Use != "" && j.Use != "sig") {
		return Key{}, false
	}
	public, alg, ok := j.public()
	if !ok || (j.Alg != "" && j.Alg != alg) {
		return Key{}, false
	}
	return Key{ID: j.Kid, alg: alg, public: public}, true
}

func (j JWK) public() (crypto.PublicKey, string, bool) {
	dec := base64.RawURLEncoding.Strict().DecodeString
	x, errX := dec(j.X)
	y, errY := dec(j.Y)
	if errX != nil || errY != nil {
		return nil, "", false
	}
	switch {
	case j.Kty == "OKP" && j.Crv == "Ed25519" && len(x) == ed25519.PublicKeySize && len(y) == 0:
		return ed25519.PublicKey(x), algEdDSA, true
	case j.Kty == "EC" && j.Crv == "P-256" && len(x) == 32 && len(y) == 32:
		point := append(append([]byte{4}, x...), y...)
		p, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point) // refuses points off the curve
		return p, algES256, err == nil
	}
	return nil, "", false
}
