package house

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/barrage-live/barrage/shared/review"
	"github.com/barrage-live/barrage/shared/telemetry"
	"github.com/barrage-live/barrage/shared/words"
)

// Settings are the operator's, the same for every process that takes danmu in. REVIEW_HOOK_URL is never taken from
// elsewhere: an endpoint that users could name would let them reach into the operator's network.
type Settings struct {
	WordFiles   []string      `env:"BLOCKED_WORDS_FILES"` // for all rooms, a line each
	HookURL     *url.URL      `env:"REVIEW_HOOK_URL"`     // not set: nobody is asked
	HookSecret  string        `env:"REVIEW_HOOK_SECRET"`
	HookTimeout time.Duration `env:"REVIEW_HOOK_TIMEOUT" envDefault:"300ms"`
	HookOpen    bool          `env:"REVIEW_HOOK_FAIL_OPEN" envDefault:"false"`
	HookAtOnce  int           `env:"REVIEW_HOOK_CONCURRENCY" envDefault:"32"`
}

// maxHookTimeout is below what a sender waits for any answer.
const maxHookTimeout = 2 * time.Second

// Check implements what settings.Load asks.
func (s Settings) Check() error {
	if s.HookURL == nil {
		return nil
	}
	var problems []error
	if s.HookURL.Scheme != "http" && s.HookURL.Scheme != "https" || s.HookURL.Host == "" {
		problems = append(problems, errors.New("REVIEW_HOOK_URL: want http://… or https://…"))
	}
	if s.HookSecret == "" {
		problems = append(problems, errors.New("REVIEW_HOOK_SECRET: must be set with REVIEW_HOOK_URL"))
	}
	if s.HookTimeout <= 0 || s.HookTimeout > maxHookTimeout {
		problems = append(problems, fmt.Errorf("REVIEW_HOOK_TIMEOUT: want up to %s", maxHookTimeout))
	}
	if s.HookAtOnce <= 0 {
		problems = append(problems, errors.New("REVIEW_HOOK_CONCURRENCY: want at least 1"))
	}
	return errors.Join(problems...)
}

// Open makes the rules that the settings ask for. otherwise are the platform's words where no file is named. The caller
// owes a Close.
func (s Settings) Open(c Config, m *telemetry.Metrics, otherwise ...string) (*Rules, error) {
	blocked := otherwise
	if len(s.WordFiles) > 0 {
		blocked = nil
	}
	for _, name := range s.WordFiles {
		list, err := words.ReadFile(name)
		if err != nil {
			return nil, err
		}
		blocked = append(blocked, list...)
	}
	var err error
	if c.Words, err = words.Compile(blocked); err != nil {
		return nil, fmt.Errorf("blocked words: %w", err)
	}
	var hook *review.Hook
	if s.HookURL != nil {
		hook, err = review.New(review.Config{
			URL: s.HookURL, Secret: s.HookSecret, Deadline: s.HookTimeout, Open: s.HookOpen, Concurrency: s.HookAtOnce, Metrics: m,
		})
		if err != nil {
			return nil, err
		}
		c.Reviewer = hook
	}
	rules, err := New(c)
	if err != nil {
		return nil, err
	}
	rules.hook = hook
	return rules, nil
}
