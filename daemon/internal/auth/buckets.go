package auth

import (
	"hash/maphash"
	"slices"
	"sync"
	"time"
)

// A Rate allows Burst attempts at once and then one per Every.
type Rate struct {
	Burst int
	Every time.Duration
}

// defaultEntries is how many names of one sort are remembered.
const defaultEntries = 10_000

// Limit bounds how often something is done, by email or by address. It
// remembers the 10,000 who did it most. It may be used by many goroutines at
// once.
type Limit struct {
	seed maphash.Seed
	mu   sync.Mutex
	b    buckets
}

// NewLimit returns a limit that remembers nothing yet.
func NewLimit(r Rate) *Limit {
	return &Limit{seed: maphash.MakeSeed(), b: newBuckets(r, defaultEntries)}
}

// Address counts something that an address does, or says how long it has to
// wait. Who has an IPv6 address has the 2^64 beside it too.
func (l *Limit) Address(address string, now time.Time) (wait time.Duration, ok bool) {
	return l.take(addressKey(l.seed, address), now)
}

// Email counts something that is done to an email, or says how long to wait.
func (l *Limit) Email(email string, now time.Time) (wait time.Duration, ok bool) {
	return l.take(emailKey(l.seed, email), now)
}

func (l *Limit) take(key uint64, now time.Time) (time.Duration, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if wait := l.b.wait(key, now); wait > 0 {
		return wait, false
	}
	l.b.take(key, now)
	return 0, true
}

// buckets are rate limits by key. Each is one time: when its bucket will be
// full again (the generic cell rate algorithm). A key that is not there has a
// full bucket.
type buckets struct {
	rate  Rate
	limit int
	full  map[uint64]time.Time
}

func newBuckets(r Rate, limit int) buckets {
	return buckets{rate: r, limit: limit, full: make(map[uint64]time.Time)}
}

// until is when the bucket will be full, bounded by what an empty one takes:
// a clock that jumped back locks nobody out for longer.
func (b *buckets) until(key uint64, now time.Time) time.Time {
	at, ok := b.full[key]
	if !ok || at.Before(now) {
		return now
	}
	if empty := now.Add(time.Duration(b.rate.Burst) * b.rate.Every); at.After(empty) {
		return empty
	}
	return at
}

func (b *buckets) wait(key uint64, now time.Time) time.Duration {
	room := now.Add(time.Duration(b.rate.Burst-1) * b.rate.Every)
	return max(b.until(key, now).Sub(room), 0)
}

func (b *buckets) take(key uint64, now time.Time) {
	if _, ok := b.full[key]; !ok && len(b.full) >= b.limit {
		b.makeRoom(now)
	}
	b.full[key] = b.until(key, now).Add(b.rate.Every)
}

func (b *buckets) giveBack(key uint64, now time.Time) {
	at := b.until(key, now).Add(-b.rate.Every)
	if !at.After(now) {
		delete(b.full, key)
		return
	}
	b.full[key] = at
}

// makeRoom forgets what is full again, and if that is not enough the quarter
// that would be soonest: those who failed most are remembered longest.
func (b *buckets) makeRoom(now time.Time) {
	for key, at := range b.full {
		if !at.After(now) {
			delete(b.full, key)
		}
	}
	forgetOldest(b.full, b.limit)
}

// forgetOldest leaves three quarters of a limit.
func forgetOldest(times map[uint64]time.Time, limit int) {
	keep := limit - max(limit/4, 1)
	if len(times) <= keep {
		return
	}
	type entry struct {
		key uint64
		at  time.Time
	}
	left := make([]entry, 0, len(times))
	for key, at := range times {
		left = append(left, entry{key, at})
	}
	slices.SortFunc(left, func(x, y entry) int { return x.at.Compare(y.at) })
	for _, e := range left[:len(left)-keep] {
		delete(times, e.key)
	}
}
