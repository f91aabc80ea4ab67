package rulebook

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
)

// Patch changes those of a room's settings that are not nil.
type Patch struct {
	SlowMode    *time.Duration
	Adaptive    *bool
	DisplayRate *int
	Words       *[]string
}

// Settings are a room's, with its blocked words. Of Settings, Words and Pace are not set.
type Settings struct {
	roomstate.Settings
	BlockedWords []string
}

func (r rulesRow) settings() roomstate.Settings {
	return roomstate.Settings{SlowMode: time.Duration(r.SlowMS) * time.Millisecond, Adaptive: r.Adaptive, DisplayRate: r.DisplayRate}
}

// Settings returns what is set in the room now.
func (b *Book) Settings(ctx context.Context, room live.RoomID) (Settings, error) {
	row, err := rulesOf(b.primary(ctx), room)
	if err != nil {
		return Settings{}, fmt.Errorf("settings of room %d: %w", room, err)
	}
	return Settings{row.settings(), splitWords(row.Words)}, nil
}

// Configure applies the patch and returns what is set afterwards. The words are expected to be checked.
func (b *Book) Configure(ctx context.Context, room live.RoomID, by live.UserID, p Patch) (Settings, Decision, error) {
	detail, err := p.detail()
	if err != nil {
		return Settings{}, Decision{}, fmt.Errorf("settings of room %d: %w", room, err)
	}
	var now Settings
	e := Entry{Room: room, Action: Configured, By: by, Detail: detail, At: time.Now()}
	version, err := b.decide(ctx, e, func(tx *gorm.DB) (bool, error) {
		before, err := rulesOf(tx, room)
		if err != nil {
			return false, err
		}
		after := p.applied(before)
		now = Settings{after.settings(), splitWords(after.Words)}
		return after != before, tx.Model(&rulesRow{}).Where("room_id = ?", int64(room)).Updates(map[string]any{
			"slow_ms": after.SlowMS, "adaptive": after.Adaptive, "display_rate": after.DisplayRate, "words": after.Words,
		}).Error
	})
	return now, Decision{version, []roomstate.Change{roomstate.Configure(now.Settings, now.BlockedWords)}}, err
}

func (p Patch) applied(r rulesRow) rulesRow {
	if p.SlowMode != nil {
		r.SlowMS = p.SlowMode.Milliseconds()
	}
	if p.Adaptive != nil {
		r.Adaptive = *p.Adaptive
	}
	if p.DisplayRate != nil {
		r.DisplayRate = *p.DisplayRate
	}
	if p.Words != nil {
		words := slices.Clone(*p.Words)
		slices.Sort(words)
		r.Words = strings.Join(slices.Compact(words), "\n")
	}
	return r
}

// detail is what the log keeps of a patch. Of words it keeps their number: the list is in the settings, and the log
// would grow by it with every change.
func (p Patch) detail() (string, error) {
	shown := make(map[string]any)
	if p.SlowMode != nil {
		shown["slow_mode_seconds"] = p.SlowMode.Seconds()
	}
	if p.Adaptive != nil {
		shown["adaptive_slow_mode"] = *p.Adaptive
	}
	if p.DisplayRate != nil {
		shown["max_danmu_per_second"] = *p.DisplayRate
	}
	if p.Words != nil {
		shown["blocked_words"] = len(*p.Words)
	}
	text, err := json.Marshal(shown)
	return string(text), err
}

func splitWords(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}
