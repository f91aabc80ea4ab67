package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	awslambda "github.com/aws/aws-lambda-go/lambda"

	"github.com/barrage-live/barrage/functions/host/lambda/runtimeapi"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/telemetry"
)

// TestMain lets the test binary be the bootstrap that the runtime API starts.
func TestMain(m *testing.M) {
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") != "" {
		awslambda.StartWithOptions(testHost())
		return
	}
	os.Exit(m.Run())
}

// testHost echoes what arrives. Records whose value is "bad" stop their partition, "panic" does what it says.
func testHost() *Host {
	mux := http.NewServeMux()
	mux.HandleFunc("/echo/{name}", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		http.SetCookie(w, &http.Cookie{Name: "a", Value: "1"})
		http.SetCookie(w, &http.Cookie{Name: "b", Value: "2"})
		w.Header().Add("X-Many", "one")
		w.Header().Add("X-Many", "two")
		w.Header().Set("Content-Type", "application/json")
		_, hasDeadline := r.Context().Deadline()
		_ = json.NewEncoder(w).Encode(map[string]any{"method": r.Method, "name": r.PathValue("name"), "query": r.URL.Query(),
			"cookies": r.Header["Cookie"], "host": r.Host, "remote": r.RemoteAddr, "body": string(body), "deadline": hasDeadline})
	})
	mux.HandleFunc("/binary", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte{0, 0xff, 0xfe}) })
	return &Host{
		HTTP: mux,
		Batches: map[stream.Topic]stream.BatchFunc{stream.LiveMessages: observed(func(_ context.Context, part []stream.Record) (int, error) {
			for i, r := range part {
				switch string(r.Value) {
				case "bad":
					return i, errors.New("bad record")
				case "panic":
					panic("a bug")
				case "headers":
					if string(r.Header(stream.HeaderMessageID)) != "m\xff1" || string(r.Key) != "7" {
						return i, fmt.Errorf("header %q key %q", r.Header(stream.HeaderMessageID), r.Key)
					}
				}
			}
			return len(part), nil
		})},
		Jobs:   map[string]func(context.Context) error{"reconcile": func(context.Context) error { return nil }},
		Flush:  func(context.Context) error { return nil },
		Tracer: telemetry.Discard().Tracer(), Log: telemetry.Discard().Logger(),
	}
}

func observed(fn stream.BatchFunc) stream.BatchFunc {
	return stream.Observe(telemetry.Discard(), "test", stream.LiveMessages, fn)
}

func startRuntime(t *testing.T) *runtimeapi.Server {
	t.Helper()
	s, err := runtimeapi.Listen()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := s.Command(ctx, os.Args[0])
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // killed by cancel
		_ = s.Close()
	})
	return s
}

func invoke(t *testing.T, s *runtimeapi.Server, event string) runtimeapi.Answer {
	t.Helper()
	a, err := s.Invoke(t.Context(), []byte(event), 20*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func httpEvent(method, stage, path, query, body string, base64 bool) string {
	e := map[string]any{"version": "2.0", "rawPath": path, "rawQueryString": query, "body": body, "isBase64Encoded": base64,
		"cookies": []string{"s=1", "t=2"}, "headers": map[string]string{"host": "api.example.org", "x-forwarded-for": "192.0.2.1"},
		"requestContext": map[string]any{"stage": stage, "domainName": "api.example.org",
			"http": map[string]any{"method": method, "path": path, "sourceIp": "192.0.2.7"}}}
	b, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	return string(b)
}

type httpAnswer struct {
	StatusCode      int
	Headers         map[string]string
	Cookies         []string
	Body            string
	IsBase64Encoded bool
}

func TestHTTPEvents(t *testing.T) {
	s := startRuntime(t)
	for _, tc := range []struct{ name, event, want string }{
		{"query, cookies, host, source", httpEvent("GET", "$default", "/echo/caf%C3%A9%2Fx", "a=1&a=2&b=%20", "", false),
			`{"body":"","cookies":["s=1; t=2"],"deadline":true,"host":"api.example.org","method":"GET","name":"café/x","query":{"a":["1","2"],"b":[" "]},"remote":"192.0.2.7:0"}`},
		{"a stage's name is cut", httpEvent("POST", "prod", "/prod/echo/x", "", "aGVsbG8=", true),
			`{"body":"hello","cookies":["s=1; t=2"],"deadline":true,"host":"api.example.org","method":"POST","name":"x","query":{},"remote":"192.0.2.7:0"}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got httpAnswer
			a := invoke(t, s, tc.event)
			if err := json.Unmarshal(a.Payload, &got); err != nil {
				t.Fatalf("%v in %s%s", err, a.Payload, a.Error)
			}
			if strings.TrimSpace(got.Body) != tc.want || got.StatusCode != 200 {
				t.Errorf("got  %d %s\nwant 200 %s", got.StatusCode, got.Body, tc.want)
			}
			if got.Headers["x-many"] != "one,two" || len(got.Cookies) != 2 || got.Cookies[0] != "a=1" || got.Headers["set-cookie"] != "" {
				t.Errorf("headers %v, cookies %v", got.Headers, got.Cookies)
			}
		})
	}
	t.Run("binary body", func(t *testing.T) {
		var got httpAnswer
		if err := json.Unmarshal(invoke(t, s, httpEvent("GET", "$default", "/binary", "", "", false)).Payload, &got); err != nil {
			t.Fatal(err)
		}
		if !got.IsBase64Encoded || got.Body != "AP/+" {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("a body that is not base64", func(t *testing.T) {
		var got httpAnswer
		if err := json.Unmarshal(invoke(t, s, httpEvent("GET", "$default", "/echo/x", "", "%%%", true)).Payload, &got); err != nil {
			t.Fatal(err)
		}
		if got.StatusCode != http.StatusBadRequest {
			t.Errorf("got %+v", got)
		}
	})
}

func TestKafkaEvents(t *testing.T) {
	s := startRuntime(t)
	record := func(part, offset int, value string) string { // values are base64
		return fmt.Sprintf(`{"topic":"live-messages","partition":%d,"offset":%d,"timestamp":1700000000000,"timestampType":"CREATE_TIME",`+
			`"key":"Nw==","value":%q,"headers":[{"message-id":[109,-1,49]}]}`, part, offset, value)
	}
	event := func(records string) string {
		return `{"eventSource":"aws:kafka","eventSourceArn":"arn:x","bootstrapServers":"b","records":{` + records + `}}`
	}
	const ok, bad, boom, headers, notBase64 = "b2s=", "YmFk", "cGFuaWM=", "aGVhZGVycw==", "%%"
	for _, tc := range []struct{ name, event, want, wantErr string }{
		{"all done", event(`"live-messages-0":[` + record(0, 5, ok) + `,` + record(0, 6, headers) + `]`), `{"batchItemFailures":[]}`, ""},
		{"the first failure of each partition",
			event(`"live-messages-0":[` + record(0, 5, ok) + `,` + record(0, 6, bad) + `,` + record(0, 7, bad) + `],` +
				`"live-messages-1":[` + record(1, 9, ok) + `],"live-messages-2":[` + record(2, 3, boom) + `]`),
			`{"batchItemFailures":[{"itemIdentifier":{"partition":"live-messages-0","offset":6}},{"itemIdentifier":{"partition":"live-messages-2","offset":3}}]}`, ""},
		{"not base64", event(`"live-messages-0":[` + record(0, 5, notBase64) + `]`), "", "offset 5: value"},
		{"unknown topic", event(`"x-0":[{"topic":"x","partition":0,"offset":1}]`), "", `no handler for topic \"x\"`},
		{"a job", `{"job":"reconcile"}`, "", ""},
		{"an unknown job", `{"job":"nothing"}`, "", "no job is named"},
		{"an unknown event", `{"Records":[]}`, "", "not an HTTP API, Kafka or scheduled event"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := invoke(t, s, tc.event)
			if tc.wantErr != "" {
				if !strings.Contains(a.Error, tc.wantErr) {
					t.Errorf("got error %s and payload %s, want %s", a.Error, a.Payload, tc.wantErr)
				}
				return
			}
			if string(a.Payload) != tc.want || a.Error != "" {
				t.Errorf("got  %s %s\nwant %s", a.Payload, a.Error, tc.want)
			}
		})
	}
}

func TestInvokeKeepsASecondToAnswerAndFlush(t *testing.T) {
	var left, flushLeft time.Duration
	h := &Host{
		Jobs: map[string]func(context.Context) error{"x": func(ctx context.Context) error {
			deadline, _ := ctx.Deadline()
			left = time.Until(deadline)
			return nil
		}},
		Flush: func(ctx context.Context) error {
			deadline, _ := ctx.Deadline()
			flushLeft = time.Until(deadline)
			return errors.New("collector is gone")
		},
		Tracer: telemetry.Discard().Tracer(), Log: telemetry.Discard().Logger(),
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	if _, err := h.Invoke(ctx, []byte(`{"job":"x"}`)); err != nil {
		t.Errorf("a collector that is down failed the invocation: %v", err)
	}
	if left > time.Hour-margin || flushLeft <= left {
		t.Errorf("handler had %v, flush %v of an hour", left, flushLeft)
	}
}

func FuzzInvoke(f *testing.F) {
	f.Add([]byte(httpEvent("GET", "prod", "/prod/echo/x", "a=1", "", false)))
	f.Add([]byte(`{"eventSource":"aws:kafka","records":{"live-messages-0":[{"topic":"live-messages","value":"YmFk"}]}}`))
	f.Add([]byte(`{"job":"reconcile"}`))
	h := testHost()
	f.Fuzz(func(t *testing.T, b []byte) {
		out, err := h.Invoke(t.Context(), b)
		if err == nil && len(out) > 0 && !json.Valid(out) {
			t.Fatalf("answer is not JSON: %s", out)
		}
		if e, ok := live.AsError(err); ok {
			t.Fatalf("a user's error escaped: %v", e)
		}
	})
}
