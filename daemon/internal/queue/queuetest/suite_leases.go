package queuetest

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/queue"
)

var ackCases = []testcase{
	{"an acked message never comes back", func(w *world) {
		w.publish(Tickets("job-1", 3)...)
		w.ack(w.receive(3)...)
		w.expire()
		w.nothing("after ack")
		if s := w.stats(); s.Pending+s.InFlight != 0 {
			w.Errorf("stats %+v, want an empty queue", s)
		}
		w.crash()
		w.nothing("after ack and a crash")
	}},
	{"only the acked ones are taken away", func(w *world) {
		all := Tickets("job-1", 9)
		w.publish(all...)
		var odd []queue.Received
		for _, r := range w.receive(len(all)) {
			if r.Ticket%2 == 1 {
				odd = append(odd, r)
			}
		}
		slices.Reverse(odd)
		w.ack(odd...)
		w.expire()
		left := ids(w.receive(4))
		slices.Sort(left)
		if want := []string{"job-1.2", "job-1.4", "job-1.6", "job-1.8"}; !slices.Equal(left, want) {
			w.Errorf("left are %v, want %v", left, want)
		}
		w.nothing("beyond the even ones")
	}},
	{"an ack may be repeated", func(w *world) {
		w.publish(Tickets("job-1", 2)...)
		got := w.receive(2)
		w.ack(got[0])
		w.ack(got[0], got[0])
		w.ack(got...)
		w.ack()
		w.expire()
		w.nothing("after ack")
	}},
	{"an ack after the lease ended is no error", func(w *world) {
		w.publish(Tickets("job-1", 1)...)
		r := w.receive(1)
		w.expire()
		w.ack(r...)
		// It is gone, or it comes once more and can be acked.
		got, err := w.q.Receive(w.ctx, 10, 0)
		if err != nil || len(got) > 1 {
			w.Fatalf("receive: %v, %v", ids(got), err)
		}
		w.ack(got...)
		w.expire()
		w.nothing("after ack")
	}},
	{"a late ack leaves someone else's lease alone", func(w *world) {
		w.publish(Tickets("job-1", 1)...)
		first := w.receive(1)
		w.expire()
		second := w.receive(1)
		w.ack(first...)
		if err := w.q.Extend(w.ctx, second, w.backend.Features.Visibility); err != nil {
			w.Errorf("extend the second lease after an ack of the first: %v", err)
		}
		w.nothing("while the second lease holds")
		w.nack(0, second...)
		w.ack(w.receive(1)...)
		w.nothing("after ack")
	}},
}

var nackCases = []testcase{
	{"a nacked message comes again at once", func(w *world) {
		w.publish(Tickets("job-1", 2)...)
		got := w.receive(2)
		w.nack(0, got[0])
		again := w.receive(1)[0]
		if again.ID != got[0].ID || again.Deliveries != 2 {
			w.Errorf("received %s with %d deliveries, want %s with 2", again.ID, again.Deliveries, got[0].ID)
		}
		w.nothing("as the other is leased")
	}},
	{"a delay keeps it back that long", func(w *world) {
		w.publish(Tickets("job-1", 1)...)
		delay := w.backend.Features.Visibility + time.Hour
		w.nack(delay, w.receive(1)...)
		w.clock.advance(delay - time.Minute)
		w.nothing("a minute before the delay ends")
		w.clock.advance(time.Minute)
		w.receive(1)
	}},
	{"a nack wakes a waiting receive", func(w *world) {
		w.publish(Tickets("job-1", 2)...)
		held := w.receive(2)
		for i, delay := range []time.Duration{0, 10 * time.Millisecond} {
			got := w.receiving(1)
			w.waiting()
			start := time.Now()
			w.nack(delay, held[i])
			if r := (<-got)[0]; r.ID != held[i].ID {
				w.Errorf("received %s, want %s", r.ID, held[i].ID)
			}
			w.atOnce("the wake", start)
		}
	}},
	{"a nack after the lease ended does nothing", func(w *world) {
		w.publish(Tickets("job-1", 1)...)
		first := w.receive(1)
		w.expire()
		second := w.receive(1)
		w.nack(0, first...)
		w.nothing("while the second lease holds")
		w.ack(second...)
		w.nack(0, second...)
		w.nothing("after ack")
	}},
}

var extendCases = []testcase{
	{"an extended lease lasts", func(w *world) {
		w.publish(Tickets("job-1", 1)...)
		r := w.receive(1)
		for range 3 {
			if err := w.q.Extend(w.ctx, r, w.backend.Features.Visibility); err != nil {
				w.Fatalf("extend: %v", err)
			}
			w.clock.advance(w.backend.Features.Visibility - w.margin())
			w.nothing("while the lease is extended")
		}
		w.clock.advance(w.margin())
		w.receive(1)
	}},
	{"extending shortens as well", func(w *world) {
		w.publish(Tickets("job-1", 1)...)
		r := w.receive(1)
		if err := w.q.Extend(w.ctx, r, time.Second); err != nil {
			w.Fatalf("extend: %v", err)
		}
		w.clock.advance(time.Second)
		w.receive(1)
	}},
	{"a lost lease is said and the others are extended", func(w *world) {
		w.publish(Tickets("job-1", 3)...)
		got := w.receive(3)
		w.ack(got[0])
		w.nack(time.Hour, got[1])
		if err := w.q.Extend(w.ctx, got, w.backend.Features.Visibility+time.Minute); !errors.Is(err, queue.ErrLeaseLost) {
			w.Errorf("extend: %v, want ErrLeaseLost", err)
		}
		w.expire()
		w.nothing("while the third lease is extended")
		w.clock.advance(time.Minute)
		if r := w.receive(1)[0]; r.ID != got[2].ID {
			w.Errorf("received %s, want %s", r.ID, got[2].ID)
		}
	}},
	{"an ended lease cannot be revived", func(w *world) {
		w.publish(Tickets("job-1", 1)...)
		first := w.receive(1)
		w.expire()
		if err := w.q.Extend(w.ctx, first, time.Hour); !errors.Is(err, queue.ErrLeaseLost) {
			w.Errorf("extend: %v, want ErrLeaseLost", err)
		}
		w.receive(1)
	}},
}

var deadLetterCases = []testcase{
	{"a dead letter is kept with its reason and never received", func(w *world) {
		m := full("job-1")
		w.publish(m)
		w.bury("nobody can use it", w.receive(1)...)
		w.expire()
		w.nothing("as it is dead")
		w.crash()
		w.nothing("as it is dead")
		if s := w.stats(); s.DeadLetters != 1 || s.Pending+s.InFlight != 0 {
			w.Errorf("stats %+v, want one dead letter", s)
		}
		if !w.backend.Features.DeadLetters {
			return
		}
		letters := w.dead()
		if len(letters) != 1 {
			w.Fatalf("%d dead letters, want 1", len(letters))
		}
		l := letters[0]
		if l.ID != m.ID || string(l.Payload) != string(m.Payload) || l.Reason != "nobody can use it" ||
			l.At.IsZero() || l.EnqueuedAt.IsZero() || l.Deliveries != 1 || l.Err != nil || l.Lease != nil {
			w.Errorf("dead letter %+v", l)
		}
	}},
	{"an unreadable body is kept byte for byte", func(w *world) {
		if w.backend.Inject == nil || !w.backend.Features.DeadLetters {
			return
		}
		const body = "\x00 not \xff json"
		w.backend.Inject(w, w.q, []byte(body))
		w.bury("unreadable", w.receive(1)...)
		if l := w.dead()[0]; string(l.Raw) != body || l.Err == nil {
			w.Errorf("kept %q with error %v, want %q with one", l.Raw, l.Err, body)
		}
	}},
	{"they are listed oldest first, page by page", func(w *world) {
		if !w.backend.Features.DeadLetters {
			_, err := w.q.DeadLetters(w.ctx, "", 10)
			if !errors.Is(err, queue.ErrUnsupported) {
				w.Errorf("dead letters: %v, want ErrUnsupported", err)
			}
			return
		}
		for i := range 12 {
			w.publish(Tickets(fmt.Sprintf("job-%02d", i), 1)...)
			w.bury("poison", w.receive(1)...)
		}
		var seen []string
		for after := ""; ; {
			page, err := w.q.DeadLetters(w.ctx, after, 5)
			if err != nil {
				w.Fatalf("dead letters: %v", err)
			}
			if len(page) == 0 {
				break
			}
			for _, l := range page {
				seen = append(seen, l.JobID)
				after = l.Key
			}
		}
		if len(seen) != 12 || !slices.IsSorted(seen) {
			w.Errorf("pages show %v, want 12 in order", seen)
		}
	}},
	{"repeating it keeps one letter", func(w *world) {
		w.publish(Tickets("job-1", 1)...)
		r := w.receive(1)
		w.bury("poison", r...)
		w.bury("poison", r...)
		if s := w.stats(); s.DeadLetters != 1 {
			w.Errorf("%d dead letters, want 1", s.DeadLetters)
		}
	}},
	{"it leaves someone else's lease alone", func(w *world) {
		w.publish(Tickets("job-1", 1)...)
		first := w.receive(1)
		w.expire()
		second := w.receive(1)
		w.bury("poison", first...)
		if s := w.stats(); s.DeadLetters != 0 || s.InFlight != 1 {
			w.Errorf("stats %+v, want one in flight", s)
		}
		w.ack(second...)
	}},
}
