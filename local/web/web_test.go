package web

import (
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

func serve(t *testing.T) *httptest.Server {
	t.Helper()
	h, err := Handler(Config{SocketURL: "ws://127.0.0.1:8081/ws", DemoUsers: []DemoUser{{Username: "viewer", Password: "p"}}})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func get(t *testing.T, url string, header http.Header) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		req.Header[k] = v
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

func TestPageIsServedUnderAStrictPolicy(t *testing.T) {
	s := serve(t)
	res, body := get(t, s.URL+"/", nil)
	if res.StatusCode != http.StatusOK || !strings.Contains(body, `type="module"`) {
		t.Fatalf("got %d and a page without a module", res.StatusCode)
	}
	policy := res.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "script-src 'self';", "connect-src 'self' ws://127.0.0.1:8081;"} {
		if !strings.Contains(policy, want) {
			t.Errorf("policy %q lacks %q", policy, want)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q allows inline code", policy)
	}
	again, _ := get(t, s.URL+"/", http.Header{"If-None-Match": {res.Header.Get("Etag")}})
	if again.StatusCode != http.StatusNotModified {
		t.Errorf("got %d for an unchanged page, want 304", again.StatusCode)
	}
	missing, _ := get(t, s.URL+"/nothing.js", nil)
	if missing.StatusCode != http.StatusNotFound {
		t.Errorf("got %d for a missing file, want 404", missing.StatusCode)
	}
}

func TestConfigTellsTheSocketAndTheDemoUsers(t *testing.T) {
	res, body := get(t, serve(t).URL+"/config.json", nil)
	if got, want := body, `{"socket_url":"ws://127.0.0.1:8081/ws","demo_users":[{"username":"viewer","password":"p"}]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := res.Header.Get("Content-Type"), "application/json"; got != want {
		t.Errorf("got type %q, want %q", got, want)
	}
}

func TestHandlerRefusesASocketURLWithoutHost(t *testing.T) {
	for _, bad := range []string{"", "/ws", "::"} {
		if _, err := Handler(Config{SocketURL: bad}); err == nil {
			t.Errorf("%q was taken for a socket URL", bad)
		}
	}
}

// Chat text must stay text: no file may turn strings into markup or code, and every import must exist.
func TestScriptsNeverBuildMarkupFromText(t *testing.T) {
	forbidden := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\.srcdoc|DOMParser|createContextualFragment`)
	imports := regexp.MustCompile(`from '\./([^']+)'`)
	inline := regexp.MustCompile(`(?i)<script(?:[^>]*)>[^<]|\son[a-z]+=|\sstyle=`)
	scripts, err := fs.Glob(FS, "*.js")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("got no scripts: %v", err)
	}
	for _, name := range scripts {
		body, err := FS.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if m := forbidden.Find(body); m != nil {
			t.Errorf("%s uses %s", name, m)
		}
		for _, m := range imports.FindAllSubmatch(body, -1) {
			if _, err := fs.Stat(FS, string(m[1])); err != nil {
				t.Errorf("%s imports %s, which is not there", name, m[1])
			}
		}
	}
	page, err := FS.ReadFile("index.html")
	if err != nil {
		t.Fatal(err)
	}
	if m := inline.Find(page); m != nil {
		t.Errorf("index.html has inline code or style the policy refuses: %q", m)
	}
}
