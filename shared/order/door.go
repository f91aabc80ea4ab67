package order

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/stream"
)

// pendingFor is how long an order that nothing settles is remembered as pending: longer than any backlog of Kafka.
const pendingFor = 24 * time.Hour

// publisher is the part of stream.Client that a door needs.
type publisher interface {
	Publish(ctx context.Context, recs ...stream.Outgoing) error
}

// A Door takes requests. Its methods may be called concurrently.
type Door struct {
	kafka publisher
	redis redis.UniversalClient
}

// NewDoor returns a door into live-gift-requests.
func NewDoor(kafka publisher, rdb redis.UniversalClient) *Door {
	return &Door{kafka: kafka, redis: rdb}
}

// Place publishes the request and returns when Kafka has it for good. The same request again is the same order, and is
// published again: whether the first one got through is not known here, and settling a second one changes nothing.
// Another request under the same key is ErrKeyReused.
func (d *Door) Place(ctx context.Context, r Request) (ID, error) {
	if err := r.Check(); err != nil {
		return "", err
	}
	id := r.ID()
	m, err := r.Message()
	if err != nil {
		return "", err
	}
	rec, err := stream.UserRecord(ctx, stream.LiveGiftRequests, m)
	if err != nil {
		return "", err
	}
	if err := d.claim(ctx, id, note(r.Sender, r.Fingerprint())); err != nil {
		return "", err
	}
	if err := d.kafka.Publish(ctx, rec); err != nil {
		return "", errors.Join(live.Errorf(live.KindUnavailable, "not_persisted", "the gift could not be stored; send it again with the same key"),
			fmt.Errorf("publish gift request %s: %w", id, err))
	}
	return id, nil
}

func note(sender live.UserID, fingerprint string) string {
	return fmt.Sprintf("%d:%s", sender, fingerprint)
}

// claim notes the order as pending, once.
func (d *Door) claim(ctx context.Context, id ID, note string) error {
	first, err := d.redis.SetArgs(ctx, roomstate.OrderKey(string(id)), note, redis.SetArgs{Mode: "NX", Get: true, TTL: pendingFor}).Result()
	switch {
	case errors.Is(err, redis.Nil): // nobody had it
		return nil
	case err != nil:
		return errors.Join(live.Errorf(live.KindUnavailable, "unavailable", "gifts can't be taken right now"),
			fmt.Errorf("note order %s: %w", id, err))
	case first != note:
		return ErrKeyReused
	}
	return nil
}

// Pending says whether the sender placed the order within the last day. It may have ended meanwhile: the ledger knows.
func (d *Door) Pending(ctx context.Context, id ID, sender live.UserID) (bool, error) {
	value, err := d.redis.Get(ctx, roomstate.OrderKey(string(id))).Result()
	if errors.Is(err, redis.Nil) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look up order %s: %w", id, err)
	}
	return strings.HasPrefix(value, note(sender, "")), nil
}
