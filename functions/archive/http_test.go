package archive

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/barrage-live/barrage/shared/danmaku"
	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/telemetry"
)

// site is a service behind its routes.
type site struct {
	*Service
	t   *testing.T
	url string
}

func serve(t *testing.T) site {
	_, cfg := s3(t)
	s := service(t, cfg)
	return site{s, t, listen(t, s)}
}

func listen(t *testing.T, s *Service) string {
	api := httpapi.New(httpapi.Config{Title: "test", Telemetry: telemetry.Discard()})
	s.Routes(api)
	server := httptest.NewServer(api.Handler())
	t.Cleanup(server.Close)
	return server.URL
}

func (s site) record(values ...string) {
	s.t.Helper()
	if done, err := s.HandleMessages(s.t.Context(), log(values...)); done != len(values) || err != nil {
		s.t.Fatalf("recorded %d of %d: %v", done, len(values), err)
	}
}

func (s site) get(path string, into any) (*http.Response, string) {
	s.t.Helper()
	res, err := http.Get(s.url + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if into != nil {
		if err := json.Unmarshal(body, into); err != nil {
			s.t.Fatalf("%v in %s", err, body)
		}
	}
	return res, string(body)
}

type page struct {
	Session string
	Items   []struct {
		OffsetMS int64 `json:"offset_ms"`
		Type     string
		ID       string
		UserID   int64 `json:"user_id"`
		Content  string
		Data     map[string]any
	}
	NextCursor string `json:"next_cursor"`
	Code       string
}

func (p page) texts() string {
	var all []string
	for _, one := range p.Items {
		all = append(all, fmt.Sprintf("%d:%s", one.OffsetMS, one.Content))
	}
	return strings.Join(all, " ")
}

var deletedA = fmt.Sprintf(`{"type":"deleted","room_id":1,"user_id":1,"timestamp":%d,"data":{"message_id":"a"}}`, began.UnixMilli()+9000)

func TestReplayPages(t *testing.T) {
	s := serve(t)
	s.record(started(1), said(1, 7, "a", 10, "gone"), said(1, 7, "b", 1000, "one"), said(1, 8, "c", 2000, "two"), said(1, 8, "c", 2000, "two"),
		`{"type":"like","room_id":1,"timestamp":1,"data":{"count":3}}`, said(2, 7, "x", 1500, "elsewhere"), said(1, 7, "d", 3000, "three"), deletedA)
	var all page
	res, _ := s.get("/api/v1/rooms/1/replay", &all)
	if got := all.texts(); res.StatusCode != http.StatusOK || got != "1000:one 2000:two 3000:three" || all.NextCursor != "" || all.Session != fmt.Sprint(began.UnixMilli()) {
		t.Errorf("got %d %s, %+v", res.StatusCode, got, all)
	}
	for query, want := range map[string]string{
		"from_ms=1001&to_ms=3000": "2000:two", "from_ms=3001": "", "to_ms=1001": "1000:one", "session=" + all.Session + "&from_ms=3000": "3000:three",
	} {
		var got page
		if s.get("/api/v1/rooms/1/replay?"+query, &got); got.texts() != want {
			t.Errorf("%s: got %s, want %s", query, got.texts(), want)
		}
	}
	var got []string
	cursor := ""
	for range 10 {
		var p page
		s.get("/api/v1/rooms/1/replay?limit=1&cursor="+url.QueryEscape(cursor), &p)
		got = append(got, p.texts())
		if cursor = p.NextCursor; cursor == "" {
			break
		}
	}
	if text := strings.Join(got, " "); text != "1000:one 2000:two 3000:three" {
		t.Errorf("page by page: got %s", text)
	}
}

func TestReplayRefusals(t *testing.T) {
	s := serve(t)
	s.record(started(1), said(1, 7, "b", 1000, "one"))
	for path, want := range map[string]string{
		"/api/v1/rooms/2/replay":                   "404 not_recorded",
		"/api/v1/rooms/1/replay?session=5":         "404 not_recorded",
		"/api/v1/rooms/1/replay?cursor=x":          "422 bad_cursor",
		"/api/v1/rooms/1/replay?cursor=e30":        "422 bad_cursor",
		"/api/v1/rooms/1/replay?from_ms=5&to_ms=5": "422 bad_span",
		"/api/v1/rooms/1/sessions?cursor=x":        "422 bad_cursor",
		"/api/v1/rooms/1/replay?format=csv":        "422 invalid",
		"/api/v1/rooms/1/replay?session=x":         "422 invalid",
		"/api/v1/rooms/1/replay?limit=101":         "422 invalid",
		"/api/v1/rooms/1/replay?types=like":        "422 invalid",
	} {
		var p page
		res, body := s.get(path, &p)
		if got := fmt.Sprint(res.StatusCode, " ", p.Code); got != want && !(strings.HasSuffix(want, "invalid") && res.StatusCode == 422) {
			t.Errorf("%s: got %s %s, want %s", path, got, body, want)
		}
	}
	server, cfg := s3(t)
	away := service(t, cfg)
	server.Close()
	var p page
	if res, _ := (site{away, t, listen(t, away)}).get("/api/v1/rooms/1/replay", &p); res.StatusCode != http.StatusServiceUnavailable || p.Code != "archive_away" {
		t.Errorf("without a bucket: got %d %s", res.StatusCode, p.Code)
	}
}

func TestReplayAsXML(t *testing.T) {
	s := serve(t)
	styled := `{"type":"danmu","room_id":1,"user_id":7,"id":"s","timestamp":` + fmt.Sprint(began.UnixMilli()+1234) +
		`,"content":"a <b> & \"c\" \u0001\u000b\ufffe 弹幕 😀","data":{"mode":"top","size":"large","color":"#ff8000"}}`
	s.record(started(1), styled, said(1, 8, "p", 2000, "plain"))
	res, body := s.get("/api/v1/rooms/1/replay?format=xml&limit=1", nil) // limit is for JSON
	if kind := res.Header.Get("Content-Type"); res.StatusCode != http.StatusOK || kind != "application/xml; charset=utf-8" {
		t.Fatalf("got %d %s %s", res.StatusCode, kind, body)
	}
	var got []danmaku.Comment
	if err := danmaku.Decode(strings.NewReader(body), func(c danmaku.Comment) error { got = append(got, c); return nil }); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Text != `a <b> & "c"  弹幕 😀` || got[0].Mode != danmaku.Top || got[0].Size != danmaku.Large ||
		got[0].Color != 0xff8000 || got[0].At.Milliseconds() != 1234 || got[0].User != danmaku.UserOf(7) || got[1].Mode != danmaku.Scroll || got[1].Color != danmaku.White {
		t.Errorf("got %+v", got)
	}
}

// A document has an end; the header says where the next one is.
func TestLongXMLGoesOn(t *testing.T) {
	s := serve(t)
	values := []string{started(1)}
	for i := range xmlPage + 5 {
		values = append(values, said(1, 7, fmt.Sprint("m", i), int64(i), fmt.Sprint(i)))
	}
	s.record(values...)
	path, seen := "/api/v1/rooms/1/replay?format=xml&to_ms=60000", 0
	for range 3 {
		res, body := s.get(path, nil)
		err := danmaku.Decode(strings.NewReader(body), func(c danmaku.Comment) error {
			if c.Text != fmt.Sprint(seen) {
				t.Fatalf("got %s, want %d", c.Text, seen)
			}
			seen++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		link := res.Header.Get("Link")
		if link == "" {
			break
		}
		path = strings.TrimPrefix(strings.TrimSuffix(link, `>; rel="next"`), "<")
	}
	if seen != xmlPage+5 {
		t.Errorf("got %d comments, want %d", seen, xmlPage+5)
	}
}

func gave(room live.RoomID, user live.UserID, id string, ms int64) string {
	return fmt.Sprintf(`{"type":"gift","room_id":%d,"user_id":%d,"id":%q,"timestamp":%d,"data":{"gift_id":2,"name":"Clap","count":3}}`, room, user, id, began.UnixMilli()+ms)
}

// A player reads a session as lines: gifts among the danmu if it asks for them, document after document.
func TestReplayAsLines(t *testing.T) {
	s := serve(t)
	values := []string{started(1), said(1, 7, "a", 1, "gone"), gave(1, 8, "g", 1500), gave(1, 8, "g", 1500), deletedA}
	for i := range linesPage {
		values = append(values, said(1, 7, fmt.Sprint("m", i), int64(i), fmt.Sprint("a \n <b> ", i)))
	}
	s.record(values...)
	path, danmu, gifts := "/api/v1/rooms/1/replay?format=lines&types=danmu,gift&to_ms=60000", 0, 0
	for path != "" {
		res, body := s.get(path, nil)
		if kind := res.Header.Get("Content-Type"); res.StatusCode != http.StatusOK || kind != "application/x-ndjson" {
			t.Fatalf("got %d %s %s", res.StatusCode, kind, body)
		}
		lines := strings.SplitAfter(strings.TrimSuffix(body, "\n"), "\n")
		if len(lines) > linesPage {
			t.Errorf("got %d lines, want at most %d", len(lines), linesPage)
		}
		for _, line := range lines {
			var m Moment
			switch err := json.Unmarshal([]byte(line), &m); {
			case err != nil:
				t.Fatalf("%v in %s", err, line)
			case m.Type == live.Gift && m.OffsetMS == 1500:
				gifts++
			case m.Type == live.Danmu && m.OffsetMS == int64(danmu) && m.Content == fmt.Sprint("a \n <b> ", danmu):
				danmu++
			default:
				t.Fatalf("got %s behind %d danmu", line, danmu)
			}
		}
		path = strings.TrimPrefix(strings.TrimSuffix(res.Header.Get("Link"), `>; rel="next"`), "<")
	}
	if danmu != linesPage || gifts != 1 {
		t.Errorf("got %d danmu and %d gifts, want %d and 1", danmu, gifts, linesPage)
	}
	var alone page
	if s.get("/api/v1/rooms/1/replay?types=gift", &alone); len(alone.Items) != 1 || alone.Items[0].Type != "gift" {
		t.Errorf("gifts alone: got %+v", alone.Items)
	}
}

func TestListOfSessions(t *testing.T) {
	s := serve(t)
	s.record(started(1))
	later := strings.ReplaceAll(started(1), "12:00:00", "13:00:00")
	part := log(later)
	part[0].Offset = 100
	if _, err := s.HandleMessages(t.Context(), []stream.Record{part[0]}); err != nil {
		t.Fatal(err)
	}
	var got []string
	cursor := ""
	for range 5 {
		var p struct {
			Items      []SessionInfo
			NextCursor string `json:"next_cursor"`
		}
		s.get("/api/v1/rooms/1/sessions?limit=1&cursor="+cursor, &p)
		for _, one := range p.Items {
			got = append(got, one.Started.Format("15:04"))
		}
		if cursor = p.NextCursor; cursor == "" {
			break
		}
	}
	if text := strings.Join(got, " "); text != "13:00 12:00" {
		t.Errorf("got %s, want the newest first", text)
	}
}

func FuzzCursor(f *testing.F) {
	f.Add("")
	f.Add(place{Session: 5}.String())
	f.Fuzz(func(t *testing.T, cursor string) {
		if p, err := parsePlace(cursor); err == nil {
			if again, err := parsePlace(p.String()); err != nil || again != p {
				t.Errorf("got %+v, %v, want %+v", again, err, p)
			}
		}
	})
}
