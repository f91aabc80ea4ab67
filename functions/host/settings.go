package host

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/barrage-live/barrage/functions"
	"github.com/barrage-live/barrage/functions/manifest"
	"github.com/barrage-live/barrage/functions/stats"
	"github.com/barrage-live/barrage/shared/house"
	"github.com/barrage-live/barrage/shared/intake"
	"github.com/barrage-live/barrage/shared/limit"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/settings"
	"github.com/barrage-live/barrage/shared/stream"
)

// config holds the settings of every function (CONTRACT §5). A function is shown those of its row in the manifest alone.
type config struct {
	DatabaseURL      string   `env:"DATABASE_URL"`
	DatabaseReplicas []string `env:"DATABASE_REPLICA_URLS"`
	RedisAddrs       []string `env:"REDIS_ADDRS"`
	Redis            roomstate.Link
	KafkaBrokers     []string `env:"KAFKA_BROKERS"`
	Kafka            stream.SignIn
	History          functions.HistorySettings
	Heat             stats.Heat
	House            house.Settings
	Intake           intake.Settings
	HTTP             limit.HTTPSettings

	S3Endpoint    string `env:"AWS_ENDPOINT_URL_S3"` // empty: AWS itself
	ArchiveBucket string `env:"ARCHIVE_BUCKET"`
	ArchiveDays   int    `env:"ARCHIVE_DAYS" envDefault:"365"` // 0: for ever
	CoverBucket   string `env:"COVER_BUCKET"`                  // empty: no avatars and covers are taken
	CoverURL      string `env:"COVER_URL"`                     // where a CDN shows the bucket; empty: the bucket's own address

	SigningKey string `env:"TOKEN_SIGNING_KEY"` // of the function that signs
	JWKSURL    string `env:"JWKS_URL"`          // of all others
	Issuer     string `env:"TOKEN_ISSUER" envDefault:"barrage"`
	Audience   string `env:"TOKEN_AUDIENCE" envDefault:"barrage"`

	AllowedOrigins []string `env:"ALLOWED_ORIGINS"`
	TrustedProxies []string `env:"TRUSTED_PROXIES"` // networks, such as 10.0.0.0/8

	PublicSocketURL string `env:"PUBLIC_SOCKET_URL"`
	DisplayRate     int    `env:"ROOM_DISPLAY_RATE" envDefault:"100"`
	AnchorPerMille  int    `env:"ANCHOR_PER_MILLE" envDefault:"500"` // of a gift's cost
	WebhookSecret   string `env:"PAYMENT_WEBHOOK_SECRET"`

	proxies []netip.Prefix
}

// Check implements what settings.Load asks.
func (c *config) Check() error {
	problems := []error{c.Kafka.Check(), c.History.Check(), c.Heat.Check(), c.House.Check(), c.Intake.Check(), c.HTTP.Check()}
	if c.ArchiveDays < 0 {
		problems = append(problems, errors.New("ARCHIVE_DAYS must not be negative"))
	}
	for _, p := range c.TrustedProxies {
		network, err := netip.ParsePrefix(p)
		if err != nil {
			problems = append(problems, errors.New("TRUSTED_PROXIES: want networks such as 10.0.0.0/8"))
		}
		c.proxies = append(c.proxies, network)
	}
	return errors.Join(problems...)
}

// load reads what the row names and nothing else, so that the manifest can't forget a setting unnoticed.
func load(row manifest.Function, getenv func(string) string) (config, error) {
	env := row.Env()
	cfg, err := settings.Load[config](func(name string) string {
		if !slices.Contains(env, name) {
			return ""
		}
		return getenv(name)
	})
	problems := []error{err}
	for _, name := range row.Required() {
		if getenv(name) == "" {
			problems = append(problems, fmt.Errorf("settings: %s: required but not set", name))
		}
	}
	return cfg, errors.Join(problems...)
}
