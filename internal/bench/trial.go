package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"
)

// A trial asks whether the engine keeps a promise under a condition that the
// scenarios of publishing do not have: a dead endpoint, a limit, a replay. It
// is run when it is named, since it takes long.
type trial struct {
	name, title string
	events      int // unless -n says otherwise
	run         func(ctx context.Context, c *court, f *findings) error
}

// allTrials is the name for all of them but those that begin with aged, which need
// gigabytes of disk, and the one of the screen: they are asked for by their own
// names.
const (
	allTrials = "all-engine"
	aged      = "aged"
	ofScreen  = "screen"
)

// ofEngine says that allTrials means this one too.
func (t trial) ofEngine() bool {
	return !strings.HasPrefix(t.name, aged) && t.name != ofScreen
}

// trials are the questions about the delivery engine, in this order.
var trials = []trial{
	{"isolation", "100 endpoints in a pool of 50, five of which never answer", 20000, isolation},
	{"ratelimit", "a limit of 100/s over a backlog", 10000, rateLimit},
	{"soak", "64 groups in BLOCK_ON_ERROR, 5 % failures, blocked heads retried", 50000, soak},
	{"replay", "a replay beneath 200 live events/s, paused, cancelled and killed", 100000, replay},
	{"outage", "an endpoint down with a backlog, and its return", 10000, outage},
	{ofScreen, "the screen open beside full speed, beside a steady rate, and with nothing published", 15000, screen},
	{aged, "lists, details, publishing and retention with a long history in the store", 10_000_000, inHistory((*court).reads, (*court).publishing, (*court).retention)},
	{aged + "-reads", "lists and details with a long history in the store", 10_000_000, inHistory((*court).reads)},
	{aged + "-publishing", "publishing with a long history in the store, and with none", 10_000_000, inHistory((*court).publishing)},
	{aged + "-retention", "publishing while a long history becomes shorter", 10_000_000, inHistory((*court).retention)},
}

// A court is where trials are run.
type court struct {
	*stage
	fcctl  string        // the binary
	events int           // of this trial
	down   time.Duration // of an outage
	store  string        // where the filled one is kept; empty is nowhere
	runs   int           // of what is compared in pairs
	talk   io.Writer
}

// say tells whoever waits how far the trial is.
func (c *court) say(format string, args ...any) {
	fmt.Fprintf(c.talk, "  "+format+"\n", args...)
}

// findings are what a trial found out.
type findings struct {
	Name    string   `json:"name"`
	Title   string   `json:"title"`
	Figures []figure `json:"figures"`
	broken  []string
	missed  []string
}

// A figure is one thing measured, and what was asked of it.
type figure struct {
	What   string  `json:"what"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit,omitempty"`
	Wanted string  `json:"wanted,omitempty"` // in words; empty is nothing
	Missed bool    `json:"missed,omitempty"`
}

func (g figure) text() string {
	s := strings.TrimSuffix(strings.TrimSuffix(fmt.Sprintf("%.2f", g.Value), "0"), ".0")
	if g.Unit != "" {
		s += " " + g.Unit
	}
	return s
}

// note writes a figure down of which nothing is asked.
func (f *findings) note(what string, value float64, unit string) {
	f.Figures = append(f.Figures, figure{What: what, Value: value, Unit: unit})
}

// ask writes a figure down, and whether it is as wanted.
func (f *findings) ask(what string, value float64, unit string, good bool, wanted string) {
	g := figure{What: what, Value: value, Unit: unit, Wanted: wanted, Missed: !good}
	f.Figures = append(f.Figures, g)
	if !good {
		f.missed = append(f.missed, fmt.Sprintf("%s: %s: %s, wanted %s", f.Name, what, g.text(), wanted))
	}
}

// atMost asks for a value that is not greater than a bound.
func (f *findings) atMost(what string, value, most float64, unit string) {
	f.ask(what, value, unit, value <= most, "at most "+figure{Value: most, Unit: unit}.text())
}

// promise notes a promise that was broken so many times; 0 is none.
func (f *findings) promise(n int, what string, examples ...string) {
	if n == 0 {
		return
	}
	f.broken = append(f.broken, fmt.Sprintf("%s: %d %s", f.Name, n, what))
	for _, e := range examples {
		f.broken = append(f.broken, "  "+f.Name+": "+e)
	}
}

// seconds is a duration as a figure's value.
func seconds(d time.Duration) float64 { return d.Seconds() }

// milliseconds is a duration as a figure's value.
func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// text writes the findings for people.
func (f *findings) text(w io.Writer) error {
	fmt.Fprintf(w, "\n%s: %s\n", f.Name, f.Title)
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	for _, g := range f.Figures {
		wanted := g.Wanted
		if g.Missed {
			wanted += "  MISSED"
		}
		fmt.Fprintf(tw, "  %s\t%s\t%s\n", g.What, g.text(), wanted)
	}
	return tw.Flush()
}

// within runs do against an fcd of its own and stops it. Whatever hangs at the
// receiver is let go before that, so that fcd can drain.
func (c *court) within(ctx context.Context, do func(d *daemon) error) (err error) {
	if err := c.target.behave(ctx); err != nil {
		return err
	}
	d, err := startDaemon(ctx, c.binary, c.dir)
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(c.target.behave(context.WithoutCancel(ctx)), err, d.stop())
	}()
	if err := do(d); err != nil {
		return fmt.Errorf("%w\n%s", err, d.tail())
	}
	return nil
}

// object is a JSON document of the API.
type object = map[string]any

// create posts a document and returns its id.
func (d *daemon) create(ctx context.Context, path string, body object) (string, error) {
	var created struct {
		ID string `json:"id"`
	}
	err := call(ctx, http.MethodPost, d.URL+path, d.token, body, &created)
	return created.ID, err
}

// subscribe makes the scenario's connections and subscriptions in a pool of
// the given kind. The connections and subscriptions get the extra fields.
func (c *court) subscribe(ctx context.Context, d *daemon, sc scenario, pool, connection, subscription object) error {
	merged := func(base, extra object) object {
		for k, v := range extra {
			base[k] = v
		}
		return base
	}
	poolID, err := d.create(ctx, "/api/dispatch-pools", merged(object{"code": "bench", "concurrency": c.concurrency}, pool))
	if err != nil {
		return err
	}
	for i := range sc.subscriptions {
		code, pattern := fmt.Sprintf("bench-%d", i), "bench:load:item:*"
		if sc.spread {
			pattern = typeOf(1 + i)
		}
		connectionID, err := d.create(ctx, "/api/connections", merged(object{
			"code": code, "name": code, "url": c.target.path(i), "endpoint": c.target.path(i),
			"signing": object{"scheme": "standard-webhooks", "secret": signingSecret},
		}, connection))
		if err != nil {
			return err
		}
		mode := "IMMEDIATE"
		if sc.groups > 0 {
			mode = "BLOCK_ON_ERROR"
		}
		if _, err := d.create(ctx, "/api/subscriptions", merged(object{
			"code": code, "name": code, "connectionId": connectionID, "dispatchPoolId": poolID, "mode": mode,
			"eventTypes": []object{{"eventTypeCode": pattern}},
		}, subscription)); err != nil {
			return err
		}
	}
	return nil
}

// jobs returns the ids of up to 200 jobs in a state.
func (d *daemon) jobs(ctx context.Context, status string) ([]string, error) {
	var page struct {
		Jobs []struct {
			ID string `json:"id"`
		} `json:"dispatchJobs"`
	}
	q := url.Values{"status": {status}, "limit": {"200"}}
	if err := call(ctx, http.MethodGet, d.URL+"/api/dispatch-jobs?"+q.Encode(), d.token, nil, &page); err != nil {
		return nil, err
	}
	var ids []string
	for _, j := range page.Jobs {
		ids = append(ids, j.ID)
	}
	return ids, nil
}

// judge writes down what a trial found.
func (rp *report) judgeTrial(f *findings) {
	rp.Trials = append(rp.Trials, f)
	rp.Failures = append(rp.Failures, f.broken...)
	rp.Missed = append(rp.Missed, f.missed...)
}
