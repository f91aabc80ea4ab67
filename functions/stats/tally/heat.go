package tally

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"
)

// Heat says how hot a room is: each thing that happens gives points, and points lose half of their worth every
// HalfLife. Points are hundredths of the score that is shown. Zero fields take the defaults.
type Heat struct {
	HalfLife time.Duration `env:"HOT_HALF_LIFE" envDefault:"10m"`
	Viewer   int64         `env:"HOT_VIEWER_POINTS" envDefault:"200"` // somebody comes in
	Danmu    int64         `env:"HOT_DANMU_POINTS" envDefault:"100"`  // so that a score of 1 is one danmu just now
	Like     int64         `env:"HOT_LIKE_POINTS" envDefault:"10"`
	Coin     int64         `env:"HOT_COIN_POINTS" envDefault:"10"` // so that a gift of ten coins is worth a danmu
}

// maxPointsEach keeps the sums of a step of time far from overflow.
const maxPointsEach = 10_000

// Check implements what settings.Load asks. Half-lives of less than a step of time would cool rooms within a batch.
func (h Heat) Check() error {
	for _, n := range []int64{h.Viewer, h.Danmu, h.Like, h.Coin} {
		if n < 1 || n > maxPointsEach {
			return fmt.Errorf("HOT_*_POINTS must be from 1 to %d", maxPointsEach)
		}
	}
	if h.HalfLife < time.Minute || h.HalfLife > 30*24*time.Hour {
		return errors.New("HOT_HALF_LIFE must be from 1m to 720h")
	}
	return nil
}

// WithDefaults replaces what is 0.
func (h Heat) WithDefaults() Heat {
	d := func(n *int64, otherwise int64) {
		if *n == 0 {
			*n = otherwise
		}
	}
	d(&h.Viewer, 200)
	d(&h.Danmu, 100)
	d(&h.Like, 10)
	d(&h.Coin, 10)
	if h.HalfLife == 0 {
		h.HalfLife = 10 * time.Minute
	}
	return h
}

// heatStep is the grain of time, in ms, in which a window sums points as whole numbers. It is what lets a window be
// exact: sums of floating-point numbers would depend on where batches are cut.
const heatStep = 10_000

func (h Heat) points(e Event) int64 {
	return h.Danmu*e.Counts.Danmu + h.Like*e.Counts.Likes + h.Coin*int64(e.Counts.Coins) + h.Viewer*e.Joined
}

// Log2 is the form in which heat is kept, after Cormode and others, "Forward Decay" (ICDE 2009): an event of worth w at
// time t adds w·2^(t/halfLife) to a sum that never has to be rewritten, as all sums fade alike. The sum itself would
// overflow after some days, so its logarithm is kept; a double near 10^7 still tells 10^-9 apart.
// It is not ok when there is no heat.
func (h Heat) Log2(points map[int64]int64) (sum float64, ok bool) {
	sum = math.Inf(-1)
	for _, step := range slices.Sorted(maps.Keys(points)) {
		x := math.Log2(float64(points[step])) + h.age(step*heatStep)
		sum = max(sum, x) + math.Log2(1+math.Exp2(-math.Abs(sum-x)))
	}
	return sum, len(points) > 0
}

// Score is what a kept sum is worth at the time, as it is shown.
func (h Heat) Score(sum float64, now time.Time) float64 {
	return math.Round(math.Exp2(sum-h.age(now.UnixMilli()))*10) / 1000
}

func (h Heat) age(ms int64) float64 { return float64(ms) / float64(h.HalfLife.Milliseconds()) }
