package pace

import "time"

// Outcome is what an exchange says about the health of its endpoint.
type Outcome uint8

// The outcomes.
const (
	Ignored Outcome = iota // nothing: it is about the request, or about us
	Success
	Failure
)

// State is where a breaker is.
type State uint8

// The states.
const (
	Closed   State = iota
	Open           // nothing begins
	HalfOpen       // one exchange at a time
	Closing        // a number in each second, which doubles
)

// States is how many there are.
const States = len(stateNames)

var stateNames = [...]string{"CLOSED", "OPEN", "HALF_OPEN", "CLOSING"}

func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "UNKNOWN"
}

const (
	minCalls    = 10 // before the share of failures counts
	rowOpens    = 10 // failures in a row that open, whatever was before
	probesClose = 3  // successes in a row that close

	firstOpen = 5 * time.Second
	maxOpen   = time.Minute

	// minDoublings is for how many seconds the window doubles at least: a
	// router that has nothing to send yet has not shown that it may.
	minDoublings = 4
	maxDoublings = 20

	buckets   = 12
	bucketLen = 5 * time.Second // with buckets, the rolling minute
)

// Breaker is one endpoint's. The zero value is closed.
type Breaker struct {
	state State
	// since is when the state began. Only exchanges that began in a state
	// count in it: what was on its way when a breaker opened tells what is
	// known already, a minute late perhaps.
	since time.Time
	until time.Time // OPEN: when it ends
	trips int       // openings in a row
	row   int       // failures in a row, or in HALF_OPEN successes

	second int // CLOSING: which second of it
	begun  int // CLOSING: exchanges begun in this second

	calls [buckets]bucket
	why   [3]int // see Why
}

// bucket counts what ended within bucketLen.
type bucket struct {
	slot    int64
	ok, bad int32
}

// State is the breaker's, as of the last Advance.
func (b *Breaker) State() State { return b.state }

// Since is when that state began.
func (b *Breaker) Since() time.Time { return b.since }

// Until is when an open breaker lets the first probe go.
func (b *Breaker) Until() time.Time { return b.until }

// Trips is how often it opened in a row.
func (b *Breaker) Trips() int { return b.trips }

// Window is how many tickets may be out for the endpoint; 0 is any number.
func (b *Breaker) Window() int {
	switch b.state {
	case Closed:
		return 0
	case Closing:
		return 1 << min(b.second, maxDoublings)
	}
	return 1
}

// Counts is how many calls succeeded and failed in the rolling minute.
func (b *Breaker) Counts(now time.Time) (ok, bad int) {
	slot := slotOf(now)
	for _, c := range b.calls {
		if age := slot - c.slot; age >= 0 && age < buckets {
			ok, bad = ok+int(c.ok), bad+int(c.bad)
		}
	}
	return ok, bad
}

// Why is what opened it last: how many calls had succeeded and failed, and
// how many of them in a row. After a probe they are 0.
func (b *Breaker) Why() (ok, bad, row int) { return b.why[0], b.why[1], b.why[2] }

func slotOf(t time.Time) int64 { return t.UnixNano() / int64(bucketLen) }

// Advance does what time alone does. It is true if the state or the window
// became another.
func (b *Breaker) Advance(now time.Time) bool {
	switch b.state {
	case Open:
		if now.Before(b.until) {
			return false
		}
		b.enter(HalfOpen, now)
		return true
	case Closing:
		second := int(now.Sub(b.since) / time.Second)
		if second <= b.second {
			return false
		}
		// It did not bind if less began than might have.
		eased := b.begun < b.Window() && b.second >= minDoublings
		if eased || b.second >= maxDoublings {
			b.enter(Closed, now)
			b.trips = 0
			return true
		}
		// A second is not skipped, however late it is: each has shown that
		// the endpoint bears its number before the next doubles it.
		b.second, b.begun = b.second+1, 0
		b.since = now.Add(-time.Duration(b.second) * time.Second)
		return true
	}
	return false
}

// Ready says whether an exchange may begin while some are running, and if
// not, when that may change by time alone (zero: it does not).
func (b *Breaker) Ready(running int, now time.Time) (ok bool, at time.Time) {
	b.Advance(now)
	switch b.state {
	case Open:
		return false, b.until
	case HalfOpen:
		return running == 0, time.Time{}
	case Closing:
		if b.begun < b.Window() {
			return true, time.Time{}
		}
		return false, b.since.Add(time.Duration(b.second+1) * time.Second)
	}
	return true, time.Time{}
}

// Begin notes that an exchange begins.
func (b *Breaker) Begin() {
	if b.state == Closing {
		b.begun++
	}
}

// Observe takes the outcome of an exchange that began at a time. It is true if
// the state became another.
func (b *Breaker) Observe(o Outcome, began, now time.Time) bool {
	b.Advance(now)
	if o == Ignored || began.Before(b.since) {
		return false
	}
	switch b.state {
	case Open:
		return false
	case HalfOpen:
		if o == Failure {
			b.why = [3]int{}
			b.open(now)
			return true
		}
		if b.row++; b.row < probesClose {
			return false
		}
		b.enter(Closing, now)
		return true
	}
	c := &b.calls[slotOf(now)%buckets]
	if slot := slotOf(now); c.slot != slot {
		*c = bucket{slot: slot}
	}
	if o == Success {
		c.ok++
		b.row = 0
		return false
	}
	c.bad++
	b.row++
	if ok, bad := b.Counts(now); b.row >= rowOpens || ok+bad >= minCalls && bad >= ok {
		b.why = [3]int{ok, bad, b.row}
		b.open(now)
		return true
	}
	return false
}

func (b *Breaker) open(now time.Time) {
	b.enter(Open, now)
	b.trips++
	// Stores keep milliseconds and round them up: what comes back from one
	// must not look like the word of another router.
	b.until = now.Add(openFor(b.trips)).Truncate(time.Millisecond)
}

func openFor(trips int) time.Duration {
	return min(firstOpen<<min(trips-1, 10), maxOpen)
}

func (b *Breaker) enter(s State, now time.Time) {
	b.state, b.since, b.row, b.second, b.begun = s, now, 0, 0, 0
	b.calls = [buckets]bucket{}
}

// Adopt takes over what another router found out: that the breaker is open
// until a time, which may be past. It is true if that is news.
func (b *Breaker) Adopt(until time.Time, trips int, now time.Time) bool {
	b.Advance(now)
	trips = max(trips, 1)
	switch {
	case b.state == Open:
		if !until.After(b.until) {
			return false
		}
	case !until.After(now):
		// It is being probed, or the window doubles. Who knows of no trouble
		// of its own probes along.
		if b.state != Closed {
			return false
		}
		b.enter(HalfOpen, now)
		b.trips, b.until = trips, until
		return true
	default:
		b.enter(Open, now)
	}
	b.trips, b.until = max(b.trips, trips), until
	return true
}

// Reset closes it, because a person or another router says so. It is true if
// it was not closed.
func (b *Breaker) Reset(now time.Time) bool {
	was := b.state
	b.enter(Closed, now)
	b.trips, b.until = 0, time.Time{}
	return was != Closed
}
