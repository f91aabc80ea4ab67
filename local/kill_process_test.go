package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/barrage-live/barrage/functions"
	"github.com/barrage-live/barrage/functions/host"
	"github.com/barrage-live/barrage/shared/stream"
)

// giftProcess settles gifts until it is killed.
func giftProcess() {
	if err := settleGifts(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "gift process:", err)
		os.Exit(1)
	}
}

// settleGifts opens the function as its hosts do; only the group hands a dead member's partitions on as soon as Kafka allows.
func settleGifts(ctx context.Context) error {
	fn, err := host.Open(ctx, host.Gift().With(func(p functions.Parts) (functions.Function, error) {
		p.Space = strings.TrimSuffix(os.Getenv(giftProcessEnv), ".")
		return functions.Gift(p)
	}), os.Getenv)
	if err != nil {
		return err
	}
	b := fn.Batches[0]
	return fn.Kafka.Consume(ctx, stream.GroupConfig{Group: b.Group, Topics: []stream.Topic{b.Topic}, MaxBatch: b.MaxBatch, MaxWait: b.MaxWait,
		SessionTimeout: 6 * time.Second}, b.Handle)
}

// A mariaDB is a server of this test's own, which it may restart.
type mariaDB struct {
	t   *testing.T
	dir string
	url string
}

func startMariaDB(t *testing.T) *mariaDB {
	t.Helper()
	db := &mariaDB{t: t, dir: t.TempDir()}
	t.Cleanup(func() { db.shell("stop_servers") })
	db.url = db.start()
	return db
}

func (db *mariaDB) start() string {
	db.t.Helper()
	return db.shell(`start_mariadb || { echo "$why" >&2; exit 1; }; mysql_url`)
}

// restart kills the server as a crash would, and starts it again.
func (db *mariaDB) restart() {
	db.t.Helper()
	db.shell(`kill -9 "$(cat "$servers/mariadb/pid")"; rm "$servers/mariadb/pid"`)
	db.start()
}

// shell runs the project's own functions for servers.
func (db *mariaDB) shell(command string) string {
	db.t.Helper()
	root, err := filepath.Abs("..")
	if err != nil {
		db.t.Fatal(err)
	}
	cmd := exec.Command("bash", "-c", `set -eu; root=$1 servers=$2; . "$root/scripts/servers.sh"; `+command, "bash", root, db.dir)
	cmd.Stderr = testLog{db.t}
	out, err := cmd.Output()
	if err != nil {
		db.t.Fatalf("%s: %v", command, err)
	}
	return strings.TrimSpace(string(out))
}
