package roomstate_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/roomstate/redistest"
)

func TestUsersOnline(t *testing.T) {
	suite(t, []stateTest{
		{"knows where users are", testUsersOnline},
		{"ends a killed pod's leases", testKilledUsers},
		{"remembers for one to two weeks when a user was seen", testLastSeen},
	})
}

func expectPresence(t *testing.T, s *roomstate.State, user live.UserID, rooms ...live.RoomID) {
	t.Helper()
	got, err := s.UsersOnline(t.Context(), []live.UserID{user})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(rooms)
	if got[0].User != user || got[0].Online != (len(rooms) > 0) || !slices.Equal(got[0].Rooms, rooms) {
		t.Fatalf("got %+v, want rooms %v", got[0], rooms)
	}
	if age := time.Since(got[0].LastSeen); len(rooms) > 0 && (age > time.Minute || age < -time.Minute) {
		t.Fatalf("got last seen %v ago", age)
	}
}

func testUsersOnline(t *testing.T, s *roomstate.State, _ redis.UniversalClient) {
	x, y, z := redistest.Room(), redistest.Room(), redistest.Room()
	u := someUsers(200)
	expectPresence(t, s, u[0])
	renew(t, s, "a", roomstate.RoomLease{Room: x, Users: u[:150]}, roomstate.RoomLease{Room: y, Users: u[:1]})
	renew(t, s, "b", roomstate.RoomLease{Room: x, Users: u[:1]})
	if _, err := s.Join(t.Context(), z, u[0]); err != nil {
		t.Fatal(err)
	}
	expectPresence(t, s, u[0], x, y, z)
	all, err := s.UsersOnline(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range all {
		if p.User != u[i] || p.Online != (i < 150) || p.LastSeen.IsZero() != (i >= 150) {
			t.Fatalf("user %d: got %+v", i, p)
		}
	}
	renew(t, s, "a", roomstate.RoomLease{Room: x}, roomstate.RoomLease{Room: y})
	expectPresence(t, s, u[0], x, z) // a tab is still on pod b
	expectPresence(t, s, u[1])
	renew(t, s, "b", roomstate.RoomLease{Room: x})
	if _, err := s.Leave(t.Context(), z, u[0]); err != nil {
		t.Fatal(err)
	}
	expectPresence(t, s, u[0])
	if got, err := s.UsersOnline(t.Context(), u[:1]); err != nil || got[0].LastSeen.IsZero() {
		t.Fatalf("got %+v, %v, want when the user was last seen", got, err)
	}
}

// leasesKey is the hash that the user's leases go to now, or did some weeks ago.
func leasesKey(user live.UserID, weeksAgo int64) string {
	return roomstate.UserLeasesKey(int(user%8), time.Now().Unix()/(7*24*3600)-weeksAgo)
}

func testKilledUsers(t *testing.T, s *roomstate.State, rdb redis.UniversalClient) {
	room, u := redistest.Room(), someUsers(1)
	renew(t, s, "killed", roomstate.RoomLease{Room: room, Users: u})
	expectPresence(t, s, u[0], room)
	seen := time.Now().Unix() - 31
	value := fmt.Sprintf("%d|%d@00c0ffee:%d", seen, room, time.Now().Unix()-1)
	if err := rdb.HSet(t.Context(), leasesKey(u[0], 0), int64(u[0]), value).Err(); err != nil {
		t.Fatal(err)
	}
	expectPresence(t, s, u[0])
	if got, err := s.UsersOnline(t.Context(), u); err != nil || got[0].LastSeen.Unix() != seen {
		t.Fatalf("got %+v, %v, want last seen %d", got, err, seen)
	}
}

func testLastSeen(t *testing.T, s *roomstate.State, rdb redis.UniversalClient) {
	u := someUsers(2)
	renew(t, s, "a", roomstate.RoomLease{Room: redistest.Room(), Users: u[:1]})
	ttl, err := rdb.TTL(t.Context(), leasesKey(u[0], 0)).Result()
	if err != nil || ttl < 20*24*time.Hour || ttl > 21*24*time.Hour {
		t.Fatalf("got a time to live of %v, %v", ttl, err)
	}
	if err := rdb.HSet(t.Context(), leasesKey(u[1], 1), int64(u[1]), "1700000000|").Err(); err != nil {
		t.Fatal(err)
	}
	if got, err := s.UsersOnline(t.Context(), u); err != nil || got[1].Online || got[1].LastSeen.Unix() != 1700000000 {
		t.Fatalf("got %+v, %v", got, err)
	}
}
