package main

import "math/bits"

// A histogram counts microseconds in buckets that are at most 1/32 wide of their value. The zero value is empty.
type histogram struct {
	Counts map[int]int64 `json:"counts,omitempty"`
	Max    int64         `json:"max"`
	Total  int64         `json:"total"`
}

const subBits = 5

func bucketOf(micros int64) int {
	if micros < 1<<subBits {
		return int(max(micros, 0))
	}
	shift := bits.Len64(uint64(micros)) - subBits - 1
	return (shift+1)<<subBits + int(micros>>shift) - 1<<subBits
}

// upperBound is the largest value of the bucket.
func upperBound(bucket int) int64 {
	if bucket < 1<<subBits {
		return int64(bucket)
	}
	shift := bucket>>subBits - 1
	return (int64(bucket&(1<<subBits-1))+1<<subBits+1)<<shift - 1
}

func (h *histogram) add(micros int64) {
	if h.Counts == nil {
		h.Counts = make(map[int]int64)
	}
	h.Counts[bucketOf(micros)]++
	h.Total++
	h.Max = max(h.Max, micros)
}

func (h *histogram) merge(o histogram) {
	if h.Counts == nil {
		h.Counts = make(map[int]int64)
	}
	for b, n := range o.Counts {
		h.Counts[b] += n
	}
	h.Total += o.Total
	h.Max = max(h.Max, o.Max)
}

// quantile returns milliseconds; 0 when nothing was counted.
func (h *histogram) quantile(q float64) float64 {
	if h.Total == 0 {
		return 0
	}
	want := int64(q * float64(h.Total))
	var seen int64
	for b := 0; b < 64<<subBits; b++ {
		seen += h.Counts[b]
		if seen > want {
			return float64(min(upperBound(b), h.Max)) / 1000
		}
	}
	return float64(h.Max) / 1000
}
