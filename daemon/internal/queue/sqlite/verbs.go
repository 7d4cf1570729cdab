package sqlite

import (
	"container/heap"
	"context"
	"fmt"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/queue"
)

// Publish implements queue.Queue.
func (q *Queue) Publish(ctx context.Context, messages []queue.Message) error {
	if len(messages) == 0 {
		return nil
	}
	o := &op{kind: publish, batch: make([]stored, len(messages)), body: newBody()}
	for i := range messages {
		s := &o.batch[i]
		s.msg = messages[i]
		s.msg.OrderKey = ""
		if err := s.msg.Validate(); err != nil {
			return fmt.Errorf("publish message %d: %w", i, err)
		}
		start := len(o.body)
		o.body = s.msg.AppendJSON(o.body)
		if s.size = len(o.body) - start; s.size > q.opts.MaxBytes {
			return fmt.Errorf("publish message %d: %w (%d bytes)", i, queue.ErrTooLarge, s.size)
		}
	}
	if err := q.do(ctx, o); err != nil {
		return fmt.Errorf("publish %d messages: %w", len(messages), err)
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
		if q.isClosed() {
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
		if len(q.timed) > 0 {
			sleep = min(sleep, q.timed[0].due.Sub(now))
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

// Ack implements queue.Queue.
func (q *Queue) Ack(ctx context.Context, received []queue.Received) error {
	if err := q.remove(ctx, &op{kind: ack}, received); err != nil {
		return fmt.Errorf("ack %d messages: %w", len(received), err)
	}
	return nil
}

// DeadLetter implements queue.Queue.
func (q *Queue) DeadLetter(ctx context.Context, letters []queue.DeadLetter) error {
	o := &op{kind: bury, at: q.opts.Now().UnixMilli()}
	received := make([]queue.Received, len(letters))
	for i, l := range letters {
		received[i] = l.Received
		o.reasons = append(o.reasons, l.Reason)
	}
	if err := q.remove(ctx, o, received); err != nil {
		return fmt.Errorf("dead letter %d messages: %w", len(letters), err)
	}
	return nil
}

// remove settles the leases that still hold and lets the writer do the rest.
func (q *Queue) remove(ctx context.Context, o *op, received []queue.Received) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	o.leases = make([]*lease, 0, len(received))
	reasons := o.reasons[:0]
	q.mu.Lock()
	for i, r := range received {
		if l := q.settle(q, r); l != nil {
			o.leases = append(o.leases, l)
			if o.kind == bury {
				reasons = append(reasons, o.reasons[i])
			}
		}
	}
	o.reasons = reasons
	if len(o.leases) == 0 {
		q.mu.Unlock()
		return q.usable(ctx)
	}
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
	for _, r := range received {
		l := q.holds(q, r, now)
		if l == nil {
			continue
		}
		if delay <= 0 {
			heap.Remove(&q.timed, l.index)
			q.giveBack(l)
			continue
		}
		l.state, l.due = delayed, now.Add(delay)
		q.leased--
		heap.Fix(&q.timed, l.index)
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
	for _, r := range received {
		l := q.holds(q, r, now)
		if l == nil {
			lost++
			continue
		}
		l.due = now.Add(d)
		heap.Fix(&q.timed, l.index)
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
	if q.isClosed() {
		return queue.ErrClosed
	}
	return nil
}
