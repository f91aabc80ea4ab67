// Package stage holds the sizes of each stage: all that differs between a cheap one to try and one that carries viewers.
package stage

import (
	"fmt"
	"slices"
	"strings"
)

// Stage is one deployment of the platform.
type Stage struct {
	Name string
	// Keep says that databases, logs and buckets outlive the stack and can't be deleted by a mistaken command.
	Keep     bool
	Zones    int
	NATs     int // one a zone, or one for all: a lost zone then takes the others' way out along
	Kafka    Kafka
	Redis    Redis
	Database Database
	// RequestsPerAddress is how many HTTP requests one address has in five minutes.
	RequestsPerAddress int
	// APIRate is how many requests a second the HTTP API takes from all.
	APIRate int
	// OwnSocketHost says that viewers reach the socket fleet by a name and certificate of its own. Otherwise the CDN is
	// in between: no domain is needed, but all connections come from its addresses.
	OwnSocketHost bool
}

// Kafka is the size of the MSK cluster.
type Kafka struct {
	Broker   string
	Brokers  int // a multiple of Zones
	DiskGB   int
	Replicas int // copies of a partition
}

// Redis is the size of the ElastiCache cluster.
type Redis struct {
	Node     string
	Shards   int
	Replicas int // of each shard
}

// Database is the size of the Aurora cluster: instances of a class, or serverless between two bounds.
type Database struct {
	Instance       string // without "db."; empty: serverless
	MinACU, MaxACU float64
	BackupDays     int
}

var stages = []Stage{
	{
		Name: "dev", Zones: 2, NATs: 1, RequestsPerAddress: 2000, APIRate: 500,
		Kafka:    Kafka{Broker: "kafka.t3.small", Brokers: 2, DiskGB: 20, Replicas: 2},
		Redis:    Redis{Node: "cache.t4g.micro", Shards: 1},
		Database: Database{MinACU: 0.5, MaxACU: 2, BackupDays: 1},
	}, {
		Name: "prod", Keep: true, Zones: 3, NATs: 3, RequestsPerAddress: 3000, APIRate: 10000, OwnSocketHost: true,
		Kafka:    Kafka{Broker: "kafka.m7g.large", Brokers: 3, DiskGB: 1000, Replicas: 3},
		Redis:    Redis{Node: "cache.r7g.large", Shards: 3, Replicas: 1},
		Database: Database{Instance: "r7g.large", BackupDays: 14},
	},
}

// Lookup finds a stage by its name.
func Lookup(name string) (Stage, error) {
	i := slices.IndexFunc(stages, func(s Stage) bool { return s.Name == name })
	if i < 0 {
		return Stage{}, fmt.Errorf("stage %q: want one of %s", name, strings.Join(Names(), ", "))
	}
	return stages[i], nil
}

// Names lists the stages.
func Names() []string {
	var names []string
	for _, s := range stages {
		names = append(names, s.Name)
	}
	return names
}
