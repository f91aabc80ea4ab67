package moderation_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/barrage-live/barrage/functions/moderation"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/right"
	"github.com/barrage-live/barrage/shared/rulebook"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/wire"
)

func TestDeletedMessageIsOutOfTheHistory(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		ctx := t.Context()
		f.say(t, f.viewer.User, "m1", "kept")
		f.say(t, f.admin.User, "m2", "of another with the same id")
		seq := f.say(t, f.viewer.User, "m2", "insult")
		f.say(t, f.viewer.User, "m3", "kept, too")
		for range 2 { // a repeat does no harm
			if err := f.Delete(ctx, f.mod, f.room, "m2", f.viewer.User); err != nil {
				t.Fatal(err)
			}
		}
		all := f.history(t)
		if len(all) != 5 {
			t.Fatalf("got %d messages, want 4 and one deletion: %+v", len(all), all)
		}
		for i, m := range all {
			if m.Seq != live.Seq(i+1) {
				t.Errorf("message %d has seq %d: there is a hole", i, m.Seq)
			}
			if m.Content == "insult" {
				t.Error("the message is still there")
			}
		}
		for _, at := range []int{int(seq) - 1, 4} {
			var was wire.DeletedData
			if err := json.Unmarshal(all[at].Data, &was); err != nil || all[at].Type != live.Deleted || was.MessageID != "m2" || was.UserID != f.viewer.User {
				t.Errorf("message %d: got %+v, %v", at, all[at], err)
			}
		}
		since, _, _, complete, err := f.deps.History.Since(ctx, f.room, f.epoch(t), 1, 100)
		if err != nil || !complete || len(since) != 4 || wire.TypeOf(since[1].Payload) != live.Deleted {
			t.Errorf("resumed: got %d messages, %v, %v", len(since), complete, err)
		}
		f.logged(t, rulebook.Deleted, rulebook.Appointed)
		f.deletionsInKafka(t, 2)
	})
}

func (f *fixture) epoch(t *testing.T) live.Epoch {
	t.Helper()
	_, at, err := f.deps.History.Latest(t.Context(), f.room, 1)
	if err != nil {
		t.Fatal(err)
	}
	return at.Epoch
}

// deletionsInKafka waits for the records that the archive leaves the message out by, all under one id.
func (f *fixture) deletionsInKafka(t *testing.T, want int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	ids := make(map[string]int)
	group := stream.GroupConfig{Group: fmt.Sprintf("test-%016x", rand.Uint64()), Topics: []stream.Topic{stream.LiveMessages}}
	seen := 0
	err := f.deps.Kafka.Consume(ctx, group, func(_ context.Context, part []stream.Record) (int, error) {
		for _, r := range part {
			m, err := wire.Unmarshal(r.Value)
			if err != nil {
				return 0, err
			}
			if string(r.Key) == strconv.FormatInt(int64(f.room), 10) && m.Type == live.Deleted {
				ids[m.ID]++
				if seen++; seen == want {
					cancel()
				}
			}
		}
		return len(part), nil
	})
	if err != nil || seen != want || len(ids) != 1 {
		t.Errorf("got %v, %v, want %d records of one deletion", ids, err, want)
	}
}

func TestWhatCannotBeDeleted(t *testing.T) {
	each(t, func(t *testing.T, f *fixture) {
		ctx := t.Context()
		f.say(t, f.anchor.User, "m1", "by the anchor")
		f.say(t, f.mod.User, "m2", "by the moderator")
		for _, c := range []struct {
			by      right.Who
			message string
			sender  live.UserID
			want    error
		}{
			{f.viewer, "m1", 0, right.ErrNotModerator},
			{f.mod, "m1", 0, right.ErrOutranked},
			{f.mod, "m1", f.viewer.User, nil}, // the room keeps no such message of the viewer's: only the archive may
			{f.mod, "m9", 0, moderation.ErrUnknownMessage},
			{f.mod, "m2", 0, nil}, // its own
			{f.anchor, "m1", 0, nil},
		} {
			if err := f.Delete(ctx, c.by, f.room, c.message, c.sender); !errors.Is(err, c.want) {
				t.Errorf("%d deletes %s: got %v, want %v", c.by.User, c.message, err, c.want)
			}
		}
		gift, err := wire.Marshal(live.Message{Type: live.Gift, ID: "o1", RoomID: f.room, UserID: f.viewer.User})
		if err != nil {
			t.Fatal(err)
		}
		f.show(t, "o1", gift)
		if err := f.Delete(ctx, f.mod, f.room, "o1", 0); !errors.Is(err, moderation.ErrNotDanmu) {
			t.Errorf("a gift: got %v", err)
		}
	})
}
