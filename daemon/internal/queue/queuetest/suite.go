package queuetest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/queue"
)

// Backend describes a queue to the suite.
type Backend struct {
	// Open opens the queue kept in dir, or a new one. It reads time from now.
	Open func(t testing.TB, dir string, now func() time.Time) queue.Queue
	// Crash ends an open queue as a kill of its process would, possibly in
	// the middle of a verb. The suite opens the same dir again after it.
	Crash func(t testing.TB, q queue.Queue)
	// Inject puts a raw body into an open queue, as a foreign producer would.
	Inject func(t testing.TB, q queue.Queue, body []byte)
	// Settle returns once all published messages survive a crash. It is needed
	// where Features.Linger is above zero.
	Settle func(t testing.TB, q queue.Queue)
	// Features is what the backend promises; opened queues must agree. With a
	// Visibility of minutes no slow machine can end a lease by accident.
	Features queue.Features
}

// Run tries every sentence of queue.Queue on the backend.
func Run(t *testing.T, b Backend) {
	groups := []struct {
		name  string
		cases []testcase
	}{
		{"publish", publishCases},
		{"receive", receiveCases},
		{"ack", ackCases},
		{"nack", nackCases},
		{"extend", extendCases},
		{"dead letters", deadLetterCases},
		{"views", viewCases},
		{"close", closeCases},
		{"crash", crashCases},
		{"concurrency", concurrencyCases},
	}
	for _, g := range groups {
		for _, c := range g.cases {
			t.Run(g.name+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				c.run(newWorld(t, b))
			})
		}
	}
	t.Run("model", func(t *testing.T) {
		t.Parallel()
		checkModel(t, b)
	})
}

type testcase struct {
	name string
	run  func(*world)
}

// patience bounds the wait for something that should come at once. It is long
// because it is only ever used up by a failing test.
const patience = 20 * time.Second

// world is one case's queue, its clock and its hands.
type world struct {
	testing.TB
	backend Backend
	dir     string
	clock   *clock
	q       queue.Queue
	ctx     context.Context
}

func newWorld(t testing.TB, b Backend) *world {
	w := &world{TB: t, backend: b, dir: t.TempDir(), clock: &clock{}, ctx: t.Context()}
	w.open()
	return w
}

func (w *world) open() {
	w.Helper()
	q := w.backend.Open(w, w.dir, w.clock.Now)
	w.q = q
	w.Cleanup(func() {
		if err := q.Close(); err != nil {
			w.Errorf("close the queue: %v", err)
		}
	})
}

// crash kills the queue, when all that was published survives that, and opens
// it again.
func (w *world) crash() {
	w.Helper()
	if w.backend.Features.Linger > 0 {
		w.backend.Settle(w, w.q)
	}
	w.kill()
}

// kill kills the queue as it is and opens it again.
func (w *world) kill() {
	w.Helper()
	w.backend.Crash(w, w.q)
	w.open()
}

func (w *world) publish(messages ...queue.Message) {
	w.Helper()
	if err := w.q.Publish(w.ctx, messages); err != nil {
		w.Fatalf("publish %d messages: %v", len(messages), err)
	}
}

// receive takes exactly n messages, patiently.
func (w *world) receive(n int) []queue.Received {
	w.Helper()
	var all []queue.Received
	for len(all) < n {
		got, err := w.q.Receive(w.ctx, n-len(all), patience)
		if err != nil {
			w.Fatalf("receive: %v", err)
		}
		if len(got) == 0 {
			w.Fatalf("received %d messages, want %d", len(all), n)
		}
		all = append(all, got...)
	}
	return all
}

// nothing checks that no message can be received now.
func (w *world) nothing(why string) {
	w.Helper()
	got, err := w.q.Receive(w.ctx, 10, 0)
	if err != nil {
		w.Fatalf("receive: %v", err)
	}
	if len(got) > 0 {
		w.Fatalf("received %v, want nothing %s", ids(got), why)
	}
}

// receiving starts to receive up to n messages and returns where they will
// appear; an empty one stands in when the queue fails.
func (w *world) receiving(n int) <-chan []queue.Received {
	out := make(chan []queue.Received, 1)
	go func() {
		got, err := w.q.Receive(w.ctx, n, patience)
		if err != nil || len(got) == 0 {
			w.Errorf("receive: %d messages, %v; want one at least", len(got), err)
			got = make([]queue.Received, 1)
		}
		out <- got
	}()
	return out
}

func (w *world) ack(received ...queue.Received) {
	w.Helper()
	if err := w.q.Ack(w.ctx, received); err != nil {
		w.Fatalf("ack: %v", err)
	}
}

func (w *world) nack(delay time.Duration, received ...queue.Received) {
	w.Helper()
	if err := w.q.Nack(w.ctx, received, delay); err != nil {
		w.Fatalf("nack: %v", err)
	}
}

func (w *world) bury(reason string, received ...queue.Received) {
	w.Helper()
	letters := make([]queue.DeadLetter, len(received))
	for i, r := range received {
		letters[i] = queue.DeadLetter{Received: r, Reason: reason}
	}
	if err := w.q.DeadLetter(w.ctx, letters); err != nil {
		w.Fatalf("dead letter: %v", err)
	}
}

func (w *world) dead() []queue.DeadLetter {
	w.Helper()
	letters, err := w.q.DeadLetters(w.ctx, "", 1000)
	if err != nil {
		w.Fatalf("list dead letters: %v", err)
	}
	return letters
}

func (w *world) stats() queue.Stats {
	w.Helper()
	s, err := w.q.Stats(w.ctx)
	if err != nil {
		w.Fatalf("stats: %v", err)
	}
	return s
}

// expire ends every lease that was not extended.
func (w *world) expire() { w.clock.advance(w.backend.Features.Visibility) }

// atOnce checks that what began at start did not end by patience alone.
func (w *world) atOnce(what string, start time.Time) {
	w.Helper()
	if took := time.Since(start); took > patience/4 {
		w.Errorf("%s took %v", what, took)
	}
}

// margin is time enough for a slow machine and small beside a lease.
func (w *world) margin() time.Duration { return w.backend.Features.Visibility / 5 }

// ids of received messages; names for a failure's text.
func ids(received []queue.Received) []string {
	out := make([]string, len(received))
	for i, r := range received {
		out[i] = r.ID
	}
	return out
}

// clock runs with real time and can be pushed ahead, so that a blocked Receive
// sees its timers fire and no test waits for a lease.
type clock struct {
	mu     sync.Mutex
	ahead  time.Duration
	frozen time.Time // when set, only advance moves the clock
}

// Now is the real time plus all that was advanced.
func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.frozen.IsZero() {
		return c.frozen.Add(c.ahead)
	}
	return time.Now().Add(c.ahead)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}
