// Package archive keeps the log of rooms as recordings in a bucket, and plays them again.
package archive

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/barrage-live/barrage/shared/recording"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/telemetry"
)

// MaxBatch is how many records a call of HandleMessages is given at most. Each call writes every object anew that it adds
// to, so large ones are cheaper.
const MaxBatch = 10_000

// joinFor is how long a call of Join begins new sessions; every host gives a job more time than that.
const joinFor = 10 * time.Second

// topics is what the handler asks Kafka; nil in tests without one.
type topics interface {
	TopicID(context.Context, stream.Topic) (string, error)
}

// Deps are what the service is made of; all but Topics must be given.
type Deps struct {
	Recordings *recording.Store
	Topics     topics
	KeepDays   int // recordings older than that are pruned; 0: none is
	Telemetry  *telemetry.Telemetry
}

// Service is the archive function. Its methods may be called concurrently.
type Service struct {
	deps Deps
	now  func() time.Time
}

// New makes the service.
func New(d Deps) (*Service, error) {
	if d.Recordings == nil || d.KeepDays < 0 {
		return nil, errors.New("archive: recordings and a number of days to keep are needed")
	}
	return &Service{deps: d, now: time.Now}, nil
}

// HandleMessages is the stream.BatchFunc that records live-messages. A record counts as done when it is in the bucket. A
// bucket that is away is an outage, and no record's fault.
func (s *Service) HandleMessages(ctx context.Context, part []stream.Record) (done int, err error) {
	if len(part) == 0 {
		return 0, nil
	}
	src := recording.Source{Topic: string(part[0].Topic), Partition: part[0].Partition}
	if src.TopicID, err = s.topicID(ctx, part[0].Topic); err != nil {
		return 0, stream.Outage(err)
	}
	rows := make([]recording.Row, 0, len(part))
	var unread error
	for _, r := range part {
		row, err := recording.FromRecord(r)
		if err != nil {
			unread = stream.Poison(fmt.Errorf("offset %d: %w", r.Offset, err))
			break
		}
		rows = append(rows, row)
	}
	if err := s.deps.Recordings.Put(ctx, src, rows); err != nil {
		return 0, stream.Outage(err)
	}
	return len(rows), unread
}

// topicID tells a topic from one of its name that was deleted: its offsets begin anew.
func (s *Service) topicID(ctx context.Context, t stream.Topic) (string, error) {
	if s.deps.Topics == nil {
		return "none", nil
	}
	return s.deps.Topics.TopicID(ctx, t)
}

// Prune forgets recordings that are older than they shall be.
func (s *Service) Prune(ctx context.Context) error {
	if s.deps.KeepDays == 0 {
		return nil
	}
	_, err := s.deps.Recordings.Prune(ctx, s.now().AddDate(0, 0, -s.deps.KeepDays))
	return err
}

// Join unites small objects of sessions whose time has come.
func (s *Service) Join(ctx context.Context) error {
	_, err := s.deps.Recordings.JoinDue(ctx, joinFor)
	return err
}
