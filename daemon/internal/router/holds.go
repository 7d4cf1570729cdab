package router

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/store"
)

const (
	keepBatch = 256
	// holdsEvery is how often holds are read without a wake.
	holdsEvery = 10 * time.Second
)

// doChores does what the board may not do under its lock. After stop it does
// what is left and returns.
func (r *Router) doChores(stop <-chan struct{}) {
	for stopped := false; !stopped; {
		select {
		case <-r.board.todo:
		case <-stop:
			stopped = true
		}
		c := r.board.takeChores()
		for _, text := range c.news {
			r.Logger.Warn(text)
		}
		for _, w := range c.opened {
			r.alertOf(w)
		}
		r.park(c.parks)
		r.outcomes.put(c.putOff...)
		r.keeps.put(c.holds...)
	}
}

// keep writes holds down, of one endpoint and reason only the last, and does
// not rest before the store has taken them. That one is late costs a few
// exchanges, which the board refuses by itself.
func (r *Router) keep(cs []holdChange) {
	type key struct{ endpoint, reason string }
	last := make(map[key]int, len(cs))
	for i, c := range cs {
		last[key{c.hold.Endpoint, c.hold.Reason}] = i
	}
	for i, c := range cs {
		if last[key{c.hold.Endpoint, c.hold.Reason}] != i {
			continue
		}
		for failures := 0; ; failures++ {
			err := r.keepOne(c)
			if err == nil {
				break
			}
			if failures == 0 {
				r.Logger.Warn("hold not written; trying again", "endpoint", c.hold.Endpoint, "reason", c.hold.Reason, "error", err)
			}
			if errors.Is(err, store.ErrClosed) || !backoff(r.hard.Done(), failures) {
				return
			}
		}
	}
	r.board.kept(cs)
}

func (r *Router) keepOne(c holdChange) error {
	ctx, cancel := context.WithTimeout(r.hard, settleWait)
	defer cancel()
	if c.release {
		return r.Holds.Release(ctx, c.hold.Endpoint, c.hold.Reason)
	}
	if c.hold.Since.IsZero() {
		c.hold.Since = r.Now()
	}
	return r.Holds.Hold(ctx, c.hold)
}

// watchHolds keeps the board up to the store's holds. Before they were read
// for the first time nothing is received: a router that starts does not call
// what its predecessor found dead.
func (r *Router) watchHolds(stop <-chan struct{}) {
	seeded := func() {
		select {
		case <-r.seeded:
		default:
			close(r.seeded)
		}
	}
	if r.Holds == nil {
		seeded()
		return
	}
	var wake <-chan struct{}
	if r.Wakes != nil {
		l := r.Wakes.Holds.Listen()
		defer l.Close()
		wake = l.C
	}
	t := time.NewTicker(holdsEvery)
	defer t.Stop()
	for failures := 0; ; {
		if err := r.readHolds(); err != nil {
			if failures == 0 {
				r.Logger.Warn("holds can not be read; trying again", "error", err)
			}
			if !backoff(stop, failures) {
				return
			}
			failures++
			continue
		}
		failures = 0
		seeded()
		select {
		case <-wake:
		case <-t.C:
		case <-stop:
			return
		}
	}
}

func (r *Router) readHolds() error {
	ctx, cancel := context.WithTimeout(r.hard, settleWait)
	defer cancel()
	epoch, now := r.board.since(), r.Now()
	holds, err := r.Holds.ListHolds(ctx, now)
	if err != nil {
		return fmt.Errorf("list holds: %w", err)
	}
	r.board.adopt(holds, epoch, now)
	return nil
}
