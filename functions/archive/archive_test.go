package archive

import (
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/objects"
	"github.com/barrage-live/barrage/shared/recording"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/telemetry"
)

var began = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// s3 is an embedded S3 with one bucket.
func s3(t testing.TB) (*httptest.Server, objects.Config) {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("archive"); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(server.Close)
	return server, objects.Config{Bucket: "archive", Endpoint: server.URL, Key: "k", Secret: "s", Timeout: 5 * time.Second}
}

func service(t testing.TB, cfg objects.Config) *Service {
	t.Helper()
	b, err := objects.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	store, err := recording.New(b)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Deps{Recordings: store, KeepDays: 30, Telemetry: telemetry.Discard()})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// log makes consecutive records of partition 3.
func log(values ...string) []stream.Record {
	part := make([]stream.Record, len(values))
	for i, v := range values {
		part[i] = stream.Record{Topic: stream.LiveMessages, Partition: 3, Offset: int64(i), Value: []byte(v), Timestamp: began.Add(2 * time.Hour)}
	}
	return part
}

func started(room live.RoomID) string {
	at := began.Format(time.RFC3339Nano)
	return fmt.Sprintf(`{"type":"room","room_id":%d,"user_id":1,"timestamp":%d,"data":{"event":"started","room":{"title":"t","anchor_id":1,"started_at":%q,"updated_at":%q}}}`,
		room, began.UnixMilli(), at, at)
}

func said(room live.RoomID, user live.UserID, id string, ms int64, content string) string {
	return fmt.Sprintf(`{"type":"danmu","room_id":%d,"user_id":%d,"id":%q,"timestamp":%d,"content":%q}`, room, user, id, began.UnixMilli()+ms, content)
}

func TestABucketThatIsAwayIsAnOutage(t *testing.T) {
	server, cfg := s3(t)
	s := service(t, cfg)
	server.Close()
	done, err := s.HandleMessages(t.Context(), log(started(1)))
	if done != 0 || !stream.IsOutage(err) {
		t.Errorf("got %d, %v, want an outage", done, err)
	}
}

func TestPoisonIsTakenOutAndTheRestIsKept(t *testing.T) {
	_, cfg := s3(t)
	s := service(t, cfg)
	part := log(started(1), said(1, 7, "a", 500, "hello"), `{"type":`, said(1, 7, "b", 600, "again"))
	done, err := s.HandleMessages(t.Context(), part)
	if done != 2 || err == nil || stream.IsOutage(err) {
		t.Errorf("got %d, %v, want 2 and the record's own fault", done, err)
	}
	if done, err := s.HandleMessages(t.Context(), part[3:]); done != 1 || err != nil {
		t.Errorf("got %d, %v", done, err)
	}
	of, err := s.deps.Recordings.Session(t.Context(), 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	rows, _, _, err := s.deps.Recordings.Page(t.Context(), recording.Query{Session: of, From: of.ID(), To: of.ID() + 1000, Types: []live.MessageType{live.Danmu}, Limit: 10})
	if err != nil || len(rows) != 2 || rows[0].Content != "hello" || rows[1].Content != "again" {
		t.Errorf("got %+v, %v", rows, err)
	}
	if done, err := s.HandleMessages(t.Context(), nil); done != 0 || err != nil {
		t.Errorf("no records: got %d, %v", done, err)
	}
}

func TestPrune(t *testing.T) {
	_, cfg := s3(t)
	s := service(t, cfg)
	if _, err := s.HandleMessages(t.Context(), log(started(1), said(1, 7, "a", 500, "hello"))); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		days int
		want error
	}{{30, nil}, {32, recording.ErrNoSession}} {
		s.now = func() time.Time { return began.AddDate(0, 0, tc.days) }
		if err := s.Prune(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := s.deps.Recordings.Session(t.Context(), 1, 0); !errors.Is(err, tc.want) {
			t.Errorf("after %d days: got %v, want %v", tc.days, err, tc.want)
		}
	}
	if gone, err := s.deps.Recordings.Prune(t.Context(), began.AddDate(1, 0, 0)); gone != 0 || err != nil {
		t.Errorf("got %d left over, %v", gone, err)
	}
}
