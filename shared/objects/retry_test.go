package objects_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/barrage-live/barrage/shared/objects"
)

// server answers the first requests in turn, and all others as the last one.
func server(t *testing.T, answers ...http.HandlerFunc) (cfg objects.Config, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answers[min(int(asked.Add(1)), len(answers))-1](w, r)
	}))
	t.Cleanup(s.Close)
	return objects.Config{Bucket: "archive", Endpoint: s.URL, Region: "us-east-1", Key: "k", Secret: "s"}, asked
}

func says(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", `"1"`)
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

func refuses(status int, code string) http.HandlerFunc {
	return says(status, "<Error><Code>"+code+"</Code></Error>")
}

// breaksOff promises more than it sends.
func breaksOff(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "10")
	fmt.Fprint(w, "hel")
}

func spoilt(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-Amz-Checksum-Crc32", "AAAAAA==")
	fmt.Fprint(w, "hullo")
}

func TestWhatMayPassIsTriedAgain(t *testing.T) {
	good := says(http.StatusOK, "hello")
	for name, tc := range map[string]struct {
		answers []http.HandlerFunc
		asked   int64
		want    string // empty: an error
	}{
		"an overload":             {[]http.HandlerFunc{refuses(503, "SlowDown"), good}, 2, "hello"},
		"a code that says so":     {[]http.HandlerFunc{refuses(400, "RequestTimeout"), good}, 2, "hello"},
		"a connection that broke": {[]http.HandlerFunc{breaksOff, good}, 2, "hello"},
		"bytes that were changed": {[]http.HandlerFunc{spoilt, good}, 2, "hello"},
		"what no try changes":     {[]http.HandlerFunc{refuses(403, "AccessDenied"), good}, 1, ""},
		"for ever":                {[]http.HandlerFunc{refuses(500, "InternalError")}, 3, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg, asked := server(t, tc.answers...)
			body, _, err := open(t, cfg).Get(t.Context(), "a")
			if string(body) != tc.want || (err != nil) != (tc.want == "") || asked.Load() != tc.asked {
				t.Errorf("got %q, %v after %d requests, want %q after %d", body, err, asked.Load(), tc.want, tc.asked)
			}
		})
	}
}

// S3 may find only behind its 200 that it can't.
func TestARefusalBehindAGoodStatusIsTriedAgain(t *testing.T) {
	cfg, asked := server(t, refuses(http.StatusOK, "InternalError"), says(http.StatusOK, "<DeleteResult></DeleteResult>"))
	if err := open(t, cfg).Delete(t.Context(), "a"); err != nil || asked.Load() != 2 {
		t.Errorf("got %v after %d requests", err, asked.Load())
	}
}

func TestObjectsThatWereNotDeletedAreNamed(t *testing.T) {
	cfg, _ := server(t, says(http.StatusOK, "<DeleteResult><Error><Key>b</Key><Code>AccessDenied</Code></Error></DeleteResult>"))
	if err := open(t, cfg).Delete(t.Context(), "a", "b"); err == nil || !strings.Contains(err.Error(), "archive/b: AccessDenied") {
		t.Errorf("got %v", err)
	}
}

func TestRefusalsAreToldAsCallersKnowThem(t *testing.T) {
	for _, tc := range []struct {
		status int
		code   string
		want   error
	}{
		{404, "NoSuchKey", objects.ErrNotFound}, {404, "", objects.ErrNotFound}, {412, "PreconditionFailed", objects.ErrChanged},
		{409, "ConditionalRequestConflict", objects.ErrChanged}, {403, "AccessDenied", nil}, {404, "NoSuchBucket", nil},
	} {
		cfg, _ := server(t, refuses(tc.status, tc.code))
		_, err := open(t, cfg).PutIf(t.Context(), "a", text, []byte("1"), `"1"`)
		for _, kind := range []error{objects.ErrNotFound, objects.ErrChanged} {
			if errors.Is(err, kind) != (kind == tc.want) {
				t.Errorf("%d %s: got %v, want %v", tc.status, tc.code, err, tc.want)
			}
		}
		if tc.want == nil && !strings.Contains(err.Error(), tc.code) {
			t.Errorf("%d %s: got %v, which does not say so", tc.status, tc.code, err)
		}
	}
}

func TestACallThatIsGivenUpIsNotTriedAgain(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cfg, asked := server(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	if _, _, err := open(t, cfg).Get(ctx, "a"); !errors.Is(err, context.Canceled) || asked.Load() != 1 {
		t.Errorf("got %v after %d requests", err, asked.Load())
	}
}

// A write whose condition fails must not send megabytes first.
func TestABigBodyWaitsForTheAnswerToItsHeader(t *testing.T) {
	cfg, _ := server(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Expect"); got != "100-continue" {
			t.Errorf("expects %q", got)
		}
		refuses(http.StatusPreconditionFailed, "PreconditionFailed")(w, r)
	})
	if _, err := open(t, cfg).PutIf(t.Context(), "a", text, make([]byte, 3<<20), objects.Absent); !errors.Is(err, objects.ErrChanged) {
		t.Errorf("got %v, want ErrChanged", err)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	cfg, _ := server(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(objects.MaxSize+1))
		w.WriteHeader(http.StatusOK)
	})
	if _, _, err := open(t, cfg).Get(t.Context(), "a"); !errors.Is(err, objects.ErrTooBig) {
		t.Errorf("got %v, want ErrTooBig", err)
	}
	endless := func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "<ListBucketResult>")
		for line := strings.Repeat("<Name>x</Name>", 1000); ; {
			if _, err := fmt.Fprint(w, line); err != nil {
				return
			}
		}
	}
	cfg, _ = server(t, endless)
	if _, _, err := open(t, cfg).List(t.Context(), "", "", 10); err == nil {
		t.Error("a list without end was taken")
	}
}
