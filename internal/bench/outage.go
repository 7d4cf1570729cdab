package main

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

const (
	outageConcurrency = 100               // of the connection
	outageReturn      = 120 * time.Second // what waited is delivered within this
)

// outage lets a backlog wait for an endpoint that answers 503, and watches
// how it is asked meanwhile and how it is treated when it is back.
func outage(ctx context.Context, c *court, f *findings) error {
	return c.within(ctx, func(d *daemon) error {
		sc := scenario{events: c.events, publishers: 4, batch: 100, subscriptions: 1}
		if err := c.subscribe(ctx, d, sc, nil, object{"maxConcurrency": outageConcurrency}, nil); err != nil {
			return err
		}
		want := sc.expectation()
		want.Log = true
		if err := c.target.expect(ctx, want); err != nil {
			return err
		}
		if err := c.target.behave(ctx, behaviour{From: 0, To: 1, Status: http.StatusServiceUnavailable}); err != nil {
			return err
		}
		c.say("%d events wait for an endpoint that is down for %s", c.events, c.down)
		began := time.Now()
		if _, err := publish(ctx, d.URL, d.token, sc); err != nil {
			return err
		}
		if err := pause(ctx, time.Until(began.Add(c.down))); err != nil {
			return err
		}
		back := time.Now()
		if err := c.target.behave(ctx); err != nil {
			return err
		}
		as, err := c.whatWaited(ctx, back)
		if err != nil {
			return err
		}
		judgeOutage(f, as, back, c.events)
		return nil
	})
}

// whatWaited returns the log when all events have arrived that had not been
// attempted while the endpoint was down, or half as long again as they may
// take has passed.
func (c *court) whatWaited(ctx context.Context, back time.Time) ([]arrival, error) {
	for {
		v, err := c.target.verdict(ctx)
		if err != nil {
			return nil, err
		}
		if late := time.Since(back) > outageReturn*3/2; late || v.Arrived+v.Refused >= c.events {
			as, err := c.target.log(ctx)
			if err != nil || late || len(untouched(as, c.events)) == 0 {
				return as, err
			}
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// untouched returns the events that have neither been taken nor attempted.
func untouched(as []arrival, events int) []int {
	touched := make([]bool, events)
	for _, a := range as {
		touched[a.Seq] = true
	}
	var left []int
	for seq, ok := range touched {
		if !ok {
			left = append(left, seq)
		}
	}
	return left
}

// probes is how many successes in a row close a breaker.
const probes = 3

func judgeOutage(f *findings, as []arrival, back time.Time, events int) {
	down := timesOf(as, func(a arrival) bool { return a.Refused })
	f.note("exchanges while it was down", float64(len(down)), "")
	f.atMost("most exchanges in a minute while it was down", float64(mostIn(down, time.Minute)), 20, "")
	attempted := map[int]bool{}
	for _, a := range as {
		if a.Refused {
			attempted[a.Seq] = true
		}
	}
	taken := timesOf(as, func(a arrival) bool { return !a.Refused })
	waited := timesOf(as, func(a arrival) bool { return !a.Refused && !attempted[a.Seq] })
	f.promise(len(untouched(as, events)), fmt.Sprintf("not delivered %s after its return", outageReturn*3/2))
	if len(waited) == 0 {
		f.ask("delivered without having been attempted before", 0, "", false, "all but a few")
	} else {
		f.note("first delivery after its return", seconds(time.Unix(0, waited[0]).Sub(back)), "s")
		f.atMost("all delivered after its return", seconds(time.Unix(0, waited[len(waited)-1]).Sub(back)), seconds(outageReturn), "s")
	}
	if len(taken) > probes {
		closed := taken[probes-1]
		first := perSlot(taken[probes:], closed, time.Second, 1)[0]
		f.atMost("exchanges in the first second after the breaker closed", float64(first), outageConcurrency/10, "")
	}
}
