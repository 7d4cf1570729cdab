package queuetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/queue"
)

var crashCases = []testcase{
	{"what was published survives", func(w *world) {
		all := Tickets("job-1", 300)
		w.publish(all...)
		w.crash()
		seen := map[string]bool{}
		for _, r := range w.receive(len(all)) {
			if string(r.Payload) != string(all[r.Ticket-1].Payload) {
				w.Errorf("%s carries %q", r.ID, r.Payload)
			}
			seen[r.ID] = true
		}
		if len(seen) != len(all) {
			w.Errorf("%d messages survived, want %d", len(seen), len(all))
		}
	}},
	{"foreign messages survive, and so do the tickets of their batch", func(w *world) {
		w.publish(Tickets("job-1", 5)...) // these may linger
		w.publish(append(Foreign("order", 5), Tickets("job-2", 5)...)...)
		w.publish(Foreign("invoice", 5)...)
		w.kill()
		seen := map[string]bool{}
		for _, r := range w.drain() {
			seen[r.ID] = true
		}
		want := append(Foreign("order", 5), Foreign("invoice", 5)...)
		for _, m := range append(want, Tickets("job-2", 5)...) {
			if !seen[m.ID] {
				w.Errorf("%s is lost", m.ID)
			}
		}
	}},
	{"leases and delays end", func(w *world) {
		w.publish(Tickets("job-1", 6)...)
		got := w.receive(4)
		w.nack(time.Minute, got[0])
		w.ack(got[1])
		w.crash()
		w.clock.advance(time.Minute)
		seen := ids(w.receive(5))
		slices.Sort(seen)
		if len(slices.Compact(seen)) != 5 || slices.Contains(seen, got[1].ID) {
			w.Errorf("received %v, want all but %s", seen, got[1].ID)
		}
		w.nothing("as all are leased")
	}},
	{"a handle from before does no harm", func(w *world) {
		w.publish(Tickets("job-1", 3)...)
		old := w.receive(3)
		w.crash()
		fresh := w.receive(3)
		// Whatever these answer, they must not touch the new leases.
		_ = w.q.Ack(w.ctx, old[:1])
		_ = w.q.Nack(w.ctx, old[1:2], 0)
		w.bury("stale", old[2])
		if err := w.q.Extend(w.ctx, fresh, w.backend.Features.Visibility); err != nil {
			w.Errorf("extend: %v", err)
		}
		w.nothing("as all are leased")
		w.nack(0, fresh...)
		w.ack(w.receive(3)...)
	}},
	{"in the middle of everything loses nothing", func(w *world) {
		for round := range 5 {
			crashAmidTraffic(w, round)
		}
	}},
	{"in the middle of burying leaves each message in one place", func(w *world) {
		if !w.backend.Features.DeadLetters {
			return
		}
		const n = 200
		w.publish(Tickets("job-1", n/2)...)
		w.publish(Foreign("order", n/2)...)
		got := w.receive(n)
		var wg sync.WaitGroup
		stop := make(chan struct{})
		var once sync.Once
		for chunk := range slices.Chunk(got, 5) {
			wg.Go(func() {
				var letters []queue.DeadLetter
				for _, r := range chunk {
					letters = append(letters, queue.DeadLetter{Received: r, Reason: "poison"})
				}
				// It may fail, since the crash comes while this runs.
				if err := w.q.DeadLetter(w.ctx, letters); err == nil {
					once.Do(func() { close(stop) })
				}
			})
		}
		<-stop
		w.backend.Crash(w, w.q)
		wg.Wait()
		w.open()
		places := map[string]int{}
		for _, l := range w.dead() {
			places[l.ID]++
		}
		for _, r := range w.drain() {
			places[r.ID]++
		}
		for id, n := range places {
			if n != 1 {
				w.Errorf("%s is in %d places", id, n)
			}
		}
		for _, r := range got {
			// A ticket may have lingered until the crash.
			if places[r.ID] == 0 && (r.JobID == "" || w.backend.Features.Linger == 0) {
				w.Errorf("%s is lost", r.ID)
			}
		}
	}},
}

// crashAmidTraffic lets publishers and receivers run, kills the queue under
// them, and compares what they were told with what a new one holds.
func crashAmidTraffic(w *world, round int) {
	w.Helper()
	var (
		mu        sync.Mutex
		published = map[string]bool{} // Publish returned nil
		touched   = map[string]bool{} // Ack was called
		acked     = map[string]bool{} // Ack returned nil
		wg        sync.WaitGroup
		done      atomic.Int64
		enough    = make(chan struct{})
		once      sync.Once
		q         = w.q
	)
	note := func(set map[string]bool, names ...string) {
		mu.Lock()
		defer mu.Unlock()
		for _, n := range names {
			set[n] = true
		}
	}
	quorum := 20 + rand.Int64N(60)
	for p := range 3 {
		wg.Go(func() {
			for i := 0; ; i++ {
				batch := Foreign(fmt.Sprintf("order-%d-%d-%d", round, p, i), 1+i%7)
				if w.backend.Features.Linger == 0 || i%5 == 0 {
					// Beside foreign messages no ticket lingers.
					batch = append(batch, Tickets(fmt.Sprintf("job-%d-%d-%d", round, p, i), 1+i%7)...)
				}
				if err := q.Publish(w.ctx, batch); err != nil {
					once.Do(func() { close(enough) })
					return
				}
				for _, m := range batch {
					note(published, m.ID)
				}
				if done.Add(1) >= quorum {
					once.Do(func() { close(enough) })
				}
			}
		})
	}
	for range 3 {
		wg.Go(func() {
			for {
				got, err := q.Receive(w.ctx, 10, patience)
				if err != nil {
					return
				}
				got = got[:len(got)/2] // the others stay leased
				note(touched, ids(got)...)
				if err := q.Ack(w.ctx, got); err != nil {
					return
				}
				note(acked, ids(got)...)
			}
		})
	}
	<-enough
	if n := done.Load(); n < quorum {
		w.Errorf("publishing failed after %d batches", n)
	}
	w.backend.Crash(w, q)
	wg.Wait()
	w.open()

	left := map[string]bool{}
	for _, r := range w.drain() {
		if left[r.ID] {
			w.Errorf("%s is there twice", r.ID)
		}
		left[r.ID] = true
		if acked[r.ID] {
			w.Errorf("%s came back although it was acked", r.ID)
		}
	}
	for id := range published {
		if !touched[id] && !left[id] {
			w.Errorf("%s was published and is lost", id)
		}
	}
}

// drain takes everything that can be received now.
func (w *world) drain() []queue.Received {
	w.Helper()
	var all []queue.Received
	for {
		got, err := w.q.Receive(w.ctx, 100, 0)
		if err != nil {
			w.Fatalf("receive: %v", err)
		}
		if len(got) == 0 {
			return all
		}
		w.ack(got...)
		all = append(all, got...)
	}
}
