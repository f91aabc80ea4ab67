package token

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// The signature algorithms that are accepted; there is no way to allow others.
const (
	algEdDSA = "EdDSA"
	algES256 = "ES256"
)

// Key is one key of an issuer: Ed25519, or ECDSA over P-256. Its ID is the RFC 7638 thumbprint, so the same key has the
// same kid wherever it is loaded.
type Key struct {
	ID      string
	alg     string
	public  crypto.PublicKey
	private crypto.Signer // nil: checks only
}

// GenerateKey makes a new Ed25519 key.
func GenerateKey() (Key, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return Key{}, fmt.Errorf("generate key: %w", err)
	}
	return newKey(private.Public(), private)
}

func newKey(public crypto.PublicKey, private crypto.Signer) (Key, error) {
	k := Key{public: public, private: private}
	switch p := public.(type) {
	case ed25519.PublicKey:
		k.alg = algEdDSA
	case *ecdsa.PublicKey:
		if p.Curve != elliptic.P256() {
			return Key{}, fmt.Errorf("key: curve %s: want Ed25519 or P-256", p.Curve.Params().Name)
		}
		k.alg = algES256
	default:
		return Key{}, fmt.Errorf("key: %T: want Ed25519 or P-256", public)
	}
	j, err := k.jwk()
	if err != nil {
		return Key{}, err
	}
	k.ID, err = j.thumbprint()
	return k, err
}

// thumbprint hashes the required members in the order of their names (RFC 7638, RFC 8037).
func (j JWK) thumbprint() (string, error) {
	members, err := json.Marshal(struct {
		Crv string `json:"crv"`
		Kty string `json:"kty"`
		X   string `json:"x"`
		Y   string `json:"y,omitempty"`
	}{j.Crv, j.Kty, j.X, j.Y})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(members)
	return base64.RawURLEncoding.EncodeToString(sum[:]), nil
}

// ParseKeys reads the value of TOKEN_SIGNING_KEY: PEM text, or the name of a file that holds it. The first key signs;
// the others are published beside it while rotating: the next key before it signs, the last one until its tokens have
// expired. Blocks are "PRIVATE KEY" (PKCS #8) or, for keys that only check, "PUBLIC KEY".
func ParseKeys(value string) ([]Key, error) {
	if !strings.Contains(value, "-----BEGIN") {
		text, err := os.ReadFile(value)
		if err != nil {
			return nil, fmt.Errorf("signing keys: neither PEM text nor a readable file: %w", reasonOnly(err))
		}
		return parsePEM(text)
	}
	// Some tools can't put line breaks into the environment and write \n instead.
	return parsePEM([]byte(strings.ReplaceAll(value, `\n`, "\n")))
}

// reasonOnly drops the file's name: a key that was pasted without its PEM header would be shown as one.
func reasonOnly(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

func parsePEM(text []byte) ([]Key, error) {
	var keys []Key
	for {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		key, err := parseBlock(block)
		if err != nil {
			return nil, fmt.Errorf("signing keys: block %d: %w", len(keys)+1, err)
		}
		keys = append(keys, key)
		text = rest
	}
	if len(bytes.TrimSpace(text)) > 0 {
		return nil, fmt.Errorf("signing keys: no PEM block after block %d", len(keys))
	}
	if len(keys) == 0 {
		return nil, errors.New("signing keys: no PEM block")
	}
	return keys, nil
}

func parseBlock(block *pem.Block) (Key, error) {
	switch block.Type {
	case "PRIVATE KEY":
		parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return Key{}, err
		}
		private, ok := parsed.(crypto.Signer)
		if !ok {
			return Key{}, fmt.Errorf("%T can't sign", parsed)
		}
		return newKey(private.Public(), private)
	case "PUBLIC KEY":
		public, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return Key{}, err
		}
		return newKey(public, nil)
	}
	return Key{}, fmt.Errorf("%q: want PRIVATE KEY (PKCS #8) or PUBLIC KEY", block.Type)
}

// PEM writes the key, private if it can sign, as ParseKeys reads it.
func (k Key) PEM() ([]byte, error) {
	if k.private == nil {
		der, err := x509.MarshalPKIXPublicKey(k.public)
		return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), err
	}
	der, err := x509.MarshalPKCS8PrivateKey(k.private)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}

// LoadOrCreateKeys reads the keys of a file that only its owner can read, and makes one with a new key when there is
// none. Of several processes that make it at once all end up with the same key.
func LoadOrCreateKeys(file string) ([]Key, error) {
	keys, err := ParseKeys(file)
	if !errors.Is(err, fs.ErrNotExist) {
		return keys, err
	}
	key, err := GenerateKey()
	if err != nil {
		return nil, err
	}
	text, err := key.PEM()
	if err != nil {
		return nil, fmt.Errorf("write key: %w", err)
	}
	if err := createOnce(file, text); err != nil {
		return nil, fmt.Errorf("write key: %w", err)
	}
	return ParseKeys(file)
}

// createOnce makes the file with its whole content or, when another process was first, leaves that one's.
func createOnce(file string, content []byte) (err error) {
	dir := filepath.Dir(file)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, ".key-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(tmp.Name())) }()
	_, err = tmp.Write(content)
	if err := errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), file); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
