package house_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/barrage-live/barrage/shared/house"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/review"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/roomstate/redistest"
	"github.com/barrage-live/barrage/shared/words"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// written counts danmu of rooms in adaptive slow mode.
type written struct{ n int }

func (w *written) Wrote(_ live.RoomID, danmu int) { w.n += danmu }

// pods returns two that share the Redis, and a room of their own.
func pods(t *testing.T, rdb redis.UniversalClient, change func(*house.Config)) ([2]*house.Rules, *roomstate.State, live.RoomID) {
	t.Helper()
	var rules [2]*house.Rules
	var state *roomstate.State
	for i := range rules {
		s, err := roomstate.New(rdb, roomstate.Config{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		c := house.Config{State: s}
		if change != nil {
			change(&c)
		}
		if rules[i], err = house.New(c); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(rules[i].Close)
		state = s
	}
	return rules, state, redistest.Room()
}

func configure(t *testing.T, s *roomstate.State, room live.RoomID, settings roomstate.Settings, blocked ...string) {
	t.Helper()
	if err := s.Apply(t.Context(), room, 0, roomstate.Configure(settings, blocked)); err != nil {
		t.Fatal(err)
	}
}

// codes are those of the verdicts, "" for what may be said.
func codes(verdicts []house.Verdict) []string {
	all := make([]string, len(verdicts))
	for i, v := range verdicts {
		if v.Err != nil {
			all[i] = v.Err.Code
		}
	}
	return all
}

func TestBlockedWords(t *testing.T) {
	redistest.Suite(t, func(t *testing.T, rdb redis.UniversalClient) {
		everywhere, err := words.Compile([]string{"加微信"})
		if err != nil {
			t.Fatal(err)
		}
		rules, state, room := pods(t, rdb, func(c *house.Config) { c.Words = everywhere })
		configure(t, state, room, roomstate.Settings{}, "spoiler*")
		batch := []house.Danmu{
			{User: 1, ID: "a", Content: "hello"}, {User: 1, ID: "b", Content: "快 加 ＋ 微　信 !"}, {User: 1, ID: "c", Content: "S p o i l e r: he dies"},
			{User: 2, ID: "d", Content: "spoilers", Exempt: true},
		}
		no := house.CodeBlockedWord
		if got, want := codes(rules[1].Judge(t.Context(), room, batch)), []string{"", no, no, ""}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		configure(t, state, room, roomstate.Settings{}, "hello")
		for _, r := range rules { // each hears of it by a command
			stateOf(r).Invalidate(room)
			if got, want := codes(r.Judge(t.Context(), room, batch)), []string{no, no, "", ""}; !slices.Equal(got, want) {
				t.Errorf("after a change: got %q, want %q", got, want)
			}
		}
	})
}

func stateOf(r *house.Rules) interface{ Invalidate(live.RoomID) } { return r.State }

// Slow mode holds over pods, costs nobody a turn whose danmu was refused, and lets a repeat through.
func TestSlowMode(t *testing.T) {
	redistest.Suite(t, func(t *testing.T, rdb redis.UniversalClient) {
		rules, state, room := pods(t, rdb, nil)
		configure(t, state, room, roomstate.Settings{SlowMode: time.Hour}, "bad")
		first := []house.Danmu{
			{User: 1, ID: "a", Content: "bad"}, {User: 1, ID: "b", Content: "good"}, {User: 1, ID: "c", Content: "more"},
			{User: 2, ID: "a", Content: "another"}, {User: 3, ID: "a", Content: "x", Exempt: true}, {User: 3, ID: "b", Content: "y", Exempt: true},
		}
		slow := house.CodeSlowMode
		if got, want := codes(rules[0].Judge(t.Context(), room, first)), []string{house.CodeBlockedWord, "", slow, "", "", ""}; !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
		then := rules[1].Judge(t.Context(), room, []house.Danmu{{User: 1, ID: "b", Content: "good"}, {User: 1, ID: "d", Content: "again"}})
		if got, want := codes(then), []string{"", slow}; !slices.Equal(got, want) {
			t.Fatalf("on the other pod: got %q, want %q", got, want)
		}
		if wait := then[1].Err.RetryAfter; wait <= 59*time.Minute || wait > time.Hour {
			t.Errorf("got retry after %v, want almost an hour", wait)
		}
		configure(t, state, room, roomstate.Settings{SlowMode: time.Millisecond})
		stateOf(rules[0]).Invalidate(room)
		redistest.Await(t, "the shorter slow mode to hold for who has waited", func(ctx context.Context) error {
			if v := rules[0].Judge(ctx, room, []house.Danmu{{User: 1, ID: "e", Content: "patient"}})[0]; v.Err != nil {
				return v.Err
			}
			return nil
		})
	})
}

// asked answers as an operator who dislikes tea.
type asked struct{ n int }

func (a *asked) Review(_ context.Context, _ live.RoomID, texts []review.Text) []review.Verdict {
	a.n += len(texts)
	verdicts := make([]review.Verdict, len(texts))
	for i, text := range texts {
		verdicts[i] = review.Verdict{Kind: review.Allow}
		if strings.Contains(text.Content, "tea") {
			verdicts[i] = review.Verdict{Kind: review.Mask, Content: "***"}
		}
		if text.Content == "gin" {
			verdicts[i].Kind = review.Refuse
		}
	}
	return verdicts
}

func TestReviewIsAskedOfWhatIsLeft(t *testing.T) {
	operator, pace := &asked{}, &written{}
	rules, state, room := pods(t, redistest.Embedded(t), func(c *house.Config) { c.Reviewer, c.Pacer = operator, pace })
	configure(t, state, room, roomstate.Settings{Adaptive: true}, "bad")
	got := rules[0].Judge(t.Context(), room, []house.Danmu{
		{User: 1, ID: "a", Content: "bad"}, {User: 1, ID: "b", Content: "tea"}, {User: 2, ID: "c", Content: "gin"}, {User: 2, ID: "d", Content: "rum"},
	})
	if want := []string{house.CodeBlockedWord, "", review.CodeRefused, ""}; !slices.Equal(codes(got), want) || got[1].Content != "***" {
		t.Errorf("got %q, %+v, want %q", codes(got), got[1], want)
	}
	if operator.n != 3 || pace.n != 2 {
		t.Errorf("got %d asked and %d counted, want 3 and 2", operator.n, pace.n)
	}
}

// Without rules nothing may be said: a list of words must not end with an outage.
func TestUnreadableRulesLetNothingThrough(t *testing.T) {
	rdb := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1, DialerRetries: 1})
	t.Cleanup(func() { _ = rdb.Close() }) // it was never connected
	rules, _, room := pods(t, rdb, nil)
	if got := codes(rules[0].Judge(t.Context(), room, []house.Danmu{{User: 1, ID: "a"}})); got[0] != house.CodeUnavailable {
		t.Errorf("got %q", got)
	}
}
