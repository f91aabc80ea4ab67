package stream

import (
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl"
	"github.com/twmb/franz-go/pkg/sasl/scram"

	"github.com/barrage-live/barrage/shared/telemetry"
)

// Config says how to reach Kafka and how much may wait for it. Only Brokers has no default.
type Config struct {
	Brokers          []string
	Partitions       int32         // of every topic of the platform; 0 is DefaultPartitions
	MaxBufferedBytes int64         // records that wait for their acknowledgement; 0 is 64 MiB
	DeliveryTimeout  time.Duration // after it a waiting record has failed; 0 is 10 s
	Linger           time.Duration // how long a record waits for company; 0 is 1 ms
	ClientID         string        // shown in the brokers' logs; empty is "barrage"
	Auth             Auth
	Telemetry        *telemetry.Telemetry // nil: none
}

// Auth is how a client signs in. The zero value does not.
type Auth struct {
	User, Password string         // SCRAM-SHA-512
	Mechanism      sasl.Mechanism // any other way to sign in, such as AWS IAM; made by the caller, so that AWS stays out of here
	TLS            *tls.Config    // nil: no TLS
}

// recordOverhead is what a waiting record costs beyond its key, value and headers.
const recordOverhead = 256

const defaultBufferedBytes = 64 << 20

func (c Config) withDefaults() (Config, error) {
	if len(c.Brokers) == 0 {
		return c, errors.New("no kafka brokers given")
	}
	if c.Auth.User != "" && c.Auth.Mechanism != nil {
		return c, errors.New("kafka sign-in: give a user or a mechanism, not both")
	}
	c.Partitions = orDefault(c.Partitions, DefaultPartitions)
	c.MaxBufferedBytes = orDefault(c.MaxBufferedBytes, defaultBufferedBytes)
	c.DeliveryTimeout = orDefault(c.DeliveryTimeout, 10*time.Second)
	c.Linger = orDefault(c.Linger, time.Millisecond)
	c.ClientID = orDefault(c.ClientID, "barrage")
	if c.Telemetry == nil {
		c.Telemetry = telemetry.Discard()
	}
	return c, nil
}

// connection returns the options that producers and group members share.
func (c Config) connection() []kgo.Opt {
	opts := []kgo.Opt{
		kgo.SeedBrokers(c.Brokers...),
		kgo.ClientID(c.ClientID),
		kgo.DialTimeout(5 * time.Second),
		// A topic that is made a moment later must not be unknown for minutes.
		kgo.MetadataMinAge(250 * time.Millisecond),
	}
	if c.Auth.TLS != nil {
		opts = append(opts, kgo.DialTLSConfig(c.Auth.TLS))
	}
	if c.Auth.User != "" {
		opts = append(opts, kgo.SASL(scram.Auth{User: c.Auth.User, Pass: c.Auth.Password}.AsSha512Mechanism()))
	}
	if c.Auth.Mechanism != nil {
		opts = append(opts, kgo.SASL(c.Auth.Mechanism))
	}
	return opts
}

// String leaves the password out, so that a logged Config tells no secret.
func (a Auth) String() string {
	switch {
	case a.Mechanism != nil:
		return a.Mechanism.Name()
	case a.User != "":
		return fmt.Sprintf("scram user %s", a.User)
	default:
		return "none"
	}
}

func orDefault[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}
