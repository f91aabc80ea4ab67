package token

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func pemOf(t *testing.T, keys ...Key) string {
	t.Helper()
	var text []byte
	for _, k := range keys {
		block, err := k.PEM()
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, block...)
	}
	return string(text)
}

func TestKeysSurvivePEM(t *testing.T) {
	want := []Key{newEd25519(t), newP256(t)}
	want = append(want, Key{ID: want[0].ID, alg: algEdDSA, public: want[0].public})
	text := pemOf(t, want...)
	file := filepath.Join(t.TempDir(), "keys.pem")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"text": text, "file": file, "one line": strings.ReplaceAll(text, "\n", `\n`),
	} {
		got, err := ParseKeys(value)
		if err != nil || len(got) != len(want) {
			t.Fatalf("%s: got %d keys, %v", name, len(got), err)
		}
		for i := range want {
			if got[i].ID != want[i].ID || (got[i].private == nil) != (want[i].private == nil) {
				t.Errorf("%s: key %d: got kid %s, want %s", name, i, got[i].ID, want[i].ID)
			}
		}
	}
}

// The example of RFC 8037, appendix A.3.
func TestKeyIDIsTheThumbprint(t *testing.T) {
	j := JWK{Kty: "OKP", Crv: "Ed25519", X: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
	public, _, ok := j.public()
	if !ok {
		t.Fatal("the example's key is refused")
	}
	k, err := newKey(public, nil)
	if err != nil {
		t.Fatal(err)
	}
	if want := "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"; k.ID != want {
		t.Errorf("got %s, want %s", k.ID, want)
	}
}

func TestParseKeysRefuses(t *testing.T) {
	weak, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(weak)
	if err != nil {
		t.Fatal(err)
	}
	good := pemOf(t, newEd25519(t))
	for name, value := range map[string]string{
		"nothing":         "",
		"no such file":    filepath.Join(t.TempDir(), "none"),
		"RSA":             string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"a certificate":   string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})),
		"cut":             good[:len(good)/2],
		"garbage after":   good + "-----BEGIN",
		"key without PEM": "c2VjcmV0LXNlY3JldA==",
	} {
		_, err := ParseKeys(value)
		if err == nil {
			t.Errorf("%s: got no error", name)
		} else if value != "" && strings.Contains(err.Error(), "c2Vj") {
			t.Errorf("%s: the error shows the secret: %v", name, err)
		}
	}
}

func TestLoadOrCreateKeysAgrees(t *testing.T) {
	file := filepath.Join(t.TempDir(), "data", "signing.pem")
	ids := make([]string, 8)
	var callers sync.WaitGroup
	for i := range ids {
		callers.Go(func() {
			keys, err := LoadOrCreateKeys(file)
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = keys[0].ID
		})
	}
	callers.Wait()
	for _, id := range ids {
		if id != ids[0] {
			t.Fatalf("got different keys: %v", ids)
		}
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, %v, want 0600", info.Mode(), err)
	}
	if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 1 {
		t.Errorf("left behind %v, %v", left, err)
	}
}

func TestBrokenKeyFileIsNotReplaced(t *testing.T) {
	file := filepath.Join(t.TempDir(), "signing.pem")
	if err := os.WriteFile(file, []byte("-----BEGIN nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadOrCreateKeys(file); err == nil {
		t.Error("got no error")
	}
	if text, err := os.ReadFile(file); err != nil || !bytes.HasPrefix(text, []byte("-----BEGIN nothing")) {
		t.Errorf("the file is now %q, %v", text, err)
	}
}
