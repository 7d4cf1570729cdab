package allowance

import (
	"fmt"
	"testing"
	"time"
)

var start = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func TestTake(t *testing.T) {
	t.Parallel()
	a := New(Limits{General: Limit{PerSecond: 10, Burst: 20}, Clients: map[string]Limit{"globex": {}, "clt_9": {PerSecond: 1, Burst: 1}}})
	acme := func(n int) Use { return Use{ID: "clt_1", Identifier: "acme", Items: n} }
	globex := Use{ID: "clt_2", Identifier: "globex", Items: 1_000_000}
	slow := Use{ID: "clt_9", Identifier: "slow", Items: 1}
	now := start
	for i, step := range []struct {
		after time.Duration
		uses  []Use
		wait  time.Duration
	}{
		{0, []Use{acme(20)}, 0},
		{0, []Use{acme(1)}, 100 * time.Millisecond},
		{100 * time.Millisecond, []Use{acme(1)}, 0},
		{0, []Use{globex}, 0}, // has no limit
		{0, []Use{slow, acme(5)}, 500 * time.Millisecond},
		{0, []Use{slow}, 0}, // what was refused as a whole took nothing
		{-time.Hour, []Use{acme(1)}, 100 * time.Millisecond},
		{time.Hour + 10*time.Second, []Use{acme(50)}, 0}, // more than the burst: into debt
		{0, []Use{acme(1)}, 3100 * time.Millisecond},
		{4 * time.Second, []Use{acme(50)}, time.Second},
		{2 * time.Second, []Use{acme(10)}, 0},
	} {
		now = now.Add(step.after)
		if got := a.Take(now, step.uses...); (got - step.wait).Abs() > time.Microsecond {
			t.Fatalf("step %d: wait %s, want %s", i, got, step.wait)
		}
	}
}

func TestNothingLimitedIsNothing(t *testing.T) {
	t.Parallel()
	if New(Limits{Clients: map[string]Limit{"acme": {}}}) != nil {
		t.Error("there is an allowance without a limit")
	}
}

func TestBucketsAreForgottenOnceTheyAreFull(t *testing.T) {
	t.Parallel()
	a := New(Limits{General: Limit{PerSecond: 1, Burst: 2}})
	now := start
	for i := range 3 * maxBuckets {
		if i%maxBuckets == 0 {
			now = now.Add(time.Minute)
		}
		if wait := a.Take(now, Use{ID: fmt.Sprint(i), Items: 1}); wait != 0 {
			t.Fatal(wait)
		}
	}
	if n := len(a.buckets); n > maxBuckets {
		t.Errorf("%d buckets are kept", n)
	}
}
