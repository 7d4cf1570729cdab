package queuetest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/queue"
)

var viewCases = []testcase{
	{"features are what the backend declares", func(w *world) {
		if got := w.q.Features(); got != w.backend.Features {
			w.Errorf("features %+v, want %+v", got, w.backend.Features)
		}
	}},
	{"stats follow a message through its life", func(w *world) {
		check := func(when string, pending, inFlight, dead int64) {
			w.Helper()
			s := w.stats()
			if s.Pending != pending || s.InFlight != inFlight || s.DeadLetters != dead {
				w.Errorf("%s: stats %+v, want %d pending, %d in flight, %d dead", when, s, pending, inFlight, dead)
			}
		}
		check("at first", 0, 0, 0)
		w.publish(Tickets("job-1", 4)...)
		check("after publish", 4, 0, 0)
		got := w.receive(3)
		check("after receive", 1, 3, 0)
		w.ack(got[0])
		check("after ack", 1, 2, 0)
		w.nack(time.Hour, got[1])
		check("after nack", 2, 1, 0)
		w.bury("poison", got[2])
		check("after dead letter", 2, 0, 1)
		w.receive(1)
		w.expire()
		check("after the lease", 2, 0, 1)
		w.crash()
		check("after a crash", 2, 0, 1)
	}},
	{"the oldest message's age is known", func(w *world) {
		if age := w.stats().OldestAge; age != 0 {
			w.Errorf("an empty queue is %v old, want 0", age)
		}
		w.publish(Tickets("job-1", 1)...)
		w.clock.advance(time.Minute)
		w.publish(Tickets("job-2", 1)...)
		r := w.receive(1)
		if age := w.stats().OldestAge; age < time.Minute || age > 2*time.Minute {
			w.Errorf("the oldest message is %v old, want a minute", age)
		}
		w.ack(r...)
		if age := w.stats().OldestAge; age > time.Minute {
			w.Errorf("after ack the oldest message is %v old, want nearly nothing", age)
		}
	}},
	{"peek shows without leasing", func(w *world) {
		if !w.backend.Features.Peek {
			if _, err := w.q.Peek(w.ctx, 1); !errors.Is(err, queue.ErrUnsupported) {
				w.Errorf("peek: %v, want ErrUnsupported", err)
			}
			return
		}
		w.publish(Tickets("job-1", 5)...)
		got := w.receive(2)
		for _, limit := range []int{3, 100, 0} {
			page, err := w.q.Peek(w.ctx, limit)
			if err != nil || len(page) != min(limit, 5) {
				w.Fatalf("peek %d: %d messages, %v", limit, len(page), err)
			}
			for i, m := range page {
				if m.Ticket != int64(i+1) || len(m.Payload) == 0 {
					w.Errorf("message %d is %s with payload %q", i, m.ID, m.Payload)
				}
			}
		}
		w.ack(got...)
		if page, err := w.q.Peek(w.ctx, 100); err != nil || len(page) != 3 {
			w.Errorf("after two acks peek shows %d, %v; want 3", len(page), err)
		}
		w.receive(3)
	}},
	{"a redriver puts dead letters back", func(w *world) {
		r, ok := w.q.(queue.Redriver)
		if !ok {
			return
		}
		w.publish(append(Tickets("job-1", 2), Foreign("order", 1)...)...)
		w.bury("no use", w.receive(3)...)
		w.backend.Inject(w, w.q, []byte("not a message"))
		w.bury("unreadable", w.receive(1)...)
		all, err := w.q.DeadLetters(w.ctx, "", 10)
		if err != nil || len(all) != 4 {
			w.Fatalf("dead letters: %d, %v", len(all), err)
		}
		// One that can not be used keeps the others where they are.
		if err := r.Redrive(w.ctx, all); !errors.Is(err, queue.ErrInvalid) {
			w.Errorf("redrive of an unreadable one: %v, want ErrInvalid", err)
		}
		if s := w.stats(); s.Pending != 0 || s.DeadLetters != 4 {
			w.Errorf("stats %+v, want nothing moved", s)
		}
		if err := r.Redrive(w.ctx, all[1:3]); err != nil {
			w.Fatalf("redrive: %v", err)
		}
		if s := w.stats(); s.Pending != 2 || s.DeadLetters != 2 {
			w.Errorf("stats %+v, want 2 pending and 2 dead letters", s)
		}
		if err := r.Redrive(w.ctx, all[:2]); !errors.Is(err, queue.ErrGone) {
			w.Errorf("redrive of one that is gone: %v, want ErrGone", err)
		}
		w.crash()
		if s := w.stats(); s.Pending != 2 || s.DeadLetters != 2 {
			w.Errorf("after a crash: stats %+v, want 2 pending and 2 dead letters", s)
		}
		got := w.receive(2)
		if !slices.Equal(ids(got), []string{all[1].ID, all[2].ID}) || got[0].Deliveries != 1 || string(got[0].Payload) != string(all[1].Payload) {
			w.Errorf("received %+v", got)
		}
		w.ack(got...)
		if s := w.stats(); s.Pending != 0 || s.DeadLetters != 2 {
			w.Errorf("at the end: stats %+v", s)
		}
	}},
	{"a lister names what is held", func(w *world) {
		l, ok := w.q.(queue.Lister)
		if !ok {
			return
		}
		w.publish(Tickets("job-1", 5)...)
		got := w.receive(3)
		w.ack(got[0])
		w.bury("poison", got[1])
		var held []string
		err := l.IDs(w.ctx, func(id string) error {
			held = append(held, id)
			return nil
		})
		slices.Sort(held)
		if want := []string{"job-1.3", "job-1.4", "job-1.5"}; err != nil || !slices.Equal(held, want) {
			w.Errorf("ids: %v, %v; want %v", held, err, want)
		}
		stop := errors.New("enough")
		if err := l.IDs(w.ctx, func(string) error { return stop }); !errors.Is(err, stop) {
			w.Errorf("ids: %v, want %v", err, stop)
		}
	}},
}

var closeCases = []testcase{
	{"close may be called twice and every verb says so", func(w *world) {
		w.publish(Tickets("job-1", 1)...)
		r := w.receive(1)
		for range 2 {
			if err := w.q.Close(); err != nil {
				w.Fatalf("close: %v", err)
			}
		}
		verbs := map[string]func() error{
			"publish":     func() error { return w.q.Publish(w.ctx, Tickets("job-2", 1)) },
			"receive":     func() error { _, err := w.q.Receive(w.ctx, 1, patience); return err },
			"ack":         func() error { return w.q.Ack(w.ctx, r) },
			"nack":        func() error { return w.q.Nack(w.ctx, r, 0) },
			"extend":      func() error { return w.q.Extend(w.ctx, r, time.Second) },
			"dead letter": func() error { return w.q.DeadLetter(w.ctx, []queue.DeadLetter{{Received: r[0]}}) },
			"stats":       func() error { _, err := w.q.Stats(w.ctx); return err },
		}
		if w.backend.Features.DeadLetters {
			verbs["dead letters"] = func() error { _, err := w.q.DeadLetters(w.ctx, "", 1); return err }
		}
		if w.backend.Features.Peek {
			verbs["peek"] = func() error { _, err := w.q.Peek(w.ctx, 1); return err }
		}
		for name, verb := range verbs {
			if err := verb(); !errors.Is(err, queue.ErrClosed) {
				w.Errorf("%s: %v, want ErrClosed", name, err)
			}
		}
	}},
	{"close wakes a waiting receive", func(w *world) {
		errs := make(chan error, 1)
		go func() {
			_, err := w.q.Receive(context.Background(), 1, patience)
			errs <- err
		}()
		w.waiting()
		start := time.Now()
		if err := w.q.Close(); err != nil {
			w.Fatalf("close: %v", err)
		}
		if err := <-errs; !errors.Is(err, queue.ErrClosed) {
			w.Errorf("receive: %v, want ErrClosed", err)
		}
		w.atOnce("the wake", start)
	}},
	{"close returns the leases and keeps the rest", func(w *world) {
		w.publish(Tickets("job-1", 4)...)
		got := w.receive(2)
		w.nack(time.Hour, got[0])
		if err := w.q.Close(); err != nil {
			w.Fatalf("close: %v", err)
		}
		w.open()
		seen := ids(w.receive(4))
		slices.Sort(seen)
		if len(slices.Compact(seen)) != 4 {
			w.Errorf("received %v, want all four", seen)
		}
	}},
}
