package manifest_test

import (
	"context"
	"maps"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/barrage-live/barrage/functions"
	"github.com/barrage-live/barrage/functions/manifest"
	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/intake"
	"github.com/barrage-live/barrage/shared/objects"
	"github.com/barrage-live/barrage/shared/roomstate"
	redisserver "github.com/barrage-live/barrage/shared/roomstate/embedded"
	"github.com/barrage-live/barrage/shared/store"
	"github.com/barrage-live/barrage/shared/stream"
	kafkaserver "github.com/barrage-live/barrage/shared/stream/embedded"
	"github.com/barrage-live/barrage/shared/telemetry"
	"github.com/barrage-live/barrage/shared/token"
)

// wired are the functions as the code makes them.
func wired(t *testing.T) []functions.Function {
	t.Helper()
	p := functions.Parts{Telemetry: telemetry.Discard(), SocketURL: "ws://127.0.0.1:8081/ws", Gifts: functions.GiftSettings{AnchorPerMille: 500}}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	redis, stop, err := redisserver.Start("127.0.0.1:0")
	must(err)
	t.Cleanup(stop)
	broker, err := kafkaserver.Start(kafkaserver.Options{})
	must(err)
	t.Cleanup(func() { must(broker.Close()) })
	p.Kafka, err = stream.Dial(t.Context(), stream.Config{Brokers: []string{broker.Addr()}})
	must(err)
	t.Cleanup(func() { must(p.Kafka.Close(context.WithoutCancel(t.Context()))) })
	p.Redis = roomstate.Link{}.Dial([]string{redis})
	t.Cleanup(func() { must(p.Redis.Close()) })
	p.Store, err = store.Open(t.Context(), store.Config{URL: "sqlite:" + filepath.Join(t.TempDir(), "db")})
	must(err)
	t.Cleanup(func() { must(p.Store.Close()) })
	p.History, err = functions.HistorySettings{EventDays: 30, MinuteDays: 400}.Open(p.Store)
	must(err)
	p.Archive, err = objects.Open(t.Context(), objects.Config{Bucket: "archive", Endpoint: "http://127.0.0.1:1", Key: "k", Secret: "s"})
	must(err)
	p.State, err = roomstate.New(p.Redis, roomstate.Config{Metrics: p.Telemetry.Metrics})
	must(err)
	t.Cleanup(p.State.Close)
	p.Fanout = fanout.NewPublisher(p.Redis, fanout.PublisherConfig{Origin: "test"})
	p.Intake, err = intake.New(intake.Config{Publisher: p.Fanout, Kafka: p.Kafka, State: p.State, Pod: "test", Telemetry: p.Telemetry})
	must(err)
	t.Cleanup(p.Intake.Close)
	key, err := token.GenerateKey()
	must(err)
	p.Signer, err = token.NewSigner([]token.Key{key}, "barrage", "barrage", 0)
	must(err)
	all, err := functions.All(p)
	must(err)
	for _, fn := range all {
		if fn.Close != nil {
			t.Cleanup(fn.Close)
		}
	}
	return all
}

func TestManifestIsWhatTheCodeDoes(t *testing.T) {
	var names []string
	for _, fn := range wired(t) {
		names = append(names, fn.Name)
		row, err := manifest.Lookup(fn.Name)
		if err != nil {
			t.Error(err)
			continue
		}
		compareBatches(t, fn, row)
		compareJobs(t, fn, row)
		compareRoutes(t, fn)
	}
	for _, row := range manifest.Functions() {
		if !slices.Contains(names, row.Name) {
			t.Errorf("%s is in the table, but not in functions.All", row.Name)
		}
	}
}

func compareBatches(t *testing.T, fn functions.Function, row manifest.Function) {
	t.Helper()
	if got, want := len(row.Batches), len(fn.Batches); got != want {
		t.Errorf("%s: got %d batches in the table, want %d", fn.Name, got, want)
		return
	}
	for i, b := range fn.Batches {
		got := row.Batches[i]
		if got.Topic != string(b.Topic) || got.Group != b.Group || got.Size != b.MaxBatch || got.Window != b.MaxWait {
			t.Errorf("%s: got %+v in the table, want %s, group %s, %d records, %v", fn.Name, got, b.Topic, b.Group, b.MaxBatch, b.MaxWait)
		}
		if got.OnFailure != string(b.Topic.DeadLetters()) {
			t.Errorf("%s: got %s for what Lambda gives up, want %s", fn.Name, got.OnFailure, b.Topic.DeadLetters())
		}
	}
}

func compareJobs(t *testing.T, fn functions.Function, row manifest.Function) {
	t.Helper()
	var want []manifest.Job
	for _, j := range fn.Jobs {
		want = append(want, manifest.Job{Name: j.Name, Every: j.Every})
	}
	if !slices.Equal(row.Jobs, want) {
		t.Errorf("%s: got jobs %v in the table, want %v", fn.Name, row.Jobs, want)
	}
}

// compareRoutes asks the table's patterns, as a gateway would, which function each route of the code belongs to.
func compareRoutes(t *testing.T, fn functions.Function) {
	t.Helper()
	if fn.Routes == nil {
		return
	}
	api := httpapi.New(httpapi.Config{Title: "test"})
	fn.Routes(api)
	if len(api.Routes()) == 0 {
		t.Errorf("%s has no routes", fn.Name)
	}
	for _, route := range api.Routes() {
		if got := owner(route.Path); got != fn.Name {
			t.Errorf("%s %s: the table sends it to %q, want %q", route.Method, route.Path, got, fn.Name)
		}
	}
}

func owner(path string) (name string) {
	mux := http.NewServeMux()
	for _, row := range manifest.Functions() {
		for _, route := range row.Routes {
			mux.HandleFunc(manifest.Pattern(route), func(http.ResponseWriter, *http.Request) { name = row.Name })
		}
	}
	path = strings.NewReplacer("{", "", "}", "").Replace(path)
	mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil))
	return name
}

func TestTableIsSound(t *testing.T) {
	topics := map[string]bool{}
	for _, topic := range stream.Topics() {
		topics[string(topic)] = true
	}
	groups := map[string]bool{}
	for _, row := range manifest.Functions() {
		if row.Timeout > 15*time.Minute || row.MemoryMB < 128 || row.MemoryMB > 10240 {
			t.Errorf("%s: %v and %d MB are nothing that Lambda takes", row.Name, row.Timeout, row.MemoryMB)
		}
		if len(row.Routes) > 0 && row.Timeout > 30*time.Second {
			t.Errorf("%s: the HTTP API answers for it after 30 s, it has %v", row.Name, row.Timeout)
		}
		for _, b := range row.Batches {
			if !topics[b.Topic] || !topics[b.OnFailure] {
				t.Errorf("%s: topics %s and %s are not both there", row.Name, b.Topic, b.OnFailure)
			}
			if groups[b.Group] {
				t.Errorf("%s: another function reads as group %s", row.Name, b.Group)
			}
			groups[b.Group] = true
		}
		for _, name := range row.Required() {
			if !slices.Contains(row.Env(), name) {
				t.Errorf("%s: requires %s, which it does not read", row.Name, name)
			}
		}
	}
	for _, row := range manifest.Functions() {
		for _, topic := range row.Writes {
			if !topics[topic] || !row.Needs(manifest.Kafka) {
				t.Errorf("%s writes %s", row.Name, topic)
			}
		}
		if watched := slices.Sorted(maps.Keys(groups)); len(row.Watches) > 0 && !slices.Equal(row.Watches, watched) {
			t.Errorf("%s: tells the lag of %v, want that of all groups, %v", row.Name, row.Watches, watched)
		}
	}
}
