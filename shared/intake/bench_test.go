package intake

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/fanout"
	"github.com/barrage-live/barrage/shared/limit"
	"github.com/barrage-live/barrage/shared/live"
	"github.com/barrage-live/barrage/shared/roomstate"
	"github.com/barrage-live/barrage/shared/roomstate/redistest"
	"github.com/barrage-live/barrage/shared/stream"
	"github.com/barrage-live/barrage/shared/wire"
)

// BenchmarkDanmuIn takes danmaku in as the gateway does: parse, limits, Redis, Kafka, reply, with 1,000 under way. With
// BARRAGE_TEST_REDIS and BARRAGE_TEST_KAFKA the servers' own work stays out of the CPU time of this process, which
// BUDGETS limits to 2.5 W a message; once without, once with rates of senders, of whom there are 1,000.
func BenchmarkDanmuIn(b *testing.B) {
	b.Run("rates=none", func(b *testing.B) { danmuIn(b, limit.Rate{}) })
	b.Run("rates=kept", func(b *testing.B) { danmuIn(b, limit.Rate{Events: 1000, Burst: 1000}) })
}

func danmuIn(b *testing.B, rate limit.Rate) {
	in, room := benchIntake(b, rate)
	frames := make([][]byte, 1000)
	for i := range frames {
		frames[i] = fmt.Appendf(nil, `{"type":"danmu","id":"%%d-%03d","content":"what a beautiful evening, isn't it?","data":{"color":"#ff8800"}}`, i)
	}
	tokens := make(chan struct{}, 1000)
	var failed sync.Map
	reply := func(r Reply) {
		if r.Err != nil {
			failed.Store(r.Err.Code, true)
		}
		<-tokens
	}
	before := cpuTime(b)
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		frame := []byte(strings.Replace(string(frames[n%len(frames)]), "%d", fmt.Sprint(n/len(frames)), 1))
		msg, err := wire.ParseInbound(frame)
		if err != nil {
			b.Fatal(err)
		}
		tokens <- struct{}{}
		in.Submit(user(live.UserID(1+n%1000)), room, msg, reply)
		n++
	}
	for range cap(tokens) {
		tokens <- struct{}{}
	}
	b.ReportMetric(float64((cpuTime(b)-before).Microseconds())/float64(n), "cpu-µs/msg")
	failed.Range(func(code, _ any) bool { b.Errorf("got %v", code); return true })
}

func benchIntake(b *testing.B, rate limit.Rate) (*Intake, live.RoomID) {
	b.Helper()
	rdb := redistest.Embedded(b)
	if addr := os.Getenv("BARRAGE_TEST_REDIS"); addr != "" {
		rdb = redistest.Client(b, addr)
	}
	cfg := Config{Kafka: instantRecords{}, Pod: "bench", Viewers: rate, Publisher: fanout.NewPublisher(rdb, fanout.PublisherConfig{})}
	if brokers := os.Getenv("BARRAGE_TEST_KAFKA"); brokers != "" {
		kafka, err := stream.Dial(b.Context(), stream.Config{Brokers: strings.Split(brokers, ",")})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() {
			if err := kafka.Close(b.Context()); err != nil {
				b.Log(err)
			}
		})
		if err := kafka.EnsureTopics(b.Context()); err != nil {
			b.Fatal(err)
		}
		cfg.Kafka = kafka
	}
	state, err := roomstate.New(rdb, roomstate.Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(state.Close)
	cfg.State = state
	in, err := New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(in.Close)
	return in, redistest.Room()
}

// instantRecords is a Kafka that costs nothing.
type instantRecords struct{ lostRecords }

func (instantRecords) Enqueue(_ stream.Outgoing, done func(error)) error {
	done(nil)
	return nil
}

func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
