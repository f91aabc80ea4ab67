package main

import (
	"errors"
	"net"
	"time"

	"github.com/barrage-live/barrage/functions"
	"github.com/barrage-live/barrage/functions/stats"
	"github.com/barrage-live/barrage/shared/house"
	"github.com/barrage-live/barrage/shared/intake"
	"github.com/barrage-live/barrage/shared/limit"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/settings"
	"github.com/barrage-live/barrage/shared/stream"
)

// config is what local mode reads from the environment (CONTRACT §5).
type config struct {
	KafkaBrokers     []string `env:"KAFKA_BROKERS"`
	Kafka            stream.SignIn
	RedisAddrs       []string `env:"REDIS_ADDRS"`
	Redis            roomstate.Link
	DatabaseURL      string   `env:"DATABASE_URL"`
	DatabaseReplicas []string `env:"DATABASE_REPLICA_URLS"`
	History          functions.HistorySettings
	Heat             stats.Heat
	House            house.Settings
	Intake           intake.Settings
	S3Endpoint       string        `env:"AWS_ENDPOINT_URL_S3"`
	ArchiveBucket    string        `env:"ARCHIVE_BUCKET" envDefault:"barrage-archive"`
	ArchiveDays      int           `env:"ARCHIVE_DAYS" envDefault:"365"` // 0: for ever
	CoverBucket      string        `env:"COVER_BUCKET" envDefault:"barrage-covers"`
	CoverURL         string        `env:"COVER_URL"` // where a CDN shows the bucket; empty: the bucket's own address
	SigningKey       string        `env:"TOKEN_SIGNING_KEY"`
	PublicSocketURL  string        `env:"PUBLIC_SOCKET_URL"`
	AllowedOrigins   []string      `env:"ALLOWED_ORIGINS"`
	AllowGuests      bool          `env:"ALLOW_GUESTS" envDefault:"true"`
	AllowQueryToken  bool          `env:"ALLOW_QUERY_TOKEN" envDefault:"true"`
	Deflate          bool          `env:"SOCKET_DEFLATE" envDefault:"false"`
	DisplayRate      int           `env:"ROOM_DISPLAY_RATE" envDefault:"100"`
	FlushBudget      time.Duration `env:"FLUSH_BUDGET" envDefault:"50ms"`
	MaxConnections   int           `env:"MAX_CONNECTIONS" envDefault:"10000"`
	AnchorPerMille   int           `env:"ANCHOR_PER_MILLE" envDefault:"500"` // of a gift's cost
	WebhookSecret    string        `env:"PAYMENT_WEBHOOK_SECRET"`
	AddressRate      float64       `env:"HTTP_ADDRESS_RATE" envDefault:"0"` // requests a second; here all come from one address
	UserRate         float64       `env:"HTTP_USER_RATE" envDefault:"0"`
	DrainTimeout     time.Duration `env:"DRAIN_TIMEOUT" envDefault:"2s"`
}

// Check implements what settings.Load asks.
func (c *config) Check() error {
	return errors.Join(c.Kafka.Check(), c.History.Check(), c.Heat.Check(), c.House.Check(), c.Intake.Check(), c.http().Check())
}

func (c *config) http() limit.HTTPSettings {
	return limit.HTTPSettings{AddressRate: c.AddressRate, UserRate: c.UserRate}
}

func loadConfig(o Options) (config, error) { return settings.Load[config](o.getenv) }

// origins are those that ALLOWED_ORIGINS names, or else the page's own under each name of this machine.
func (c config) origins(page net.Listener) []string {
	if len(c.AllowedOrigins) > 0 {
		return c.AllowedOrigins
	}
	list := []string{"http://127.0.0.1:8080", "http://localhost:8080"}
	if _, port, err := net.SplitHostPort(page.Addr().String()); err == nil && port != "8080" {
		list = append(list, "http://127.0.0.1:"+port, "http://localhost:"+port)
	}
	return list
}
