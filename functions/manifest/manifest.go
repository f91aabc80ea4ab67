// Package manifest is the one table of what is deployed: each function's routes, records, jobs, resources, size and
// settings. Hosts, templates, Knative's YAML and the CDK app follow it, and tests hold each of them against it. It uses
// the standard library only, so that whoever describes a deployment can read it.
package manifest

import (
	"fmt"
	"slices"
	"time"
)

// Function is one deployable unit.
type Function struct {
	Name     string
	MemoryMB int
	Timeout  time.Duration // of one invocation
	Routes   []string      // path patterns, each for all methods; see Pattern
	Batches  []Batch
	Jobs     []Job
	Uses     []Resource
	Settings []string // environment names of its own, beside those of every function and of what it uses
	Writes   []string // topics, beside the dead letters of its batches
	Watches  []string // groups whose lag it tells
}

// Batch is how the records of one topic reach a function.
type Batch struct {
	Topic       string
	Group       string        // consumer group, the same on every host: a function may move without losing its place
	Size        int           // records a call, at most
	Window      time.Duration // how long a smaller batch waits to be filled
	OnFailure   string        // topic for what Lambda gives up for good
	MaxAttempts int           // of Lambda, beyond the function's own tries
	MaxAge      time.Duration // behind which Lambda gives a record up; less than Kafka keeps it
	MinPollers  int           // provisioned event pollers, which partial batch failures need
	MaxPollers  int
}

// Job is a step that a scheduler calls.
type Job struct {
	Name  string
	Every time.Duration // 0: by hand, once a release
}

// MinSchedule is how often a cloud's scheduler calls at most. A job that wants to be called more often tolerates it.
const MinSchedule = time.Minute

// Schedule is how often a cloud's scheduler calls the job; 0: never.
func (j Job) Schedule() time.Duration {
	if j.Every == 0 {
		return 0
	}
	return max(j.Every, MinSchedule)
}

// Resource is a server that a function needs.
type Resource string

// The servers of the platform.
const (
	Database Resource = "database"
	Redis    Resource = "redis"
	Kafka    Resource = "kafka"
	History  Resource = "history" // ClickHouse, or the database
	Signer   Resource = "signer"  // the private keys of tokens
	Tokens   Resource = "tokens"  // their public halves
	Archive  Resource = "archive" // the bucket of recordings of rooms
	Covers   Resource = "covers"  // the bucket of avatars and covers; without one none are taken
)

// common are the settings of every function. The OTEL_* variables of the standard come beside them.
var common = []string{"APP_ENV"}

// settings of those that use a resource.
var settings = map[Resource][]string{
	Database: {"DATABASE_URL", "DATABASE_REPLICA_URLS"},
	Redis:    {"REDIS_ADDRS", "REDIS_CLUSTER", "REDIS_PASSWORD", "REDIS_TLS"},
	Kafka:    {"KAFKA_BROKERS", "KAFKA_AUTH", "KAFKA_USER", "KAFKA_PASSWORD", "KAFKA_TLS"},
	History:  {"CLICKHOUSE_URL", "HISTORY_EVENT_DAYS", "HISTORY_DAYS"},
	Signer:   {"TOKEN_SIGNING_KEY", "TOKEN_ISSUER", "TOKEN_AUDIENCE", "ALLOWED_ORIGINS", "TRUSTED_PROXIES", "HTTP_ADDRESS_RATE", "HTTP_USER_RATE"},
	Tokens:   {"JWKS_URL", "TOKEN_ISSUER", "TOKEN_AUDIENCE", "ALLOWED_ORIGINS", "TRUSTED_PROXIES", "HTTP_ADDRESS_RATE", "HTTP_USER_RATE"},
	Archive:  {"ARCHIVE_BUCKET", "AWS_ENDPOINT_URL_S3"},
	Covers:   {"COVER_BUCKET", "COVER_URL", "AWS_ENDPOINT_URL_S3"},
}

// required are the settings without which a function that uses the resource does not start.
var required = map[Resource][]string{
	Database: {"DATABASE_URL"},
	Redis:    {"REDIS_ADDRS"},
	Kafka:    {"KAFKA_BROKERS"},
	Signer:   {"TOKEN_SIGNING_KEY"},
	Tokens:   {"JWKS_URL"},
	Archive:  {"ARCHIVE_BUCKET"},
}

// Secrets are the settings that may hold the ARN of a secret instead of the secret.
var Secrets = []string{"CLICKHOUSE_URL", "DATABASE_URL", "DATABASE_REPLICA_URLS", "KAFKA_PASSWORD", "PAYMENT_WEBHOOK_SECRET",
	"REDIS_PASSWORD", "REVIEW_HOOK_SECRET", "TOKEN_SIGNING_KEY"}

// Env lists the environment names that the function reads, sorted.
func (f Function) Env() []string {
	names := slices.Concat(common, f.Settings)
	for _, r := range f.Uses {
		names = append(names, settings[r]...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Required lists those of Env without which the function does not start, sorted.
func (f Function) Required() []string {
	var names []string
	for _, r := range f.Uses {
		names = append(names, required[r]...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Needs says whether the function uses the resource.
func (f Function) Needs(r Resource) bool { return slices.Contains(f.Uses, r) }

// Lookup finds a function by its name.
func Lookup(name string) (Function, error) {
	for _, f := range Functions() {
		if f.Name == name {
			return f, nil
		}
	}
	return Function{}, fmt.Errorf("no function is named %q", name)
}
