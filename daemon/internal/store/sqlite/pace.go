package sqlite

import "time"

// Under load the writer waits a little between commits, so that more verbs
// share each: a page that many of them change is then written to the log once
// and not once for each. A lightly loaded writer never waits. It begins to
// pace when it is busy most of the time and stops when it is idle most of the
// time, its waits included.
const (
	paceInterval = time.Millisecond
	paceOn       = 0.7
	paceOff      = 0.3
	paceWeight   = 0.05 // of the latest commit in the average
)

type pace struct {
	timer *time.Timer
	began time.Time
	ended time.Time
	busy  float64 // part of its time that the writer works, on average
	on    bool
}

// gather adds to a group what comes within the interval.
func (p *pace) gather(ops <-chan *op, group []*op) []*op {
	if !p.on || len(group) >= maxGroup {
		return group
	}
	wait := paceInterval - time.Since(p.ended)
	if wait <= 0 {
		return group
	}
	if p.timer == nil {
		p.timer = time.NewTimer(wait)
	} else {
		p.timer.Reset(wait)
	}
	defer p.timer.Stop()
	for len(group) < maxGroup {
		select {
		case o := <-ops:
			group = append(group, o)
		case <-p.timer.C:
			return group
		}
	}
	return group
}

func (p *pace) begin() { p.began = time.Now() }

func (p *pace) end() {
	now := time.Now()
	worked, round := now.Sub(p.began), now.Sub(p.ended)
	p.ended = now
	p.busy += paceWeight * (float64(worked)/float64(max(round, 1)) - p.busy)
	switch {
	case p.busy > paceOn:
		p.on = true
	case p.busy < paceOff:
		p.on = false
	}
}
