package gateway

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/telemetry"
	"github.com/barrage-live/barrage/sockets/hub"
)

// leaseBook is Redis without Redis: it notes which rooms were renewed and how many watch.
type leaseBook struct {
	online  int64
	renewed []roomstate.RoomLease
	away    bool
}

func (b *leaseBook) Renew(_ context.Context, _ string, rooms []roomstate.RoomLease) ([]roomstate.Count, error) {
	if b.away {
		return nil, errors.New("away")
	}
	b.renewed = append(b.renewed, rooms...)
	return make([]roomstate.Count, len(rooms)), nil
}

func (b *leaseBook) Audiences(_ context.Context, rooms []live.RoomID) ([]roomstate.Count, error) {
	return slices.Repeat([]roomstate.Count{{Online: b.online}}, len(rooms)), nil
}

func (b *leaseBook) Standing(context.Context, live.RoomID, live.UserID) (roomstate.Standing, error) {
	return roomstate.Standing{}, nil
}

func (b *leaseBook) Banned(context.Context, live.RoomID, []live.UserID) ([]live.UserID, error) {
	return nil, nil
}

type noKafka struct{}

func (noKafka) Enqueue(stream.Outgoing, func(error)) error { return nil }
func (noKafka) Partitions() int32                          { return 1 }

// leasing is a keeper of one room, and where its leases go.
func leasing() (*keeper, *room, *leaseBook) {
	book := &leaseBook{}
	rooms := &rooms{byID: make(map[live.RoomID]*room), linger: time.Hour}
	r := &room{id: 7, hub: hub.New(hub.Config{}).Open(7), refs: 1}
	r.audience.users = make(map[live.UserID]int)
	rooms.byID[7] = r
	return &keeper{
		pod: "p", rooms: rooms, state: book, kafka: noKafka{}, log: slog.New(slog.DiscardHandler), metrics: telemetry.Discard().Metrics,
	}, r, book
}

// Who connects right behind a renewal is in the next one within 5 s, whatever the ticks: presence may not be later.
func TestLeaseOfAConnectionIsThereWithinFiveSeconds(t *testing.T) {
	k, r, book := leasing()
	now := time.Now()
	tick := func() (renewed bool) {
		now = now.Add(keeperTick)
		book.renewed = nil
		k.tick(t.Context(), now)
		return len(book.renewed) > 0
	}
	if !tick() {
		t.Fatal("a room that is new was not renewed at once")
	}
	for round := range 3 {
		r.audience.join(0, "guest") // just behind the tick that has renewed
		came := now
		book.away = round == 1 // for a moment
		for !tick() {
			if late := now.Sub(came); late >= countEvery {
				t.Fatalf("round %d: the lease is %v late", round, late)
			}
			if now.Sub(came) >= renewChanged {
				book.away = false
			}
		}
		if guests := book.renewed[0].NewGuests; !slices.Equal(guests, []string{"guest"}) {
			t.Errorf("round %d: renewed with guests %v", round, guests)
		}
	}
	came := now
	for !tick() {
	}
	if quiet := now.Sub(came); quiet != roomstate.RenewEvery {
		t.Errorf("a room where nobody moves is renewed after %v, want %v", quiet, roomstate.RenewEvery)
	}
}

// While people come all the time, only their own leases are written at once; everybody's are before they end.
func TestEverybodysLeaseIsRenewedInTime(t *testing.T) {
	k, r, book := leasing()
	now := time.Now()
	leased := map[live.UserID]time.Time{}
	var whole time.Time
	const last = 400
	for user := live.UserID(1); user <= last; user++ {
		now = now.Add(keeperTick)
		r.audience.join(user, "")
		if user%10 == 0 {
			r.audience.leave(user) // came and left again between two renewals
		}
		book.away = user >= 200 && user < 210
		book.renewed = nil
		k.tick(t.Context(), now)
		for _, lease := range book.renewed {
			if !lease.NewOnly {
				if !whole.IsZero() && now.Sub(whole) > roomstate.PodLease*2/3 {
					t.Fatalf("everybody's lease came %v behind the last", now.Sub(whole))
				}
				whole = now
			}
			for _, came := range lease.NewUsers {
				leased[came] = now
			}
		}
	}
	now, book.renewed = now.Add(roomstate.RenewEvery), nil
	k.tick(t.Context(), now)
	for _, came := range book.renewed[0].NewUsers {
		leased[came] = now
	}
	for user := live.UserID(1); user <= last; user++ {
		if _, ok := leased[user]; ok == (user%10 == 0) {
			t.Errorf("user %d: got a lease of its own: %t", user, ok)
		}
	}
}

// Leases are renewed sooner than viewers may be told.
func TestViewersAreToldAtMostEveryFiveSeconds(t *testing.T) {
	k := &keeper{log: slog.New(slog.DiscardHandler)}
	r := &room{id: 7, hub: hub.New(hub.Config{}).Open(7)}
	start := time.Now()
	told := func(after time.Duration, online int64) bool {
		before := r.presence.toldAt
		k.counted(t.Context(), r, roomstate.Count{Online: online}, start.Add(after))
		return r.presence.toldAt != before
	}
	if !told(0, 1) || told(4*time.Second, 2) {
		t.Fatal("want the first count told and not the one 4 s behind it")
	}
	k.tell(t.Context(), r, start.Add(5*time.Second))
	if r.presence.told.Online != 2 {
		t.Errorf("got %d told, want what was held back", r.presence.told.Online)
	}
	if told(20*time.Second, 2) {
		t.Error("the same count was told again")
	}
	if !told(60*time.Second, 1_000_000) || told(109*time.Second, 1_000_001) || !told(111*time.Second, 1_000_002) {
		t.Error("want a million told every 50 s")
	}
}
