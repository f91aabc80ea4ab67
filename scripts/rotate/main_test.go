package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/token"
)

// issued are a signer's view of the key file and a token of its, as after a restart.
func issued(t *testing.T, file string) (*token.Keyring, string) {
	t.Helper()
	keys, err := token.ParseKeys(file)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := token.NewSigner(keys, "barrage", "barrage", 0)
	if err != nil {
		t.Fatal(err)
	}
	raw, _, err := signer.Sign(token.Identity{User: 7, Role: live.RoleViewer})
	if err != nil {
		t.Fatal(err)
	}
	return signer.Keyring(), raw
}

func accepts(t *testing.T, ring *token.Keyring, raw string) bool {
	t.Helper()
	v, err := token.NewVerifier("barrage", ring)
	if err != nil {
		t.Fatal(err)
	}
	_, err = v.Verify(raw)
	return err == nil
}

// Whoever waits as told never meets a token that is refused: each step's tokens are good for verifiers that know the
// keys of that step, of the one before it, and of the one after it.
func TestNoTokenIsRefusedWhileRotating(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key.pem")
	var rings []*token.Keyring
	var tokens []string
	for _, name := range []string{"new", "add", "promote", "drop"} {
		var said bytes.Buffer
		if err := run([]string{name, file}, nil, nil, &said); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !strings.Contains(said.String(), " signs\n") {
			t.Errorf("%s says %q", name, said.String())
		}
		ring, raw := issued(t, file)
		rings, tokens = append(rings, ring), append(tokens, raw)
	}
	for step, raw := range tokens {
		for of, ring := range rings {
			near := of-step >= -1 && of-step <= 1
			if near && !accepts(t, ring, raw) {
				t.Errorf("a token of step %d is refused with the keys of step %d", step, of)
			}
		}
	}
	if accepts(t, rings[3], tokens[0]) {
		t.Error("the dropped key's tokens are still accepted")
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, %v", info.Mode(), err)
	}
}

func TestStepsOutOfOrderAreRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key.pem")
	refused := func(args ...string) {
		t.Helper()
		before, _ := os.ReadFile(file)
		if err := run(args, strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{}); err == nil {
			t.Errorf("%v: got no error", args)
		}
		if after, _ := os.ReadFile(file); !bytes.Equal(before, after) {
			t.Errorf("%v has changed the file", args)
		}
	}
	do := func(name string) {
		t.Helper()
		if err := run([]string{name, file}, nil, nil, &bytes.Buffer{}); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	refused()
	refused("spin", file)
	refused("add", file)
	refused("add", "-")
	do("new")
	refused("new", file)
	refused("promote", file)
	refused("drop", file)
	do("add")
	refused("add", file)
	refused("drop", file)
	do("promote")
	refused("promote", file)
	refused("add", file)
	do("drop")
}

func TestKeysOfNoFile(t *testing.T) {
	var first, second bytes.Buffer
	if err := run([]string{"new", "-"}, nil, &first, &bytes.Buffer{}); err != nil {
		t.Fatal(err)
	}
	if err := run([]string{"add", "-"}, &first, &second, &bytes.Buffer{}); err != nil {
		t.Fatal(err)
	}
	keys, err := token.ParseKeys(second.String())
	if err != nil || len(keys) != 2 {
		t.Fatalf("got %d keys, %v", len(keys), err)
	}
}
