package main

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

// rawClients is how many clients draw the raw line.
const rawClients = 32

// rawLine returns how many POSTs of dataSize bytes per second rawClients get
// to the receiver with nothing in between.
func rawLine(ctx context.Context, to *target, n int) (float64, error) {
	if err := to.expect(ctx, expectation{Paths: 1, Events: n, Groups: rawClients}); err != nil {
		return 0, fmt.Errorf("raw line: %w", err)
	}
	tr := newTransport(rawClients)
	defer tr.CloseIdleConnections()
	var next atomic.Int64
	began := time.Now()
	err := together(ctx, rawClients, func(ctx context.Context, i int) error {
		c, err := newCaller(ctx, tr, to.path(0), "")
		if err != nil {
			return err
		}
		body := make([]byte, 0, 2*dataSize)
		for {
			seq := int(next.Add(1)) - 1
			if seq >= n {
				return nil
			}
			body = item{seq: seq, group: i, sentAt: time.Now().UnixNano()}.appendData(body[:0])
			if status, answer, err := c.post(body); err != nil {
				return err
			} else if status != http.StatusOK {
				return fmt.Errorf("status %d: %.300s", status, answer)
			}
		}
	})
	if err != nil {
		return 0, fmt.Errorf("raw line: %w", err)
	}
	v, err := to.verdict(ctx)
	if err != nil {
		return 0, fmt.Errorf("raw line: %w", err)
	}
	if v.Arrived != n || v.Duplicates+v.OrderViolations+v.Strange > 0 {
		return 0, fmt.Errorf("raw line: the bench itself is wrong: %+v", v)
	}
	return perSecond(n, began, v.LastArrival), nil
}

// perSecond is n divided by the time from the first request to the last
// arrival.
func perSecond(n int, began time.Time, lastArrival int64) float64 {
	d := lastArrival - began.UnixNano()
	if d <= 0 {
		return 0
	}
	return float64(n) / (float64(d) / 1e9)
}

// together runs f n times at once and returns the first error, which also ends
// the others.
func together(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	done := make(chan error)
	for i := range n {
		go func() { done <- f(ctx, i) }()
	}
	var first error
	for range n {
		if err := <-done; err != nil && first == nil {
			first = err
			cancel(err)
		}
	}
	return first
}
