package backoff

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"
)

func TestItGrowsUpToTenSeconds(t *testing.T) {
	t.Parallel()
	for failures, want := range map[int]time.Duration{
		-1: 100 * time.Millisecond, 1: 200 * time.Millisecond, 2: 400 * time.Millisecond, 6: 6400 * time.Millisecond,
		7: 10 * time.Second, 1000: 10 * time.Second, math.MaxInt: 10 * time.Second,
	} {
		if got := Of(failures); got != want {
			t.Errorf("after %d failures: %v, want %v", failures, got, want)
		}
	}
}

func TestAWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		if !Wait(t.Context(), time.Minute) || time.Since(began) != time.Minute {
			t.Errorf("a wait of a minute took %v", time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began = time.Now()
		if Wait(ctx, time.Minute) || time.Since(began) != time.Second {
			t.Errorf("a wait went on for %v after its context", time.Since(began))
		}
	})
}
