package fanout_test

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate/redistest"
)

// BenchmarkPublish measures messages of 200 bytes through one Redis, by size of batch and with or without one
// subscriber. msgs/server-cpu-s is what one core of Redis carries. Pin the server to a core of its own and name it in BARRAGE_TEST_REDIS; else it is one started here.
//
//	taskset -c 0 redis-server --port 17321 --save '' & BARRAGE_TEST_REDIS=127.0.0.1:17321 taskset -c 1 go test -bench Publish -cpu 8 ./shared/fanout
func BenchmarkPublish(b *testing.B) {
	addr := os.Getenv("BARRAGE_TEST_REDIS")
	if addr == "" {
		if !redistest.Installed() {
			b.Skip("redis-server is not installed")
		}
		addr = redistest.StartServer(b).Addr
	}
	rdb := redistest.Client(b, addr)
	payload := []byte(fmt.Sprintf(`{"type":"danmu","content":%q}`, make([]byte, 43)))[:200]
	for _, heard := range []bool{false, true} {
		for _, size := range []int{1, 10, 50} {
			b.Run(fmt.Sprintf("heard=%v/batch=%d", heard, size), func(b *testing.B) {
				p := fanout.NewPublisher(rdb, fanout.PublisherConfig{DisplayRate: 1_000_000})
				const rooms = 16
				first := redistest.Room()
				if heard {
					s := start(b, rdb, fanout.Config{}, ignore{})
					for i := range rooms {
						subscribe(b, s, first+live.RoomID(i))
					}
				}
				var callers, ids atomic.Int64
				before := serverCPU(b, rdb)
				b.ReportAllocs()
				b.ResetTimer()
				b.RunParallel(func(pb *testing.PB) {
					room := first + live.RoomID(callers.Add(1)%rooms)
					batch := make([]fanout.Item, size)
					for pb.Next() {
						id := ids.Add(int64(size))
						for i := range batch {
							name := "01J9Z3Q4X0000000000" + strconv.FormatInt(id+int64(i), 10)
							batch[i] = fanout.Item{Sender: "u1234567", ID: name, Class: live.ClassDanmu, Payload: payload}
						}
						outcomes, err := p.Publish(b.Context(), room, batch)
						if err != nil || outcomes[0].Seq == 0 {
							b.Errorf("got %+v, %v", outcomes, err)
							return
						}
						p.Persisted(room, outcomes[0].Batch)
					}
				})
				sent := float64(b.N) * float64(size)
				b.ReportMetric(sent/b.Elapsed().Seconds(), "msgs/s")
				b.ReportMetric(sent/(serverCPU(b, rdb)-before), "msgs/server-cpu-s")
			})
		}
	}
}

// serverCPU is the seconds that Redis' own thread has computed, which others on the machine don't change.
func serverCPU(b *testing.B, rdb *redis.Client) (seconds float64) {
	info, err := rdb.Info(context.Background(), "cpu").Result()
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(info) {
		if name, value, _ := strings.Cut(strings.TrimSpace(line), ":"); strings.HasSuffix(name, "_main_thread") {
			part, err := strconv.ParseFloat(value, 64)
			if err != nil {
				b.Fatal(err)
			}
			seconds += part
		}
	}
	return seconds
}

type ignore struct{}

func (ignore) Messages(live.RoomID, live.Epoch, live.Seq, [][]byte, []fanout.Trace) {}
func (ignore) Addressed(live.RoomID, live.UserID, []byte)                           {}
func (ignore) Unsequenced(live.RoomID, []byte)                                      {}
func (ignore) Command(live.RoomID, []byte)                                          {}
func (ignore) Lost(live.RoomID, live.Seq, live.Seq, live.Epoch)                     {}
