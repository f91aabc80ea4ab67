package intake

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/house"
	"github.com/barrage-live/barrage/shared/limit"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/roomstate/redistest"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/wire"
)

func TestDanmuReachesRoomAndKafka(t *testing.T) {
	onServers(t, func(t *testing.T, s servers) {
		in := s.start(t, nil)
		before := time.Now().UnixMilli()
		msg := danmu("id-1", "hello “you”")
		msg.Danmu.Color = "#ff0000"
		got := post(t, in, user(7), s.room, msg)
		if want := (Reply{ID: "id-1", Seq: 1, Shown: true}); got != want {
			t.Fatalf("got %+v, want %+v", got, want)
		}
		shown := s.history(t)
		if len(shown) != 1 {
			t.Fatalf("got %d messages, want 1", len(shown))
		}
		m := shown[0]
		data := string(m.Data)
		if m.Type != live.Danmu || m.ID != "id-1" || m.RoomID != s.room || m.UserID != 7 || m.Content != "hello “you”" || m.Seq != 1 {
			t.Errorf("got %+v", m)
		}
		if m.Timestamp < before || len(m.TraceID) != 32 {
			t.Errorf("got timestamp %d, trace id %q", m.Timestamp, m.TraceID)
		}
		if !strings.Contains(data, `"nickname":"nick7","role":"viewer","color":"#ff0000"`) {
			t.Errorf("got data %s", data)
		}
		records := s.records(t)
		if len(records) != 1 {
			t.Fatalf("got %d records, want 1", len(records))
		}
		if kept := decode(t, records[0].Value); fmt.Sprintf("%+v", kept) != fmt.Sprintf("%+v", m) {
			t.Errorf("got record %+v, want %+v", kept, m)
		}
		headers := make(map[string]string)
		for _, h := range records[0].Headers {
			headers[h.Key] = string(h.Value)
		}
		if headers[stream.HeaderMessageID] != "id-1" || headers[stream.HeaderSchema] != stream.SchemaMessage ||
			!strings.HasPrefix(headers[stream.HeaderTraceParent], "00-"+m.TraceID+"-") ||
			headers[stream.HeaderBaggage] != fmt.Sprintf("room.id=%d,user.id=7", s.room) {
			t.Errorf("got headers %v", headers)
		}
	})
}

// strict is a house where the word may not be said, and tea is called something else.
type strict string

func (s strict) Judge(_ context.Context, _ live.RoomID, batch []house.Danmu) []house.Verdict {
	verdicts := make([]house.Verdict, len(batch))
	for i, d := range batch {
		switch {
		case strings.Contains(d.Content, string(s)) && !d.Exempt:
			verdicts[i].Err = live.Errorf(live.KindForbidden, CodeBlockedWord, "no")
		case d.Content == "tea":
			verdicts[i].Content = "***"
		}
	}
	return verdicts
}

func TestRefusals(t *testing.T) {
	s := servers{redistest.Embedded(t), []string{startKafka(t).Addr()}, redistest.Room()}
	later := time.Now().Add(time.Hour)
	in := s.start(t, func(c *Config, _ *fanout.PublisherConfig) {
		c.Viewers, c.House = limit.Rate{Events: 0.01, Burst: 1}, strict("darn")
		c.State = standingTable{2: {MutedUntil: later}, 3: {BannedUntil: later}}
	})
	exempt := user(4)
	exempt.Exempt = true
	for _, c := range []struct {
		name string
		who  Sender
		msg  wire.Inbound
		want string
	}{
		{"a guest writes", Sender{}, danmu("a", "x"), CodeGuest},
		{"a guest likes", Sender{}, like("a", 1), CodeGuest},
		{"too long", user(9), danmu("a", strings.Repeat("x", wire.MaxContent+1)), wire.CodeTooLong},
		{"empty", user(9), danmu("a", "  "), wire.CodeBadMessage},
		{"within the rate", user(1), danmu("a", "x"), ""},
		{"beyond the rate", user(1), danmu("b", "x"), CodeRateLimited},
		{"likes count too", user(1), like("c", 1), CodeRateLimited},
		{"muted", user(2), danmu("a", "x"), CodeMuted},
		{"banned", user(3), danmu("a", "x"), CodeBanned},
		{"a word", user(5), danmu("a", "oh darn"), CodeBlockedWord},
		{"exempt", exempt, danmu("a", "x"), ""},
		{"exempt again", exempt, danmu("b", "x"), ""},
		{"the exempt may say it", exempt, danmu("c", "darn"), ""},
		{"masked", exempt, danmu("d", "tea"), ""},
	} {
		if got := code(post(t, in, c.who, s.room, c.msg)); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	if got := post(t, in, user(1), s.room, danmu("d", "x")); got.Err.RetryAfter <= 0 || got.Err.RetryAfter > 100*time.Second {
		t.Errorf("got retry after %v, want what the limit says", got.Err.RetryAfter)
	}
	if got := s.history(t); len(got) != 5 || got[4].Content != "***" {
		t.Errorf("got %+v shown, want the 5 accepted, the last one masked", got)
	}
}

func TestMutedMayLike(t *testing.T) {
	s := servers{redistest.Embedded(t), []string{startKafka(t).Addr()}, redistest.Room()}
	in := s.start(t, func(c *Config, _ *fanout.PublisherConfig) {
		c.State = standingTable{2: roomstate.Standing{MutedUntil: time.Now().Add(time.Hour)}}
	})
	if got := post(t, in, user(2), s.room, like("a", 3)); got.Err != nil {
		t.Errorf("got %v", got.Err)
	}
}

func TestDuplicatesAreAckedAgainAndShownOnce(t *testing.T) {
	onServers(t, func(t *testing.T, s servers) {
		first, second := s.start(t, nil), s.start(t, nil)
		want := post(t, first, user(7), s.room, danmu("same", "x"))
		post(t, first, user(7), s.room, danmu("other", "y")) // its call says that the first is in Kafka
		for _, in := range []*Intake{first, second} {
			if got := post(t, in, user(7), s.room, danmu("same", "x")); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		}
		if got := post(t, second, user(8), s.room, danmu("same", "x")); got.Seq != 3 {
			t.Errorf("got %+v for another user's id, want a message of its own", got)
		}
		if got := s.history(t); len(got) != 3 {
			t.Errorf("got %d messages shown, want 3", len(got))
		}
		if got := s.stored(t); len(got) != 3 {
			t.Errorf("got %d records, want 3: %+v", len(got), got)
		}
	})
}

// lostRecords takes records and never says what became of them, like a pod that is killed.
type lostRecords struct{}

func (lostRecords) Enqueue(stream.Outgoing, func(error)) error { return nil }
func (lostRecords) Partitions() int32                          { return stream.DefaultPartitions }

func TestDuplicateOfAnUnstoredMessageIsStored(t *testing.T) {
	onServers(t, func(t *testing.T, s servers) {
		dying := s.start(t, func(c *Config, _ *fanout.PublisherConfig) {
			c.Kafka, c.PersistTimeout = lostRecords{}, 10*time.Millisecond
		})
		heir := s.start(t, nil)
		if got := post(t, dying, user(7), s.room, danmu("m", "x")); code(got) != CodeNotPersisted {
			t.Fatalf("got %+v, want not_persisted", got)
		}
		if got := post(t, dying, user(7), s.room, like("l", 5)); code(got) != CodeNotPersisted {
			t.Fatalf("got %+v, want not_persisted", got)
		}
		if got, want := post(t, heir, user(7), s.room, danmu("m", "x")), (Reply{ID: "m", Seq: 1, Shown: true}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		if got := post(t, heir, user(7), s.room, like("l", 5)); got.Err != nil || !got.Shown {
			t.Errorf("got %+v", got)
		}
		if got := s.history(t); len(got) != 2 {
			t.Errorf("got %d messages shown, want the danmu and the like once", len(got))
		}
		stored := s.stored(t)
		if len(stored) != 2 || stored[0].Seq != 1 || stored[1].Type != live.Like || !strings.Contains(string(stored[1].Data), `"count":5`) {
			t.Errorf("got records %+v, want both", stored)
		}
	})
}

func TestLikesAreSummed(t *testing.T) {
	onServers(t, func(t *testing.T, s servers) {
		in := s.start(t, func(c *Config, _ *fanout.PublisherConfig) { c.LikeWindow = 200 * time.Millisecond })
		other := s.start(t, nil)
		var r replies
		for i := range 100 {
			in.Submit(user(live.UserID(1+i%10)), s.room, like(fmt.Sprint("l", i), 1+i%3), r.expect())
		}
		in.Submit(user(1), s.room, like("l0", 1), r.expect()) // again within the window
		for _, got := range r.wait(t) {
			if got.Err != nil || got.Seq != 1 || !got.Shown {
				t.Fatalf("got %+v, want all acked with the sum's seq", got)
			}
		}
		post(t, in, user(1), s.room, danmu("d", "x"))
		for _, again := range []*Intake{in, other} {
			if got := post(t, again, user(1), s.room, like("l0", 1)); got.Err != nil || !got.Shown {
				t.Errorf("got %+v for a repeat", got)
			}
		}
		shown := s.history(t)
		if len(shown) != 2 || shown[0].Type != live.Like || string(shown[0].Data) != `{"count":199}` || shown[0].UserID != 0 {
			t.Errorf("got %+v, want one like of 199 and the danmu", shown)
		}
		if got := s.stored(t); len(got) != 2 {
			t.Errorf("got %d records, want 2", len(got))
		}
	})
}

func TestLikesOfOneViewerBearTheName(t *testing.T) {
	s := servers{redistest.Embedded(t), []string{startKafka(t).Addr()}, redistest.Room()}
	in := s.start(t, nil)
	post(t, in, user(7), s.room, like("", 4))
	if got := s.history(t); len(got) != 1 || got[0].UserID != 7 || string(got[0].Data) != `{"nickname":"nick7","role":"viewer","count":4}` {
		t.Errorf("got %+v", got)
	}
}

func TestShedByDisplayIsStillStored(t *testing.T) {
	s := servers{redistest.Embedded(t), []string{startKafka(t).Addr()}, redistest.Room()}
	in := s.start(t, func(_ *Config, p *fanout.PublisherConfig) { p.DisplayRate = 1 })
	var r replies
	for i := range 10 {
		in.Submit(user(live.UserID(i+1)), s.room, danmu(fmt.Sprint(i), "x"), r.expect())
	}
	shown := 0
	for _, got := range r.wait(t) {
		if got.Err != nil || got.Shown != (got.Seq > 0) {
			t.Errorf("got %+v", got)
		}
		if got.Shown {
			shown++
		}
	}
	if shown == 0 || shown > 3 {
		t.Errorf("got %d shown, want about one a second", shown)
	}
	if got := s.history(t); len(got) != shown {
		t.Errorf("got %d in the history, want %d", len(got), shown)
	}
	if got := s.stored(t); len(got) != 10 {
		t.Errorf("got %d records, want all 10", len(got))
	}
}

func TestCloseAnswersEverybody(t *testing.T) {
	s := servers{redistest.Embedded(t), []string{startKafka(t).Addr()}, redistest.Room()}
	in := s.start(t, func(c *Config, _ *fanout.PublisherConfig) { c.LikeWindow = time.Hour })
	var r replies
	for i := range 50 {
		in.Submit(user(1), s.room, danmu(fmt.Sprint("d", i), "x"), r.expect())
		in.Submit(user(1), s.room, like(fmt.Sprint("l", i), 1), r.expect())
	}
	in.Close()
	if got := r.all; len(got) != 100 {
		t.Fatalf("got %d replies when Close returned, want 100", len(got))
	}
	for _, got := range r.all {
		if got.Err != nil {
			t.Fatalf("got %v", got.Err)
		}
	}
	if got := s.stored(t); len(got) != 51 {
		t.Errorf("got %d records, want 50 danmaku and one like", len(got))
	}
	in.Submit(user(1), s.room, danmu("late", "x"), r.expect())
	if got := r.wait(t); code(got[len(got)-1]) != CodeUnavailable {
		t.Errorf("got %+v after Close, want unavailable", got[len(got)-1])
	}
}

func TestNewRefusesMissingParts(t *testing.T) {
	if _, err := New(Config{}); err == nil {
		t.Error("got an intake of nothing")
	}
	if _, err := New(Config{Publisher: &fanout.Publisher{}, Kafka: lostRecords{}, State: standingTable{}}); err == nil {
		t.Error("got an intake without a name")
	}
}
