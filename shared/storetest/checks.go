package storetest

import (
	"flag"
	"os"
	"slices"
	"strings"
	"testing"
)

// DefaultChecks bounds the runs of a property test whose every run is hundreds of transactions: n, unless the command
// line says -rapid.checks itself.
func DefaultChecks(t testing.TB, n string) {
	t.Helper()
	if slices.ContainsFunc(os.Args, func(arg string) bool { return strings.Contains(arg, "rapid.checks") }) {
		return
	}
	if err := flag.Set("rapid.checks", n); err != nil {
		t.Fatal(err)
	}
}
