// Package held is where danmu wait that the operator's review holds, until a moderator of the room releases or refuses
// them. They wait in Redis, so that they outlive a pod, a bounded number of them for a bounded time.
package held

import (
	"context"
	_ "embed" // the Lua scripts
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/wire"
)

var (
	//go:embed hold.lua
	holdLua string

	//go:embed step.lua
	stepLua string
)

// WaitFor is how long a danmu waits, and for how long it is known afterwards what became of it.
const WaitFor = 10 * time.Minute

const (
	most = 400 // danmu of one room, with those of which it is known what became
	// releaseFor is how long a release that was begun may be repeated. It is shorter than ids are known in a room
	// (fanout.PublisherConfig.DedupeFor): a release that is repeated after a crash never shows a danmu twice.
	releaseFor = 100 * time.Second
)

// What is kept of a danmu begins with its state; a message follows for the first two, a seq for the third.
const (
	waiting   = 'w'
	releasing = 'b' // somebody has begun
	released  = 'r'
	refused   = 'x'
)

// What keeps a danmu from being released or refused.
var (
	ErrUnknown   = live.Errorf(live.KindNotFound, "unknown_message", "No such message waits: somebody has decided, or its time is over.")
	ErrReleasing = live.Errorf(live.KindConflict, "being_released", "Somebody is releasing the message.")
)

// commander tells the pods of a room; fanout.Publisher is the one in use.
type commander interface {
	Command(ctx context.Context, room live.RoomID, msg []byte) error
}

// Queue is where the danmu of all rooms wait. Its methods may be called concurrently, by any number of processes.
type Queue struct {
	rdb        redis.UniversalClient
	pods       commander
	hold, step *redis.Script
}

// New returns the queue in the Redis.
func New(rdb redis.UniversalClient, pods commander) *Queue {
	return &Queue{rdb: rdb, pods: pods, hold: redis.NewScript(holdLua), step: redis.NewScript(stepLua)}
}

// Danmu is one that waits. Payload is its message, without seq, as wire.Marshal makes it.
type Danmu struct {
	User    live.UserID
	ID      string
	Payload []byte
	Until   time.Time // set by List
}

func (d Danmu) name() string { return nameOf(d.User, d.ID) }

func nameOf(user live.UserID, id string) string { return strconv.FormatInt(int64(user), 10) + "/" + id }

// Fate is what has become of a danmu that was to be held.
type Fate uint8

// The fates.
const (
	Waits    Fate = iota
	NoPlace       // too many wait
	Released      // before: it is known in the room, as Outcome.Seq
	Refused       // before
)

// Outcome of one danmu.
type Outcome struct {
	Fate Fate
	Seq  live.Seq
}

// Hold makes danmu wait, and lets the room's moderators know. Who sends one again hears what became of it.
func (q *Queue) Hold(ctx context.Context, room live.RoomID, danmu []Danmu) ([]Outcome, error) {
	args := []any{WaitFor.Milliseconds(), most}
	for _, d := range danmu {
		args = append(args, d.name(), append([]byte{waiting}, d.Payload...))
	}
	reply, err := q.hold.Run(ctx, q.rdb, keys(room), args...).StringSlice()
	if err != nil {
		return nil, fmt.Errorf("hold %d danmu of room %d: %w", len(danmu), room, err)
	}
	if len(reply) != len(danmu) {
		return nil, fmt.Errorf("hold %d danmu of room %d: %d answers", len(danmu), room, len(reply))
	}
	outcomes, fresh := make([]Outcome, len(reply)), false
	for i, was := range reply {
		fresh = fresh || was == "+"
		outcomes[i] = outcomeOf(was)
	}
	if fresh {
		err = q.tell(ctx, room)
	}
	return outcomes, err
}

func outcomeOf(was string) Outcome {
	switch was[0] {
	case '-':
		return Outcome{Fate: NoPlace}
	case released:
		seq, err := strconv.ParseInt(was[1:], 10, 64)
		if err != nil {
			seq = 0 // nothing else writes it; the sender needs no seq
		}
		return Outcome{Fate: Released, Seq: live.Seq(seq)}
	case refused:
		return Outcome{Fate: Refused}
	default:
		return Outcome{Fate: Waits}
	}
}

// tell lets the pods know that the queue is another.
func (q *Queue) tell(ctx context.Context, room live.RoomID) error {
	text, err := wire.MarshalCommand(wire.Command{Order: wire.HeldChanged})
	if err != nil {
		return err
	}
	if err := q.pods.Command(ctx, room, text); err != nil {
		return fmt.Errorf("tell the pods of room %d: %w", room, err)
	}
	return nil
}

// List returns what waits in the room, the longest waiting first.
func (q *Queue) List(ctx context.Context, room live.RoomID) ([]Danmu, error) {
	k := keys(room)
	pipe := q.rdb.Pipeline()
	order, texts, clock := pipe.ZRangeWithScores(ctx, k[0], 0, -1), pipe.HGetAll(ctx, k[1]), pipe.Time(ctx)
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, fmt.Errorf("list held danmu of room %d: %w", room, err)
	}
	var list []Danmu
	for _, z := range order.Val() {
		name, isText := z.Member.(string)
		text := texts.Val()[name]
		until := time.UnixMilli(int64(z.Score))
		if !isText || text == "" || text[0] != waiting && text[0] != releasing || !until.After(clock.Val()) {
			continue
		}
		d, err := parse(name, text)
		if err != nil {
			return nil, fmt.Errorf("list held danmu of room %d: %w", room, err)
		}
		d.Until = until
		list = append(list, d)
	}
	return list, nil // in Redis' order: by score, then by name
}

func parse(name, text string) (Danmu, error) {
	user, id, ok := strings.Cut(name, "/")
	number, err := strconv.ParseInt(user, 10, 64)
	if err != nil || !ok {
		return Danmu{}, errors.Join(fmt.Errorf("%q is no name of a danmu", name), err)
	}
	return Danmu{User: live.UserID(number), ID: id, Payload: []byte(text[1:])}, nil
}

// Release begins to release a danmu and returns it: it is to be shown in the room under its id, then Shown is called.
// Several may begin, and one who crashed may be followed by another: the room knows the id.
func (q *Queue) Release(ctx context.Context, room live.RoomID, user live.UserID, id string) (Danmu, error) {
	was, err := q.take(ctx, room, nameOf(user, id), string([]byte{waiting, releasing}), releasing, "", releaseFor, true)
	if err != nil {
		return Danmu{}, err
	}
	return parse(nameOf(user, id), was)
}

// Shown ends a release: the room shows the danmu as seq.
func (q *Queue) Shown(ctx context.Context, room live.RoomID, d Danmu, seq live.Seq) error {
	_, err := q.take(ctx, room, d.name(), string(releasing), released, strconv.FormatInt(int64(seq), 10), WaitFor, false)
	if errors.Is(err, ErrUnknown) {
		err = nil // another has ended the same release, or its time is over
	}
	if err != nil {
		return err
	}
	return q.tell(ctx, room)
}

// Refuse takes a danmu out of the queue for good.
func (q *Queue) Refuse(ctx context.Context, room live.RoomID, user live.UserID, id string) error {
	if _, err := q.take(ctx, room, nameOf(user, id), string(waiting), refused, "-", WaitFor, false); err != nil {
		return err
	}
	return q.tell(ctx, room)
}

// take makes one step with a danmu and returns what was kept of it before.
func (q *Queue) take(ctx context.Context, room live.RoomID, name, from string, to byte, keep string, keepFor time.Duration, atMost bool) (string, error) {
	no := "0"
	if atMost {
		no = "1"
	}
	was, err := q.step.Run(ctx, q.rdb, keys(room), name, from, string(to), keep, keepFor.Milliseconds(), no).Text()
	switch {
	case errors.Is(err, redis.Nil):
		return "", ErrUnknown
	case err != nil:
		return "", fmt.Errorf("held danmu %s of room %d: %w", name, room, err)
	case was[0] == releasing && !strings.ContainsRune(from, releasing):
		return "", ErrReleasing
	case !strings.ContainsRune(from, rune(was[0])):
		return "", ErrUnknown
	}
	return was, nil
}

func keys(room live.RoomID) []string {
	return []string{roomstate.HeldOrderKey(room), roomstate.HeldKey(room)}
}
