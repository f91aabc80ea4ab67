package host_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/barrage-live/barrage/functions/host/knative"
	"github.com/barrage-live/barrage/functions/host/lambda"
	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/telemetry"
)

// answer is what a client sees of a response.
type answer struct {
	Status int
	Header map[string]string
	Cookie []string
	Body   string
}

// mirror answers with what reached it.
func mirror() http.Handler {
	api := httpapi.New(httpapi.Config{Title: "mirror"})
	type in struct {
		Name string `path:"name"`
	}
	httpapi.Route(api, httpapi.Op{Method: http.MethodGet, Path: "/api/v1/refused/{name}", Action: right.Look, Status: http.StatusOK},
		func(context.Context, *in) (*httpapi.Body[string], error) {
			return nil, live.Errorf(live.KindConflict, "refused", "No.")
		})
	httpapi.Route(api, httpapi.Op{Method: http.MethodGet, Path: "/api/v1/broken/{name}", Action: right.Look, Status: http.StatusOK},
		func(context.Context, *in) (*httpapi.Body[string], error) { return nil, errors.New("secret") })
	api.Mount("/mirror/{rest...}", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
		http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
		w.Header().Add("X-Many", "one")
		w.Header().Add("X-Many", "two")
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"method": r.Method, "rest": r.PathValue("rest"), "query": r.URL.Query(),
			"cookies": r.Header.Get("Cookie"), "many": strings.Join(r.Header.Values("X-In"), ","), "body": body})
	}))
	api.Mount("GET /binary", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte{0, 0xff, 0xfe}) }))
	api.Mount("GET /panic", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a bug") }))
	api.Mount("GET /empty", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	return api.Handler()
}

func TestRequestsAreAnsweredAlikeByEveryHost(t *testing.T) {
	plain := httptest.NewServer(mirror())
	t.Cleanup(plain.Close)
	kn := httptest.NewServer(knative.Serve(mirror(), &knative.Events{}))
	t.Cleanup(kn.Close)
	aws := newLambda(mirror(), nil)
	for _, tc := range []struct {
		name, method, target, body string
		header                     http.Header
	}{
		{"path and query", "GET", "/mirror/a%20b/c?x=1&x=2&y=%20&z", "", nil},
		{"cookies", "GET", "/mirror/x", "", http.Header{"Cookie": {"s=1; t=2"}}},
		{"several values", "GET", "/mirror/x", "", http.Header{"X-In": {"one", "two"}}},
		{"text body", "POST", "/mirror/x", `{"a":"é"}`, http.Header{"Content-Type": {"application/json"}}},
		{"binary body", "PUT", "/mirror/x", "\x00\xff\xfe", nil},
		{"post to the root is no event", "POST", "/", "{}", http.Header{"Content-Type": {"application/json"}}},
		{"binary answer", "GET", "/binary", "", nil},
		{"empty answer", "GET", "/empty", "", nil},
		{"refusal", "GET", "/api/v1/refused/x", "", nil},
		{"error", "GET", "/api/v1/broken/x", "", nil},
		{"panic", "GET", "/panic", "", nil},
		{"no such call", "GET", "/nothing", "", nil},
		{"wrong method", "DELETE", "/binary", "", nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			req := func(base string) *http.Request {
				r, err := http.NewRequestWithContext(t.Context(), tc.method, base+tc.target, strings.NewReader(tc.body))
				if err != nil {
					t.Fatal(err)
				}
				for name, values := range tc.header {
					r.Header[name] = values
				}
				r.Header.Set("X-Request-Id", "0123456789abcdef0123456789abcdef")
				return r
			}
			want := overHTTP(t, req(plain.URL))
			if got := overHTTP(t, req(kn.URL)); !reflect.DeepEqual(got, want) {
				t.Errorf("knative: got  %+v\nplain: want %+v", got, want)
			}
			if got := overLambda(t, aws, req("http://example.org")); !reflect.DeepEqual(got, want) {
				t.Errorf("lambda: got  %+v\nplain: want %+v", got, want)
			}
			if want.Status == 0 {
				t.Error("no answer")
			}
		})
	}
}

func overHTTP(t *testing.T, r *http.Request) answer {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer{Status: res.StatusCode, Header: map[string]string{}, Cookie: res.Header["Set-Cookie"], Body: base64.StdEncoding.EncodeToString(body)}
	for name, values := range res.Header {
		a.Header[name] = strings.Join(values, ",")
	}
	return a.clean()
}

// clean leaves out what belongs to a connection or a moment.
func (a answer) clean() answer {
	for _, name := range []string{"Date", "Content-Length", "Set-Cookie", "Connection", "X-Request-Id"} {
		delete(a.Header, name)
	}
	return a
}

func overLambda(t *testing.T, h *lambda.Host, r *http.Request) answer {
	t.Helper()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	headers := map[string]string{}
	for name, values := range r.Header {
		if name != "Cookie" {
			headers[strings.ToLower(name)] = strings.Join(values, ",")
		}
	}
	event := map[string]any{
		"version": "2.0", "rawPath": r.URL.EscapedPath(), "rawQueryString": r.URL.RawQuery, "headers": headers,
		"body": base64.StdEncoding.EncodeToString(body), "isBase64Encoded": true,
		"requestContext": map[string]any{"stage": "$default", "domainName": "example.org",
			"http": map[string]string{"method": r.Method, "path": r.URL.Path, "sourceIp": "127.0.0.1"}},
	}
	if c := r.Header.Get("Cookie"); c != "" {
		event["cookies"] = strings.Split(c, "; ")
	}
	var out struct {
		StatusCode      int
		Headers         map[string]string
		Cookies         []string
		Body            string
		IsBase64Encoded bool
	}
	invoke(t, h, event, &out)
	a := answer{Status: out.StatusCode, Header: map[string]string{}, Cookie: out.Cookies, Body: out.Body}
	if !out.IsBase64Encoded {
		a.Body = base64.StdEncoding.EncodeToString([]byte(out.Body))
	}
	for name, value := range out.Headers {
		a.Header[http.CanonicalHeaderKey(name)] = value
	}
	return a.clean()
}

func invoke(t *testing.T, h *lambda.Host, event, out any) {
	t.Helper()
	payload, err := json.Marshal(event)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got, err := h.Invoke(ctx, payload)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(got, out); err != nil {
		t.Fatalf("%v in %s", err, got)
	}
}

func newLambda(h http.Handler, fn stream.BatchFunc) *lambda.Host {
	tel := telemetry.Discard()
	return &lambda.Host{HTTP: h, Batches: map[stream.Topic]stream.BatchFunc{stream.LiveMessages: fn}, Flush: tel.Flush, Tracer: tel.Tracer(), Log: tel.Logger()}
}

// diary is a batch handler that notes what it has finished. A value "bad" fails, "poison" can never be handled, "panic"
// is a bug.
type diary struct{ done []string }

func (d *diary) handle(_ context.Context, part []stream.Record) (int, error) {
	for i, r := range part {
		switch string(r.Value) {
		case "bad":
			return i, errors.New("bad")
		case "poison":
			return i, stream.Poison(errors.New("poison"))
		case "panic":
			panic("a bug")
		}
		d.done = append(d.done, fmt.Sprintf("%d/%d %s=%q %s %q", r.Partition, r.Offset, r.Key, r.Value, r.Header(stream.HeaderMessageID), r.Timestamp.UTC().Format(time.RFC3339Nano)))
	}
	return len(part), nil
}

// graves take dead letters.
type graves struct{ offsets []string }

func (g *graves) Publish(_ context.Context, recs ...stream.Outgoing) error {
	for _, r := range recs {
		g.offsets = append(g.offsets, string(r.Value))
	}
	return nil
}

// outcome of a batch on a host: what was finished, what was buried, and from which offset it shall come again (-1: none).
type outcome struct {
	Done, Buried []string
	Again        int64
}

func TestBatchesEndAlikeOnEveryHost(t *testing.T) {
	for name, values := range map[string][]string{
		"all":                 {"a", "b", "c"},
		"partial failure":     {"a", "bad", "c"},
		"first fails":         {"bad", "b"},
		"poison":              {"a", "poison", "c"},
		"poison, then a bug":  {"poison", "panic", "d"},
		"binary and not text": {"é", "\x00\x01", ""},
	} {
		t.Run(name, func(t *testing.T) {
			part := make([]stream.Record, len(values))
			for i, v := range values {
				part[i] = stream.Record{Topic: stream.LiveMessages, Partition: 2, Offset: int64(41 + i), Key: []byte("42"), Value: []byte(v),
					Headers: []stream.Header{{Key: stream.HeaderMessageID, Value: fmt.Append(nil, "m-", i)}}, Timestamp: time.UnixMilli(1_700_000_000_123)}
			}
			want := run(func(fn stream.BatchFunc) int64 {
				if done, _ := fn(t.Context(), part); done < len(part) {
					return part[done].Offset
				}
				return -1
			})
			for host, deliver := range map[string]func(stream.BatchFunc) int64{
				"lambda":             func(fn stream.BatchFunc) int64 { return overEventSource(t, fn, part) },
				"knative binary":     func(fn stream.BatchFunc) int64 { return overKafkaSource(t, fn, part, binaryEvent) },
				"knative structured": func(fn stream.BatchFunc) int64 { return overKafkaSource(t, fn, part, structuredEvent) },
			} {
				if got := run(deliver); !reflect.DeepEqual(got, want) {
					t.Errorf("%s: got  %+v\ngroup loop: want %+v", host, got, want)
				}
			}
		})
	}
}

func run(deliver func(stream.BatchFunc) int64) outcome {
	var d diary
	var g graves
	fn := stream.Observe(telemetry.Discard(), "test", stream.LiveMessages, stream.WithDeadLetters(&g, 3, d.handle))
	again := deliver(fn)
	return outcome{d.done, g.offsets, again}
}

// kafkaEvent is what an event source hands to Lambda of one partition.
func kafkaEvent(part []stream.Record) map[string]any {
	var records []map[string]any
	for _, r := range part {
		var headers []map[string][]int8
		for _, h := range r.Headers {
			signed := make([]int8, len(h.Value))
			for i, b := range h.Value {
				signed[i] = int8(b)
			}
			headers = append(headers, map[string][]int8{h.Key: signed})
		}
		records = append(records, map[string]any{"topic": r.Topic, "partition": r.Partition, "offset": r.Offset, "timestamp": r.Timestamp.UnixMilli(),
			"timestampType": "CREATE_TIME", "key": r.Key, "value": r.Value, "headers": headers})
	}
	return map[string]any{"eventSource": "aws:kafka", "records": map[string]any{"live-messages-2": records}}
}

func overEventSource(t *testing.T, fn stream.BatchFunc, part []stream.Record) int64 {
	var out struct {
		BatchItemFailures []struct {
			ItemIdentifier struct {
				Partition string
				Offset    int64
			}
		}
	}
	invoke(t, newLambda(nil, fn), kafkaEvent(part), &out)
	if len(out.BatchItemFailures) == 0 {
		return -1
	}
	return out.BatchItemFailures[0].ItemIdentifier.Offset
}

// overKafkaSource posts one event a record, in order, as an ordered KafkaSource does: the next one after a 2xx.
func overKafkaSource(t *testing.T, fn stream.BatchFunc, part []stream.Record, event func(*testing.T, stream.Record) *http.Request) int64 {
	events := &knative.Events{Batches: map[stream.Topic]stream.BatchFunc{stream.LiveMessages: fn}, Log: telemetry.Discard().Logger()}
	h := knative.Serve(http.NotFoundHandler(), events)
	for _, r := range part {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, event(t, r))
		switch w.Code {
		case http.StatusNoContent:
		case http.StatusServiceUnavailable:
			return r.Offset
		default:
			t.Fatalf("offset %d: got %d %s", r.Offset, w.Code, w.Body)
		}
	}
	return -1
}

func attributes(r stream.Record) map[string]string {
	a := map[string]string{
		"specversion": "1.0", "type": "dev.knative.kafka.event", "id": fmt.Sprintf("partition:%d/offset:%d", r.Partition, r.Offset),
		"source":  "/apis/v1/namespaces/barrage/kafkasources/stats#" + string(r.Topic),
		"subject": fmt.Sprintf("partition:%d#%d", r.Partition, r.Offset), "time": r.Timestamp.UTC().Format(time.RFC3339Nano), "key": string(r.Key),
	}
	for _, h := range r.Headers {
		a["kafkaheader"+strings.ReplaceAll(h.Key, "-", "")] = string(h.Value)
	}
	return a
}

func binaryEvent(_ *testing.T, r stream.Record) *http.Request {
	req := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(r.Value))
	a := attributes(r)
	for _, name := range slices.Sorted(maps.Keys(a)) {
		req.Header.Set("ce-"+name, a[name])
	}
	return req
}

func structuredEvent(t *testing.T, r stream.Record) *http.Request {
	doc := map[string]any{"data_base64": r.Value}
	for name, value := range attributes(r) {
		doc[name] = value
	}
	body, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	req := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
	req.Header.Set("Content-Type", "application/cloudevents+json")
	return req
}
