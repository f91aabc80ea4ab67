package roomstate_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/roomstate/redistest"
)

// A server whose clock the test moves.
func TestLeasesEndByTheClock(t *testing.T) {
	server := miniredis.RunT(t)
	s := newState(t, redistest.Client(t, server.Addr()))
	now := time.Now()
	server.SetTime(now)
	pass := func(d time.Duration) {
		now = now.Add(d)
		server.SetTime(now)
		server.FastForward(d)
	}
	room, u := redistest.Room(), someUsers(10)
	renew(t, s, "killed", roomstate.RoomLease{Room: room, Users: u[:4], Guests: 3})
	if _, err := s.Join(t.Context(), room, u[9]); err != nil {
		t.Fatal(err)
	}
	expectOnline(t, s, room, 8)
	for range 3 {
		pass(roomstate.RenewEvery - time.Second)
		renew(t, s, "alive", roomstate.RoomLease{Room: room, Users: u[3:6]})
		expectOnline(t, s, room, 10)
	}
	pass(roomstate.PodLease - 27*time.Second)
	expectOnline(t, s, room, 4)
	pass(roomstate.JoinLease - roomstate.PodLease - time.Second)
	renew(t, s, "alive", roomstate.RoomLease{Room: room, Users: u[3:6]})
	expectOnline(t, s, room, 4)
	pass(time.Second)
	expectOnline(t, s, room, 3)
	pass(roomstate.PodLease)
	expectOnline(t, s, room, 0)
	if left := server.Keys(); len(left) > 0 {
		for _, key := range left {
			if server.TTL(key) <= 0 {
				t.Errorf("key %s stays for ever", key)
			}
		}
	}
}

// Users of a pod that was killed are online until its leases end, 30 s after the last renewal and not a second longer;
// those who watch elsewhere, too, stay. The clock that counts is Redis'.
func TestUsersOfAKilledPodAreOfflineWithin30Seconds(t *testing.T) {
	server := miniredis.RunT(t)
	s := newState(t, redistest.Client(t, server.Addr()))
	now := time.Now().Add(-time.Hour) // what this process thinks does not matter
	server.SetTime(now)
	room, other, u := redistest.Room(), redistest.Room(), someUsers(2)
	renew(t, s, "killed", roomstate.RoomLease{Room: room, Users: u})
	for _, at := range []struct {
		after  time.Duration
		online [2]bool
	}{{0, [2]bool{true, true}}, {roomstate.PodLease - time.Second, [2]bool{true, true}}, {roomstate.PodLease, [2]bool{true, false}}} {
		server.SetTime(now.Add(at.after))
		renew(t, s, "alive", roomstate.RoomLease{Room: other, Users: u[:1]})
		got, err := s.UsersOnline(t.Context(), u)
		if err != nil || got[0].Online != at.online[0] || got[1].Online != at.online[1] {
			t.Fatalf("after %v: got %+v, %v, want online %v", at.after, got, err, at.online)
		}
	}
}

// counter counts what a client sends.
type counter struct{ n atomic.Int64 }

func (c *counter) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (c *counter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.n.Add(1)
		return next(ctx, cmd)
	}
}

func (c *counter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.n.Add(int64(len(cmds)))
		return next(ctx, cmds)
	}
}

// A pod of 17,000 viewers, one of 59 that hold a million, renews every room once in RenewEvery, spread over 20 calls.
func TestRenewCost(t *testing.T) {
	for _, test := range []struct {
		name  string
		rooms int
	}{{"one room", 1}, {"twenty rooms", 20}, {"many rooms", 2000}} {
		t.Run(test.name, func(t *testing.T) {
			rdb, sent := redistest.Embedded(t), &counter{}
			s := newState(t, rdb)
			users, first := someUsers(17_000), redistest.Room()
			each := len(users) / test.rooms
			var leases []roomstate.RoomLease
			for i := range test.rooms {
				leases = append(leases, roomstate.RoomLease{Room: first, Users: users[i*each : (i+1)*each]})
				first++
			}
			renew(t, s, "pod", leases[0]) // loads the scripts
			rdb.AddHook(sent)
			for calls := min(20, test.rooms); len(leases) > 0; calls-- {
				n := len(leases) / calls
				renew(t, s, "pod", leases[:n]...)
				leases = leases[n:]
			}
			perSecond := float64(sent.n.Load()) / roomstate.RenewEvery.Seconds()
			t.Logf("%.1f commands a second", perSecond)
			if perSecond > 50 {
				t.Fatalf("got %.1f commands a second, want at most 50", perSecond)
			}
		})
	}
}
