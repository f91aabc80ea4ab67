package pace_test

import (
	"slices"
	"testing"
	"time"

	"github.com/barrage-live/barrage/shared/pace"
	"github.com/barrage-live/barrage/shared/roomstate"
)

const capacity = 100

// A row is a course of rates, in percent of what the room shows, and the seconds of slow mode that follow each.
func TestNext(t *testing.T) {
	for name, c := range map[string]struct {
		from  int
		rates []float64
		want  []int
	}{
		"rises at once, step by step, up to the last":  {0, []float64{101, 150, 500, 500, 500, 500, 500}, []int{2, 5, 10, 20, 30, 60, 60}},
		"falls behind three calm windows":              {10, []float64{39, 10, 0, 0, 0, 0}, []int{10, 10, 5, 5, 5, 2}},
		"is not below nothing":                         {2, []float64{0, 0, 0, 0, 0, 0}, []int{2, 2, 0, 0, 0, 0}},
		"stays between calm and busy":                  {5, []float64{40, 60, 100, 99, 41, 60}, []int{5, 5, 5, 5, 5, 5}},
		"begins to count calm anew when it is not":     {5, []float64{0, 0, 60, 0, 0, 60, 0, 0, 0}, []int{5, 5, 5, 5, 5, 5, 5, 5, 2}},
		"does not swing at the edge":                   {0, []float64{101, 99, 101, 99, 60, 60}, []int{2, 2, 5, 5, 5, 5}},
		"takes what is between two steps for the less": {7, []float64{101}, []int{10}},
	} {
		t.Run(name, func(t *testing.T) {
			p := roomstate.Pace{Slow: time.Duration(c.from) * time.Second}
			var got []int
			for _, rate := range c.rates {
				p = pace.Next(p, rate, capacity)
				got = append(got, int(p.Slow/time.Second))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}
