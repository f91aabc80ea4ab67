package recording

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/barrage-live/barrage/shared/objects"
)

// Prune removes what was said on days before the given one, sessions that began before it, and tombstones that no log can
// need any more. It returns how many objects are gone, and goes through the names of all: call it about once a day.
func (s *Store) Prune(ctx context.Context, before time.Time) (gone int, err error) {
	day, oldest := before.UTC().Format(time.DateOnly), before.UnixMilli()
	tombstones := s.now().AddDate(0, 0, -tombstoneDays).UnixMilli()
	for prefix, old := range map[string]func(key string) bool{
		"room=": func(key string) bool {
			_, date, ok := strings.Cut(key, "/date=")
			return ok && len(date) > len(day) && date[:len(day)] < day
		},
		"session/": func(key string) bool {
			start, err := strconv.ParseInt(strings.TrimSuffix(key[strings.LastIndexByte(key, '/')+1:], ".json"), 10, 64)
			return err == nil && latest-start < oldest
		},
		"deleted/": func(key string) bool {
			parts := strings.Split(key, "/")
			if len(parts) < 4 {
				return false
			}
			at, err := strconv.ParseInt(parts[2], 10, 64)
			return err == nil && at < oldest
		},
		erasedPrefix: func(key string) bool {
			_, until, ok := parseTombstone(key)
			return ok && until < tombstones
		},
	} {
		n, err := s.prune(ctx, prefix, old)
		if gone += n; err != nil {
			return gone, fmt.Errorf("prune %s: %w", prefix, err)
		}
	}
	return gone, nil
}

func (s *Store) prune(ctx context.Context, prefix string, old func(key string) bool) (gone int, err error) {
	var keys []string
	remove := func() error {
		if err := s.bucket.Delete(ctx, keys...); err != nil {
			return err
		}
		gone, keys = gone+len(keys), nil
		return nil
	}
	err = s.walk(ctx, prefix, "", func(o objects.Info) error {
		if !old(o.Key) {
			return nil
		}
		if keys = append(keys, o.Key); len(keys) < objects.MaxPage {
			return nil
		}
		return remove()
	})
	if err != nil {
		return gone, err
	}
	return gone, remove()
}
