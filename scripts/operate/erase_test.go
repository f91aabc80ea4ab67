package main

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/objects"
	"github.com/barrage-live/barrage/shared/recording"
)

func TestEraseRemovesOneUsersMessages(t *testing.T) {
	p := newPlatform(t)
	backend := s3mem.New()
	must(t, backend.CreateBucket("archive"))
	s3 := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(s3.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", "k")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "s")
	p.env["ARCHIVE_BUCKET"], p.env["AWS_ENDPOINT_URL_S3"] = "archive", s3.URL
	b, err := objects.Open(t.Context(), objects.Config{Bucket: "archive", Endpoint: s3.URL, Key: "k", Secret: "s"})
	must(t, err)
	recordings, err := recording.New(b)
	must(t, err)
	at := time.Now().Add(-time.Minute)
	src := recording.Source{Topic: "t", TopicID: "i"}
	rows := []recording.Row{
		{Offset: 0, At: at.UnixMilli(), Type: "danmu", Room: 1, User: 7, Content: "mine"},
		{Offset: 1, At: at.UnixMilli(), Type: "danmu", Room: 1, User: 8, Content: "another's"},
		{Offset: 2, At: at.UnixMilli(), Type: "danmu", Room: 2, User: 7, Content: "mine, too"},
	}
	must(t, recordings.Put(t.Context(), src, rows))
	p.want("recordings: 2 messages erased", "erase", "-user", "7")
	p.want("recordings: 0 messages erased", "erase", "-user", "7")
	must(t, recordings.Put(t.Context(), src, rows)) // the log is wound back
	left, _, _, err := recordings.Page(t.Context(), recording.Query{
		Session: recording.Session{Room: 1, Started: at}, From: 1, To: time.Now().UnixMilli(), Types: []live.MessageType{live.Danmu}, Limit: 10,
	})
	if err != nil || len(left) != 1 || left[0].Content != "another's" {
		t.Errorf("got %+v, %v", left, err)
	}
	for _, args := range [][]string{{"erase"}, {"erase", "-user", "0"}, {"erase", "-user", "x"}} {
		if out, err := p.run(args...); err == nil || strings.Contains(out, "erased") {
			t.Errorf("%v: got %s, %v", args, out, err)
		}
	}
}
