package plain_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"github.com/barrage-live/barrage/functions/host/plain"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

// A request that is being answered when the end comes gets its answer.
func TestServeFinishesWhatItHasBegun(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-finish
		_, _ = io.WriteString(w, "done")
	})}
	ctx, stop := context.WithCancel(t.Context())
	ln := listen(t)
	ended := make(chan error, 1)
	go func() { ended <- plain.Serve(ctx, ln, srv) }()

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answered := make(chan error, 1)
	go func() {
		res, err := client.Get("http://" + ln.Addr().String())
		if err != nil {
			answered <- err
			return
		}
		defer res.Body.Close()
		if body, err := io.ReadAll(res.Body); err != nil || string(body) != "done" {
			answered <- errors.Join(err, errors.New("got "+string(body)))
			return
		}
		answered <- nil
	}()
	<-begun
	stop()
	select {
	case err := <-ended:
		t.Fatalf("ended with %v before the answer was out", err)
	default:
	}
	close(finish)
	if err := <-answered; err != nil {
		t.Error(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestServeTellsWhyItCannotGoOn(t *testing.T) {
	ln := listen(t)
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	if err := plain.Serve(t.Context(), ln, &http.Server{}); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v, want the listener's error", err)
	}
}
