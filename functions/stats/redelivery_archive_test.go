package stats

import (
	"bytes"
	"context"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/parquet-go/parquet-go"

	"github.com/barrage-live/barrage/functions/archive"
	"github.com/barrage-live/barrage/shared/objects"
	"github.com/barrage-live/barrage/shared/recording"
	"github.com/barrage-live/barrage/shared/stream"
)

// The recordings among what is counted in the proof of redelivery.

func newS3(t *testing.T) string {
	backend := s3mem.New()
	if err := backend.CreateBucket("archive"); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(server.Close)
	return server.URL
}

func (c *consumer) openArchive(ctx context.Context) (err error) {
	if c.bucket, err = objects.Open(ctx, objects.Config{Bucket: "archive", Endpoint: c.S3, Key: "k", Secret: "s"}); err != nil {
		return err
	}
	recordings, err := recording.New(c.bucket)
	if err != nil {
		return err
	}
	c.archive, err = archive.New(archive.Deps{Recordings: recordings, Topics: c.kafka})
	return err
}

// checkRecordings: the Parquet holds every record of the log once, and is read as anybody would.
func (c *consumer) checkRecordings(t *testing.T, s *story) {
	t.Helper()
	want := make(map[string]int) // by what was said, how often it was told
	for _, m := range s.messages {
		row, err := recording.FromRecord(stream.Record{Value: m.Value})
		if err != nil {
			t.Fatal(err)
		}
		want[said(row)]++
	}
	offsets := make(map[string]map[int64]bool) // by partition
	rows, objects := 0, 0
	after, more := "", true
	for more {
		page, rest, err := c.bucket.List(t.Context(), "room=", after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range page {
			body, _, err := c.bucket.Get(t.Context(), o.Key)
			if err != nil {
				t.Fatal(err)
			}
			held, err := parquet.Read[recording.Row](bytes.NewReader(body), int64(len(body)))
			if err != nil {
				t.Fatal(err)
			}
			name := o.Key[strings.LastIndex(o.Key, "/h")+len("/h15."):]
			partition := name[:strings.LastIndexByte(strings.TrimSuffix(name, ".parquet"), '.')]
			if offsets[partition] == nil {
				offsets[partition] = make(map[int64]bool)
			}
			for _, r := range held {
				if offsets[partition][r.Offset] {
					t.Errorf("%s: offset %d is there twice", o.Key, r.Offset)
				}
				offsets[partition][r.Offset] = true
				want[said(r)]--
			}
			rows, objects, after = rows+len(held), objects+1, o.Key
		}
		more = rest
	}
	for what, n := range want {
		if n != 0 {
			t.Errorf("%s: %d rows too few", what, n)
		}
	}
	if rows != len(s.messages) || len(offsets) != stream.DefaultPartitions {
		t.Errorf("got %d rows of %d partitions, want %d of %d", rows, len(offsets), len(s.messages), stream.DefaultPartitions)
	}
	t.Logf("%d rows in %d objects", rows, objects)
}

func said(r recording.Row) string {
	return strings.Join([]string{r.Type, r.ID, r.Content, r.Data}, "|")
}
