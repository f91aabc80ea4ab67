package pace_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/pace"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/roomstate/redistest"
	"github.com/barrage-live/barrage/shared/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pods are keepers that share the Redis and run until the test ends, and the state of one of them.
func pods(t *testing.T, rdb redis.UniversalClient, n int) (keepers []*pace.Keeper, state *roomstate.State) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	t.Cleanup(func() { stop(); running.Wait() })
	for range n {
		s, err := roomstate.New(rdb, roomstate.Config{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { running.Wait(); s.Close() })
		k := pace.NewKeeper(pace.Config{
			State: s, Publisher: fanout.NewPublisher(rdb, fanout.PublisherConfig{}), Log: slog.New(slog.DiscardHandler),
			DisplayRate: 1, Window: 50 * time.Millisecond,
		})
		running.Go(func() {
			if err := k.Run(ctx); err != nil {
				t.Error(err)
			}
		})
		keepers, state = append(keepers, k), s
	}
	return keepers, state
}

// told is the slow mode that the room's viewers were told of, in the order of time, in seconds.
func told(ctx context.Context, rdb redis.UniversalClient, room live.RoomID) ([]int, error) {
	stored, _, err := fanout.NewHistory(rdb).Latest(ctx, room, 100)
	var seconds []int
	for _, one := range stored {
		m, decodeErr := wire.Unmarshal(one.Payload)
		var data wire.SettingsData
		if decodeErr == nil {
			decodeErr = json.Unmarshal(m.Data, &data)
		}
		if decodeErr != nil {
			return nil, decodeErr
		}
		seconds = append(seconds, data.SlowModeSeconds)
	}
	return seconds, err
}

// While the pods of a room together write more than it shows, slow mode rises; when they have been calm it is gone again,
// and viewers are told.
func TestSlowModeFollowsWhatAllPodsWrite(t *testing.T) {
	redistest.Suite(t, func(t *testing.T, rdb redis.UniversalClient) {
		keepers, state := pods(t, rdb, 2)
		room := redistest.Room()
		if err := state.Apply(t.Context(), room, 0, roomstate.Configure(roomstate.Settings{Adaptive: true}, nil)); err != nil {
			t.Fatal(err)
		}
		slow := func(ctx context.Context) (time.Duration, error) {
			state.Invalidate(room) // the other keeper may have moved it
			s, err := state.Settings(ctx, room)
			return s.Slow(), err
		}
		redistest.Await(t, "slow mode of 5 s", func(ctx context.Context) error {
			for _, k := range keepers {
				k.Wrote(room, 100)
			}
			if got, err := slow(ctx); err != nil || got < 5*time.Second {
				return fmt.Errorf("got %v, %w", got, err)
			}
			return nil
		})
		redistest.Await(t, "the end of slow mode", func(ctx context.Context) error {
			if got, err := slow(ctx); err != nil || got > 0 {
				return fmt.Errorf("got %v, %w", got, err)
			}
			return nil
		})
		redistest.Await(t, "the last step to be told", func(ctx context.Context) error {
			if got, err := told(ctx, rdb, room); err != nil || len(got) == 0 || got[len(got)-1] != 0 {
				return fmt.Errorf("got %v, %w", got, err)
			}
			return nil
		})
		got, err := told(t.Context(), rdb, room)
		if err != nil || got[0] == 0 {
			t.Errorf("got %v, %v, want the rise first", got, err)
		}
	})
}

// Slow mode that was switched to a fixed one, or off, lets go of what the rate had made of it.
func TestSwitchedOff(t *testing.T) {
	rdb := redistest.Embedded(t)
	keepers, state := pods(t, rdb, 1)
	room := redistest.Room()
	configure := func(adaptive bool) {
		t.Helper()
		if err := state.Apply(t.Context(), room, 0, roomstate.Configure(roomstate.Settings{Adaptive: adaptive}, nil)); err != nil {
			t.Fatal(err)
		}
	}
	configure(true)
	redistest.Await(t, "slow mode", func(ctx context.Context) error {
		keepers[0].Wrote(room, 100)
		if s, err := state.Settings(ctx, room); err != nil || s.Pace == 0 {
			return fmt.Errorf("got %+v, %w", s, err)
		}
		return nil
	})
	configure(false)
	redistest.Await(t, "the pace to be forgotten", func(ctx context.Context) error {
		keepers[0].Wrote(room, 100) // as many as ever
		if s, err := state.Settings(ctx, room); err != nil || s.Pace != 0 || s.Slow() != 0 {
			return fmt.Errorf("got %+v, %w", s, err)
		}
		return nil
	})
}
