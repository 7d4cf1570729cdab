package main

import (
	"context"
	"fmt"
	"time"
)

// Isolation has many endpoints in one pool, under a load that the pool bears
// with ease, and then kills some of them.
const (
	isolationPaths = 100
	isolationDead  = 5
	isolationSlots = 50
	isolationRate  = 500                   // events per second, each for one endpoint
	isolationDelay = 10 * time.Millisecond // of an answer
)

// isolation compares the healthy endpoints' times without and with dead ones
// beside them.
func isolation(ctx context.Context, c *court, f *findings) error {
	var p95 [2]time.Duration
	lost := 0
	for i, dead := range []int{0, isolationDead} {
		c.say("%d events at %d/s to %d endpoints, %d of which never answer", c.events, isolationRate, isolationPaths, dead)
		v, err := c.isolate(ctx, dead)
		if err != nil {
			return err
		}
		name := fmt.Sprintf("with %d dead: ", dead)
		p95[i] = v.P95
		lost += v.Losses
		f.note(name+"p50 of the other 95", milliseconds(v.P50), "ms")
		f.note(name+"p95 of the other 95", milliseconds(v.P95), "ms")
		f.note(name+"p99 of the other 95", milliseconds(v.P99), "ms")
		f.promise(v.Losses, "lost "+name+"deliveries to healthy endpoints", v.Examples...)
		f.promise(v.Duplicates, "duplicates "+name, v.Examples...)
	}
	ratio := float64(p95[1]) / float64(max(p95[0], 1))
	f.ask("p95 with dead ones, of that without", ratio, "×", ratio <= 2 && lost == 0, "at most 2 ×, and none lost")
	return nil
}

// isolate is one run. The dead ones are those that the books never count, so
// that both runs look at the same endpoints.
func (c *court) isolate(ctx context.Context, dead int) (v verdict, err error) {
	sc := scenario{events: c.events, publishers: 16, batch: 1, rate: isolationRate, subscriptions: isolationPaths, spread: true}
	err = c.within(ctx, func(d *daemon) error {
		if err := c.subscribe(ctx, d, sc, object{"concurrency": isolationSlots}, nil, nil); err != nil {
			return err
		}
		healthy := behaviour{From: 0, To: isolationPaths, Delay: isolationDelay}
		if err := c.target.behave(ctx, healthy); err != nil {
			return err
		}
		// Each endpoint has been spoken to before it dies, as it would be.
		warm := sc
		warm.events, warm.rate = 3*isolationPaths, isolationRate
		if err := c.target.expect(ctx, warm.expectation()); err != nil {
			return err
		}
		if _, err := publish(ctx, d.URL, d.token, warm); err != nil {
			return err
		}
		if v, err := c.target.wait(ctx, c.patience); err != nil || v.Losses > 0 {
			return fmt.Errorf("warm up: %d lost, %w", v.Losses, err)
		}
		healthy.To -= dead
		if err := c.target.behave(ctx, healthy, behaviour{From: isolationPaths - dead, To: isolationPaths, Hang: true}); err != nil {
			return err
		}
		want := sc.expectation()
		want.Mute = isolationDead
		if err := c.target.expect(ctx, want); err != nil {
			return err
		}
		if _, err := publish(ctx, d.URL, d.token, sc); err != nil {
			return err
		}
		v, err = c.target.wait(ctx, c.patience)
		return err
	})
	return v, err
}
