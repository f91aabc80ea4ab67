package main

import (
	"flag"
	"fmt"
	"io"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Options say where the stack listens and what it holds. Addresses are host:port; port 0 takes a free one.
type Options struct {
	HTTP, Socket     string
	Kafka, Redis, S3 string // where the embedded parts listen, unless the environment names real servers
	Data             string // folder of everything that survives a restart
	Bots             int    // demo chatter in room 1
	ServicesOnly     bool   // only Kafka, Redis, SQL and S3, for mains that run beside this one

	Getenv   func(string) string // settings of CONTRACT §5; nil: none set
	Progress func(step string)   // told before each step that may take long; nil: nobody is
	Log      io.Writer           // nil: stderr

	Space     string   // tells stacks on the same real servers apart: see functions.Parts
	Elsewhere []string // functions whose batches and jobs another process handles

	// A test's view of the telemetry.
	SpanExporter sdktrace.SpanExporter
	MetricReader sdkmetric.Reader
}

func parseFlags(args []string, out io.Writer) (Options, error) {
	var o Options
	flags := flag.NewFlagSet("local", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&o.HTTP, "http", "127.0.0.1:8080", "`address` of the page and the API")
	flags.StringVar(&o.Socket, "socket", "127.0.0.1:8081", "`address` of the sockets")
	flags.StringVar(&o.Kafka, "kafka", "127.0.0.1:19092", "`address` of the embedded Kafka; KAFKA_BROKERS replaces it by a real one")
	flags.StringVar(&o.Redis, "redis", "127.0.0.1:16379", "`address` of the embedded Redis; REDIS_ADDRS replaces it by a real one")
	flags.StringVar(&o.S3, "s3", "127.0.0.1:19000", "`address` of the embedded S3; AWS_ENDPOINT_URL_S3 replaces it by a real one")
	flags.StringVar(&o.Data, "data", ".barrage", "`folder` that keeps rooms, users, wallets and messages")
	flags.IntVar(&o.Bots, "bots", 12, "how many demo viewers chat in room 1")
	flags.BoolVar(&o.ServicesOnly, "services-only", false, "run only Kafka, Redis, SQL and S3")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		return o, fmt.Errorf("unexpected %q: everything is a flag, see --help", flags.Arg(0))
	}
	if o.Bots < 0 || o.Bots > 1000 {
		return o, fmt.Errorf("--bots %d: want 0 to 1000", o.Bots)
	}
	return o, nil
}

// getenv answers with the environment, and with what suits a person at a terminal where it says nothing.
func (o Options) getenv(name string) string {
	if o.Getenv != nil {
		if value := o.Getenv(name); value != "" {
			return value
		}
	}
	switch name {
	case "LOG_FORMAT":
		return "text"
	case "LOG_LEVEL":
		return "warn"
	}
	return ""
}

func (o Options) progress(step string) {
	if o.Progress != nil {
		o.Progress(step)
	}
}
