package stream

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.opentelemetry.io/otel/metric"
	"golang.org/x/sync/semaphore"
)

// Client is a connection to Kafka: one producer, and a group member for each running Consume.
// All methods may be called concurrently.
type Client struct {
	cfg    Config
	kafka  *kgo.Client
	budget *semaphore.Weighted // bytes of records that wait for their acknowledgement
	dead   metric.Int64Counter // dead.letters: topic
	ids    sync.Map            // Topic → string
}

// Dial connects and asks a broker for a sign of life, until ctx ends.
func Dial(ctx context.Context, cfg Config) (*Client, error) {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, err
	}
	opts := append(cfg.connection(),
		kgo.RequiredAcks(kgo.AllISRAcks()), // and idempotent, which is the default with it
		kgo.RecordPartitioner(partitioner{kgo.StickyKeyPartitioner(nil)}),
		kgo.ProducerLinger(cfg.Linger),
		kgo.RecordDeliveryTimeout(cfg.DeliveryTimeout),
		kgo.ProduceRequestTimeout(5*time.Second),
		// A record whose request was cut may or may not be stored. Waiting for the truth could take as long as the
		// outage; failing it may store it twice, and consumers drop ids they have seen.
		kgo.AllowIdempotentProduceCancellation(),
		// The bound is the budget, in bytes. The library's own bounds would block Enqueue, so they lie behind it.
		kgo.MaxBufferedRecords(int(cfg.MaxBufferedBytes/recordOverhead)+1),
	)
	dead, err := cfg.Telemetry.Meter().Int64Counter("dead.letters", metric.WithUnit("{record}"),
		metric.WithDescription("Records that failed for good."))
	if err != nil {
		return nil, fmt.Errorf("metric dead.letters: %w", err)
	}
	kafka, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("kafka client: %w", err)
	}
	if err := kafka.Ping(ctx); err != nil {
		kafka.Close()
		return nil, fmt.Errorf("dial kafka %v: %w", cfg.Brokers, err)
	}
	return &Client{cfg: cfg, kafka: kafka, budget: semaphore.NewWeighted(cfg.MaxBufferedBytes), dead: dead}, nil
}

// Close waits until what is enqueued is acknowledged or has failed, then disconnects. When ctx ends first, the rest
// fails, each with its done called, and Close returns ctx's error.
func (c *Client) Close(ctx context.Context) error {
	err := c.kafka.Flush(ctx)
	c.kafka.Close()
	if err != nil {
		return fmt.Errorf("flush kafka: %w", err)
	}
	return nil
}

// Ping asks a broker for a sign of life.
func (c *Client) Ping(ctx context.Context) error { return c.kafka.Ping(ctx) }

// Partitions is how many partitions every topic of the platform has.
func (c *Client) Partitions() int32 { return c.cfg.Partitions }

// Topics lists every topic of the platform, dead letters included.
func Topics() []Topic {
	var all []Topic
	for _, t := range Sources() {
		all = append(all, t, t.DeadLetters())
	}
	return all
}

// Sources lists the topics that producers write to and functions consume.
func Sources() []Topic { return []Topic{LiveMessages, LiveGiftRequests, LivePresence} }

const (
	retention            = 7 * 24 * time.Hour
	deadLettersRetention = 30 * 24 * time.Hour // a person has to look at them first
)

// EnsureTopics makes the topics of the platform that are missing. A topic that is there with another number of
// partitions is an error: producers and consumers would disagree on where a room is.
func (c *Client) EnsureTopics(ctx context.Context) error {
	return c.ensure(ctx, Topics())
}

func (c *Client) ensure(ctx context.Context, topics []Topic) error {
	there, err := c.describe(ctx, topics)
	if err != nil {
		return fmt.Errorf("list topics: %w", err)
	}
	adm := kadm.NewClient(c.kafka)
	var made []Topic
	for _, t := range topics {
		if d, ok := there[t]; ok {
			if got := len(d.Partitions); got != int(c.cfg.Partitions) {
				return fmt.Errorf("topic %s has %d partitions, want %d", t, got, c.cfg.Partitions)
			}
			continue
		}
		if err := c.create(ctx, adm, t); err != nil {
			return fmt.Errorf("create topic %s: %w", t, err)
		}
		made = append(made, t)
	}
	return c.await(ctx, made)
}

// await returns when brokers know the topics: the controller answers before they have all heard of them.
func (c *Client) await(ctx context.Context, made []Topic) error {
	for len(made) > 0 {
		there, err := c.describe(ctx, made)
		if err != nil {
			return fmt.Errorf("await new topics: %w", err)
		}
		made = slices.DeleteFunc(made, func(t Topic) bool { _, ok := there[t]; return ok })
		if len(made) == 0 {
			break
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("await topic %s: %w", made[0], ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// TopicID is the id that Kafka gave the topic when it was made. A topic that is deleted and made again has another one,
// and its offsets begin anew: who keeps offsets keeps it with them. Kafka is asked once: no client outlives its topics.
func (c *Client) TopicID(ctx context.Context, t Topic) (string, error) {
	if id, ok := c.ids.Load(t); ok {
		return id.(string), nil
	}
	there, err := c.describe(ctx, []Topic{t})
	if err != nil {
		return "", fmt.Errorf("id of topic %s: %w", t, err)
	}
	d, ok := there[t]
	if !ok {
		return "", fmt.Errorf("id of topic %s: %w", t, kerr.UnknownTopicOrPartition)
	}
	id := base64.RawURLEncoding.EncodeToString(d.TopicID[:])
	c.ids.Store(t, id)
	return id, nil
}

// describe asks a broker: the client's own view may be some seconds old. Topics that are not there are left out.
func (c *Client) describe(ctx context.Context, topics []Topic) (map[Topic]kmsg.MetadataResponseTopic, error) {
	req := kmsg.NewPtrMetadataRequest()
	for _, t := range topics {
		rt := kmsg.NewMetadataRequestTopic()
		rt.Topic = kmsg.StringPtr(string(t))
		req.Topics = append(req.Topics, rt)
	}
	resp, err := req.RequestWith(ctx, c.kafka)
	if err != nil {
		return nil, err
	}
	there := make(map[Topic]kmsg.MetadataResponseTopic)
	for _, t := range resp.Topics {
		err := kerr.ErrorForCode(t.ErrorCode)
		switch {
		case errors.Is(err, kerr.UnknownTopicOrPartition) || t.Topic == nil:
		case err != nil:
			return nil, fmt.Errorf("%s: %w", *t.Topic, err)
		default:
			there[Topic(*t.Topic)] = t
		}
	}
	return there, nil
}

func (c *Client) create(ctx context.Context, adm *kadm.Client, t Topic) error {
	keep := retention
	if t.isDeadLetters() {
		keep = deadLettersRetention
	}
	ms := strconv.FormatInt(keep.Milliseconds(), 10)
	resp, err := adm.CreateTopic(ctx, c.cfg.Partitions, -1, map[string]*string{"retention.ms": &ms}, string(t))
	if err == nil {
		err = resp.Err
	}
	if errors.Is(err, kerr.TopicAlreadyExists) { // another process was faster
		return nil
	}
	return err
}
