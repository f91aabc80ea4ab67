//go:build autobahn

package loop_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/barrage-live/barrage/shared/wire"
	"github.com/barrage-live/barrage/sockets/hub"
	"github.com/barrage-live/barrage/sockets/loop"
)

// TestAutobahn runs Autobahn's suite against an echo room:
//
//	BARRAGE_TEST_AUTOBAHN=wstest go test -tags autobahn -run Autobahn -timeout 30m ./sockets/loop
//
// The variable is the command of the suite (PyPI's autobahntestsuite runs on Python 2.7 only). Where the suite offers
// compression (12, 13) the echo is compressed, too.
func TestAutobahn(t *testing.T) {
	command := os.Getenv("BARRAGE_TEST_AUTOBAHN")
	if command == "" {
		t.Fatal("BARRAGE_TEST_AUTOBAHN is not set")
	}
	for name, tr := range map[string]transport{"epoll": {}, "goroutine": {portable: true}} {
		t.Run(name, func(t *testing.T) { runAutobahn(t, command, tr) })
	}
}

func runAutobahn(t *testing.T, command string, tr transport) {
	const big = 64 << 20
	e := newEchoRoom(t, tr, hub.Config{PrivateBytes: big}, loop.Config{MaxMessage: big, SendBuffer: 1 << 20, Binary: echoBinary})
	e.bare, e.packed = true, true
	dir := t.TempDir()
	spec, err := json.Marshal(map[string]any{
		"outdir": dir, "cases": []string{"*"}, "exclude-cases": []string{}, "exclude-agent-cases": map[string]any{},
		"servers": []any{map[string]string{"agent": "barrage", "url": e.url}},
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "spec.json")
	if err := os.WriteFile(path, spec, 0o600); err != nil {
		t.Fatal(err)
	}
	args := append(strings.Fields(command), "-m", "fuzzingclient", "-s", path)
	if out, err := exec.CommandContext(t.Context(), args[0], args[1:]...).CombinedOutput(); err != nil { // the tester's own command
		t.Fatalf("%v: %s", err, out)
	}
	report(t, filepath.Join(dir, "index.json"))
}

func echoBinary(c *loop.Conn, payload []byte) {
	_ = c.Member().SendFrame(append(wire.AppendHeader(nil, wire.OpBinary, len(payload)), payload...)) // fails when it is closing
}

// report fails for every case that is neither passed nor merely informational or not strict.
func report(t *testing.T, path string) {
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var agents map[string]map[string]struct{ Behavior, BehaviorClose string }
	if err := json.Unmarshal(b, &agents); err != nil {
		t.Fatal(err)
	}
	if len(agents["barrage"]) < 500 {
		t.Errorf("got %d cases, want the suite", len(agents["barrage"]))
	}
	for id, got := range agents["barrage"] {
		for _, result := range []string{got.Behavior, got.BehaviorClose} {
			// The suite's word for an offer that was declined: 13.3 to 13.6 want a smaller window of us.
			declined := result == "UNIMPLEMENTED" && strings.HasPrefix(id, "13.") && id[3] >= '3' && id[3] <= '6'
			if !declined && result != "OK" && result != "NON-STRICT" && result != "INFORMATIONAL" {
				t.Errorf("case %s: %s, close %s", id, got.Behavior, got.BehaviorClose)
			}
		}
	}
}
