package gifters_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/gifters"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/roomstate/embedded"
)

func onEachRedis(t *testing.T, contract func(t *testing.T, rdb redis.UniversalClient)) {
	t.Helper()
	run := func(name, addr string) {
		t.Run(name, func(t *testing.T) {
			rdb := redis.NewClient(&redis.Options{Addr: addr})
			t.Cleanup(func() { must(t, rdb.Close()) })
			contract(t, rdb)
		})
	}
	addr, stop, err := embedded.Start("127.0.0.1:0")
	must(t, err)
	t.Cleanup(stop)
	run("embedded", addr)
	if addr := os.Getenv("BARRAGE_TEST_REDIS"); addr != "" {
		run("redis", addr)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

var monday = time.Date(2026, 11, 23, 23, 59, 59, 0, time.UTC)

func newRoom() live.RoomID { return live.RoomID(1e9 + rand.Int64N(1e12)) }

func top(t *testing.T, b *gifters.Board, room live.RoomID, day time.Time) string {
	t.Helper()
	places, err := b.Top(t.Context(), room, day, 10)
	must(t, err)
	return fmt.Sprint(places)
}

func TestTotalsPutAgainOrLateChangeNothing(t *testing.T) {
	onEachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		b, room := gifters.New(rdb), newRoom()
		total := func(user live.UserID, coins live.Coins, version int64, name string) gifters.Total {
			return gifters.Total{Room: room, Day: monday, User: user, Coins: coins, Version: version, Nickname: name}
		}
		first := []gifters.Total{total(1, 10, 1, "小 明"), total(2, 30, 2, "b"), total(3, 7, 3, "c")}
		for range 3 {
			must(t, b.Put(t.Context(), first))
		}
		const want = "[{1 2 b 30} {2 1 小 明 10} {3 3 c 7}]"
		if got := top(t, b, room, monday); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		// A later total without a name, one that comes too late, and one whose gifts were all refunded.
		must(t, b.Put(t.Context(), []gifters.Total{total(1, 50, 4, ""), total(2, 5, 1, "older"), total(3, 0, 4, "c")}))
		must(t, b.Put(t.Context(), first))
		if got, want := top(t, b, room, monday), "[{1 1 小 明 50} {2 2 b 30}]"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if got := top(t, b, room, monday.Add(time.Second)); got != "[]" {
			t.Errorf("the next day has %s", got)
		}
		for _, key := range []string{roomstate.GiftersKey(room, "2026-11-23"), roomstate.GifterVersionsKey(room, "2026-11-23")} {
			if ttl := rdb.PTTL(t.Context(), key).Val(); ttl <= 0 || ttl > gifters.Keep {
				t.Errorf("%s stays for %v", key, ttl)
			}
		}
	})
}

// However many processes put the totals of one sender, in whichever order, the last version stands.
func TestManyWritersAgree(t *testing.T) {
	onEachRedis(t, func(t *testing.T, rdb redis.UniversalClient) {
		b, room := gifters.New(rdb), newRoom()
		var totals []gifters.Total
		for version := range int64(50) {
			for user := range live.UserID(4) {
				totals = append(totals, gifters.Total{Room: room, Day: monday, User: user + 1, Coins: live.Coins(version + 1), Version: version})
			}
		}
		var writers sync.WaitGroup
		for range 8 {
			mine := slices.Clone(totals)
			rand.Shuffle(len(mine), func(i, j int) { mine[i], mine[j] = mine[j], mine[i] })
			writers.Go(func() {
				for part := range slices.Chunk(mine, 7) {
					if err := b.Put(t.Context(), part); err != nil {
						t.Error(err)
					}
				}
			})
		}
		writers.Wait()
		if got, want := top(t, b, room, monday), "[{1 4  50} {2 3  50} {3 2  50} {4 1  50}]"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}
