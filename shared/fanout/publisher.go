package fanout

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
)

// PublisherConfig holds what may be left zero.
type PublisherConfig struct {
	Origin      string                // unique to this life of this process, without '|', '/' and '.'; default random
	DisplayRate int                   // danmu and likes shown a second in a room, a second's worth at once; 0: all
	RoomRate    func(live.RoomID) int // overrides DisplayRate where it returns more than 0; must not block
	History     int                   // messages kept a room; default 10,000
	DedupeFor   time.Duration         // how long ids are known at least; default 2 minutes
}

// Publisher fans messages out. Its methods may be called concurrently; calls for one room that must keep their order
// must not overlap.
type Publisher struct {
	rdb     redis.UniversalClient
	c       PublisherConfig
	script  *redis.Script
	command string
	tracks  tracker

	withdraw *redis.Script
}

// NewPublisher returns a publisher on one Redis or on a cluster.
func NewPublisher(rdb redis.UniversalClient, c PublisherConfig) *Publisher {
	if c.Origin == "" {
		c.Origin = strings.ToLower(rand.Text()[:8])
	}
	if c.History <= 0 {
		c.History = 10_000
	}
	if c.DedupeFor <= 0 {
		c.DedupeFor = 2 * time.Minute
	}
	return &Publisher{
		rdb: rdb, c: c,
		script:  redis.NewScript(publishLua),
		command: publishCommand(rdb),
		tracks:  tracker{rooms: make(map[live.RoomID]*track)},

		withdraw: redis.NewScript(withdrawLua),
	}
}

// Publish gives the items their places in the room's sequence and fans them out, in one step of up to 250 of them.
// Outcomes are in the order of the items. An error means that nothing is known: call again with the same ids, and what
// did happen comes back as duplicates.
func (p *Publisher) Publish(ctx context.Context, room live.RoomID, items []Item) ([]Outcome, error) {
	if err := p.checkItems(room, items); err != nil {
		return nil, err
	}
	persist := slices.ContainsFunc(items, func(it Item) bool { return !it.Settled })
	call := p.tracks.begin(room, persist)
	outcomes := make([]Outcome, len(items))
	steps := newSteps(items)
	for steps.next() {
		if err := p.step(ctx, room, &call, steps.at, steps.items, outcomes); err != nil {
			p.tracks.failed(room, call.batch)
			return nil, fmt.Errorf("fan out %d messages to room %d: %w", len(items), room, err)
		}
	}
	steps.copyRepeats(outcomes)
	waiting := false
	for i := range outcomes {
		outcomes[i].Batch = call.batch
		outcomes[i].Persisted = outcomes[i].Persisted || items[i].Settled
		waiting = waiting || !outcomes[i].Persisted && outcomes[i].Wait == 0
	}
	if !waiting {
		p.tracks.persisted(room, call.batch)
	}
	return outcomes, nil
}

func (p *Publisher) checkItems(room live.RoomID, items []Item) error {
	for i := range items {
		it := &items[i]
		switch {
		case !it.Mark && (len(it.Payload) == 0 || len(it.Payload) > maxPayload):
			return fmt.Errorf("fan out to room %d: payload of %d bytes", room, len(it.Payload))
		case !it.Mark && bytes.IndexByte(it.Payload, '\n') >= 0:
			return fmt.Errorf("fan out to room %d: payload has more than one line", room)
		case it.Rate.Tolerance() > p.c.DedupeFor:
			return fmt.Errorf("fan out to room %d: a sender's rate remembers for longer than ids are known", room)
		case len(it.TraceParent) > 55 || strings.ContainsAny(it.TraceParent, ", =\n"):
			return fmt.Errorf("fan out to room %d: bad traceparent", room)
		}
	}
	return nil
}

// step runs the script for the items, which are at these places of the outcomes.
func (p *Publisher) step(ctx context.Context, room live.RoomID, call *publishCall, at []int, items []Item, outcomes []Outcome) error {
	even, odd := roomstate.SeenKeys(room)
	keys := []string{roomstate.LogKey(room), roomstate.HistoryKey(room), even, odd, roomstate.WithdrawnKey(room)}
	reply, err := p.script.Run(ctx, p.rdb, keys, p.args(room, call, at, items)...).Slice()
	if err != nil {
		return err
	}
	if len(reply) != 2 && len(reply) != 2+len(at) {
		return fmt.Errorf("script answered %d values for %d messages", len(reply), len(at))
	}
	epoch, ok := reply[0].(string)
	first, isNumber := reply[1].(int64)
	if !ok || !isNumber {
		return fmt.Errorf("script answered %T, %T", reply[0], reply[1])
	}
	last := live.Seq(first) - 1
	for i, place := range at {
		out := Outcome{Seq: live.Seq(first) + live.Seq(i), Shown: true}
		if len(reply) > 2 {
			if out, err = parseOutcome(reply[2+i]); err != nil {
				return err
			}
		}
		out.Epoch = live.Epoch(epoch)
		outcomes[place] = out
		if !out.Duplicate && out.Wait == 0 {
			last = max(last, out.Seq)
		}
	}
	call.known = Position{Epoch: live.Epoch(epoch), Seq: last}
	p.tracks.observe(room, call.known)
	return nil
}

// args are the script's; see publish.lua.
func (p *Publisher) args(room live.RoomID, call *publishCall, at []int, items []Item) []any {
	rate := p.c.DisplayRate
	if p.c.RoomRate != nil {
		if own := p.c.RoomRate(room); own > 0 {
			rate = own
		}
	}
	origin := ""
	if call.batch != 0 {
		origin = p.c.Origin + "." + strconv.FormatUint(call.incarnation, 36)
	}
	classes, traces, body := columns(at, items)
	l := newLimits(at, items)
	args := append(make([]any, 0, 16+len(at)+len(l.senders)),
		string(newEpoch(time.Now(), call.known.Epoch)), origin, strconv.FormatUint(call.batch, 10),
		strconv.FormatUint(call.watermark, 10), string(call.known.Epoch), int64(call.known.Seq),
		rate, p.c.History, p.command, roomstate.ChannelOf(room), p.c.DedupeFor.Milliseconds(),
		classes, traces, body, l.column, l.rates())
	for _, i := range at {
		id := items[i].Sender + "/" + items[i].ID
		if items[i].ID == "" {
			// Named after its place, so that the client's own retry of this call doesn't show it twice.
			id = "~/" + p.c.Origin + "." + strconv.FormatUint(call.number, 36) + "." + strconv.Itoa(i)
		}
		args = append(args, id)
	}
	for _, sender := range l.senders {
		args = append(args, "#"+sender) // an id has a slash, or begins with another sign
	}
	return args
}

// columns writes the items as publish.lua takes them: a class each, the sampled traces, a line each.
func columns(at []int, items []Item) (classes, traces, body []byte) {
	size := 0
	for _, i := range at {
		size += len(items[i].Payload) + 1
	}
	classes, body = make([]byte, len(at)), make([]byte, 0, size+len(at))
	for n, i := range at {
		it := &items[i]
		if n > 0 {
			body = append(body, '\n')
		}
		switch {
		case it.Mark:
			classes[n], body = 'm', append(body, '-') // every item has a line
			continue
		case it.Class == live.ClassDanmu || it.Class == live.ClassLike:
			classes[n] = 'd'
		default:
			classes[n] = '-'
		}
		body = append(body, it.Payload...)
		if it.TraceParent != "" {
			if len(traces) > 0 {
				traces = append(traces, ',')
			}
			traces = append(append(strconv.AppendInt(traces, int64(n), 10), '='), it.TraceParent...)
		}
	}
	return classes, traces, body
}

// parseOutcome reads "<seq>" and what follows it; see publish.lua.
func parseOutcome(v any) (Outcome, error) {
	text, ok := v.(string)
	if !ok || text == "" {
		return Outcome{}, fmt.Errorf("script answered %T for a message", v)
	}
	var out Outcome
	switch text[len(text)-1] {
	case 'p':
		out.Duplicate, out.Persisted = true, true
	case 'n':
		out.Duplicate = true
	case 'w':
		ms, err := strconv.ParseInt(text[:len(text)-1], 10, 64)
		if err != nil || ms <= 0 {
			return Outcome{}, fmt.Errorf("script answered %q for a message", text)
		}
		return Outcome{Wait: time.Duration(ms) * time.Millisecond}, nil
	}
	seq, err := strconv.ParseInt(strings.TrimRight(text, "opn"), 10, 64)
	if err != nil {
		return Outcome{}, fmt.Errorf("script answered %q for a message", text)
	}
	out.Seq, out.Shown = live.Seq(seq), seq > 0
	return out, nil
}

// Send brings the message to the user's connections in the room, outside seq and history.
func (p *Publisher) Send(ctx context.Context, room live.RoomID, user live.UserID, msg []byte) error {
	return p.out(ctx, room, encodeAddressed(user, msg))
}

// Broadcast brings the message to all connections of the room, outside seq and history.
func (p *Publisher) Broadcast(ctx context.Context, room live.RoomID, msg []byte) error {
	return p.out(ctx, room, encodePlain(kindUnsequenced, msg))
}

// Command brings the message to all pods that hold the room; no viewer sees it.
func (p *Publisher) Command(ctx context.Context, room live.RoomID, msg []byte) error {
	return p.out(ctx, room, encodePlain(kindCommand, msg))
}

func (p *Publisher) out(ctx context.Context, room live.RoomID, envelope []byte) error {
	if err := p.rdb.Do(ctx, p.command, roomstate.ChannelOf(room), envelope).Err(); err != nil {
		return fmt.Errorf("fan out %q to room %d: %w", envelope[0], room, err)
	}
	return nil
}

// Retire lets what Redis keeps of an ended room go within the hour, the history within ten minutes. Publishing into
// the room again, or watching it, keeps it.
func (p *Publisher) Retire(ctx context.Context, room live.RoomID) error {
	_, err := p.rdb.TxPipelined(ctx, func(tx redis.Pipeliner) error {
		tx.HSet(ctx, roomstate.LogKey(room), "x", 0)
		tx.Expire(ctx, roomstate.LogKey(room), time.Hour)
		tx.Expire(ctx, roomstate.HistoryKey(room), 10*time.Minute)
		tx.Expire(ctx, roomstate.WithdrawnKey(room), 10*time.Minute)
		return nil
	})
	if err != nil {
		return fmt.Errorf("retire room %d: %w", room, err)
	}
	return nil
}
