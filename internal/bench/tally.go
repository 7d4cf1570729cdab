package main

import (
	"fmt"
	"math"
	"slices"
	"sync"
	"time"
)

// An expectation says what is about to arrive.
type expectation struct {
	Paths  int  `json:"paths"`  // subscriptions, each with a path of its own
	Events int  `json:"events"` // every path gets each of them once
	Groups int  `json:"groups"` // within which order is watched
	Signed bool `json:"signed"` // deliveries carry webhook-id and webhook-signature
	Spread bool `json:"spread"` // each event is for one path only: its number modulo paths
	Mute   int  `json:"mute"`   // so many paths, the last, are not expected to take anything
	Log    bool `json:"log"`    // every arrival is written down
}

// A verdict is what came of an expectation.
type verdict struct {
	Expected        int      `json:"expected"`
	Arrived         int      `json:"arrived"` // distinct deliveries
	Losses          int      `json:"losses"`
	Duplicates      int      `json:"duplicates"`
	OrderViolations int      `json:"orderViolations"`
	Unsigned        int      `json:"unsigned"`
	Strange         int      `json:"strange"` // bodies and paths that nobody announced
	Refused         int      `json:"refused"` // requests that the receiver failed on purpose
	Examples        []string `json:"examples,omitempty"`

	FirstArrival int64         `json:"firstArrival"` // Unix nanoseconds
	LastArrival  int64         `json:"lastArrival"`  // of a delivery that was not a duplicate
	P50          time.Duration `json:"p50"`          // from just before the publishing request
	P95          time.Duration `json:"p95"`
	P99          time.Duration `json:"p99"`
	Max          time.Duration `json:"max"`
}

// maxExamples bounds how many oddities a verdict describes in words.
const maxExamples = 5

// A tally keeps the books of one expectation.
type tally struct {
	want expectation
	done chan struct{} // closed when every expected delivery has arrived

	mu        sync.Mutex
	v         verdict
	newest    time.Time  // when anything arrived last, duplicates included
	jobs      [][]string // path, seq → job id of the first arrival
	seen      [][]bool   // path, seq
	highest   [][]int    // path, group → highest seq so far, from 1; 0 is none
	refused   [][]int    // path, group → seq that was refused and not taken since, from 1
	latencies []time.Duration
	log       []arrival
}

// An arrival is one request, as the log has it.
type arrival struct {
	At      int64 `json:"at"`     // Unix nanoseconds
	SentAt  int64 `json:"sentAt"` // of the event
	Path    int   `json:"path"`
	Seq     int   `json:"seq"`
	Refused bool  `json:"refused,omitempty"`
	// Begun is when the request was made by the sender's account, in RFC 3339.
	Begun string `json:"begun,omitempty"`
}

func newTally(want expectation) *tally {
	t := &tally{want: want, done: make(chan struct{}), newest: time.Now()}
	t.v.Expected = want.expected()
	t.latencies = make([]time.Duration, 0, t.v.Expected)
	books := want.Paths
	if want.Spread {
		books = min(books, 1)
	}
	for range books {
		t.seen = append(t.seen, make([]bool, want.Events))
		t.highest = append(t.highest, make([]int, want.Groups))
		t.refused = append(t.refused, make([]int, want.Groups))
		if want.Signed {
			t.jobs = append(t.jobs, make([]string, want.Events))
		}
	}
	if t.v.Expected == 0 {
		close(t.done)
	}
	return t
}

// expected is how many deliveries there will be.
func (x expectation) expected() int {
	if !x.Spread {
		return (x.Paths - x.Mute) * x.Events
	}
	n := 0
	for seq := range x.Events {
		if seq%x.Paths < x.Paths-x.Mute {
			n++
		}
	}
	return n
}

// A delivery is one request as the receiver saw it.
type delivery struct {
	path    int
	item    item
	ok      bool // the body could be read
	job     string
	attempt string
	signed  bool
	refused bool // the receiver fails it on purpose
	begun   string
	at      time.Time
}

// add books one arrival.
func (t *tally) add(d delivery) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.newest = d.at
	it := d.item
	if !d.ok || d.path < 0 || d.path >= t.want.Paths || it.seq >= t.want.Events || it.group >= t.want.Groups {
		t.v.Strange++
		t.example("a delivery nobody announced: path %d, seq %d, group %d, job %s", d.path, it.seq, it.group, d.job)
		return
	}
	if t.want.Log {
		t.log = append(t.log, arrival{d.at.UnixNano(), it.sentAt, d.path, it.seq, d.refused, d.begun})
	}
	if t.want.Signed && !d.signed {
		t.v.Unsigned++
	}
	if d.path >= t.want.Paths-t.want.Mute {
		return
	}
	if t.want.Spread {
		if it.seq%t.want.Paths != d.path {
			t.v.Strange++
			t.example("event %d came to path %d, which is not its own", it.seq, d.path)
			return
		}
		d.path = 0
	}
	t.checkOrder(d)
	if d.refused {
		t.v.Refused++
		return
	}
	if t.seen[d.path][it.seq] {
		t.v.Duplicates++
		first := "a raw post"
		if t.want.Signed {
			first = "job " + t.jobs[d.path][it.seq]
		}
		t.example("event %d came twice on path %d: first as %s, now as job %s, attempt %s", it.seq, d.path, first, d.job, d.attempt)
		return
	}
	t.seen[d.path][it.seq] = true
	if t.want.Signed {
		t.jobs[d.path][it.seq] = d.job
	}
	at := d.at.UnixNano()
	if t.v.Arrived == 0 {
		t.v.FirstArrival = at
	}
	t.v.LastArrival = max(t.v.LastArrival, at)
	t.latencies = append(t.latencies, time.Duration(at-it.sentAt))
	if t.v.Arrived++; t.v.Arrived == t.v.Expected {
		close(t.done)
	}
}

// checkOrder books an arrival's place in its group: none comes after one that
// was published later, and none while another is refused and not taken yet.
func (t *tally) checkOrder(d delivery) {
	it, highest, refused := d.item, &t.highest[d.path][d.item.group], &t.refused[d.path][d.item.group]
	switch {
	case t.seen[d.path][it.seq]: // a duplicate is counted as one
		return
	case it.seq+1 < *highest:
		t.v.OrderViolations++
		t.example("event %d of group g%d came after event %d on path %d", it.seq, it.group, *highest-1, d.path)
		return
	case *refused != 0 && *refused != it.seq+1:
		t.v.OrderViolations++
		t.example("event %d of group g%d came while event %d was refused, on path %d", it.seq, it.group, *refused-1, d.path)
	}
	*highest, *refused = it.seq+1, 0
	if d.refused {
		*refused = it.seq + 1
	}
}

// arrivals returns the log so far.
func (t *tally) arrivals() []arrival {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.log)
}

func (t *tally) example(format string, args ...any) {
	if len(t.v.Examples) < maxExamples {
		t.v.Examples = append(t.v.Examples, fmt.Sprintf(format, args...))
	}
}

// quiet says for how long nothing has arrived.
func (t *tally) quiet(now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return now.Sub(t.newest)
}

// verdict closes nothing: it may be asked for at any time.
func (t *tally) verdict() verdict {
	t.mu.Lock()
	v := t.v
	v.Examples = slices.Clone(v.Examples)
	sorted := slices.Clone(t.latencies)
	t.mu.Unlock()

	v.Losses = v.Expected - v.Arrived
	slices.Sort(sorted)
	v.P50, v.P95, v.P99, v.Max = quantile(sorted, 0.50), quantile(sorted, 0.95), quantile(sorted, 0.99), quantile(sorted, 1)
	return v
}

// quantile returns the nearest-rank quantile of sorted values, 0 of none.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(q * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}
