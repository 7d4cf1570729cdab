package pace

import "time"

const (
	// firstSteps is how many exchanges at once an endpoint begins with.
	firstSteps = 8
	// unsound is how many failures in a row make an endpoint suspect.
	unsound = 3
	// idle is after how long an endpoint is as good as new.
	idle = time.Minute
)

// Ramp is how many exchanges at once an endpoint may have: few at first, one
// more for each that succeeds, half for each that fails. The zero value is new.
type Ramp struct {
	level int
	seen  time.Time
	sound bool
	row   int // failures in a row
}

// Level is how many may run at now.
func (r *Ramp) Level(now time.Time) int {
	if r.fresh(now) {
		return firstSteps
	}
	return r.level
}

// Sound says that the endpoint has answered well of late, and that no more
// than a failure or two came after that.
func (r *Ramp) Sound(now time.Time) bool { return r.sound && !r.fresh(now) }

func (r *Ramp) fresh(now time.Time) bool { return r.level == 0 || now.Sub(r.seen) > idle }

// Touch notes that an exchange begins or has ended.
func (r *Ramp) Touch(now time.Time) {
	if r.fresh(now) {
		r.level, r.sound, r.row = firstSteps, false, 0
	}
	r.seen = now
}

// Observe takes the outcome of an exchange; top is the most that the ramp
// needs to allow.
func (r *Ramp) Observe(o Outcome, top int, now time.Time) {
	r.Touch(now)
	switch o {
	case Success:
		r.sound, r.row = true, 0
		r.level = max(min(r.level+1, top), 1)
	case Failure:
		r.level = max(r.level/2, 1)
		if r.row++; r.row >= unsound {
			r.sound = false
		}
	}
}
