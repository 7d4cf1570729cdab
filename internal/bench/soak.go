package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// soakFailures is the share of requests that the receiver fails.
const soakFailures = 0.05

// soak publishes at full speed into 64 groups in BLOCK_ON_ERROR, while the
// receiver fails at random and whoever blocks its group is retried.
func soak(ctx context.Context, c *court, f *findings) error {
	sc := scenario{events: c.events, publishers: 32, batch: 1, subscriptions: 1, groups: 64}
	c.say("%d events in %d groups", sc.events, sc.groups)
	var (
		retried int
		d       *daemon
		began   time.Time
	)
	err := c.within(ctx, func(running *daemon) error {
		d = running
		policy := object{"maxRetries": 2, "retrySchedule": []string{"1ms", "5ms"}, "retryJitter": 0.5}
		if err := c.subscribe(ctx, d, sc, nil, nil, policy); err != nil {
			return err
		}
		if err := c.target.expect(ctx, sc.expectation()); err != nil {
			return err
		}
		if err := c.target.behave(ctx, behaviour{From: 0, To: 1, Status: http.StatusInternalServerError, Share: soakFailures}); err != nil {
			return err
		}
		retries, stop := context.WithCancel(ctx)
		defer stop()
		done := make(chan error, 1)
		go func() {
			var err error
			retried, err = d.retryDeadLetters(retries)
			done <- err
		}()
		began = time.Now()
		if _, err := publish(ctx, d.URL, d.token, sc); err != nil {
			return err
		}
		_, err := c.target.wait(ctx, c.patience)
		stop()
		return errors.Join(err, <-done)
	})
	if err != nil {
		return err
	}
	v, err := c.target.verdict(ctx)
	if err != nil {
		return err
	}
	f.note("deliveries", float64(v.Arrived), "")
	f.note("deliveries per second", perSecond(v.Arrived, began, v.LastArrival), "")
	f.note("failed on purpose", float64(v.Refused), "")
	f.note("blocked heads retried", float64(retried), "")
	f.promise(v.Losses, "lost", v.Examples...)
	f.promise(v.OrderViolations, "out of order", v.Examples...)
	f.promise(v.Duplicates, "duplicates", v.Examples...)
	f.promise(v.Strange, "deliveries that nobody announced", v.Examples...)
	f.promise(v.Unsigned, "without a signature")
	return nil
}

// retryDeadLetters retries dead letters as they come, until ctx ends.
func (d *daemon) retryDeadLetters(ctx context.Context) (int, error) {
	retried := 0
	for ctx.Err() == nil {
		ids, err := d.jobs(ctx, "FAILED")
		for i := 0; i < len(ids) && err == nil; i++ {
			if err = call(ctx, http.MethodPost, d.URL+"/api/dispatch-jobs/"+ids[i]+"/retry", d.token, nil, nil); err == nil {
				retried++
			}
		}
		if err == nil && len(ids) == 0 {
			err = pause(ctx, 20*time.Millisecond)
		}
		if err != nil && ctx.Err() == nil {
			return retried, fmt.Errorf("retry dead letters: %w", err)
		}
	}
	return retried, nil
}
