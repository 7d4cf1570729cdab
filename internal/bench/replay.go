package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

const (
	liveRate = 200 // live events per second
	liveFor  = 20  // seconds
)

// replay stores events that nobody subscribes to yet and sends them again
// beneath live traffic.
func replay(ctx context.Context, c *court, f *findings) error {
	return c.within(ctx, func(d *daemon) error {
		history := scenario{events: c.events, publishers: 8, batch: 100, subscriptions: 1, spread: true}
		c.say("%d events are stored", c.events)
		if _, err := publish(ctx, d.URL, d.token, history); err != nil {
			return err
		}
		live := scenario{events: liveRate * liveFor, publishers: 8, batch: 1, rate: liveRate, subscriptions: 1}
		if err := c.subscribe(ctx, d, live, nil, nil, nil); err != nil {
			return err
		}
		warm := live
		warm.events = liveRate
		if _, err := c.p99(ctx, d, warm); err != nil {
			return err
		}
		c.say("pause, resume and cancel")
		if err := c.steer(ctx, d, history, f); err != nil {
			return err
		}
		c.say("%d live events/s for %d s, without the replay and with it", liveRate, liveFor)
		without, err := c.p99(ctx, d, live)
		if err != nil {
			return err
		}
		if err := c.target.replays().expect(ctx, history.expectation()); err != nil {
			return err
		}
		id, err := d.startReplay(ctx, nil)
		if err != nil {
			return err
		}
		with, err := c.p99(ctx, d, live)
		if err != nil {
			return err
		}
		v, err := c.target.replays().verdict(ctx)
		if err != nil {
			return err
		}
		f.note("live p99 without the replay", milliseconds(without), "ms")
		f.note("live p99 with it", milliseconds(with), "ms")
		f.note("replayed per second meanwhile", float64(v.Arrived)/liveFor, "")
		f.atMost("live p99 with the replay, of that without", float64(with)/float64(max(without, 1)), 2, "×")
		f.ask("replayed meanwhile", float64(v.Arrived), "", 0 < v.Arrived && v.Arrived < c.events, "some, and not all: use a larger -n")
		return c.killReplay(ctx, d, id, f)
	})
}

// p99 plays live traffic and returns its p99. None of it may be lost.
func (c *court) p99(ctx context.Context, d *daemon, live scenario) (time.Duration, error) {
	if err := c.target.expect(ctx, live.expectation()); err != nil {
		return 0, err
	}
	if _, err := publish(ctx, d.URL, d.token, live); err != nil {
		return 0, err
	}
	v, err := c.target.wait(ctx, c.patience)
	if err == nil && v.Losses > 0 {
		err = fmt.Errorf("%d live deliveries were lost", v.Losses)
	}
	return v.P99, err
}

// startReplay replays the history to its subscription.
func (d *daemon) startReplay(ctx context.Context, with object) (string, error) {
	body := object{"type": typeOf(1), "subscriptions": []string{"bench-0"}}
	for k, v := range with {
		body[k] = v
	}
	return d.create(ctx, "/api/replays", body)
}

// act posts a verb of a replay.
func (d *daemon) act(ctx context.Context, replay, verb string) error {
	return call(ctx, http.MethodPost, d.URL+"/api/replays/"+replay+"/"+verb, d.token, nil, nil)
}

// status is where a replay is in its life.
func (d *daemon) status(ctx context.Context, replay string) (string, error) {
	var r struct {
		Status string `json:"status"`
	}
	err := call(ctx, http.MethodGet, d.URL+"/api/replays/"+replay, d.token, nil, &r)
	return r.Status, err
}

// steer pauses, resumes and cancels a replay, and looks whether it heeds.
func (c *court) steer(ctx context.Context, d *daemon, history scenario, f *findings) error {
	books := c.target.replays()
	if err := books.expect(ctx, history.expectation()); err != nil {
		return err
	}
	id, err := d.startReplay(ctx, object{"rate": 100})
	if err != nil {
		return err
	}
	// growth is how many replayed deliveries come in two seconds, a second
	// after the verb was answered: that is how long a change may take.
	growth := func(verb string) (float64, error) {
		if verb != "" {
			if err := d.act(ctx, id, verb); err != nil {
				return 0, err
			}
		}
		var n [2]int
		for i, wait := range []time.Duration{time.Second, 2 * time.Second} {
			if err := pause(ctx, wait); err != nil {
				return 0, err
			}
			v, err := books.verdict(ctx)
			if err != nil {
				return 0, err
			}
			n[i] = v.Arrived + v.Duplicates
		}
		return float64(n[1] - n[0]), nil
	}
	for _, step := range []struct {
		verb, after string
		flows       bool
	}{{"", "start", true}, {"pause", "pause", false}, {"resume", "resume", true}, {"cancel", "cancel", false}} {
		n, err := growth(step.verb)
		if err != nil {
			return err
		}
		wanted := "0"
		if step.flows {
			wanted = "about 200"
		}
		f.ask("replayed in 2 s after "+step.after, n, "", step.flows == (n > 0) && n <= 250, wanted)
	}
	status, err := d.status(ctx, id)
	if err != nil {
		return err
	}
	if status != "CANCELLED" {
		f.promise(1, "replay that was cancelled is "+status)
	}
	return nil
}

// killReplay kills fcd in the middle of a replay, starts it again and waits
// for the end.
func (c *court) killReplay(ctx context.Context, d *daemon, id string, f *findings) error {
	books := c.target.replays()
	faster := object{"rate": 2000}
	if err := call(ctx, http.MethodPut, d.URL+"/api/replays/"+id, d.token, faster, nil); err != nil {
		return err
	}
	for arrived := 0; arrived < c.events/2; {
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
		v, err := books.verdict(ctx)
		if err != nil {
			return err
		}
		arrived = v.Arrived
	}
	c.say("kill -9 in the middle")
	killed := time.Now()
	if err := d.kill(); err != nil {
		return err
	}
	if err := d.launch(ctx); err != nil {
		return err
	}
	v, err := books.wait(ctx, c.patience)
	if err != nil {
		return err
	}
	f.note("the rest after the kill", seconds(time.Unix(0, v.LastArrival).Sub(killed)), "s")
	f.note("repeated because of the kill", float64(v.Duplicates), "")
	f.promise(v.Losses, "replayed deliveries lost", v.Examples...)
	f.promise(v.Strange, "deliveries that nobody announced", v.Examples...)
	for began := time.Now(); ; {
		status, err := d.status(ctx, id)
		switch {
		case err != nil:
			return err
		case status == "COMPLETED":
			return nil
		case time.Since(began) > c.patience:
			return errors.New("the replay has delivered everything and is " + status)
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}
