package roomstate_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/roomstate/redistest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type stateTest struct {
	name string
	run  func(*testing.T, *roomstate.State, redis.UniversalClient)
}

func suite(t *testing.T, tests []stateTest) {
	redistest.Suite(t, func(t *testing.T, rdb redis.UniversalClient) {
		for _, test := range tests {
			t.Run(test.name, func(t *testing.T) { test.run(t, newState(t, rdb), rdb) })
		}
	})
}

func newState(t *testing.T, rdb redis.UniversalClient) *roomstate.State {
	t.Helper()
	s, err := roomstate.New(rdb, roomstate.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func TestPresence(t *testing.T) {
	suite(t, []stateTest{
		{"counts a user once over pods", testTabs},
		{"counts many rooms in one call", testManyRooms},
		{"adds up the pods of a large room", testLargeRoom},
		{"writes the leases of new users alone", testNewOnly},
		{"lets a killed pod's viewers go", testKilledPod},
		{"joins over HTTP", testJoin},
		{"lists viewers", testViewers},
		{"counts unique viewers a session", testUniques},
	})
}

// someUsers returns n users that no other test uses.
func someUsers(n int) []live.UserID {
	first := live.UserID(rand.Int64N(1 << 52))
	users := make([]live.UserID, n)
	for i := range users {
		users[i] = first + live.UserID(i)
	}
	return users
}

func renew(t *testing.T, s *roomstate.State, pod string, rooms ...roomstate.RoomLease) []roomstate.Count {
	t.Helper()
	counts, err := s.Renew(t.Context(), pod, rooms)
	if err != nil {
		t.Fatal(err)
	}
	return counts
}

func expectOnline(t *testing.T, s *roomstate.State, room live.RoomID, want int64) {
	t.Helper()
	got, err := s.Online(t.Context(), room)
	if err != nil || got.Online != want {
		t.Fatalf("got %d online, %v, want %d", got.Online, err, want)
	}
}

func testTabs(t *testing.T, s *roomstate.State, _ redis.UniversalClient) {
	room, u := redistest.Room(), someUsers(5)
	renew(t, s, "a", roomstate.RoomLease{Room: room, Users: u[:3], Guests: 2})
	expectOnline(t, s, room, 5)
	counts := renew(t, s, "b", roomstate.RoomLease{Room: room, Users: u[2:], Guests: 1})
	if want := (roomstate.Count{Online: 8, Unique: 5}); counts[0] != want {
		t.Fatalf("got %+v, want %+v", counts[0], want)
	}
	// The user of both pods leaves one of them, then the other.
	renew(t, s, "a", roomstate.RoomLease{Room: room, Users: u[:2], Guests: 2})
	expectOnline(t, s, room, 8)
	renew(t, s, "b", roomstate.RoomLease{Room: room, Users: u[3:]})
	expectOnline(t, s, room, 6)
	renew(t, s, "a", roomstate.RoomLease{Room: room, Guests: 2})
	expectOnline(t, s, room, 4)
	renew(t, s, "b", roomstate.RoomLease{Room: room})
	renew(t, s, "a", roomstate.RoomLease{Room: room})
	expectOnline(t, s, room, 0)
}

func testManyRooms(t *testing.T, s *roomstate.State, _ redis.UniversalClient) {
	first, users := redistest.Room(), someUsers(300)
	var leases []roomstate.RoomLease
	var rooms []live.RoomID
	for i := range 150 {
		leases = append(leases, roomstate.RoomLease{Room: first + live.RoomID(i), Users: users[i : i*2], Guests: i % 3})
		rooms = append(rooms, first+live.RoomID(i))
	}
	counts := renew(t, s, "a", leases...)
	again, err := s.Audiences(t.Context(), rooms)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range leases {
		if want := int64(len(l.Users) + l.Guests); counts[i].Online != want || again[i].Online != want {
			t.Fatalf("room %d: got %d and %d online, want %d", i, counts[i].Online, again[i].Online, want)
		}
	}
	if none := renew(t, s, "a"); len(none) != 0 {
		t.Fatalf("got %v for no rooms", none)
	}
}

func testLargeRoom(t *testing.T, s *roomstate.State, _ redis.UniversalClient) {
	room, users := redistest.Room(), someUsers(6000)
	if _, err := s.Join(t.Context(), room, users[0]); err != nil {
		t.Fatal(err)
	}
	renew(t, s, "a", roomstate.RoomLease{Room: room, Users: users[:4500]})
	counts := renew(t, s, "b", roomstate.RoomLease{Room: room, Users: users[4500:], Guests: 7})
	if counts[0].Online != 6007 || counts[0].Unique < 5880 || counts[0].Unique > 6120 {
		t.Fatalf("got %+v, want 6007 online and about 6000 unique", counts[0])
	}
	sample, exact, err := s.Viewers(t.Context(), room, 50)
	if err != nil || exact != 6007 || len(sample) != 50 {
		t.Fatalf("got %d of %d viewers, %v", len(sample), exact, err)
	}
	// Small again: exact again.
	renew(t, s, "a", roomstate.RoomLease{Room: room, Users: users[:10]})
	renew(t, s, "b", roomstate.RoomLease{Room: room, Users: users[5:15]})
	expectOnline(t, s, room, 15)
}

func testNewOnly(t *testing.T, s *roomstate.State, _ redis.UniversalClient) {
	large, small, u := redistest.Room(), redistest.Room(), someUsers(2100)
	renew(t, s, "a", roomstate.RoomLease{Room: large, Users: u[:2000]}, roomstate.RoomLease{Room: small, Users: u[2050:2052]})
	counts := renew(t, s, "a",
		roomstate.RoomLease{Room: large, Users: u[:2020], NewUsers: u[2000:2010], NewOnly: true}, // ten of the new ones are left out
		roomstate.RoomLease{Room: small, Users: u[2051:2053], NewUsers: u[2052:2053], NewOnly: true})
	if counts[0].Online != 2020 || counts[0].Unique < 1970 || counts[0].Unique > 2050 || counts[1].Online != 2 || counts[1].Unique != 3 {
		t.Errorf("got %+v", counts)
	}
	online := func(at int) bool {
		t.Helper()
		got, err := s.UsersOnline(t.Context(), u[at:at+1])
		if err != nil {
			t.Fatal(err)
		}
		return got[0].Online
	}
	for at, want := range map[int]bool{0: true, 1999: true, 2000: true, 2009: true, 2010: false, 2050: false, 2051: true, 2052: true} {
		if got := online(at); got != want {
			t.Errorf("user %d: online %t, want %t", at, got, want)
		}
	}
}

func testKilledPod(t *testing.T, s *roomstate.State, rdb redis.UniversalClient) {
	room, u := redistest.Room(), someUsers(3)
	renew(t, s, "killed", roomstate.RoomLease{Room: room, Users: u[:2], Guests: 1})
	renew(t, s, "alive", roomstate.RoomLease{Room: room, Users: u[1:]})
	ttl, err := rdb.PTTL(t.Context(), roomstate.MembersKey(room, "killed")).Result()
	if err != nil || ttl <= 0 || ttl > roomstate.PodLease {
		t.Fatalf("got a lease of %v, %v", ttl, err)
	}
	// The time of the lease passes: its end lies in the past, and Redis has dropped the members.
	if err := rdb.Del(t.Context(), roomstate.MembersKey(room, "killed")).Err(); err != nil {
		t.Fatal(err)
	}
	ended := fmt.Sprintf("%d 2 1 1", time.Now().Add(-time.Second).UnixMilli())
	if err := rdb.HSet(t.Context(), roomstate.PodsKey(room), "killed", ended).Err(); err != nil {
		t.Fatal(err)
	}
	expectOnline(t, s, room, 2)
	if left, err := rdb.HExists(t.Context(), roomstate.PodsKey(room), "killed").Result(); left || err != nil {
		t.Fatalf("the pod's entry is still there, %v", err)
	}
}

func testJoin(t *testing.T, s *roomstate.State, rdb redis.UniversalClient) {
	room, u := redistest.Room(), someUsers(3)
	for i, want := range []int64{1, 2, 2} {
		got, err := s.Join(t.Context(), room, u[i%2])
		if err != nil || got.Online != want {
			t.Fatalf("join %d: got %+v, %v, want %d online", i, got, err, want)
		}
	}
	renew(t, s, "a", roomstate.RoomLease{Room: room, Users: u[1:]})
	expectOnline(t, s, room, 3)
	got, err := s.Leave(t.Context(), room, u[0])
	if err != nil || got.Online != 2 {
		t.Fatalf("leave: got %+v, %v", got, err)
	}
	// The socket has taken the lease over: when it goes, so does the viewer.
	renew(t, s, "a", roomstate.RoomLease{Room: room, Users: u[2:]})
	expectOnline(t, s, room, 1)

	if _, err := s.Join(t.Context(), room, u[0]); err != nil {
		t.Fatal(err)
	}
	ended := redis.Z{Score: float64(time.Now().Add(-time.Second).UnixMilli()), Member: int64(u[0])}
	if err := rdb.ZAdd(t.Context(), roomstate.JoinedKey(room), ended).Err(); err != nil {
		t.Fatal(err)
	}
	expectOnline(t, s, room, 1)
}

func testViewers(t *testing.T, s *roomstate.State, _ redis.UniversalClient) {
	room, u := redistest.Room(), someUsers(20)
	renew(t, s, "a", roomstate.RoomLease{Room: room, Users: u[:10], Guests: 3})
	renew(t, s, "b", roomstate.RoomLease{Room: room, Users: u[5:15]})
	for _, user := range u[12:] {
		if _, err := s.Join(t.Context(), room, user); err != nil {
			t.Fatal(err)
		}
	}
	all, exact, err := s.Viewers(t.Context(), room, 100)
	slices.Sort(all)
	if err != nil || exact != 23 || !slices.Equal(all, u) {
		t.Fatalf("got %v of %d, %v, want %v of 23", all, exact, err, u)
	}
	some, _, err := s.Viewers(t.Context(), room, 4)
	if err != nil || len(some) != 4 {
		t.Fatalf("got %v, %v, want 4 viewers", some, err)
	}
	none, exact, err := s.Viewers(t.Context(), redistest.Room(), 4)
	if err != nil || len(none) != 0 || exact != 0 {
		t.Fatalf("got %v of %d, %v", none, exact, err)
	}
}

func testUniques(t *testing.T, s *roomstate.State, _ redis.UniversalClient) {
	room, u := redistest.Room(), someUsers(4)
	renew(t, s, "a", roomstate.RoomLease{Room: room, Users: u[:2], Guests: 1, NewGuests: []string{"g1"}})
	renew(t, s, "b", roomstate.RoomLease{Room: room, Users: u[1:3], Guests: 1, NewGuests: []string{"g2"}})
	renew(t, s, "a", roomstate.RoomLease{Room: room})
	got, err := s.Join(t.Context(), room, u[3])
	if err != nil || got != (roomstate.Count{Online: 4, Unique: 6}) {
		t.Fatalf("got %+v, %v", got, err)
	}
	if err := s.NewSession(t.Context(), room); err != nil {
		t.Fatal(err)
	}
	if got, err = s.Online(t.Context(), room); err != nil || got.Unique != 0 {
		t.Fatalf("got %+v, %v after a new session began", got, err)
	}
}
