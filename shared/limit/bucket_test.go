package limit_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/barrage-live/barrage/shared/limit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// spend calls Allow n times and returns how often it was allowed.
func spend(b *limit.Bucket[string], key string, n int) (allowed int) {
	for range n {
		if ok, _ := b.Allow(key, 1); ok {
			allowed++
		}
	}
	return allowed
}

func TestBucketAllowsTheBurstThenTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := limit.NewBucket[string](limit.Rate{Events: 2, Burst: 5}, 0)
		if got := spend(b, "a", 10); got != 5 {
			t.Fatalf("got %d at once, want 5", got)
		}
		if got := spend(b, "b", 10); got != 5 {
			t.Fatalf("got %d at once for another key, want 5", got)
		}
		ok, wait := b.Allow("a", 1)
		if ok || wait != 500*time.Millisecond {
			t.Fatalf("got %v, retry after %v, want 500ms", ok, wait)
		}
		time.Sleep(wait)
		if got := spend(b, "a", 10); got != 1 {
			t.Fatalf("got %d after the wait, want 1", got)
		}
		if ok, wait := b.Allow("a", 3); ok || wait != 1500*time.Millisecond {
			t.Fatalf("got %v, retry after %v for three, want 1.5s", ok, wait)
		}
		time.Sleep(10 * time.Second)
		allowed := 0
		for range 100 {
			allowed += spend(b, "a", 1)
			time.Sleep(100 * time.Millisecond)
		}
		if allowed != 24 { // 5, and 2 in each of 9.9 s
			t.Fatalf("got %d in ten seconds, want 24", allowed)
		}
	})
}

func TestBucketNeverAllowsMoreThanTheBurst(t *testing.T) {
	b := limit.NewBucket[string](limit.Rate{Events: 2, Burst: 5}, 0)
	if ok, wait := b.Allow("a", 6); ok || wait <= 0 {
		t.Fatalf("got %v, retry after %v", ok, wait)
	}
	if ok, _ := b.Allow("a", 5); !ok {
		t.Fatal("a refusal took something from the allowance")
	}
}

func TestBucketWithoutARateAllowsEverything(t *testing.T) {
	b := limit.NewBucket[string](limit.Rate{}, 0)
	if got := spend(b, "a", 1000); got != 1000 || b.Len() != 0 {
		t.Fatalf("got %d allowed and %d keys kept", got, b.Len())
	}
	if ok, _ := limit.NewBucket[string](limit.Rate{Events: 1e12}, 0).Allow("a", 1); !ok {
		t.Fatal("got a refusal at a rate beyond the clock's resolution")
	}
}

func TestBucketIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := limit.NewBucket[int](limit.Rate{Events: 1, Burst: 2}, 640)
		for key := range 100_000 {
			b.Allow(key, 1)
		}
		if got := b.Len(); got > 640 {
			t.Fatalf("got %d keys kept, want at most 640", got)
		}
		time.Sleep(time.Minute)
		b.Allow(-1, 2)
		for key := range 200 {
			b.Allow(key, 1) // makes room by keys that are whole again
		}
		if ok, _ := b.Allow(-1, 1); ok {
			t.Fatal("a key that had spent its allowance was forgotten before whole ones")
		}
	})
}

func TestBucketTogether(t *testing.T) {
	b := limit.NewBucket[string](limit.Rate{Events: 0.001, Burst: 100}, 0)
	var allowed atomic.Int64
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { allowed.Add(int64(spend(b, "a", 50))) })
	}
	all.Wait()
	if got := allowed.Load(); got != 100 {
		t.Fatalf("got %d allowed to eight at once, want 100", got)
	}
}

func BenchmarkBucketAllow(b *testing.B) {
	bucket := limit.NewBucket[int64](limit.Rate{Events: 2, Burst: 5}, 0)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for key := int64(0); pb.Next(); key++ {
			bucket.Allow(key%50_000, 1)
		}
	})
}
