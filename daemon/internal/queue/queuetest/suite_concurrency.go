package queuetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"

	"github.com/flowcatalyst/fc/daemon/internal/queue"
)

var concurrencyCases = []testcase{
	{"many publishers and receivers lose and duplicate nothing", func(w *world) {
		traffic(w, func(*tally, []queue.Received) int { return 0 })
	}},
	{"returned messages are held by one at a time", func(w *world) {
		traffic(w, func(_ *tally, got []queue.Received) int { return rand.IntN(len(got) + 1) })
	}},
}

// tally is what the receivers saw together.
type tally struct {
	mu    sync.Mutex
	held  map[string]bool
	nacks map[string]int
	acked map[string]int
}

// traffic publishes from four goroutines and receives in four others. Of each
// received batch the first returned(batch) messages are nacked, the rest acked.
func traffic(w *world, returned func(*tally, []queue.Received) int) {
	const publishers, batches, size = 4, 30, 8
	t := &tally{held: map[string]bool{}, nacks: map[string]int{}, acked: map[string]int{}}
	ctx, cancel := context.WithCancel(w.ctx)
	defer cancel()
	var wg sync.WaitGroup
	for p := range publishers {
		wg.Go(func() {
			for b := range batches {
				if err := w.q.Publish(ctx, Tickets(fmt.Sprintf("job-%d-%d", p, b), size)); err != nil {
					w.Errorf("publish: %v", err)
					cancel()
				}
			}
		})
	}
	for range 4 {
		wg.Go(func() {
			for {
				got, err := w.q.Receive(ctx, 1+rand.IntN(20), patience)
				if err != nil {
					if !errors.Is(err, context.Canceled) {
						w.Errorf("receive: %v", err)
						cancel()
					}
					return
				}
				if len(got) == 0 {
					w.Errorf("nothing came for %v", patience)
					cancel()
					return
				}
				if err := t.settle(w, got, returned(t, got)); err != nil {
					w.Error(err)
					cancel()
					return
				}
				if t.complete(publishers * batches * size) {
					cancel()
				}
			}
		})
	}
	wg.Wait()
	if len(t.acked) != publishers*batches*size {
		w.Errorf("%d messages were acked, want %d", len(t.acked), publishers*batches*size)
	}
	for id, n := range t.acked {
		if n != 1 {
			w.Errorf("%s was acked %d times", id, n)
		}
	}
	if s := w.stats(); s.Pending+s.InFlight != 0 {
		w.Errorf("stats %+v, want an empty queue", s)
	}
}

func (t *tally) settle(w *world, got []queue.Received, back int) error {
	t.mu.Lock()
	for _, r := range got {
		if t.held[r.ID] {
			t.mu.Unlock()
			return fmt.Errorf("%s is held by two", r.ID)
		}
		t.held[r.ID] = true
		if r.Deliveries != t.nacks[r.ID]+1 {
			w.Errorf("%s has %d deliveries after %d nacks", r.ID, r.Deliveries, t.nacks[r.ID])
		}
	}
	t.mu.Unlock()
	runtime.Gosched() // a thief would come now
	t.mu.Lock()
	for i, r := range got {
		if i < back {
			// From here on someone else may receive it; what is acked stays
			// held for ever.
			delete(t.held, r.ID)
			t.nacks[r.ID]++
		} else {
			t.acked[r.ID]++
		}
	}
	t.mu.Unlock()
	// The verb outlives the end of the traffic: the last ack must count.
	return errors.Join(w.q.Nack(w.ctx, got[:back], 0), w.q.Ack(w.ctx, slices.Clone(got[back:])))
}

func (t *tally) complete(n int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.acked) == n
}
