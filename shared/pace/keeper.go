package pace

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/telemetry"
	"github.com/barrage-live/barrage/shared/wire"
)

// Config is what a Keeper works with; all are needed but DisplayRate.
type Config struct {
	State       *roomstate.State
	Publisher   *fanout.Publisher
	Log         *slog.Logger
	DisplayRate int           // what rooms show that have no rate of their own; 0: 100
	Window      time.Duration // 0: Window
}

const (
	defaultRate = 100
	maxRooms    = 10_000 // with adaptive slow mode on this pod
	roomTimeout = 2 * time.Second
)

// Keeper takes rooms' rates on this pod, adds them to those of the others, and moves slow mode. Its methods may be
// called concurrently.
type Keeper struct {
	Config
	mu    sync.Mutex
	wrote map[live.RoomID]int
}

// NewKeeper makes a keeper that works while Run does.
func NewKeeper(c Config) *Keeper {
	if c.DisplayRate <= 0 {
		c.DisplayRate = defaultRate
	}
	if c.Window <= 0 {
		c.Window = Window
	}
	return &Keeper{Config: c, wrote: make(map[live.RoomID]int)}
}

// Wrote counts danmu of a room in adaptive slow mode.
func (k *Keeper) Wrote(room live.RoomID, danmu int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if _, known := k.wrote[room]; known || len(k.wrote) < maxRooms {
		k.wrote[room] += danmu
	}
}

// Run reports once a window, until ctx ends. A window that is missed is made up for by the next.
func (k *Keeper) Run(ctx context.Context) error {
	ticker := time.NewTicker(k.Window)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			for room, danmu := range k.take() {
				if err := k.report(ctx, room, danmu); err != nil && ctx.Err() == nil {
					k.Log.WarnContext(ctx, "adaptive slow mode stands still", telemetry.Room, room, telemetry.Err, err)
				}
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// take empties the counts. Rooms stay on the list, with 0, until report finds them back at no slow mode.
func (k *Keeper) take() map[live.RoomID]int {
	k.mu.Lock()
	defer k.mu.Unlock()
	taken := k.wrote
	k.wrote = make(map[live.RoomID]int, len(taken))
	for room := range taken {
		k.wrote[room] = 0
	}
	return taken
}

func (k *Keeper) forget(room live.RoomID) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.wrote[room] == 0 {
		delete(k.wrote, room)
	}
}

func (k *Keeper) report(ctx context.Context, room live.RoomID, danmu int) error {
	ctx, cancel := context.WithTimeout(ctx, roomTimeout)
	defer cancel()
	settings, err := k.State.Settings(ctx, room)
	if err != nil {
		return err
	}
	if danmu == 0 && settings.Pace == 0 {
		k.forget(room)
		return nil
	}
	written, ours, err := k.State.Report(ctx, room, int64(danmu), k.Window)
	if err != nil || !ours {
		return err
	}
	next := k.next(settings, written)
	if !settings.Adaptive {
		next = roomstate.Pace{} // it was switched off
	}
	if next == written.Pace {
		return nil
	}
	if err := k.State.SetPace(ctx, room, next); err != nil {
		return err
	}
	if next.Slow == written.Pace.Slow {
		return nil
	}
	settings.Pace = next.Slow
	return k.tell(ctx, room, settings)
}

func (k *Keeper) next(s roomstate.Settings, w roomstate.Written) roomstate.Pace {
	capacity := s.DisplayRate
	if capacity == 0 {
		capacity = k.DisplayRate
	}
	rate := float64(w.Danmu) / (float64(w.Windows) * k.Window.Seconds())
	p := w.Pace
	for range min(w.Windows, calmWindows*len(steps())) {
		p = Next(p, rate, float64(capacity))
	}
	return p
}

// tell lets the pods read the settings again, and the viewers know.
func (k *Keeper) tell(ctx context.Context, room live.RoomID, s roomstate.Settings) error {
	command, err := wire.MarshalCommand(wire.Command{Order: wire.SettingsChanged})
	if err != nil {
		return err
	}
	if err := k.Publisher.Command(ctx, room, command); err != nil {
		return err
	}
	data, err := json.Marshal(s.Shown())
	if err != nil {
		return err
	}
	m := live.Message{Type: live.Settings, ID: ulid.Make().String(), RoomID: room, Data: data, Timestamp: time.Now().UnixMilli()}
	payload, err := wire.Marshal(m)
	if err != nil {
		return err
	}
	item := fanout.Item{Sender: "room", ID: m.ID, Class: live.ClassControl, Payload: payload, Settled: true}
	if _, err := k.Publisher.Publish(ctx, room, []fanout.Item{item}); err != nil {
		return fmt.Errorf("fan out pace of room %d: %w", room, err)
	}
	return nil
}
