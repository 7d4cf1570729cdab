package queuetest

import "time"

// Verb names a method of queue.Queue for Fail and FailAfter.
type Verb string

// The verbs that can fail on request.
const (
	Publish     Verb = "publish"
	Receive     Verb = "receive"
	Ack         Verb = "ack"
	Nack        Verb = "nack"
	Extend      Verb = "extend"
	DeadLetter  Verb = "dead letter"
	DeadLetters Verb = "list dead letters"
	Stats       Verb = "stats"
	Peek        Verb = "peek"
)

type faults struct {
	before, after          map[Verb]*failure
	drop, duplicate, delay int
	delayBy                time.Duration
}

type failure struct {
	times int
	err   error
}

// Fail lets the next times calls of a verb return err without any effect.
func (f *Fake) Fail(v Verb, times int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.faults.before == nil {
		f.faults.before = map[Verb]*failure{}
	}
	f.faults.before[v] = &failure{times, err}
}

// FailAfter lets the next times calls of a verb take effect and return err all
// the same, as when a broker's answer is lost. A Receive that fails so has
// leased its messages to nobody: they return when Visibility is over.
func (f *Fake) FailAfter(v Verb, times int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.faults.after == nil {
		f.faults.after = map[Verb]*failure{}
	}
	f.faults.after[v] = &failure{times, err}
}

// Drop loses the next n published messages although Publish returns nil.
func (f *Fake) Drop(n int) { f.set(&f.faults.drop, n) }

// Duplicate lets the next n published messages be received twice.
func (f *Fake) Duplicate(n int) { f.set(&f.faults.duplicate, n) }

// Delay hides the next n published messages for d.
func (f *Fake) Delay(n int, d time.Duration) {
	f.mu.Lock()
	f.faults.delayBy = d
	f.mu.Unlock()
	f.set(&f.faults.delay, n)
}

// ExpireLeases ends every lease now, as if Visibility had passed.
func (f *Fake) ExpireLeases() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, it := range f.items {
		if it.lease != nil {
			it.due = time.Time{}
		}
	}
	f.wake()
}

func (f *Fake) set(n *int, v int) {
	f.mu.Lock()
	*n = v
	f.mu.Unlock()
}

func (s *faults) next(v Verb) (before, after error) {
	return s.before[v].next(), s.after[v].next()
}

func (s *failure) next() error {
	if s == nil || !take(&s.times) {
		return nil
	}
	return s.err
}

func take(n *int) bool {
	if *n < 1 {
		return false
	}
	*n--
	return true
}
