package pace

import (
	"math"
	"time"
)

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
	// credit is how much time can be made up for: who waits for its turn is
	// woken late, now and then by a lot on a busy machine.
	credit = 100 * time.Millisecond
	// grain is how exactly what went is remembered.
	grain = 10 * time.Millisecond
	// grains is how many of them a receiver's second is taken for. It counts
	// by its own clock and behind a network that delays one exchange more
	// than the next, so its second is a little longer than ours. The price
	// is that a limiter is slower than its rate by as much, 1.5 %.
	grains = 102
)

// Limiter is a Rate: exchanges go evenly, one by one, and never more than the
// rate in any second. Three things keep that:
//
//   - due, the generic cell rate algorithm (ITU-T I.371), makes it even;
//   - next keeps what is made up for at half the even distance at least;
//   - sent counts what went in the last second, so that nothing is made up for
//     at the cost of the next one.
//
// The zero value has no limit.
type Limiter struct {
	per   float64
	every time.Duration
	due   time.Time
	next  time.Time
	sent  past
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
	every := max(time.Duration(float64(time.Second)/per), 1)
	if l.per > 0 {
		ratio := float64(every) / float64(l.every)
		for _, t := range [...]*time.Time{&l.due, &l.next} {
			if debt := t.Sub(now); debt > 0 {
				*t = now.Add(time.Duration(float64(debt) * ratio))
			}
		}
	}
	l.per, l.every = per, every
}

// PerSecond implements Rate.
func (l *Limiter) PerSecond() float64 { return l.per }

// slack is how much before its distance one may go: a timer is not exact, and
// at a high rate several go at once.
func (l *Limiter) slack() time.Duration {
	return min(max(l.every/4, 2*time.Millisecond), 8*time.Millisecond)
}

// Wait implements Rate.
func (l *Limiter) Wait(n int, now time.Time) time.Duration {
	if l.per <= 0 {
		return 0
	}
	wait := max(l.due.Sub(now), -credit) + time.Duration(n)*l.every
	wait = max(wait, l.next.Add(-l.slack()).Sub(now)+time.Duration(n)*l.every/2)
	if most := int32(math.Ceil(l.per)); n < int(most) {
		wait = max(wait, l.sent.until(most-int32(n), now))
	}
	return max(wait, 0)
}

// Take implements Rate.
func (l *Limiter) Take(now time.Time) {
	if l.per <= 0 {
		return
	}
	if earliest := now.Add(-credit); l.due.Before(earliest) {
		l.due = earliest
	}
	if l.next.Before(now) {
		l.next = now
	}
	l.due, l.next = l.due.Add(l.every), l.next.Add(l.every/2)
	l.sent.add(now)
}

// past counts what went, grain by grain, for a little more than a second.
type past struct {
	n    [grains]int32
	sum  int32
	last int64 // the grain that was counted in last
}

// move forgets what is too old.
func (p *past) move(now time.Time) {
	at := now.UnixNano() / int64(grain)
	if at-p.last >= grains {
		*p = past{last: at}
		return
	}
	for p.last < at {
		p.last++
		c := &p.n[p.last%grains]
		p.sum, *c = p.sum-*c, 0
	}
}

func (p *past) add(now time.Time) {
	p.move(now)
	p.n[p.last%grains]++
	p.sum++
}

// until is how long until fewer than most are counted.
func (p *past) until(most int32, now time.Time) time.Duration {
	p.move(now)
	left := p.sum
	for i := int64(1); left >= most && i <= grains; i++ {
		if left -= p.n[(p.last+i)%grains]; left < most {
			return time.Duration((p.last+i)*int64(grain) - now.UnixNano())
		}
	}
	return 0
}
