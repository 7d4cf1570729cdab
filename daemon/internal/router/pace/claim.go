package pace

import "time"

// Claim is what one endpoint's wish for one more slot of a pool is judged by.
//
// A slot is worth the time that it is gone for. One that a quick receiver has
// is back in milliseconds, so it may take whatever is free; one that a hanging
// receiver has is gone until the timeout, and nothing brings it back. So some
// slots are always kept for those who are known to give them back, and who is
// not known yet, or fails, or shows nothing for its slots, gets by with little
// while the pool has other endpoints.
type Claim struct {
	Slots int // of the pool
	Taken int // by all its endpoints
	Mine  int // by this one

	Known   int // endpoints that the pool had of late
	Asking  int // those of them that have work now
	Suspect int // slots taken by endpoints that are not sound

	Sound bool // see Ramp
	Stuck bool // see Stuck
}

// reserve is the part of the slots that is kept for sound endpoints which
// have less than their share.
func (c *Claim) reserve() int { return c.Slots / 8 }

// Share is how many slots the endpoint may have without leaving any free: an
// equal part, and not all while others may come.
func (c *Claim) Share() int {
	share := c.Slots / max(c.Asking, 1)
	if c.Asking < c.Known {
		share = min(share, c.Slots-c.reserve())
	}
	return max(share, 1)
}

// Granted says whether it gets the slot.
func (c *Claim) Granted() bool {
	left := c.Slots - c.Taken - 1
	switch {
	case left < 0:
		return false
	case c.Known <= 1:
		return true
	case !c.Sound && c.Mine == 0:
		return left >= c.reserve()
	case !c.Sound:
		return left >= c.reserve() && c.Suspect < max(c.reserve(), 1)
	case c.Stuck && c.Mine > 0:
		return left >= c.Slots/2
	case c.Mine < c.Share():
		return true
	}
	return left >= c.reserve()
}

// stuckAfter is for how long an endpoint may show nothing at least.
const stuckAfter = 250 * time.Millisecond

// Stuck says that an endpoint has slots and nothing has begun or ended in them
// for much longer than an exchange of its pool usually takes.
func Stuck(running int, moved time.Time, usual time.Duration, now time.Time) bool {
	return running > 0 && now.Sub(moved) > max(stuckAfter, 5*usual)
}
