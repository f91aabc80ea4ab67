package hub

import (
	"fmt"
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/live"
)

// everything is a connection that takes all at no cost: what is left is the hub's own.
type everything struct{}

func (everything) TryWrite(bufs [][]byte) (int, error) {
	n := 0
	for _, b := range bufs {
		n += len(b)
	}
	return n, nil
}
func (everything) CloseWrite()   {}
func (everything) Release(error) {}

func BenchmarkAppend(b *testing.B) {
	r := New(Config{Shards: 1}).Open(1)
	payloads := [][]byte{[]byte(`{"type":"danmu","id":"01JCDZ8Q4W1Z9J7C3M6A5K2T0V","room_id":42,"user_id":7,"content":"hello from the third row","timestamp":1790000000000}`)}
	b.ReportAllocs()
	seq := live.Seq(0)
	for b.Loop() {
		seq++
		r.Append("e", seq, payloads)
	}
}

// BenchmarkFlush is one round over a room's viewers; its time is for all of them.
func BenchmarkFlush(b *testing.B) {
	for _, viewers := range []int{100, 5000} {
		b.Run(fmt.Sprintf("viewers=%d", viewers), func(b *testing.B) {
			h := New(Config{Shards: 1, FlushBudget: -1})
			r := h.Open(1)
			for range viewers {
				m, _ := r.Join(everything{}, Joining{})
				m.Start(nil)
			}
			s := h.shards[0]
			s.step(time.Now())
			payloads := [][]byte{[]byte(`{"type":"danmu","content":"hello from the third row"}`)}
			b.ReportAllocs()
			seq := live.Seq(0)
			for b.Loop() {
				seq++
				r.Append("e", seq, payloads)
				s.pace = pace{}
				s.step(time.Now())
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(viewers), "ns/delivery")
		})
	}
}

func BenchmarkSend(b *testing.B) {
	h := New(Config{Shards: 1})
	m, _ := h.Open(1).Join(everything{}, Joining{})
	m.Start(nil)
	s := h.shards[0]
	s.step(time.Now())
	payload := []byte(`{"type":"ack","id":"01JCDZ8Q4W1Z9J7C3M6A5K2T0V","seq":8,"data":{"shown":true}}`)
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Send(payload); err != nil {
			b.Fatal(err)
		}
		s.step(time.Now())
	}
}
