// Package lambda_test runs the bootstraps that are deployed, as processes, against a Runtime API.
package lambda_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/barrage-live/barrage/functions/host/lambda/runtimeapi"
	"github.com/barrage-live/barrage/functions/manifest"
	redisserver "github.com/barrage-live/barrage/shared/roomstate/embedded"
	kafkaserver "github.com/barrage-live/barrage/shared/stream/embedded"
	"github.com/barrage-live/barrage/shared/token"
)

const (
	patience = 30 * time.Second
	maxSize  = 25_000_000 // bytes of what is deployed, which is for arm64
)

// bootstraps is where they are: what sam build has made (BARRAGE_TEST_BOOTSTRAPS), or made here, with SQLite and for this
// machine.
func bootstraps(t *testing.T) (path func(name string) string, slim bool) {
	t.Helper()
	if built := os.Getenv("BARRAGE_TEST_BOOTSTRAPS"); built != "" {
		return func(name string) string {
			return filepath.Join(built, strings.ToUpper(name[:1])+name[1:]+"Function", "bootstrap")
		}, true
	}
	dir := t.TempDir()
	out, err := exec.CommandContext(t.Context(), "go", "build", "-tags", "lambda.norpc", "-o", dir, "./...").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return func(name string) string { return filepath.Join(dir, name) }, false
}

func environment(t *testing.T, slim bool) []string {
	t.Helper()
	redis, stop, err := redisserver.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	kafka, err := kafkaserver.Start(kafkaserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := kafka.Close(); err != nil {
			t.Error(err)
		}
	})
	key, err := token.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	pem, err := key.PEM()
	if err != nil {
		t.Fatal(err)
	}
	signer, err := token.NewSigner([]token.Key{key}, "barrage", "barrage", 0)
	if err != nil {
		t.Fatal(err)
	}
	keys := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(signer.JWKS()) }))
	t.Cleanup(keys.Close)
	backend := s3mem.New()
	if err := backend.CreateBucket("archive"); err != nil {
		t.Fatal(err)
	}
	s3 := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(s3.Close)
	database := "sqlite:" + filepath.Join(t.TempDir(), "barrage.db")
	if slim {
		if database = os.Getenv("BARRAGE_TEST_MYSQL"); database == "" {
			t.Skip("deployed bootstraps have no SQLite, and BARRAGE_TEST_MYSQL names no server")
		}
	}
	return []string{"DATABASE_URL=" + database, "REDIS_ADDRS=" + redis, "KAFKA_BROKERS=" + kafka.Addr(),
		"TOKEN_SIGNING_KEY=" + string(pem), "JWKS_URL=" + keys.URL, "PUBLIC_SOCKET_URL=ws://127.0.0.1:8081/ws",
		"ARCHIVE_BUCKET=archive", "AWS_ENDPOINT_URL_S3=" + s3.URL, "AWS_ACCESS_KEY_ID=k", "AWS_SECRET_ACCESS_KEY=s"}
}

// bound is maxSize for what this machine runs. The same functions are 8.6 % larger for amd64 (docs/adr/0050-small-bootstraps.md), and
// compiling for arm64, too, takes minutes: here 8 % are allowed, so that what passes is small enough there. scripts/bench
// looks at arm64 itself.
func bound() int64 {
	if runtime.GOARCH == "amd64" {
		return maxSize * 108 / 100
	}
	return maxSize
}

func TestEverySampleEventThroughEveryBootstrap(t *testing.T) {
	path, slim := bootstraps(t)
	env := environment(t, slim)
	files, err := filepath.Glob("../../local/events/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no sample events: %v", err)
	}
	// Setup is the first: it makes the tables and topics that the others use.
	rows := manifest.Functions()
	for i := len(rows) - 1; i >= 0; i-- {
		name := rows[i].Name
		t.Run(name, func(t *testing.T) {
			var mine []string
			for _, f := range files {
				if strings.HasPrefix(filepath.Base(f), name+"-") {
					mine = append(mine, f)
				}
			}
			if len(mine) == 0 {
				t.Fatal("no sample event")
			}
			if info, err := os.Stat(path(name)); err != nil || slim && info.Size() > bound() {
				t.Fatalf("bootstrap: %v, larger than %d bytes: %v", err, bound(), info)
			}
			server := start(t, path(name), env)
			for _, f := range mine {
				invoke(t, server, f)
			}
		})
	}
}

func start(t *testing.T, bootstrap string, env []string) *runtimeapi.Server {
	t.Helper()
	server, err := runtimeapi.Listen()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := server.Command(ctx, bootstrap, env...)
	cmd.Stderr = os.Stderr
	began := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // killed by cancel
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := server.Invoke(t.Context(), []byte(`{"job":"no such job"}`), patience); err != nil {
		t.Fatal(err)
	}
	t.Logf("cold start: %v from the start of the process to its first answer", time.Since(began).Round(time.Millisecond))
	return server
}

func invoke(t *testing.T, server *runtimeapi.Server, file string) {
	t.Helper()
	event, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	a, err := server.Invoke(t.Context(), event, patience)
	if err != nil {
		t.Fatal(err)
	}
	if a.Error != "" {
		t.Errorf("%s: %s", file, a.Error)
		return
	}
	var got struct {
		StatusCode        int
		Body              string
		BatchItemFailures []json.RawMessage
	}
	if len(a.Payload) > 0 {
		if err := json.Unmarshal(a.Payload, &got); err != nil {
			t.Errorf("%s: %v in %s", file, err, a.Payload)
		}
	}
	if len(got.BatchItemFailures) > 0 {
		t.Errorf("%s: records shall come again: %s", file, a.Payload)
	}
	want := http.StatusOK
	if strings.HasSuffix(file, "room-get.json") {
		want = http.StatusNotFound // nobody has made a room
	}
	if strings.Contains(string(event), `"rawPath"`) && got.StatusCode != want {
		t.Errorf("%s: got %d %s, want %d", file, got.StatusCode, got.Body, want)
	}
}
