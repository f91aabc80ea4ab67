package gateway

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/telemetry"
	"github.com/barrage-live/barrage/shared/wire"
)

// leaser counts the audience of rooms over all pods; roomstate.State is the one in use.
type leaser interface {
	Audiences(ctx context.Context, rooms []live.RoomID) ([]roomstate.Count, error)
	Standing(ctx context.Context, room live.RoomID, user live.UserID) (roomstate.Standing, error)
	Banned(ctx context.Context, room live.RoomID, users []live.UserID) ([]live.UserID, error)
	Renew(ctx context.Context, pod string, rooms []roomstate.RoomLease) ([]roomstate.Count, error)
}

// recorder keeps records in Kafka without ever blocking; stream.Client is the one in use.
type recorder interface {
	Enqueue(rec stream.Outgoing, done func(error)) error
	Partitions() int32
}

const (
	keeperTick    = 500 * time.Millisecond
	countEvery    = 5 * time.Second // a room's viewers are told at most so often (CONTRACT §2)
	renewChanged  = 4 * time.Second // the leases of a room where somebody came or left: presence is right within 5 s
	renewTimeout  = 3 * time.Second
	leaseBatch    = 200    // rooms in one call
	usersBatch    = 20_000 // users in one call, and those of one room more
	maxPresenceID = 10_000 // users in one record: far below what Kafka takes
)

// presence is what a room's viewers were last told. Only the keeper touches it.
type presence struct {
	renewed time.Time // the pod's leases: who came and left
	whole   time.Time // and of everybody
	counted time.Time // by a renewal or without one
	count   roomstate.Count
	told    roomstate.Count
	toldAt  time.Time
}

// keeper renews the pod's leases, tells rooms how many watch, and writes down who came and left.
type keeper struct {
	pod     string
	rooms   *rooms
	state   leaser
	kafka   recorder
	log     *slog.Logger
	metrics *telemetry.Metrics
	failing bool
}

// run ends with ctx, after it has given up all leases of this pod.
func (k *keeper) run(ctx context.Context) error {
	ticker := time.NewTicker(keeperTick)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			k.tick(ctx, now)
		case <-ctx.Done():
			k.leave(context.WithoutCancel(ctx))
			return nil
		}
	}
}

func (k *keeper) tick(ctx context.Context, now time.Time) {
	all := k.rooms.all()
	for _, r := range all {
		k.record(r)
		k.readStandings(ctx, r)
	}
	k.rooms.sweep(now)
	var renew, count []*room
	for _, r := range all {
		age, unrenewed := now.Sub(r.presence.counted), now.Sub(r.presence.renewed)
		switch {
		case unrenewed >= renewChanged && r.audience.isChanged(), unrenewed >= roomstate.RenewEvery:
			renew = append(renew, r)
		case age >= countEvery: // others may have come or gone on other pods
			count = append(count, r)
		default:
			k.tell(ctx, r, now)
		}
	}
	if !inBatches(renew, func(due []*room) bool { return k.renew(ctx, due, now) }) {
		return // the rest stays due
	}
	inBatches(count, func(due []*room) bool { return k.count(ctx, due, now) })
	k.forget(ctx)
}

// inBatches calls f until it fails, with rooms of not too many users at a time.
func inBatches(rooms []*room, f func([]*room) bool) bool {
	users := 0
	for i, from := 0, 0; i < len(rooms); i++ {
		users += rooms[i].hub.Len()
		if last := i == len(rooms)-1; last || i+1-from == leaseBatch || users > usersBatch {
			if !f(rooms[from : i+1]) {
				return false
			}
			from, users = i+1, 0
		}
	}
	return true
}

// readStandings settles whose rights in the room have changed.
func (k *keeper) readStandings(ctx context.Context, r *room) {
	for _, user := range r.takeDoubtful() {
		ctx, cancel := context.WithTimeout(ctx, renewTimeout)
		standing, err := k.state.Standing(ctx, r.id, user)
		cancel()
		if err != nil {
			r.doubt(user) // at the next tick
			return
		}
		r.setModerator(user, standing.Moderator)
	}
}

func (k *keeper) renew(ctx context.Context, due []*room, now time.Time) bool {
	ctx, cancel := context.WithTimeout(ctx, renewTimeout)
	defer cancel()
	leases := leasesOf(due, now)
	counts, err := k.state.Renew(ctx, k.pod, leases)
	k.report(ctx, err)
	if err != nil {
		for i, r := range due {
			r.audience.putBack(leases[i].NewUsers, leases[i].NewGuests)
		}
		return false
	}
	for i, r := range due {
		r.presence.renewed = now
		if !leases[i].NewOnly {
			r.presence.whole = now
		}
		k.counted(ctx, r, counts[i], now)
		k.putOut(ctx, r, leases[i].Users)
	}
	return true
}

// putOut closes the connections of banned users. A ban closes them itself, by a command: this is for commands that got
// lost between Redis and the pod.
func (k *keeper) putOut(ctx context.Context, r *room, users []live.UserID) {
	banned, err := k.state.Banned(ctx, r.id, users)
	if err != nil {
		k.log.WarnContext(ctx, "bans cannot be read", telemetry.Room, r.id, telemetry.Err, err)
		return
	}
	for _, user := range banned {
		r.hub.CloseUser(user, wire.CloseBanned, "banned")
	}
}

func (k *keeper) count(ctx context.Context, due []*room, now time.Time) bool {
	ctx, cancel := context.WithTimeout(ctx, renewTimeout)
	defer cancel()
	ids := make([]live.RoomID, len(due))
	for i, r := range due {
		ids[i] = r.id
	}
	counts, err := k.state.Audiences(ctx, ids)
	k.report(ctx, err)
	if err != nil {
		return false
	}
	for i, r := range due {
		k.counted(ctx, r, counts[i], now)
	}
	return true
}

// report logs the first failure of a series and its end, not each of them.
func (k *keeper) report(ctx context.Context, err error) {
	switch {
	case err != nil && !k.failing:
		k.log.WarnContext(ctx, "presence leases cannot be renewed", telemetry.Err, err)
	case err == nil && k.failing:
		k.log.InfoContext(ctx, "presence leases are renewed again")
	}
	k.failing = err != nil
}

func (k *keeper) counted(ctx context.Context, r *room, c roomstate.Count, now time.Time) {
	r.presence.counted, r.presence.count = now, c
	r.online.Store(c.Online)
	k.tell(ctx, r, now)
}

// tellEvery is how often viewers are told how many they are. The number of a great crowd changes all the time and means
// little more than its first digits: telling a million every 5 s would be 200,000 writes a second for that alone.
func tellEvery(online int64) time.Duration {
	every := countEvery * time.Duration(online) / 100_000
	return min(max(every, countEvery), time.Minute)
}

// tell sends the count to the room's viewers here, if it is another one than before and they were not told just now.
func (k *keeper) tell(ctx context.Context, r *room, now time.Time) {
	c := r.presence.count
	if c == r.presence.told || now.Sub(r.presence.toldAt) < tellEvery(c.Online) {
		return
	}
	payload, err := message(live.Online, r.id, "", wire.OnlineData{Online: c.Online, UniqueViewers: c.Unique})
	if err != nil {
		k.log.ErrorContext(ctx, "online count cannot be encoded", telemetry.Err, err)
		return
	}
	r.presence.told, r.presence.toldAt = c, now
	r.hub.AppendControl(payload)
}

// leasesOf takes what the rooms' leases are now. While a crowd comes, a room is renewed every few seconds; everybody's own
// lease is in it only as often as it has to be.
func leasesOf(of []*room, now time.Time) []roomstate.RoomLease {
	leases := make([]roomstate.RoomLease, 0, len(of))
	for _, r := range of {
		came, guests := r.audience.takeNew() // first, so that who comes now is a change
		users, count := r.hub.Users()
		leases = append(leases, roomstate.RoomLease{
			Room: r.id, Users: users, Guests: count, NewUsers: came, NewGuests: guests,
			NewOnly: now.Sub(r.presence.whole) < roomstate.RenewEvery,
		})
	}
	return leases
}

// forget gives up the leases of rooms that this pod no longer hears; those that it cannot give up end by themselves.
func (k *keeper) forget(ctx context.Context) {
	swept := k.rooms.takeSwept()
	if len(swept) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, renewTimeout)
	defer cancel()
	leases := make([]roomstate.RoomLease, len(swept))
	for i, id := range swept {
		leases[i] = roomstate.RoomLease{Room: id}
	}
	_, err := k.state.Renew(ctx, k.pod, leases)
	k.report(ctx, err)
}

// leave is the last call: every viewer of this pod is gone.
func (k *keeper) leave(ctx context.Context) {
	for _, r := range k.rooms.all() {
		k.record(r)
	}
	k.rooms.sweepAll()
	k.forget(ctx)
}

// record enqueues who came and left since the last record of the room.
func (k *keeper) record(r *room) {
	data, any := r.audience.takeRecord()
	if !any {
		return
	}
	data.Pod = k.pod
	for {
		part := data
		part.Joined, data.Joined = split(data.Joined)
		part.Left, data.Left = split(data.Left)
		k.enqueue(r.id, part)
		data.GuestsJoined, data.GuestsLeft = 0, 0
		if len(data.Joined)+len(data.Left) == 0 {
			return
		}
	}
}

func split(ids []live.UserID) (head, tail []live.UserID) {
	n := min(len(ids), maxPresenceID)
	return ids[:n], ids[n:]
}

func (k *keeper) enqueue(id live.RoomID, data wire.PresenceData) {
	raw, err := json.Marshal(data)
	if err == nil {
		var rec stream.Outgoing
		rec, err = stream.RoomRecord(context.Background(), stream.LivePresence, live.Message{
			Type: live.Presence, ID: ulid.Make().String(), RoomID: id, Data: raw, Timestamp: time.Now().UnixMilli(),
		}, k.kafka.Partitions())
		if err == nil {
			err = k.kafka.Enqueue(rec, k.lost)
		}
	}
	k.lost(err)
}

// lost counts a record that did not get into Kafka. Presence is a statistic: it is not worth holding viewers back.
func (k *keeper) lost(err error) {
	if err != nil {
		k.metrics.MessageShed.Add(context.Background(), 1, telemetry.Labels(
			telemetry.LabelClass, string(live.ClassControl), telemetry.LabelReason, "presence_not_persisted"))
	}
}
