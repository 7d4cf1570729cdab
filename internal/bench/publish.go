package main

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"sync/atomic"
	"time"
)

// publish publishes the scenario's events and returns how often it was pushed
// back. Within a group one event is accepted before the next is sent.
func publish(ctx context.Context, base, token string, sc scenario) (int, error) {
	route := base + "/api/events"
	if sc.batch > 1 {
		route += "/batch"
	}
	tr := newTransport(sc.publishers)
	defer tr.CloseIdleConnections()
	var next, pushed atomic.Int64
	began := time.Now()
	err := together(ctx, sc.publishers, func(ctx context.Context, p int) error {
		c, err := newCaller(ctx, tr, route, token)
		if err != nil {
			return err
		}
		defer func() { pushed.Add(int64(c.pushed)) }()
		body := make([]byte, 0, (dataSize+256)*sc.batch)
		for it := range sc.share(p, &next) {
			if sc.rate > 0 {
				due := began.Add(time.Duration(float64(it.seq) / sc.rate * float64(time.Second)))
				if err := pause(ctx, time.Until(due)); err != nil {
					return err
				}
			}
			it.sentAt = time.Now().UnixNano()
			if sc.spread {
				it.kind = 1 + it.seq%sc.subscriptions
			}
			if sc.batch == 1 {
				body = it.appendEvent(body[:0], sc.groups > 0)
				_, err = c.publish(body)
			} else {
				body, err = publishBatch(c, body[:0], it, min(sc.batch, sc.events-it.seq))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	return int(pushed.Load()), err
}

// share yields what publisher p publishes; of a batch, its first item. With
// message groups it owns every publishers-th of them and serves them in turn,
// so that nobody else publishes to its groups; without, publishers take the
// next number from a common counter and each is a group of its own.
func (sc scenario) share(p int, next *atomic.Int64) iter.Seq[item] {
	return func(yield func(item) bool) {
		if sc.groups == 0 {
			for {
				seq := int(next.Add(int64(sc.batch))) - sc.batch
				if seq >= sc.events || !yield(item{seq: seq, group: p}) {
					return
				}
			}
		}
		for round := 0; round < sc.events; round += sc.groups {
			for g := p; g < sc.groups && round+g < sc.events; g += sc.publishers {
				if !yield(item{seq: round + g, group: g}) {
					return
				}
			}
		}
	}
}

// publishBatch publishes n items from it on in one request. It returns body's
// memory for the next one.
func publishBatch(c *caller, body []byte, it item, n int) ([]byte, error) {
	body = append(body, `{"items":[`...)
	for i := range n {
		if i > 0 {
			body = append(body, ',')
		}
		body = it.appendEvent(body, false)
		it.seq++
	}
	body = append(body, `]}`...)
	answer, err := c.publish(body)
	if err != nil {
		return body, err
	}
	if taken := bytes.Count(answer, []byte(`"SUCCESS"`)); taken != n {
		return body, fmt.Errorf("publish a batch: %d of %d items were taken: %.300s", taken, n, answer)
	}
	return body, nil
}
