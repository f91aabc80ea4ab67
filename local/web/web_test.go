package web

import (
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"testing"
)

func serve(t *testing.T) *httptest.Server {
	t.Helper()
	h, err := Handler(Config{SocketURL: "ws://127.0.0.1:8081/ws", DemoUsers: []DemoUser{{Username: "viewer", Password: "p"}}, DemoCoins: "/coins", Pictures: []string{"http://127.0.0.1:19000"}})
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
	for _, want := range []string{"default-src 'none'", "script-src 'self';", "connect-src 'self' ws://127.0.0.1:8081 http://127.0.0.1:19000;", "img-src 'self' https: data: http://127.0.0.1:19000;"} {
		if !strings.Contains(policy, want) {
			t.Errorf("policy %q lacks %q", policy, want)
		}
	}
	if strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q allows inline code", policy)
	}
	replay, body := get(t, s.URL+"/replay/", nil)
	if got := replay.Header.Get("Content-Security-Policy"); !strings.Contains(body, "/replay/main.js") || !strings.Contains(got, "script-src 'self';") ||
		!strings.Contains(got, "media-src 'self' blob: https: ") || strings.Contains(got, "unsafe") || strings.Contains(policy, "http://localhost:*") {
		t.Errorf("got policy %q of the replay", got)
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
	if got, want := body, `{"socket_url":"ws://127.0.0.1:8081/ws","demo_users":[{"username":"viewer","password":"p"}],"demo_coins":"/coins"}`; got != want {
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
	imports := regexp.MustCompile(`(?:from|library =) '(\.[^']+)'`)
	inline := regexp.MustCompile(`(?i)<script(?:[^>]*)>[^<]|\son[a-z]+=|\sstyle=`)
	for _, name := range files(t, ".js") {
		if thirdParty[name] != "" {
			continue
		}
		body, err := FS.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if m := forbidden.Find(body); m != nil {
			t.Errorf("%s uses %s", name, m)
		}
		for _, m := range imports.FindAllSubmatch(body, -1) {
			if _, err := fs.Stat(FS, path.Join(path.Dir(name), string(m[1]))); err != nil {
				t.Errorf("%s imports %s, which is not there", name, m[1])
			}
		}
	}
	for _, name := range files(t, ".html") {
		page, err := FS.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if m := inline.Find(page); m != nil {
			t.Errorf("%s has inline code or style the policy refuses: %q", name, m)
		}
	}
}

func files(t *testing.T, suffix string) (names []string) {
	t.Helper()
	err := fs.WalkDir(FS, ".", func(name string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(name, suffix) {
			names = append(names, name)
		}
		return err
	})
	if err != nil || len(names) == 0 {
		t.Fatalf("got no files *%s: %v", suffix, err)
	}
	return names
}

// thirdParty files stand here as npm has them in dist/ (npm pack uplot@1.6.32 hls.js@1.7.4): nobody changes them by hand.
var thirdParty = map[string]string{
	"dashboard/uplot-1.6.32.min.js":      "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f",
	"dashboard/uplot-1.6.32.min.css":     "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04",
	"replay/hls/hls-1.7.4.light.min.mjs": "3d82a88cf9ae0d9aaab3cbe9ff6ecbb64bb89c54a399c34ae9bf8b559baeb20f",
}

func TestThirdPartyFilesAreWhatTheyWere(t *testing.T) {
	for name, want := range thirdParty {
		body, err := FS.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(body)); got != want {
			t.Errorf("%s: got SHA-256 %s, want %s", name, got, want)
		}
	}
}
