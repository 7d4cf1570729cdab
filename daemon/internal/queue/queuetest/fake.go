package queuetest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/queue"
)

// FakeOptions configures a Fake. The zero value is ready to use.
type FakeOptions struct {
	// Visibility is how long a lease lasts; 30 s when zero.
	Visibility time.Duration
	// MaxBytes bounds one message; 1 MiB when zero.
	MaxBytes int
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

// Fake is a queue in memory that keeps the whole contract and fails on request.
type Fake struct {
	opts FakeOptions

	mu      sync.Mutex
	changed chan struct{} // closed and replaced whenever a Receive should look again
	closed  bool
	items   []*item // in order of publication
	dead    []queue.DeadLetter
	history []queue.Message
	seq     int64
	faults  faults
}

type item struct {
	seq        int64
	msg        queue.Message
	raw        []byte
	err        error
	at         time.Time
	due        time.Time // when it may be received (again)
	lease      *lease    // of the last to receive it, until it was given back
	deliveries int
	gone       bool
}

type lease struct {
	by *Fake
	it *item
}

var (
	_ queue.Queue    = (*Fake)(nil)
	_ queue.Lister   = (*Fake)(nil)
	_ queue.Redriver = (*Fake)(nil)
)

// NewFake returns an empty queue.
func NewFake(o FakeOptions) *Fake {
	o.Visibility = cmp.Or(o.Visibility, 30*time.Second)
	o.MaxBytes = cmp.Or(o.MaxBytes, 1<<20)
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Fake{opts: o, changed: make(chan struct{})}
}

// Reopen closes the fake as a crash of the process would and returns another
// with what a durable broker would still hold: all leases and delays are over.
func (f *Fake) Reopen() *Fake {
	_ = f.Close() // closing a Fake cannot fail
	f.mu.Lock()
	defer f.mu.Unlock()
	g := NewFake(f.opts)
	g.seq, g.dead, g.history = f.seq, f.dead, f.history
	for _, it := range f.items {
		g.items = append(g.items, &item{seq: it.seq, msg: it.msg, raw: it.raw, err: it.err, at: it.at})
	}
	return g
}

// Published returns every message that was ever taken, acked or not.
func (f *Fake) Published() []queue.Message {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.history)
}

// Inject publishes a raw body, readable or not.
func (f *Fake) Inject(body []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	m, err := queue.Decode(body)
	it := f.add(m)
	if err != nil {
		it.err, it.raw = err, slices.Clone(body)
	}
	f.wake()
}

// Features implements queue.Queue.
func (f *Fake) Features() queue.Features {
	return queue.Features{
		Visibility: f.opts.Visibility, MaxBytes: f.opts.MaxBytes,
		Peek: true, DeadLetters: true, InOrder: true,
	}
}

// Publish implements queue.Queue.
func (f *Fake) Publish(ctx context.Context, messages []queue.Message) error {
	return f.do(ctx, Publish, func() error {
		for i := range messages {
			m := &messages[i]
			if err := m.Validate(); err != nil {
				return fmt.Errorf("publish message %d: %w", i, err)
			}
			if n := len(m.AppendJSON(nil)); n > f.opts.MaxBytes {
				return fmt.Errorf("publish message %d: %w (%d bytes)", i, queue.ErrTooLarge, n)
			}
		}
		for _, m := range messages {
			m.OrderKey = ""
			f.history = append(f.history, m)
			if take(&f.faults.drop) {
				continue
			}
			n := 1
			if take(&f.faults.duplicate) {
				n = 2
			}
			for range n {
				it := f.add(m)
				if take(&f.faults.delay) {
					it.due = f.opts.Now().Add(f.faults.delayBy)
				}
			}
		}
		f.wake()
		return nil
	})
}

func (f *Fake) add(m queue.Message) *item {
	f.seq++
	it := &item{seq: f.seq, msg: m, at: f.opts.Now()}
	f.items = append(f.items, it)
	return it
}

// Receive implements queue.Queue.
func (f *Fake) Receive(ctx context.Context, limit int, wait time.Duration) ([]queue.Received, error) {
	end := time.Now().Add(wait)
	for {
		var (
			got     []queue.Received
			changed <-chan struct{}
			sleep   = time.Until(end)
		)
		err := f.do(ctx, Receive, func() error {
			var next time.Duration
			got, next = f.take(max(limit, 1))
			changed, sleep = f.changed, min(sleep, next)
			return nil
		})
		if err != nil {
			return nil, err
		}
		if len(got) > 0 || !time.Now().Before(end) {
			return got, nil
		}
		timer := time.NewTimer(sleep)
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// take leases what is due, or says how long until something will be.
func (f *Fake) take(limit int) (got []queue.Received, next time.Duration) {
	now := f.opts.Now()
	next = time.Hour
	for _, it := range f.items {
		if left := it.due.Sub(now); left > 0 {
			next = min(next, left)
			continue
		}
		it.deliveries++
		it.lease = &lease{f, it}
		it.due = now.Add(f.opts.Visibility)
		got = append(got, queue.Received{
			Message: it.msg, Lease: it.lease, Deliveries: it.deliveries,
			EnqueuedAt: it.at, Err: it.err, Raw: it.raw,
		})
		if len(got) == limit {
			break
		}
	}
	return got, next
}

// Ack implements queue.Queue.
func (f *Fake) Ack(ctx context.Context, received []queue.Received) error {
	return f.do(ctx, Ack, func() error {
		f.remove(received, func(*item, int) {})
		return nil
	})
}

// Nack implements queue.Queue.
func (f *Fake) Nack(ctx context.Context, received []queue.Received, delay time.Duration) error {
	return f.do(ctx, Nack, func() error {
		now := f.opts.Now()
		for _, r := range received {
			if it := f.holds(r, now); it != nil {
				it.lease, it.due = nil, now.Add(delay)
			}
		}
		f.wake()
		return nil
	})
}

// Extend implements queue.Queue.
func (f *Fake) Extend(ctx context.Context, received []queue.Received, d time.Duration) error {
	return f.do(ctx, Extend, func() error {
		now := f.opts.Now()
		lost := 0
		for _, r := range received {
			it := f.holds(r, now)
			if it == nil {
				lost++
				continue
			}
			it.due = now.Add(d)
		}
		f.wake()
		if lost > 0 {
			return fmt.Errorf("extend %d leases: %d lost: %w", len(received), lost, queue.ErrLeaseLost)
		}
		return nil
	})
}

// DeadLetter implements queue.Queue.
func (f *Fake) DeadLetter(ctx context.Context, letters []queue.DeadLetter) error {
	return f.do(ctx, DeadLetter, func() error {
		received := make([]queue.Received, len(letters))
		for i, l := range letters {
			received[i] = l.Received
		}
		f.remove(received, func(it *item, i int) {
			f.seq++
			l := letters[i]
			l.Key, l.At, l.Lease = fmt.Sprintf("%020d", f.seq), f.opts.Now(), nil
			l.Message, l.Raw, l.Err = it.msg, it.raw, it.err
			l.EnqueuedAt, l.Deliveries = it.at, it.deliveries
			f.dead = append(f.dead, l)
		})
		return nil
	})
}

// DeadLetters implements queue.Queue.
func (f *Fake) DeadLetters(ctx context.Context, after string, limit int) (page []queue.DeadLetter, err error) {
	err = f.do(ctx, DeadLetters, func() error {
		for _, l := range f.dead {
			if l.Key > after && len(page) < limit {
				page = append(page, l)
			}
		}
		return nil
	})
	return page, err
}

// Redrive implements queue.Redriver.
func (f *Fake) Redrive(ctx context.Context, letters []queue.DeadLetter) error {
	return f.do(ctx, Publish, func() error {
		keys := map[string]bool{}
		for i := range letters {
			if err := letters[i].Validate(); err != nil {
				return fmt.Errorf("redrive dead letter %s: %w", letters[i].Key, err)
			}
			keys[letters[i].Key] = true
		}
		left := slices.DeleteFunc(slices.Clone(f.dead), func(l queue.DeadLetter) bool { return keys[l.Key] })
		if len(left) != len(f.dead)-len(letters) {
			return fmt.Errorf("redrive dead letters: %w", queue.ErrGone)
		}
		f.dead = left
		for i := range letters {
			f.add(letters[i].Message)
		}
		f.wake()
		return nil
	})
}

// Stats implements queue.Queue.
func (f *Fake) Stats(ctx context.Context) (s queue.Stats, err error) {
	err = f.do(ctx, Stats, func() error {
		now := f.opts.Now()
		s.DeadLetters = int64(len(f.dead))
		for i, it := range f.items {
			if i == 0 {
				s.OldestAge = now.Sub(it.at)
			}
			if it.lease != nil && it.due.After(now) {
				s.InFlight++
			} else {
				s.Pending++
			}
		}
		return nil
	})
	return s, err
}

// Peek implements queue.Queue.
func (f *Fake) Peek(ctx context.Context, limit int) (page []queue.Message, err error) {
	err = f.do(ctx, Peek, func() error {
		for _, it := range f.items[:min(max(limit, 0), len(f.items))] {
			page = append(page, it.msg)
		}
		return nil
	})
	return page, err
}

// IDs implements queue.Lister.
func (f *Fake) IDs(ctx context.Context, fn func(id string) error) error {
	page, err := f.Peek(ctx, int(^uint(0)>>1))
	if err != nil {
		return err
	}
	for _, m := range page {
		if err := fn(m.ID); err != nil {
			return err
		}
	}
	return nil
}

// Close implements queue.Queue.
func (f *Fake) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.wake()
	return nil
}

// do runs one verb, with the faults that were asked for.
func (f *Fake) do(ctx context.Context, v Verb, fn func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return fmt.Errorf("%s: %w", v, queue.ErrClosed)
	}
	before, after := f.faults.next(v)
	if before != nil {
		return fmt.Errorf("%s: %w", v, before)
	}
	if err := fn(); err != nil {
		return err
	}
	if after != nil {
		return fmt.Errorf("%s: %w", v, after)
	}
	return nil
}

// holds returns the item whose lease r still is.
func (f *Fake) holds(r queue.Received, now time.Time) *item {
	l, ok := r.Lease.(*lease)
	if !ok || l.by != f || l.it.gone || l.it.lease != l || !l.it.due.After(now) {
		return nil
	}
	return l.it
}

// remove takes away the items that nobody else has received since.
func (f *Fake) remove(received []queue.Received, each func(it *item, i int)) {
	for i, r := range received {
		l, ok := r.Lease.(*lease)
		if !ok || l.by != f || l.it.gone || l.it.lease != l {
			continue
		}
		l.it.gone = true
		each(l.it, i)
	}
	f.items = slices.DeleteFunc(f.items, func(it *item) bool { return it.gone })
}

func (f *Fake) wake() {
	close(f.changed)
	f.changed = make(chan struct{})
}

// Foreign makes n valid messages of a producer that has no jobs.
func Foreign(name string, n int) []queue.Message {
	messages := Tickets(name, n)
	for i := range messages {
		messages[i].JobID, messages[i].Ticket = "", 0
	}
	return messages
}

// Tickets makes n valid messages of one job, for tests that need some.
func Tickets(jobID string, n int) []queue.Message {
	messages := make([]queue.Message, n)
	for i := range messages {
		t := int64(i + 1)
		messages[i] = queue.Message{
			ID: queue.MessageID(jobID, t), JobID: jobID, Ticket: t, PoolCode: "DEFAULT-POOL",
			MediationType: queue.MediationHTTP, MediationTarget: "https://hooks.example.com/orders",
			Payload: queue.Payload(`{"n":` + strconv.Itoa(i) + `}`),
		}
	}
	return messages
}
