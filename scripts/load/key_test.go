package main

import (
	"path/filepath"
	"testing"

	"github.com/barrage-live/barrage/shared/token"
)

func writeTestKey(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "key.pem")
	if _, err := token.LoadOrCreateKeys(file); err != nil {
		t.Fatal(err)
	}
	return file
}
