package pace

import "time"

// Controller finds out how many exchanges at once a pool bears. It is called
// under the board's lock.
type Controller interface {
	// Observe takes an exchange: how long it took, what it says about its
	// endpoint, and how many ran in the pool, it included. The norm is what
	// the controller knows of that endpoint: keep one for each in the pool,
	// zero at first.
	Observe(n *Norm, took time.Duration, o Outcome, running int, now time.Time)
	// Limit is how many may run at once, at least 1.
	Limit() int
}

var _ Controller = (*Adaptive)(nil)
