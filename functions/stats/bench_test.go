package stats

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate/embedded"
)

// BenchmarkHandleMessages counts danmu of 100 rooms in one partition, 1,000 a batch. events/cpu-s is what one core of
// the function counts. With BARRAGE_TEST_REDIS it counts into the real server, and redis-events/cpu-s is what one core
// of that would take; both hold on a machine that does other things, unlike ns/op.
func BenchmarkHandleMessages(b *testing.B) {
	addr := os.Getenv("BARRAGE_TEST_REDIS")
	real := addr != ""
	if !real {
		var stop func()
		var err error
		if addr, stop, err = embedded.Start("127.0.0.1:0"); err != nil {
			b.Fatal(err)
		}
		defer stop()
	}
	rdb := connect(b, addr)
	s := service(b, Deps{Redis: rdb})
	const size = 1000
	var l log
	for i := range size {
		l.danmu(live.RoomID(3+10*(i%100)), "")
	}
	var ours time.Duration
	server := redisCPU(b, rdb)
	offset := int64(0)
	for b.Loop() {
		for i := range l {
			l[i].Offset = offset
			l[i].Value = fmt.Appendf(l[i].Value[:0], `{"type":"danmu","id":"%026d","room_id":%d,"user_id":7,"content":"hello there","data":{"nickname":"viewer","color":"#ffffff"},"seq":%d,"timestamp":%d}`,
				offset, 3+10*(i%100), offset+1, l[i].Timestamp.UnixMilli())
			offset++
		}
		began := ownCPU(b)
		if _, err := s.HandleMessages(b.Context(), l); err != nil {
			b.Fatal(err)
		}
		ours += ownCPU(b) - began
	}
	if real { // the embedded one burns this process's own time
		b.ReportMetric(float64(offset)/ours.Seconds(), "events/cpu-s")
		b.ReportMetric(float64(offset)/(redisCPU(b, rdb)-server), "redis-events/cpu-s")
	}
}

func ownCPU(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// redisCPU is the server's CPU time in seconds; 0 of one that does not tell.
func redisCPU(b *testing.B, rdb redis.UniversalClient) float64 {
	info, err := rdb.Info(b.Context(), "cpu").Result()
	if err != nil {
		return 0
	}
	var sum float64
	for line := range strings.Lines(info) {
		for _, name := range []string{"used_cpu_sys:", "used_cpu_user:"} {
			if text, ok := strings.CutPrefix(line, name); ok {
				n, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
				if err != nil {
					b.Fatal(err)
				}
				sum += n
			}
		}
	}
	return sum
}
