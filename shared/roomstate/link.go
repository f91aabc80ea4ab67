package roomstate

import (
	"crypto/tls"

	"github.com/redis/go-redis/v9"
)

// Link is the part of a binary's settings that says how it reaches Redis.
type Link struct {
	Password string `env:"REDIS_PASSWORD"`
	TLS      bool   `env:"REDIS_TLS" envDefault:"false"`
	Cluster  bool   `env:"REDIS_CLUSTER" envDefault:"false"` // one address names a whole cluster, as ElastiCache's does
}

// Dial makes the client; nothing is asked yet. More than one address are the nodes of a cluster.
func (l Link) Dial(addrs []string) redis.UniversalClient {
	opts := &redis.UniversalOptions{
		Addrs: addrs, Password: l.Password, IsClusterMode: l.Cluster,
		ContextTimeoutEnabled: true, // a Redis that hangs must not hold anything for longer than it may take
	}
	if l.TLS {
		opts.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return redis.NewUniversalClient(opts)
}
