package moderation

import (
	"context"
	"strings"
	"time"
	"unicode"

	"github.com/barrage-live/barrage/shared/httpapi"
	"github.com/barrage-live/barrage/shared/rulebook"
)

type settings struct {
	SlowModeSeconds   int      `json:"slow_mode_seconds" doc:"Between two danmu of one viewer, as it is in force"`
	AdaptiveSlowMode  bool     `json:"adaptive_slow_mode" doc:"Slow mode follows the room's rate"`
	MaxDanmuPerSecond int      `json:"max_danmu_per_second" doc:"How many are shown; 0: the platform's rate"`
	BlockedWords      []string `json:"blocked_words,omitzero" doc:"For moderators alone"`
}

func settingsOf(s rulebook.Settings) settings {
	shown := s.Shown()
	return settings{shown.SlowModeSeconds, shown.AdaptiveSlowMode, shown.MaxDanmuPerSecond, s.BlockedWords}
}

type settingsOut = httpapi.Body[settings]

func (s *Service) getSettings(ctx context.Context, in *RoomPath) (*settingsOut, error) {
	now, err := s.Settings(ctx, caller(ctx), in.ID)
	return &settingsOut{Body: settingsOf(now)}, err
}

type patchSettingsIn struct {
	RoomPath
	Body struct {
		SlowModeSeconds   *int      `json:"slow_mode_seconds,omitempty" minimum:"0" maximum:"3600"`
		AdaptiveSlowMode  *bool     `json:"adaptive_slow_mode,omitempty"`
		MaxDanmuPerSecond *int      `json:"max_danmu_per_second,omitempty" minimum:"0" maximum:"1000"`
		BlockedWords      *[]string `json:"blocked_words,omitempty" maxItems:"1000" doc:"Replaces the room's list. A word is found however it is spelled; word* and *word are found inside others"`
	}
}

func (s *Service) patchSettings(ctx context.Context, in *patchSettingsIn) (*settingsOut, error) {
	b := in.Body
	p := rulebook.Patch{Adaptive: b.AdaptiveSlowMode, DisplayRate: b.MaxDanmuPerSecond}
	if b.SlowModeSeconds != nil {
		slow := time.Duration(*b.SlowModeSeconds) * time.Second
		p.SlowMode = &slow
	}
	if b.BlockedWords != nil {
		list := make([]string, len(*b.BlockedWords))
		for i, word := range *b.BlockedWords {
			list[i] = oneLine(word)
		}
		p.Words = &list
	}
	now, err := s.Configure(ctx, caller(ctx), in.ID, p)
	if now.BlockedWords == nil {
		now.BlockedWords = []string{}
	}
	return &settingsOut{Body: settingsOf(now)}, err
}

// oneLine makes spaces of line breaks and other control characters.
func oneLine(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text))
}
