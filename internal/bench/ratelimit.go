package main

import (
	"context"
	"fmt"
	"time"
)

// limitPerSecond is the rate limit of the trial.
const limitPerSecond = 100

// rateLimit looks at every second of a minute in which a backlog drains
// through a limit: of the connection, then of the pool.
func rateLimit(ctx context.Context, c *court, f *findings) error {
	limit := object{"rateLimit": fmt.Sprintf("%d/s", limitPerSecond)}
	for _, where := range []string{"connection", "pool"} {
		var pool, connection object
		if where == "pool" {
			pool = limit
		} else {
			connection = limit
		}
		if err := c.within(ctx, func(d *daemon) error { return c.limited(ctx, d, where, pool, connection, f) }); err != nil {
			return err
		}
	}
	return nil
}

func (c *court) limited(ctx context.Context, d *daemon, where string, pool, connection object, f *findings) error {
	sc := scenario{events: c.events, publishers: 4, batch: 100, subscriptions: 1}
	if err := c.subscribe(ctx, d, sc, pool, connection, nil); err != nil {
		return err
	}
	want := sc.expectation()
	want.Log = true
	if err := c.target.expect(ctx, want); err != nil {
		return err
	}
	if _, err := publish(ctx, d.URL, d.token, sc); err != nil {
		return err
	}
	v, err := c.target.verdict(ctx)
	if err != nil {
		return err
	}
	// As many whole seconds as the backlog lasts, and a minute at most.
	whole := min(60, c.events/limitPerSecond-2)
	if whole < 1 {
		return fmt.Errorf("%d events do not last at %d/s. Try: -n %d or more", c.events, limitPerSecond, 10*limitPerSecond)
	}
	began := time.Unix(0, v.FirstArrival)
	if v.Arrived == 0 {
		began = time.Now()
	}
	c.say("%d events behind a limit of the %s of %d/s, watched for %d s", c.events, where, limitPerSecond, whole)
	if err := pause(ctx, time.Until(began.Add(time.Duration(whole)*time.Second+200*time.Millisecond))); err != nil {
		return err
	}
	as, err := c.target.log(ctx)
	if err != nil {
		return err
	}
	times := timesOf(as, func(arrival) bool { return true })
	if len(times) == 0 {
		return fmt.Errorf("nothing arrived behind a limit of the %s", where)
	}
	most := mostIn(times, time.Second)
	slots := perSlot(times, times[0], time.Second, whole)
	c.say("in each second: %v", slots)
	least, enough := limitPerSecond*2, 0
	for _, n := range slots {
		least = min(least, n)
		if n >= 95 {
			enough++
		}
	}
	f.atMost("limit of the "+where+": most in any second", float64(most), limitPerSecond+1, "")
	// A busy machine lets arrivals bunch that were sent evenly.
	f.note("limit of the "+where+": most begun in any second", float64(mostIn(begunOf(as), time.Second)), "")
	f.note("limit of the "+where+": least in a second", float64(least), "")
	f.ask(fmt.Sprintf("limit of the %s: seconds of %d with 95 or more", where, whole), float64(enough), "",
		enough*60 >= whole*57, fmt.Sprintf("at least %.0f", float64(whole)*57/60))
	return nil
}
