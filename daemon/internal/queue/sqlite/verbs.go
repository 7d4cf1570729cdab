package sqlite

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/queue"
)

// Publish implements queue.Queue.
func (q *Queue) Publish(ctx context.Context, messages []queue.Message) error {
	if len(messages) == 0 {
		return nil
	}
	tickets, size := q.opts.Linger > 0, 0
	for i := range messages {
		m := &messages[i]
		if err := m.Validate(); err != nil {
			return fmt.Errorf("publish message %d: %w", i, err)
		}
		n := footprint(m)
		if n*escapedBytes > q.opts.MaxBytes {
			if err := q.fits(m); err != nil {
				return fmt.Errorf("publish message %d: %w", i, err)
			}
		}
		tickets = tickets && m.JobID != ""
		size += n
	}
	if err := q.usable(ctx); err != nil {
		return fmt.Errorf("publish %d messages: %w", len(messages), err)
	}
	if tickets && q.linger(messages, size) {
		return nil
	}
	if err := q.do(ctx, publication(messages)); err != nil {
		return fmt.Errorf("publish %d messages: %w", len(messages), err)
	}
	return nil
}

// publication is the op that writes messages.
func publication(messages []queue.Message) *op {
	o := &op{kind: publish, batch: make([]stored, len(messages)), ends: make([]int, len(messages)), body: newBody()}
	for i := range messages {
		s := &o.batch[i]
		s.msg = messages[i]
		s.msg.OrderKey = ""
		s.size = footprint(&s.msg)
		o.body = s.msg.AppendJSON(o.body)
		o.ends[i] = len(o.body)
	}
	return o
}

// Redrive implements queue.Redriver.
func (q *Queue) Redrive(ctx context.Context, letters []queue.DeadLetter) error {
	if len(letters) == 0 {
		return nil
	}
	messages, keys := make([]queue.Message, len(letters)), make([]int64, len(letters))
	for i := range letters {
		l := &letters[i]
		if err := l.Validate(); err != nil {
			return fmt.Errorf("redrive dead letter %s: %w", l.Key, err)
		}
		var err error
		if keys[i], err = strconv.ParseInt(l.Key, 10, 64); err != nil {
			return fmt.Errorf("redrive dead letters: %q is not a key of this list", l.Key)
		}
		messages[i] = l.Message
	}
	if err := q.usable(ctx); err != nil {
		return fmt.Errorf("redrive %d dead letters: %w", len(letters), err)
	}
	o := publication(messages)
	o.unbury = keys
	if err := q.do(ctx, o); err != nil {
		return fmt.Errorf("redrive %d dead letters: %w", len(letters), err)
	}
	return nil
}

// fits says exactly whether a message is within MaxBytes.
func (q *Queue) fits(m *queue.Message) error {
	body := m.AppendJSON(newBody())
	defer freeBody(body)
	if len(body) > q.opts.MaxBytes {
		return fmt.Errorf("%w (%d bytes)", queue.ErrTooLarge, len(body))
	}
	return nil
}

// Receive implements queue.Queue.
func (q *Queue) Receive(ctx context.Context, limit int, wait time.Duration) ([]queue.Received, error) {
	limit = max(limit, 1)
	var end time.Time // set at the first wait, which most calls never reach
	for {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if q.closed.Load() {
			return nil, fmt.Errorf("receive: %w", queue.ErrClosed)
		}
		q.mu.Lock()
		now := q.opts.Now()
		q.collect(now)
		fill, err := q.startFill()
		if got := q.take(q, limit, now); got != nil {
			q.mu.Unlock()
			return got, nil
		}
		if err != nil {
			q.mu.Unlock()
			return nil, fmt.Errorf("receive: %w", err)
		}
		if fill != nil {
			q.mu.Unlock()
			select {
			case <-fill.done:
				if fill.err != nil {
					return nil, fmt.Errorf("receive: %w", fill.err)
				}
			case <-ctx.Done():
			}
			continue
		}
		if end.IsZero() {
			end = time.Now().Add(wait)
		}
		sleep := time.Until(end)
		if sleep <= 0 {
			q.mu.Unlock()
			return nil, nil
		}
		if l := q.timed.soonest(); l != nil {
			sleep = min(sleep, l.due.Sub(now))
		}
		changed := q.changed
		q.waiters++
		q.mu.Unlock()

		timer := time.NewTimer(sleep)
		select {
		case <-changed:
		case <-timer.C:
		case <-ctx.Done():
		case <-q.done:
		}
		timer.Stop()
		q.mu.Lock()
		q.waiters--
		q.mu.Unlock()
	}
}

// startFill lets the writer read rows if a Receive could use some, and returns
// that read. The caller holds mu.
func (q *Queue) startFill() (*op, error) {
	if q.filling == nil && q.wantsFill() {
		o := &op{kind: fill}
		if err := q.submit(o); err != nil {
			return nil, err
		}
		q.filling = o
	}
	return q.filling, nil
}

// Ack implements queue.Queue. Tickets that linger are gone at once; what the
// file may hold is left to the writer.
func (q *Queue) Ack(ctx context.Context, received []queue.Received) error {
	err := q.usable(ctx)
	if err == nil {
		err = q.ack(ctx, received)
	}
	if err != nil {
		return fmt.Errorf("ack %d messages: %w", len(received), err)
	}
	return nil
}

func (q *Queue) ack(ctx context.Context, received []queue.Received) error {
	var o *op
	q.mu.Lock()
	for i := range received {
		l := leaseOf(q, &received[i])
		if q.ackNow(l) || !q.settle(l) {
			continue
		}
		if o == nil {
			o = &op{kind: ack, leases: make([]*lease, 0, len(received)-i)}
		}
		o.leases = append(o.leases, l)
	}
	if o == nil {
		q.mu.Unlock()
		return nil
	}
	return q.remove(ctx, o)
}

// DeadLetter implements queue.Queue.
func (q *Queue) DeadLetter(ctx context.Context, letters []queue.DeadLetter) error {
	err := q.usable(ctx)
	if err == nil {
		err = q.bury(ctx, letters)
	}
	if err != nil {
		return fmt.Errorf("dead letter %d messages: %w", len(letters), err)
	}
	return nil
}

func (q *Queue) bury(ctx context.Context, letters []queue.DeadLetter) error {
	o := &op{kind: bury, at: q.opts.Now().UnixMilli()}
	q.mu.Lock()
	for i := range letters {
		if l := leaseOf(q, &letters[i].Received); q.settle(l) {
			o.leases = append(o.leases, l)
			o.reasons = append(o.reasons, letters[i].Reason)
		}
	}
	if len(o.leases) == 0 {
		q.mu.Unlock()
		return nil
	}
	return q.remove(ctx, o)
}

// remove lets the writer do an op whose leases were settled. The caller holds
// mu, which it releases.
func (q *Queue) remove(ctx context.Context, o *op) error {
	err := q.submit(o)
	if err != nil {
		q.settled(o.leases, err)
	}
	q.mu.Unlock()
	if err != nil {
		return err
	}
	select {
	case <-o.done:
		return o.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Nack implements queue.Queue. Delays live in memory, so it costs no commit.
func (q *Queue) Nack(ctx context.Context, received []queue.Received, delay time.Duration) error {
	if err := q.usable(ctx); err != nil {
		return fmt.Errorf("nack %d messages: %w", len(received), err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.opts.Now()
	for i := range received {
		l := q.holds(q, &received[i], now)
		if l == nil {
			continue
		}
		q.timed.remove(l)
		if delay <= 0 {
			q.giveBack(l)
			continue
		}
		l.state, l.due = delayed, now.Add(delay)
		q.leased--
		q.timed.add(l)
	}
	q.wake()
	return nil
}

// Extend implements queue.Queue.
func (q *Queue) Extend(ctx context.Context, received []queue.Received, d time.Duration) error {
	if err := q.usable(ctx); err != nil {
		return fmt.Errorf("extend %d leases: %w", len(received), err)
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.opts.Now()
	lost := 0
	for i := range received {
		l := q.holds(q, &received[i], now)
		if l == nil {
			lost++
			continue
		}
		q.timed.remove(l)
		l.due = now.Add(d)
		q.timed.add(l)
	}
	q.wake()
	if lost > 0 {
		return fmt.Errorf("extend %d leases: %d of them: %w", len(received), lost, queue.ErrLeaseLost)
	}
	return nil
}

func (q *Queue) usable(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if q.closed.Load() {
		return queue.ErrClosed
	}
	return nil
}
