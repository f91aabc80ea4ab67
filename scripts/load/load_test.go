package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/gorilla/websocket"
)

// TestMain lets the test binary serve as the worker processes that the driver starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == workerVerb {
		if err := runWorker(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// A room is a gateway in eighty lines: it numbers what it gets and sends it to all. skip and double spoil chosen numbers,
// and one that forgets does not recover who resumes.
type room struct {
	mu     sync.Mutex
	seq    int
	conns  map[*websocket.Conn]bool
	skip   int
	double int

	past    [][]byte
	forgets bool
	deflate bool
}

func (r *room) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	c, err := (&websocket.Upgrader{EnableCompression: r.deflate}).Upgrade(w, req, nil)
	if err != nil {
		return
	}
	defer c.Close()
	r.mu.Lock()
	r.conns[c] = true
	err = r.greet(c, req.URL.Query().Get("resume"))
	r.mu.Unlock()
	for err == nil {
		var in struct{ ID, Content string }
		if err = c.ReadJSON(&in); err == nil {
			r.publish(c, in.ID, in.Content)
		}
	}
	r.mu.Lock()
	delete(r.conns, c)
	r.mu.Unlock()
}

// greet is called with the lock.
func (r *room) greet(c *websocket.Conn, resume string) error {
	at, recovered := r.seq, false
	if _, err := fmt.Sscanf(resume, "e:%d", &at); err == nil && !r.forgets {
		recovered = true
	} else {
		at = r.seq
	}
	err := c.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"type":"welcome","data":{"epoch":"e","seq":%d,"recovered":%t}}`, at, recovered))
	for _, missed := range r.past[at:] {
		err = errors.Join(err, c.WriteMessage(websocket.TextMessage, missed))
	}
	return err
}

// sendAway asks everybody to come back.
func (r *room) sendAway() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for c := range r.conns {
		_ = c.WriteMessage(websocket.TextMessage, []byte(`{"type":"reconnect","data":{"after_ms":20}}`))
	}
}

func (r *room) publish(from *websocket.Conn, id, content string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seq++
	msg := fmt.Appendf(nil, `{"type":"danmu","content":%q,"seq":%d}`, content, r.seq)
	r.past = append(r.past, msg)
	for c := range r.conns {
		if r.seq == r.skip {
			continue
		}
		_ = c.WriteMessage(websocket.TextMessage, msg)
		if r.seq == r.double {
			_ = c.WriteMessage(websocket.TextMessage, msg)
		}
	}
	_ = from.WriteMessage(websocket.TextMessage, fmt.Appendf(nil, `{"type":"ack","id":%q}`, id))
}

func TestDriveSeesWhatTheServerDidWrong(t *testing.T) {
	key := writeTestKey(t)
	for _, tc := range []struct {
		name            string
		skip, double    int
		holes, doubled  int64
		wantStrictError bool
		deflate         bool
	}{
		{name: "clean"},
		{name: "compressed", deflate: true},
		{name: "a hole", skip: 3, holes: 40, wantStrictError: true},
		{name: "a double", double: 3, doubled: 40, wantStrictError: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			server := httptest.NewServer(&room{conns: map[*websocket.Conn]bool{}, skip: tc.skip, double: tc.double, deflate: tc.deflate})
			defer server.Close()
			var stdout, stderr bytes.Buffer
			args := []string{"-url", "ws" + strings.TrimPrefix(server.URL, "http") + "/ws", "-connections", "40", "-per-process", "20",
				"-rate", "50", "-publishers", "2", "-warmup", "300ms", "-duration", "700ms", "-settle", "2s",
				"-token-key", key, "-strict", "-pid", fmt.Sprint(os.Getpid()), fmt.Sprintf("-deflate=%t", tc.deflate)}
			err := run(t.Context(), args, nil, &stdout, &stderr)
			if got := err != nil; got != tc.wantStrictError {
				t.Fatalf("strict verdict: %v\n%s%s", err, stdout.String(), stderr.String())
			}
			var rep report
			if jsonErr := json.Unmarshal(stdout.Bytes(), &rep); jsonErr != nil {
				t.Fatalf("no report (%v) because of: %v", jsonErr, err)
			}
			if rep.Connections != 40 || rep.Holes != tc.holes || rep.Doubled != tc.doubled {
				t.Errorf("connections %d, holes %d, doubled %d; want 40, %d, %d", rep.Connections, rep.Holes, rep.Doubled, tc.holes, tc.doubled)
			}
			if rep.Sent == 0 || rep.Acked == 0 || rep.Deliveries == 0 || rep.CPUPerDelivery == 0 || rep.Latency.P99 == 0 {
				t.Errorf("nothing measured: %+v", rep)
			}
			if got := rep.Packed > 0; got != tc.deflate {
				t.Errorf("got %d messages compressed, with an offer: %t", rep.Packed, tc.deflate)
			}
		})
	}
}

// Viewers that leave and are replaced lose nothing of what they were there for.
func TestChurn(t *testing.T) {
	server := httptest.NewServer(&room{conns: map[*websocket.Conn]bool{}})
	defer server.Close()
	var stdout, stderr bytes.Buffer
	args := []string{"-url", "ws" + strings.TrimPrefix(server.URL, "http") + "/ws", "-connections", "20", "-rate", "50", "-publishers", "1",
		"-warmup", "100ms", "-duration", "2500ms", "-settle", "3s", "-churn", "20%/s", "-token-key", writeTestKey(t), "-strict"}
	if err := run(t.Context(), args, nil, &stdout, &stderr); err != nil {
		t.Fatalf("%v\n%s%s", err, stdout.String(), stderr.String())
	}
	var rep report
	if err := json.Unmarshal(stdout.Bytes(), &rep); err != nil {
		t.Fatal(err)
	}
	if rep.Churned < 8 || len(rep.Closes) != 0 {
		t.Errorf("%d connections left, and the server closed %v", rep.Churned, rep.Closes)
	}
}

func TestOnlyLoopbackIsLoaded(t *testing.T) {
	for _, url := range []string{"ws://10.0.0.1:80/ws", "ws://example.org:80/ws", "wss://127.0.0.1:80/ws", "ws://127.0.0.1/ws", "ws://[::1]:80/ws"} {
		if _, err := parseTarget(url); err == nil {
			t.Errorf("%s was accepted", url)
		}
	}
	if got, err := parseTarget("ws://127.0.0.1:1/ws,ws://127.0.0.9:2/ws?history=5"); err != nil || len(got) != 2 {
		t.Errorf("two loopback targets: %v, %v", got, err)
	}
}

func TestHistogramQuantiles(t *testing.T) {
	var h histogram
	for v := range int64(100_000) {
		h.add(v)
	}
	for _, q := range []float64{0.01, 0.5, 0.99, 0.999} {
		got, want := h.quantile(q), q*100
		if got < want || got > want*1.04+0.001 {
			t.Errorf("quantile %v: got %v ms, want %v to +4 %%", q, got, want)
		}
	}
	for v := int64(0); v < 1<<40; v = v*3/2 + 1 {
		if b := bucketOf(v); upperBound(b) < v || (b > 0 && upperBound(b-1) >= v) {
			t.Fatalf("%d µs is in bucket %d, (%d, %d]", v, b, upperBound(b-1), upperBound(b))
		}
	}
}

func FuzzNextFrame(f *testing.F) {
	f.Add([]byte("\x81\x05hello"))
	f.Add([]byte("\x81\x7e\x00\x7e"))
	f.Add([]byte("\x88\x02\x0f\xa4"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for {
			fr, ok, err := nextFrame(b)
			if err != nil || !ok {
				return
			}
			if fr.size < 2 || fr.size > len(b) || len(fr.payload) > fr.size-2 {
				t.Fatalf("frame of %d bytes, payload %d, from %d", fr.size, len(fr.payload), len(b))
			}
			seqOf(fr.payload)
			sentAt(fr.payload)
			typeOf(fr.payload)
			b = b[fr.size:]
		}
	})
}

// Viewers of a pod that drains are counted on the next one, with nothing missed, and so is what the next one loses.
func TestViewersFollowADrain(t *testing.T) {
	for name, forgets := range map[string]bool{"recovered": false, "forgotten": true} {
		t.Run(name, func(t *testing.T) {
			// Both servers are one room, as two pods are; the first sends its viewers away when this process gets SIGTERM.
			shared := &room{conns: map[*websocket.Conn]bool{}, forgets: forgets}
			first, second := httptest.NewServer(shared), httptest.NewServer(shared)
			defer first.Close()
			defer second.Close()
			terminated := make(chan os.Signal, 1)
			signal.Notify(terminated, syscall.SIGTERM)
			defer signal.Stop(terminated)
			go func() {
				<-terminated
				shared.sendAway()
			}()
			var stdout, stderr bytes.Buffer
			args := []string{"-url", "ws" + strings.TrimPrefix(first.URL, "http") + "/ws,ws" + strings.TrimPrefix(second.URL, "http") + "/ws",
				"-connections", "20", "-rate", "50", "-publishers", "1", "-warmup", "300ms", "-duration", "2s", "-settle", "3s",
				"-token-key", writeTestKey(t), "-drain", fmt.Sprint(os.Getpid())}
			if err := run(t.Context(), args, nil, &stdout, &stderr); err != nil {
				t.Fatalf("%v\n%s%s", err, stdout.String(), stderr.String())
			}
			var rep report
			if err := json.Unmarshal(stdout.Bytes(), &rep); err != nil {
				t.Fatal(err)
			}
			if lost := rep.Holes > 0 || len(rep.Failures) > 0; lost != forgets {
				t.Errorf("%d holes, failures %v", rep.Holes, rep.Failures)
			}
			if !forgets && (rep.Moved != 20 || rep.DrainSeconds <= 0 || rep.Doubled != 0 || rep.DeliveredPct != 100) {
				t.Errorf("got %+v, want 20 viewers that moved with nothing lost", rep)
			}
		})
	}
}
