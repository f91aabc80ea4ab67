package recording

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/objects"
)

// What is kept is Parquet for others, too: ClickHouse's own reader finds the rows, in the columns and types that the
// documents name.
func TestClickHouseReadsIt(t *testing.T) {
	server := os.Getenv("BARRAGE_TEST_CLICKHOUSE")
	if server == "" {
		t.Skip("BARRAGE_TEST_CLICKHOUSE names no server")
	}
	s := embedded(t)
	const n = 10_000 // several row groups
	var log []Row
	for i := range int64(n) {
		r := danmu(live.RoomID(1+i%2), live.UserID(1+i%7), Window-n/2+i)
		r.Content = "弹幕 " + r.Content
		log = append(log, r)
	}
	for _, b := range [][2]int{{0, 3000}, {2000, 7000}, {5000, n}, {0, n}} {
		if err := s.Put(t.Context(), source, log[b[0]:b[1]]); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	err := s.walk(t.Context(), "room=", "", func(o objects.Info) error {
		body, _, err := s.bucket.Get(t.Context(), o.Key)
		if err != nil {
			return err
		}
		file := filepath.Join(dir, o.Key)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		return os.WriteFile(file, body, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	from := fmt.Sprintf("FROM file('%s/room=*/date=*/*.parquet', Parquet)", dir)
	for query, want := range map[string]string{
		"SELECT count(), uniqExact(offset), min(offset), max(offset), uniqExact(type, user_id, id) " + from: fmt.Sprintf("%d\t%d\t%d\t%d\t%d", n, n, Window-n/2, Window+n/2-1, n),
		"SELECT room_id, count() " + from + " GROUP BY room_id ORDER BY room_id":                            "1\t5000\n2\t5000",
		"SELECT at, content, JSONExtractString(data, 'color'), seq " + from + fmt.Sprintf(" WHERE offset = %d", Window): fmt.Sprintf("%s\t弹幕 hello %d\t#ffffff\t%d",
			began.Add(Window*1e9).Format("2006-01-02 15:04:05.000"), Window, Window+1),
	} {
		res, err := http.Post(server+"/?query="+url.QueryEscape(query), "", nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if got := strings.TrimSpace(string(body)); got != want {
			t.Errorf("%s: got %s, want %s", query, got, want)
		}
	}
}
