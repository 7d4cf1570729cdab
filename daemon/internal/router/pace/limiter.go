package pace

import "time"

// Rate is a limit on how many exchanges begin in a second. Limiter is one for
// this process alone. One that routers share takes leave for a few exchanges
// ahead, elsewhere and in its own time, and answers from what it has: the
// methods are called under a lock and must not block.
type Rate interface {
	// Set changes the rate; 0 is no limit. It is called often, and mostly
	// with what stands already.
	Set(perSecond float64, now time.Time)
	// PerSecond is the rate that stands.
	PerSecond() float64
	// Wait is how long until the one behind n others may go, by what is
	// known now. It takes nothing.
	Wait(n int, now time.Time) time.Duration
	// Take is called when one goes.
	Take(now time.Time)
}

const (
	// slack is how much too late one may go without those behind it losing
	// time. It is also how far ahead of its even place one may go, so a
	// rate above 125/s comes in groups of slack's length.
	slack = 8 * time.Millisecond
	// headroom makes a limiter a hundredth slower than its rate. A receiver
	// counts by its own clock and behind a network that delays one
	// exchange more than the next; with the slack, and 12 ms of that, it
	// still never sees more than rate+1 in any second, at 100/s.
	headroom = 1.01
)

// Limiter is a Rate: exchanges go evenly, one by one. It is the generic cell
// rate algorithm (ITU-T I.371): due is when the next one has its even place,
// and it may go slack earlier. The zero value has no limit.
type Limiter struct {
	per   float64
	every time.Duration
	due   time.Time
}

var _ Rate = (*Limiter)(nil)

// Set implements Rate. What was taken stays taken: the exchanges that a
// waiting one is behind are counted, not the time that they would have taken.
func (l *Limiter) Set(per float64, now time.Time) {
	if per == l.per {
		return
	}
	if per <= 0 {
		*l = Limiter{}
		return
	}
	every := max(time.Duration(float64(time.Second)*headroom/per), 1)
	if debt := l.due.Sub(now); l.per > 0 && debt > 0 {
		l.due = now.Add(time.Duration(float64(debt) * float64(every) / float64(l.every)))
	}
	l.per, l.every = per, every
}

// PerSecond implements Rate.
func (l *Limiter) PerSecond() float64 { return l.per }

// Wait implements Rate.
func (l *Limiter) Wait(n int, now time.Time) time.Duration {
	if l.per <= 0 {
		return 0
	}
	due := l.due
	if n > 0 {
		if due.Before(now) {
			due = now
		}
		due = due.Add(time.Duration(n) * l.every)
	}
	return max(due.Add(-slack).Sub(now), 0)
}

// Take implements Rate.
func (l *Limiter) Take(now time.Time) {
	if l.per <= 0 {
		return
	}
	if l.due.Before(now) {
		l.due = now
	}
	l.due = l.due.Add(l.every)
}
