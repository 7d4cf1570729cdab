package flow

import (
	"slices"
	"time"
)

// Strategy is how the delays of a policy follow each other.
type Strategy uint8

// The strategies, as resource names them.
const (
	Schedule Strategy = iota
	FixedDelay
	ExponentialBackoff
	NoDelay
)

var strategyNames = [...]string{"SCHEDULE", "FIXED_DELAY", "EXPONENTIAL_BACKOFF", "IMMEDIATE"}

func (s Strategy) String() string {
	if int(s) < len(strategyNames) {
		return strategyNames[s]
	}
	return "UNKNOWN"
}

// ParseStrategy reads the name of a strategy.
func ParseStrategy(name string) (Strategy, bool) {
	for i, n := range strategyNames {
		if n == name {
			return Strategy(i), true
		}
	}
	return 0, false
}

// Policy is how a job is retried. A job keeps the policy it was made with.
type Policy struct {
	MaxRetries int             `json:"maxRetries"` // exchanges spent in all
	Strategy   Strategy        `json:"strategy"`
	Schedule   []time.Duration `json:"schedule,omitempty"`
	Jitter     float64         `json:"jitter,omitempty"` // 0.2 is ±20 %
	MaxAge     time.Duration   `json:"maxAge"`           // from the first attempt; 0 is no limit
	Timeout    time.Duration   `json:"timeout"`          // of one exchange
	RetryOn    []int           `json:"retryOn,omitempty"`
}

// MaxBackoff is where EXPONENTIAL_BACKOFF stops doubling.
const MaxBackoff = time.Hour

// DefaultSchedule: at once, then after 1 min, 5 min, 15 min and 1 h, which
// with the default of five exchanges is each of them once.
var DefaultSchedule = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour}

// DefaultPolicy is the policy of a job that names none.
func DefaultPolicy() Policy {
	return Policy{MaxRetries: 5, MaxAge: 24 * time.Hour, Timeout: 30 * time.Second}
}

// Equal compares two policies.
func (p Policy) Equal(o Policy) bool {
	return p.MaxRetries == o.MaxRetries && p.Strategy == o.Strategy && p.Jitter == o.Jitter &&
		p.MaxAge == o.MaxAge && p.Timeout == o.Timeout &&
		slices.Equal(p.Schedule, o.Schedule) && slices.Equal(p.RetryOn, o.RetryOn)
}

// Delay is the wait after the spent-th spent exchange, from 1, before the
// next. Roll is a random number from 0 up to 1 that places it within the
// jitter.
func (p Policy) Delay(spent int, roll float64) time.Duration {
	schedule := p.Schedule
	if len(schedule) == 0 {
		schedule = DefaultSchedule
	}
	k := max(spent-1, 0)
	var d time.Duration
	switch p.Strategy {
	case NoDelay:
		return 0
	case FixedDelay:
		d = schedule[0]
	case ExponentialBackoff:
		d = schedule[0]
		for ; k > 0 && d < MaxBackoff; k-- {
			d *= 2
		}
		d = min(d, max(MaxBackoff, schedule[0]))
	default:
		d = schedule[min(k, len(schedule)-1)]
	}
	if p.Jitter > 0 {
		d = time.Duration(float64(d) * (1 + p.Jitter*(2*roll-1)))
	}
	return d
}
