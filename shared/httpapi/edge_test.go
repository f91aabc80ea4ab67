package httpapi_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
)

func TestBadBodies(t *testing.T) {
	f := newFixture(t, nil)
	long := func(n int) string { return `{"title":"` + strings.Repeat("x", n-12) + `"}` }
	for name, tc := range map[string]struct {
		body, contentType string
		status            int
		code              string
	}{
		"empty":             {"", "application/json", 400, "malformed"},
		"cut":               {`{"title":`, "application/json", 400, "malformed"},
		"two values":        {`{"title":"x"}{"title":"y"}`, "application/json", 400, "malformed"},
		"not utf-8 json":    {"\xff\xfe{", "application/json", 400, "malformed"},
		"null":              {`null`, "application/json", 422, "invalid"},
		"array":             {`[]`, "application/json", 422, "invalid"},
		"wrong type":        {`{"title":5}`, "application/json", 422, "invalid"},
		"missing field":     {`{}`, "application/json", 422, "invalid"},
		"unknown field":     {`{"title":"x","is_admin":true}`, "application/json", 422, "invalid"},
		"unknown nested":    {`{"title":"x","data":{"x":1}}`, "application/json", 422, "invalid"},
		"too long field":    {`{"title":"12345678901"}`, "application/json", 422, "invalid"},
		"duplicate":         {`{"title":"x","title":"y"}`, "application/json", 400, "malformed"},
		"duplicate by case": {`{"title":"x","TITLE":"` + strings.Repeat("y", 500) + `"}`, "application/json", 400, "malformed"},
		"duplicate object":  {`{"title":"x","data":{},"DATA":{"color":"javascript:"}}`, "application/json", 400, "malformed"},
		"merged objects":    {`{"title":"x","data":{"color":"evil"},"data":{}}`, "application/json", 400, "malformed"},
		"deep":              {strings.Repeat("[", 60000), "application/json", 400, "malformed"},
		"deep and closed":   {strings.Repeat("[", 30000) + strings.Repeat("]", 30000), "application/json", 400, "malformed"},
		"64 KiB":            {long(httpMax), "application/json", 422, "invalid"},
		"64 KiB and one":    {long(httpMax + 1), "application/json", 413, "too_large"},
		"10 MiB":            {long(10 << 20), "application/json", 413, "too_large"},
		"form":              {"title=x", "application/x-www-form-urlencoded", 415, "unsupported_media_type"},
		"xml":               {"<title/>", "text/xml", 415, "unsupported_media_type"},
		"plus after semi":   {`{"title":"x"}`, "application/json;+", 415, "unsupported_media_type"},
	} {
		t.Run(name, func(t *testing.T) {
			got := f.do(t, "POST", "/api/v1/rooms", tc.body, "Content-Type", tc.contentType, "Authorization", "Bearer viewer")
			got.wantProblem(t, tc.status, tc.code)
			if len(got.body) > 2000 {
				t.Errorf("got a problem of %d bytes: it repeats the request", len(got.body))
			}
		})
	}
}

const httpMax = 64 << 10

func TestChunkedBodyIsLimitedToo(t *testing.T) {
	f := newFixture(t, nil)
	req, err := http.NewRequest("POST", f.URL+"/api/v1/rooms", struct{ *bufio.Reader }{bufio.NewReader(strings.NewReader(strings.Repeat(" ", httpMax+1)))})
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer viewer")
	resp, err := f.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != 413 {
		t.Errorf("got %d, want 413", resp.StatusCode)
	}
}

func TestManyBadFieldsGetAShortAnswer(t *testing.T) {
	f := newFixture(t, nil)
	var body strings.Builder
	body.WriteString(`{"title":"x"`)
	for i := range 4000 {
		fmt.Fprintf(&body, `,"f%d":1`, i)
	}
	body.WriteString("}")
	got := f.do(t, "POST", "/api/v1/rooms", body.String(), "Authorization", "Bearer viewer")
	if p := got.wantProblem(t, 422, "invalid"); len(p.Errors) != 10 {
		t.Errorf("got %d field errors, want 10", len(p.Errors))
	}
}

func TestProblemsDoNotRepeatValues(t *testing.T) {
	f := newFixture(t, nil)
	for _, body := range []string{`{"title":"x","count":7.7e30}`, `{"title":"x","count":7777777777777777777777}`, `{"title":"hunter2-hunter2"}`, `{"title":"x","password":"hunter2"}`, `{"title":"hunter2`} {
		got := f.do(t, "POST", "/api/v1/rooms", body, "Authorization", "Bearer viewer")
		if got.StatusCode < 400 || bytes.Contains(got.body, []byte("hunter2")) || bytes.Contains(got.body, []byte("7.7e")) || bytes.Contains(got.body, []byte("777777")) || bytes.Contains(got.body, []byte("Go ")) {
			t.Errorf("got %d %s, want it refused without the value and without names of the code", got.StatusCode, got.body)
		}
	}
}

func TestWrongWays(t *testing.T) {
	f := newFixture(t, nil)
	for _, tc := range []struct {
		method, path string
		status       int
		code, allow  string
	}{
		{"GET", "/nowhere", 404, "not_found", ""},
		{"GET", "/", 404, "not_found", ""},
		{"GET", "/api/v1/rooms/", 404, "not_found", ""},
		{"GET", "/api/v1/rooms/1/x", 404, "not_found", ""},
		{"GET", "/API/V1/ROOMS", 404, "not_found", ""},
		{"PUT", "/api/v1/rooms", 405, "method_not_allowed", "GET, HEAD, POST"},
		{"OPTIONS", "/api/v1/rooms", 405, "method_not_allowed", "GET, HEAD, POST"},
		{"BREW", "/api/v1/rooms", 405, "method_not_allowed", "GET, HEAD, POST"},
		{"GET", "/api/v1/rooms/0", 422, "invalid", ""},
		{"GET", "/api/v1/rooms/-1", 422, "invalid", ""},
		{"GET", "/api/v1/rooms/9007199254740992", 422, "invalid", ""},
		{"GET", "/api/v1/rooms/99999999999999999999", 422, "invalid", ""},
		{"GET", "/api/v1/rooms/1%00", 422, "invalid", ""},
		{"GET", "/api/v1/rooms/%2e%2e", 422, "invalid", ""},
		{"GET", "/api/v1/rooms/1%2F2", 422, "invalid", ""},
	} {
		t.Run(tc.method+" "+tc.path, func(t *testing.T) {
			got := f.do(t, tc.method, tc.path, "")
			got.wantProblem(t, tc.status, tc.code)
			if allow := got.Header.Get("Allow"); allow != tc.allow {
				t.Errorf("got Allow %q, want %q", allow, tc.allow)
			}
		})
	}
}

func TestHead(t *testing.T) {
	f := newFixture(t, nil)
	for path, status := range map[string]int{"/api/v1/rooms/1": 200, "/nowhere": 404, "/docs": 200} {
		if got := f.do(t, "HEAD", path, ""); got.StatusCode != status || len(got.body) != 0 {
			t.Errorf("%s: got %d and %d bytes, want %d and none", path, got.StatusCode, len(got.body), status)
		}
	}
}

func TestHugeHeadersAreRefused(t *testing.T) {
	f := newFixture(t, nil)
	if got := f.do(t, "GET", "/api/v1/rooms/1", "", "X-Big", strings.Repeat("x", 64<<10)); got.StatusCode != 431 {
		t.Errorf("got %d, want 431", got.StatusCode)
	}
}

func TestRequestIDs(t *testing.T) {
	f := newFixture(t, nil)
	for given, kept := range map[string]bool{
		"0123456789abcdef": true, "9b2f0c1e-7a55-4a53-b1f1-7f6f0f8e2a11": true,
		"short": false, "with space 123": false, `"quoted-quoted"`: false, strings.Repeat("x", 65): false, "tab\tseparated": false,
	} {
		got := f.do(t, "GET", "/api/v1/rooms/1", "", "X-Request-Id", given).Header.Get("X-Request-Id")
		if got == "" || (got == given) != kept {
			t.Errorf("%q: got %q, want it kept: %v", given, got, kept)
		}
	}
}

// Requests that net/http's client would not send.
func TestRawRequests(t *testing.T) {
	f := newFixture(t, nil)
	for name, tc := range map[string]struct {
		request string
		status  string
	}{
		"no host":              {"GET /api/v1/rooms/1 HTTP/1.1\r\n\r\n", "400"},
		"two lengths":          {"POST /api/v1/rooms HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "400"},
		"length and chunks":    {"POST /api/v1/rooms HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: gzip\r\n\r\nhello", "501"},
		"absolute uri":         {"GET http://evil.example/nowhere HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n", "404"},
		"dots":                 {"GET /api/../nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "307"},
		"lying content length": {"GET /api/v1/rooms/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n{\"x\":1}", "200"},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", f.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := conn.Write([]byte(tc.request)); err != nil {
				t.Fatal(err)
			}
			line, err := bufio.NewReader(conn).ReadString('\n')
			if err != nil || !strings.HasPrefix(line, "HTTP/1.1 "+tc.status) {
				t.Errorf("got %q %v, want %s", line, err, tc.status)
			}
		})
	}
}
