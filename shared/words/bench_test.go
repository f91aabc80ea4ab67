package words

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
)

// manyWords makes n different words, half of them Chinese of 2–5 characters, half English of 4–12 letters.
func manyWords(n int) []string {
	r := rand.New(rand.NewPCG(1, 2))
	seen := make(map[string]bool, n)
	list := make([]string, 0, n)
	for len(list) < n {
		var b strings.Builder
		if len(list)%2 == 0 {
			for range 2 + r.IntN(4) {
				b.WriteRune(rune(0x4e00 + r.IntN(3500)))
			}
		} else {
			for range 4 + r.IntN(9) {
				b.WriteByte("etaoinshrdlucmfwypvbgkjqxz"[min(r.IntN(26), r.IntN(26))])
			}
		}
		if w := b.String(); !seen[w] {
			seen[w] = true
			list = append(list, w)
		}
	}
	return list
}

// commonHan are characters that the words are made of too, so that texts run deep into the automaton.
func commonHan(n int) string {
	r := rand.New(rand.NewPCG(3, 4))
	var b strings.Builder
	for range n {
		b.WriteRune(rune(0x4e00 + r.IntN(3500)))
	}
	return b.String()
}

func BenchmarkBlocked(b *testing.B) {
	list := compile(b, manyWords(100_000)...)
	texts := []struct{ name, text string }{
		{"chinese-12", commonHan(12)},
		{"chinese-100", commonHan(100)},
		{"english-30", "that was a great shot, well done"},
		{"english-100", strings.Repeat("the rest of us are still here. ", 3) + "yes sir"},
		{"mixed-40", "主播666 太强了 " + commonHan(16) + " gg wp 23333"},
		{"fullwidth-40", strings.Repeat("ｈｅｌｌｏ　", 6) + "ｏｋ"},
		{"accents-100", strings.Repeat("é̶ü", 33)},
	}
	for _, t := range texts {
		if Blocked(t.text, list) {
			b.Fatalf("%s is blocked: it would end early", t.name)
		}
		b.Run(t.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Blocked(t.text, list)
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	for _, n := range []int{1_000, 100_000} {
		list := manyWords(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var l *List
			for b.Loop() {
				l = compile(b, list...)
			}
			b.ReportMetric(float64(l.Bytes())/(1<<20), "MiB/list")
			b.ReportMetric(float64(len(l.tree.label)), "nodes")
		})
	}
}

// The list says how much memory it takes, as it is shared and cached by that.
func TestBytes(t *testing.T) {
	words := manyWords(50_000)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	l := compile(t, words...)
	runtime.GC()
	runtime.ReadMemStats(&after)
	got, want := l.Bytes(), int(after.HeapAlloc)-int(before.HeapAlloc)
	if got < want/2 || got > want*2 {
		t.Errorf("got %d bytes, the heap grew by %d", got, want)
	}
	runtime.KeepAlive(words)
}
