package main

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"time"

	"github.com/barrage-live/barrage/shared/house"
	"github.com/barrage-live/barrage/shared/intake"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/stream"
)

// config is what a pod reads from the environment (CONTRACT §5); limits of 0 are none.
type config struct {
	ListenAddr  string `env:"LISTEN_ADDR" envDefault:":8081"`
	MetricsAddr string `env:"METRICS_ADDR"` // of /metrics and /health, which viewers don't reach then; empty: with /ws on LISTEN_ADDR
	Pod         string `env:"POD_NAME"`     // default: the host's name

	RedisAddrs   []string `env:"REDIS_ADDRS,required"`
	Redis        roomstate.Link
	KafkaBrokers []string `env:"KAFKA_BROKERS,required"`
	Kafka        stream.SignIn
	RoomAPI      *url.URL `env:"ROOM_API_URL"` // of the room function, without /api/v1

	JWKSURL    string `env:"JWKS_URL"`
	SigningKey string `env:"TOKEN_SIGNING_KEY"` // instead of JWKS_URL: its public half is used
	House      house.Settings
	Intake     intake.Settings

	Issuer   string `env:"TOKEN_ISSUER" envDefault:"barrage"`
	Audience string `env:"TOKEN_AUDIENCE" envDefault:"barrage"`

	AllowedOrigins  []string `env:"ALLOWED_ORIGINS"`
	AllowGuests     bool     `env:"ALLOW_GUESTS" envDefault:"false"`
	AllowQueryToken bool     `env:"ALLOW_QUERY_TOKEN" envDefault:"false" insecure:"true"`
	Deflate         bool     `env:"SOCKET_DEFLATE" envDefault:"false"` // permessage-deflate for clients that offer it
	TrustedProxies  []string `env:"TRUSTED_PROXIES"`                   // networks, such as 10.0.0.0/8

	DisplayRate    int           `env:"ROOM_DISPLAY_RATE" envDefault:"100"`
	RoomRate       float64       `env:"ROOM_MESSAGE_RATE" envDefault:"20000"` // messages a second that one pod takes in for one room
	FlushBudget    time.Duration `env:"FLUSH_BUDGET" envDefault:"50ms"`
	PingInterval   time.Duration `env:"PING_INTERVAL" envDefault:"25s"` // longer: cheaper, but clients of others may give up after 60 s of silence
	MaxConnections int           `env:"MAX_CONNECTIONS" envDefault:"50000"`
	MaxPerAddress  int           `env:"MAX_CONNECTIONS_PER_ADDRESS" envDefault:"1000"`
	MaxPerUser     int           `env:"MAX_CONNECTIONS_PER_USER" envDefault:"20"`
	HandshakeRate  float64       `env:"HANDSHAKE_RATE" envDefault:"100"` // a second from one address
	DrainTimeout   time.Duration `env:"DRAIN_TIMEOUT" envDefault:"30s"`

	proxies []netip.Prefix
}

// secretSettings may hold the ARN of a secret instead of the secret.
var secretSettings = []string{"TOKEN_SIGNING_KEY", "REDIS_PASSWORD", "KAFKA_PASSWORD", "REVIEW_HOOK_SECRET"}

// Check implements what settings.Load asks.
func (c *config) Check() error {
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if (c.JWKSURL == "") == (c.SigningKey == "") {
		problem("JWKS_URL, TOKEN_SIGNING_KEY: want exactly one of them")
	}
	for _, o := range c.AllowedOrigins {
		if u, err := url.Parse(o); err != nil || u.Scheme == "" || u.Host == "" || o != u.Scheme+"://"+u.Host {
			problem("ALLOWED_ORIGINS: want exact origins such as https://example.org")
		}
	}
	for _, p := range c.TrustedProxies {
		network, err := netip.ParsePrefix(p)
		if err != nil {
			problem("TRUSTED_PROXIES: want networks such as 10.0.0.0/8")
		}
		c.proxies = append(c.proxies, network)
	}
	for _, err := range []error{c.Kafka.Check(), c.House.Check(), c.Intake.Check()} {
		if err != nil {
			problems = append(problems, err)
		}
	}
	if c.PingInterval < 5*time.Second || c.PingInterval > 5*time.Minute {
		problem("PING_INTERVAL: want 5s to 5m")
	}
	if c.DrainTimeout < time.Second {
		problem("DRAIN_TIMEOUT: want at least 1s")
	}
	return errors.Join(problems...)
}
