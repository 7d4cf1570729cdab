package auth

import (
	"hash/maphash"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// ThrottleOptions shape a Throttle. A zero field means its default.
type ThrottleOptions struct {
	// PerPair bounds the guesses at one account from one place: 10, then one
	// a minute.
	PerPair Rate
	// PerEmail bounds the guesses at one account from all places that it has
	// never been signed in to from: 100, then one in 30 s.
	PerEmail Rate
	// PerAddress bounds the guesses from one place: 50, then one in 5 s.
	PerAddress Rate
	// Entries is how many emails, how many addresses, and how many pairs of
	// them are remembered: 10,000 each.
	Entries int
}

// Throttle slows down the guessing of passwords. An attempt counts when it
// begins, so that a thousand at once are no way around it, and a successful
// one is given back. It may be used by many goroutines at once.
//
// Nobody can lock out somebody else: who guesses at an account from one place
// is stopped there, and who guesses from many places does not stop the places
// from which its owner has signed in before.
type Throttle struct {
	opts ThrottleOptions
	seed maphash.Seed

	mu        sync.Mutex
	pairs     buckets
	emails    buckets
	addresses buckets
	known     map[uint64]time.Time // pairs that have signed in, and when
}

// knownFor is how long a place counts as one that somebody signs in from.
const knownFor = 90 * 24 * time.Hour

// NewThrottle returns a throttle that remembers nothing yet.
func NewThrottle(o ThrottleOptions) *Throttle {
	if o.PerPair == (Rate{}) {
		o.PerPair = Rate{Burst: 10, Every: time.Minute}
	}
	if o.PerEmail == (Rate{}) {
		o.PerEmail = Rate{Burst: 100, Every: 30 * time.Second}
	}
	if o.PerAddress == (Rate{}) {
		o.PerAddress = Rate{Burst: 50, Every: 5 * time.Second}
	}
	if o.Entries <= 0 {
		o.Entries = defaultEntries
	}
	return &Throttle{
		opts: o, seed: maphash.MakeSeed(),
		pairs:     newBuckets(o.PerPair, o.Entries),
		emails:    newBuckets(o.PerEmail, o.Entries),
		addresses: newBuckets(o.PerAddress, o.Entries),
		known:     make(map[uint64]time.Time),
	}
}

// Attempt asks whether this login may be tried now. If not, it says how long
// to wait, and nothing is counted. The address is that of the request, with or
// without a port.
func (t *Throttle) Attempt(email, address string, now time.Time) (wait time.Duration, ok bool) {
	e, a, p := t.keys(email, address)
	t.mu.Lock()
	defer t.mu.Unlock()
	wait = max(t.pairs.wait(p, now), t.addresses.wait(a, now))
	if at, known := t.known[p]; !known || now.Sub(at) > knownFor {
		wait = max(wait, t.emails.wait(e, now))
	}
	if wait > 0 {
		return wait, false
	}
	t.pairs.take(p, now)
	t.emails.take(e, now)
	t.addresses.take(a, now)
	return 0, true
}

// Success forgets the failures at this account from here, gives the account
// and the address their attempt back, and remembers the place as one of the
// account's own. They keep their other failures: one good password is no
// licence to guess others.
func (t *Throttle) Success(email, address string, now time.Time) {
	e, a, p := t.keys(email, address)
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.pairs.full, p)
	t.emails.giveBack(e, now)
	t.addresses.giveBack(a, now)
	if _, there := t.known[p]; !there && len(t.known) >= t.opts.Entries {
		forgetOldest(t.known, t.opts.Entries)
	}
	t.known[p] = now
}

// Untried gives an attempt back that was not carried out.
func (t *Throttle) Untried(email, address string, now time.Time) {
	e, a, p := t.keys(email, address)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pairs.giveBack(p, now)
	t.emails.giveBack(e, now)
	t.addresses.giveBack(a, now)
}

func (t *Throttle) keys(email, address string) (e, a, pair uint64) {
	e, a = emailKey(t.seed, email), addressKey(t.seed, address)
	return e, a, maphash.Comparable(t.seed, [2]uint64{e, a})
}

// The keys are hashes, so that a long email costs no memory.
func emailKey(seed maphash.Seed, s string) uint64 {
	return maphash.String(seed, strings.ToLower(strings.TrimSpace(s)))
}

func addressKey(seed maphash.Seed, s string) uint64 {
	ip, err := netip.ParseAddr(s)
	if err != nil {
		var withPort netip.AddrPort
		if withPort, err = netip.ParseAddrPort(s); err == nil {
			ip = withPort.Addr()
		}
	}
	if err != nil {
		return maphash.String(seed, s)
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is6() {
		// Whoever has an IPv6 address has the 2^64 beside it.
		if network, err := ip.Prefix(64); err == nil {
			ip = network.Addr()
		}
	}
	return maphash.Comparable(seed, ip)
}
