//go:build unix

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// recordWindow is how long before a kill an answer may have come that was not
// written down any more.
const recordWindow = 2 * time.Second

// recorder is the receiver of the kill test. It remembers every exchange.
type recorder struct {
	*httptest.Server

	mu        sync.Mutex
	promised  map[string]string // event id → subject, for each 2xx
	exchanges []*exchange       // in the order of arrival
	reached   map[string]int    // event id → subscriptions that got it
	kills     []time.Time       // when the process was known to be dead
	fresh     *sync.Cond        // something was delivered
}

type exchange struct {
	event, subject, group, job string
	path                       string // names the subscription
	attempt                    int
	arrived, answered          time.Time // answered is zero if it never was
	status                     int
	life                       int // kills before it arrived
}

func newRecorder(t *testing.T) *recorder {
	r := &recorder{promised: map[string]string{}, reached: map[string]int{}}
	r.fresh = sync.NewCond(&r.mu)
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

// ServeHTTP takes up to 10 ms for an answer, and fails now and then.
func (r *recorder) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	x := &exchange{arrived: time.Now(), path: q.URL.Path, job: q.Header.Get("X-FlowCatalyst-Dispatch-Job-Id")}
	var body struct{ ID, Subject, MessageGroup string }
	var err error
	if err = json.NewDecoder(q.Body).Decode(&body); err == nil {
		x.attempt, err = strconv.Atoi(q.Header.Get("X-FlowCatalyst-Attempt"))
	}
	if err != nil {
		// A request that a kill cut in the middle was never sent as a whole.
		http.Error(w, "unreadable", http.StatusBadRequest)
		return
	}
	x.event, x.subject, x.group = body.ID, body.Subject, body.MessageGroup
	r.mu.Lock()
	x.life = len(r.kills)
	r.exchanges = append(r.exchanges, x)
	r.mu.Unlock()

	work := time.NewTimer(time.Duration(rand.IntN(10)) * time.Millisecond)
	defer work.Stop()
	select {
	case <-work.C:
	case <-q.Context().Done():
		return // the caller is gone
	}
	status := http.StatusOK
	if rand.IntN(50) == 0 {
		status = http.StatusServiceUnavailable
	}
	r.mu.Lock()
	x.answered, x.status = time.Now(), status
	if status == http.StatusOK {
		r.reached[x.event+x.path]++
		r.fresh.Broadcast()
	}
	r.mu.Unlock()
	w.WriteHeader(status)
}

func (r *recorder) promise(id, subject string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.promised[id] = subject
}

func (r *recorder) killed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.kills = append(r.kills, time.Now())
}

func (r *recorder) accepted() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.promised)
}

func (r *recorder) delivered() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.reached)
}

// missing counts deliveries that were promised and did not come yet.
func (r *recorder) missing() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.open()
}

func (r *recorder) open() int {
	n := 0
	for id := range r.promised {
		for _, path := range []string{"/block-on-error", "/immediate"} {
			if r.reached[id+path] == 0 {
				n++
			}
		}
	}
	return n
}

// room waits until few enough deliveries are open; false if ctx ended first.
func (r *recorder) room(ctx context.Context) bool {
	defer context.AfterFunc(ctx, r.fresh.Broadcast)()
	r.mu.Lock()
	defer r.mu.Unlock()
	for ctx.Err() == nil && 2*len(r.promised)-len(r.reached) > maxOpen {
		r.fresh.Wait()
	}
	return ctx.Err() == nil
}

// account looks at everything that happened.
func (r *recorder) account(t *testing.T) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := r.open(); n > 0 {
		t.Errorf("lost: %d deliveries of events that had been accepted never came", n)
	}
	r.accountIdentity(t)
	r.accountOrder(t)
	r.accountDuplicates(t)
}

// accountIdentity: one job for each event and subscription, and no attempt
// number twice, whatever was killed when.
func (r *recorder) accountIdentity(t *testing.T) {
	jobs := map[string]string{}
	attempts := map[string]bool{}
	for _, x := range r.exchanges {
		if was, seen := jobs[x.event+x.path]; seen && was != x.job {
			t.Errorf("event %s came to %s as job %s and as job %s", x.subject, x.path, was, x.job)
		}
		jobs[x.event+x.path] = x.job
		number := fmt.Sprintf("%s attempt %d", x.job, x.attempt)
		if attempts[number] {
			t.Errorf("job %s came twice", number)
		}
		attempts[number] = true
	}
}

// accountOrder: within a group, an event never comes after one that was
// accepted later, and not before the exchange of the one before has ended.
func (r *recorder) accountOrder(t *testing.T) {
	last := map[string]*exchange{}
	for _, x := range r.exchanges {
		if x.path != "/block-on-error" || x.group == "" {
			continue
		}
		was := last[x.group]
		last[x.group] = x
		if was == nil {
			continue
		}
		if number(t, x) < number(t, was) {
			t.Errorf("group %s: %s came after %s", x.group, x.subject, was.subject)
		}
		if was.life == x.life && (was.answered.IsZero() || was.answered.After(x.arrived)) {
			t.Errorf("group %s: %s (attempt %d) came while %s (attempt %d) was going on", x.group, x.subject, x.attempt, was.subject, was.attempt)
		}
		if was.subject != x.subject && was.status != http.StatusOK {
			t.Errorf("group %s: %s came although %s had not been delivered", x.group, x.subject, was.subject)
		}
	}
}

// number is an event's place in the order of its publisher.
func number(t *testing.T, x *exchange) int {
	_, n, _ := strings.Cut(x.subject, "/")
	v, err := strconv.Atoi(n)
	if err != nil {
		t.Fatalf("subject %q: %v", x.subject, err)
	}
	return v
}

// accountDuplicates: a delivery is repeated only if a kill hit it on the way,
// or between its answer and the writing down of it.
func (r *recorder) accountDuplicates(t *testing.T) {
	last := map[string]*exchange{}
	cut := make([]int, len(r.kills)) // exchanges that a kill hit on the way
	repeated := 0
	for _, x := range r.exchanges {
		was := last[x.job]
		last[x.job] = x
		if was == nil || was.status == http.StatusServiceUnavailable {
			continue
		}
		repeated++
		kill := slices.IndexFunc(r.kills, func(k time.Time) bool { return k.After(was.arrived) && !k.After(x.arrived) })
		switch {
		case kill < 0:
			t.Errorf("%s came to %s twice without a kill in between", x.subject, x.path)
		case was.answered.IsZero() || was.answered.After(r.kills[kill]):
			cut[kill]++
		case r.kills[kill].Sub(was.answered) > recordWindow:
			t.Errorf("%s came to %s again, although it was answered %s before the kill", x.subject, x.path, r.kills[kill].Sub(was.answered))
		}
	}
	for i, n := range cut {
		if n > 2*concurrency {
			t.Errorf("kill %d: %d deliveries were on the way, with %d slots", i+1, n, 2*concurrency)
		}
	}
	t.Logf("%d kills, %d events accepted, %d exchanges, %d of them repetitions", len(r.kills), len(r.promised), len(r.exchanges), repeated)
}
