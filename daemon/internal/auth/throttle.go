package auth

import (
	"hash/maphash"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Rate allows Burst attempts at once and then one per Every.
type Rate struct {
	Burst int
	Every time.Duration
}

// ThrottleOptions shape a Throttle. A zero field means its default.
type ThrottleOptions struct {
	// PerEmail bounds the guesses at one account: 10, then one a minute.
	PerEmail Rate
	// PerAddress bounds the guesses from one place: 50, then one in 5 s.
	PerAddress Rate
	// Entries is how many emails, and how many addresses, are remembered:
	// 10,000 each.
	Entries int
}

// Throttle slows down the guessing of passwords. An attempt counts when it
// begins, so that a thousand at once are no way around it, and a successful
// one is given back. It may be used by many goroutines at once.
type Throttle struct {
	opts ThrottleOptions
	seed maphash.Seed

	mu        sync.Mutex
	emails    buckets
	addresses buckets
}

// NewThrottle returns a throttle that remembers nothing yet.
func NewThrottle(o ThrottleOptions) *Throttle {
	if o.PerEmail == (Rate{}) {
		o.PerEmail = Rate{Burst: 10, Every: time.Minute}
	}
	if o.PerAddress == (Rate{}) {
		o.PerAddress = Rate{Burst: 50, Every: 5 * time.Second}
	}
	if o.Entries <= 0 {
		o.Entries = 10_000
	}
	return &Throttle{
		opts: o, seed: maphash.MakeSeed(),
		emails:    buckets{rate: o.PerEmail, limit: o.Entries, full: make(map[uint64]time.Time)},
		addresses: buckets{rate: o.PerAddress, limit: o.Entries, full: make(map[uint64]time.Time)},
	}
}

// Attempt asks whether this login may be tried now. If not, it says how long
// to wait, and nothing is counted. The address is that of the request, with or
// without a port.
func (t *Throttle) Attempt(email, address string, now time.Time) (wait time.Duration, ok bool) {
	e, a := t.email(email), t.address(address)
	t.mu.Lock()
	defer t.mu.Unlock()
	if wait = max(t.emails.wait(e, now), t.addresses.wait(a, now)); wait > 0 {
		return wait, false
	}
	t.emails.take(e, now)
	t.addresses.take(a, now)
	return 0, true
}

// Success forgets the failures at this account and gives the address its
// attempt back. The address keeps its other failures: one good password is no
// licence to guess others.
func (t *Throttle) Success(email, address string, now time.Time) {
	e, a := t.email(email), t.address(address)
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.emails.full, e)
	t.addresses.giveBack(a, now)
}

// The keys are hashes, so that a long email costs no memory.
func (t *Throttle) email(s string) uint64 {
	return maphash.String(t.seed, strings.ToLower(strings.TrimSpace(s)))
}

func (t *Throttle) address(s string) uint64 {
	ip, err := netip.ParseAddr(s)
	if err != nil {
		var withPort netip.AddrPort
		if withPort, err = netip.ParseAddrPort(s); err == nil {
			ip = withPort.Addr()
		}
	}
	if err != nil {
		return maphash.String(t.seed, s)
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is6() {
		// Whoever has an IPv6 address has the 2^64 beside it.
		if network, err := ip.Prefix(64); err == nil {
			ip = network.Addr()
		}
	}
	return maphash.Comparable(t.seed, ip)
}

// buckets are rate limits by key. Each is one time: when its bucket will be
// full again (the generic cell rate algorithm). A key that is not there has a
// full bucket.
type buckets struct {
	rate  Rate
	limit int
	full  map[uint64]time.Time
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
	type entry struct {
		key uint64
		at  time.Time
	}
	var left []entry
	for key, at := range b.full {
		if !at.After(now) {
			delete(b.full, key)
			continue
		}
		left = append(left, entry{key, at})
	}
	if keep := b.limit - max(b.limit/4, 1); len(left) > keep {
		slices.SortFunc(left, func(x, y entry) int { return x.at.Compare(y.at) })
		for _, e := range left[:len(left)-keep] {
			delete(b.full, e.key)
		}
	}
}
