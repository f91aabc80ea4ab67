package functions

import (
	"time"

	"github.com/barrage-live/barrage/functions/archive"
	"github.com/barrage-live/barrage/shared/recording"
	"github.com/barrage-live/barrage/shared/stream"
)

const (
	pruneArchiveEvery = 24 * time.Hour
	joinArchiveEvery  = 10 * time.Minute
)

// Archive needs Kafka, Archive, KeepDays and Telemetry. It likes large batches: an object is written anew for each.
func Archive(p Parts) (Function, error) {
	recordings, err := recording.New(p.Archive)
	if err != nil {
		return Function{}, err
	}
	s, err := archive.New(archive.Deps{Recordings: recordings, Topics: p.Kafka, KeepDays: p.KeepDays, Telemetry: p.Telemetry})
	if err != nil {
		return Function{}, err
	}
	return Function{
		Name: "archive", Routes: s.Routes, Checks: checks{"archive": p.Archive.Ping},
		Batches: []Batch{{
			Topic: stream.LiveMessages, Group: p.Space + groupArchive, MaxBatch: archive.MaxBatch, MaxWait: 5 * time.Second,
			Handle: stream.WithDeadLetters(p.Kafka, batchTries, s.HandleMessages),
		}},
		Jobs: []Job{
			{Name: "prune", Every: pruneArchiveEvery, Run: s.Prune},
			{Name: "join", Every: joinArchiveEvery, Run: s.Join},
		},
	}, nil
}
