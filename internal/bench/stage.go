package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// A result is one run of one scenario.
type result struct {
	verdict
	PerSecond  float64       `json:"deliveriesPerSecond"`
	Raw        float64       `json:"rawPerSecond"` // the raw line drawn just before
	Ratio      float64       `json:"ratio"`
	Published  float64       `json:"publishedPerSecond"`
	PushedBack int           `json:"pushedBack"` // publishing requests answered 429 or 503
	PeakMemory int64         `json:"peakMemoryBytes"`
	CPU        time.Duration `json:"cpuPerDelivery"`
	Ready      time.Duration `json:"readyAfter"`
}

// A stage is where scenarios are run.
type stage struct {
	target      *target
	binary      string // fcd
	dir         string // data directories are made here
	concurrency int    // of the dispatch pool and of each connection
	patience    time.Duration
	pprof       string // directory for CPU profiles; empty is none
}

// run plays one scenario against an fcd of its own.
func (st *stage) run(ctx context.Context, sc scenario) (r result, err error) {
	d, err := startDaemon(ctx, st.binary, st.dir)
	if err != nil {
		return r, err
	}
	running := true
	defer func() {
		if running {
			err = errors.Join(err, d.stop())
		}
	}()
	r.Ready = d.ready
	if err := st.furnish(ctx, d, sc); err != nil {
		return r, err
	}
	if err := st.warmUp(ctx, d, sc); err != nil {
		return r, fmt.Errorf("warm up: %w", err)
	}

	if err := st.target.expect(ctx, sc.expectation()); err != nil {
		return r, err
	}
	profiled := make(chan error, 1)
	if st.pprof != "" {
		file := filepath.Join(st.pprof, sc.name+".pprof")
		go func() { profiled <- d.profile(ctx, 5*time.Second, file) }()
	} else {
		profiled <- nil
	}
	before, began := d.cpu(), time.Now()
	if r.PushedBack, err = publish(ctx, d.URL, d.token, sc); err != nil {
		return r, fmt.Errorf("%w\n%s", err, d.tail())
	}
	r.Published = perSecond(sc.events, began, time.Now().UnixNano())
	if _, err := st.target.wait(ctx, st.patience); err != nil {
		return r, err
	}
	if n := sc.events * sc.subscriptions; n > 0 {
		r.CPU = (d.cpu() - before) / time.Duration(n)
	}
	if err := <-profiled; err != nil {
		return r, err
	}
	r.PeakMemory = d.peakMemory()

	// Only now, with fcd gone, can nothing come twice any more.
	running = false
	if err := d.stop(); err != nil {
		return r, err
	}
	if r.verdict, err = st.target.verdict(ctx); err != nil {
		return r, err
	}
	r.PerSecond = perSecond(r.Arrived, began, r.LastArrival)
	return r, nil
}

// signingSecret is what deliveries are signed with.
var signingSecret = "whsec_" + base64.StdEncoding.EncodeToString([]byte("a secret of thirty-two bytes, ok"))

// furnish creates what the scenario needs through the API.
func (st *stage) furnish(ctx context.Context, d *daemon, sc scenario) error {
	create := func(path string, body object) (string, error) {
		id, err := d.create(ctx, path, body)
		if err != nil {
			return "", fmt.Errorf("furnish: %w", err)
		}
		return id, nil
	}
	if _, err := create("/api/event-types", object{"code": eventType, "name": "Bench item published"}); err != nil {
		return err
	}
	pool, err := create("/api/dispatch-pools", object{"code": "bench", "name": "Bench", "concurrency": st.concurrency})
	if err != nil {
		return err
	}
	mode := "IMMEDIATE"
	if sc.groups > 0 {
		mode = "BLOCK_ON_ERROR"
	}
	for i := range sc.subscriptions {
		code := fmt.Sprintf("bench-%d", i)
		url := st.target.path(i)
		connection, err := create("/api/connections", object{
			"code": code, "name": code, "url": url, "endpoint": url, "maxConcurrency": st.concurrency,
			"signing": object{"scheme": "standard-webhooks", "secret": signingSecret},
		})
		if err != nil {
			return err
		}
		if _, err := create("/api/subscriptions", object{
			"code": code, "name": code, "connectionId": connection, "dispatchPoolId": pool, "mode": mode,
			"eventTypes": []object{{"eventTypeCode": "bench:load:item:*"}},
		}); err != nil {
			return err
		}
	}
	return nil
}

// warmUp sends a few events through the whole way, so that connections and
// caches are there when the clock starts.
func (st *stage) warmUp(ctx context.Context, d *daemon, sc scenario) error {
	sc.events, sc.batch, sc.rate = 64, 1, 0
	if err := st.target.expect(ctx, sc.expectation()); err != nil {
		return err
	}
	if _, err := publish(ctx, d.URL, d.token, sc); err != nil {
		return err
	}
	v, err := st.target.wait(ctx, st.patience)
	if err != nil {
		return err
	}
	if v.Losses > 0 {
		return fmt.Errorf("%d of %d deliveries did not come within %s\n%s", v.Losses, v.Expected, st.patience, d.tail())
	}
	return nil
}
