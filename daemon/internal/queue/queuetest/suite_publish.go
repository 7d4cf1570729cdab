package queuetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/queue"
)

var publishCases = []testcase{
	{"what was published is received, field by field", func(w *world) {
		want := full("job-1")
		w.publish(want)
		want.OrderKey = ""
		before := w.clock.Now().Add(-time.Minute)
		r := w.receive(1)[0]
		if !reflect.DeepEqual(r.Message, want) {
			w.Errorf("received %+v, want %+v", r.Message, want)
		}
		if r.Deliveries != 1 || r.Err != nil || r.EnqueuedAt.Before(before) || r.EnqueuedAt.After(w.clock.Now()) {
			w.Errorf("received %d deliveries, error %v, enqueued at %v; want 1, none, just now", r.Deliveries, r.Err, r.EnqueuedAt)
		}
		w.nack(0, r)
		again := w.receive(1)[0]
		if !reflect.DeepEqual(again.Message, want) {
			w.Errorf("received %+v the second time, want %+v", again.Message, want)
		}
		if !again.EnqueuedAt.Truncate(time.Millisecond).Equal(r.EnqueuedAt.Truncate(time.Millisecond)) {
			w.Errorf("it was enqueued at %v, the second time at %v", r.EnqueuedAt, again.EnqueuedAt)
		}
	}},
	{"an empty batch is no error", func(w *world) {
		w.publish()
		w.nothing("after an empty batch")
	}},
	{"a batch with an invalid message publishes nothing", func(w *world) {
		good := Tickets("job-1", 2)
		for _, bad := range []queue.Message{
			{},
			{ID: "a"},
			{ID: "a.0", JobID: "a"},
			{ID: "a.1", JobID: "a", Ticket: 1, Payload: queue.Payload("\xff")},
		} {
			err := w.q.Publish(w.ctx, []queue.Message{good[0], bad, good[1]})
			if !errors.Is(err, queue.ErrInvalid) {
				w.Errorf("publish %+v: %v, want ErrInvalid", bad, err)
			}
		}
		w.nothing("of a refused batch")
	}},
	{"a batch with a message that is too large publishes nothing", func(w *world) {
		batch := Tickets("job-1", 2)
		batch[1].Payload = bytes.Repeat([]byte("x"), w.q.Features().MaxBytes+1)
		if err := w.q.Publish(w.ctx, batch); !errors.Is(err, queue.ErrTooLarge) {
			w.Errorf("publish: %v, want ErrTooLarge", err)
		}
		w.nothing("of a refused batch")
	}},
	{"a message of nearly the largest size goes through", func(w *world) {
		m := Tickets("job-1", 1)[0]
		m.Payload = bytes.Repeat([]byte("x"), w.q.Features().MaxBytes-1024)
		w.publish(m)
		if r := w.receive(1)[0]; !bytes.Equal(r.Payload, m.Payload) {
			w.Errorf("received %d bytes, want %d", len(r.Payload), len(m.Payload))
		}
	}},
	{"the same id may be published again", func(w *world) {
		m := Tickets("job-1", 1)[0]
		w.publish(m)
		w.publish(m)
		for n := 0; ; n++ {
			got, err := w.q.Receive(w.ctx, 10, 0)
			if err != nil {
				w.Fatalf("receive: %v", err)
			}
			if len(got) == 0 && n > 0 {
				break
			}
			if n > 2 {
				w.Fatalf("one message published twice was received %d times", n)
			}
			w.ack(got...)
		}
		w.expire()
		w.nothing("after all were acked")
	}},
	{"a cancelled publish takes effect whole or not at all", func(w *world) {
		ctx, cancel := context.WithCancel(w.ctx)
		cancel()
		err := w.q.Publish(ctx, Tickets("job-1", 3))
		if err == nil {
			w.receive(3)
		} else if !errors.Is(err, context.Canceled) {
			w.Errorf("publish: %v, want context.Canceled", err)
		}
		// Whatever became of it, the queue works on.
		w.publish(Tickets("job-2", 1)...)
		for {
			if slices.Contains(ids(w.receive(1)), "job-2.1") {
				return
			}
		}
	}},
}

// full sets every field to something that is hard to carry.
func full(job string) queue.Message {
	return queue.Message{
		ID: queue.MessageID(job, 7), JobID: job, Ticket: 7,
		PoolCode: "priority", MediationType: queue.MediationHTTP,
		MediationTarget: "https://hooks.example.com/?a=1&b=<2>",
		MessageGroupID:  "order \"42\" \\ \u2028 é 日本 \U0001F600",
		HighPriority:    true, DispatchMode: "BLOCK_ON_ERROR",
		Payload:  queue.Payload("{ \"a\" : \"\\u00e9\\n\", \"b\":[1, 2.0, null] }\n\t\x00\x1f"),
		Headers:  map[string]string{"X-One": "1", "X-Two": "zwei"},
		ClientID: "clt_0123456789ABC", ConnectionID: "con_0123456789ABC",
		AuthToken: "token", SigningSecret: "secret", OrderKey: "f00d",
	}
}

var receiveCases = []testcase{
	{"at most max messages come", func(w *world) {
		w.publish(Tickets("job-1", 5)...)
		for _, c := range []struct{ limit, most int }{{2, 2}, {0, 1}, {-3, 1}} {
			got, err := w.q.Receive(w.ctx, c.limit, patience)
			if err != nil || len(got) < 1 || len(got) > c.most {
				w.Errorf("receive %d: %v, %v; want 1 to %d", c.limit, ids(got), err, c.most)
			}
		}
	}},
	{"it returns with what there is, without waiting for more", func(w *world) {
		w.publish(Tickets("job-1", 1)...)
		start := time.Now()
		got, err := w.q.Receive(w.ctx, 100, patience)
		if err != nil || len(got) != 1 {
			w.Fatalf("receive: %v, %v; want one", ids(got), err)
		}
		if took := time.Since(start); took > patience/2 {
			w.Errorf("one message took %v while 100 were asked for", took)
		}
	}},
	{"with nothing it waits and returns none", func(w *world) {
		const wait = 30 * time.Millisecond
		start := time.Now()
		got, err := w.q.Receive(w.ctx, 1, wait)
		if err != nil || len(got) > 0 {
			w.Fatalf("receive: %v, %v; want none and no error", ids(got), err)
		}
		if took := time.Since(start); took < wait {
			w.Errorf("it waited %v, want %v", took, wait)
		}
	}},
	{"a publish wakes a waiting receive at once", func(w *world) {
		const rounds = 20
		var waited time.Duration
		for i := range rounds {
			got := w.receiving(1)
			w.waiting()
			start := time.Now()
			w.publish(Tickets(fmt.Sprint("job-", i), 1)...)
			w.ack(<-got...)
			waited += time.Since(start)
		}
		if waited > rounds*50*time.Millisecond {
			w.Errorf("%d wakes took %v: this is polling", rounds, waited)
		}
	}},
	{"one publish wakes as many receivers as it has messages", func(w *world) {
		const n = 8
		var got []<-chan []queue.Received
		for range n {
			got = append(got, w.receiving(1))
		}
		w.waiting()
		start := time.Now()
		w.publish(Tickets("job-1", n)...)
		seen := map[string]bool{}
		for _, g := range got {
			seen[(<-g)[0].ID] = true
		}
		w.atOnce("the wakes", start)
		if len(seen) != n {
			w.Errorf("%d receivers saw %d messages", n, len(seen))
		}
	}},
	{"a receive whose context ends holds no lease", func(w *world) {
		for i := range 50 {
			ctx, cancel := context.WithCancel(w.ctx)
			type answer struct {
				got []queue.Received
				err error
			}
			answers := make(chan answer, 1)
			go func() {
				got, err := w.q.Receive(ctx, 1, patience)
				answers <- answer{got, err}
			}()
			go cancel()
			w.publish(Tickets(fmt.Sprint("job-", i), 1)...)
			a := <-answers
			if a.err != nil {
				if !errors.Is(a.err, context.Canceled) || len(a.got) > 0 {
					w.Fatalf("receive: %v, %v; want none and context.Canceled", ids(a.got), a.err)
				}
				a.got = w.receive(1)
			}
			w.ack(a.got...)
		}
	}},
	{"a leased message is nobody else's until its lease ends", func(w *world) {
		w.publish(Tickets("job-1", 1)...)
		w.receive(1)
		w.nothing("while it is leased")
		w.clock.advance(w.backend.Features.Visibility - w.margin())
		w.nothing("shortly before the lease ends")
		w.clock.advance(w.margin())
		if r := w.receive(1)[0]; r.Deliveries != 2 || r.ID != "job-1.1" {
			w.Errorf("received %s with %d deliveries, want job-1.1 with 2", r.ID, r.Deliveries)
		}
	}},
	{"the end of a lease wakes a waiting receive", func(w *world) {
		w.publish(Tickets("job-1", 1)...)
		r := w.receive(1)
		if err := w.q.Extend(w.ctx, r, 20*time.Millisecond); err != nil {
			w.Fatalf("extend: %v", err)
		}
		start := time.Now()
		if again := w.receive(1)[0]; again.Deliveries != 2 {
			w.Errorf("received with %d deliveries, want 2", again.Deliveries)
		}
		w.atOnce("the wake", start)
	}},
	{"messages come in the order published", func(w *world) {
		if !w.backend.Features.InOrder {
			return
		}
		all := Tickets("job-1", 500)
		for batch := range slices.Chunk(all, 7) {
			w.publish(batch...)
		}
		for i, r := range w.receive(len(all)) {
			if r.ID != all[i].ID {
				w.Fatalf("message %d is %s, want %s", i, r.ID, all[i].ID)
			}
		}
	}},
	{"an unreadable body is received with its error", func(w *world) {
		if w.backend.Inject == nil {
			return
		}
		bodies := []string{`not json`, `{"id":"a","ticket":"one"}`, `[]`, `{}`, ``, "\x00\xff"}
		for _, body := range bodies {
			w.backend.Inject(w, w.q, []byte(body))
		}
		w.publish(Tickets("job-1", 1)...)
		for range 2 {
			var unreadable int
			got := w.receive(len(bodies) + 1)
			for _, r := range got {
				switch {
				case r.ID == "job-1.1" && r.Err == nil:
				case r.Err != nil && slices.Contains(bodies, string(r.Raw)):
					unreadable++
				default:
					w.Errorf("received %q with error %v", r.Raw, r.Err)
				}
			}
			if unreadable != len(bodies) {
				w.Errorf("%d bodies were unreadable, want %d", unreadable, len(bodies))
			}
			w.nack(0, got...)
		}
	}},
}

// waiting returns once a goroutine started before has had every chance to block
// in Receive. Nothing breaks when it has not: the case then tries less.
func (w *world) waiting() {
	w.Helper()
	if _, err := w.q.Receive(w.ctx, 1, 2*time.Millisecond); err != nil {
		w.Fatalf("receive: %v", err)
	}
}
