package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/flowcatalyst/fc/internal/fill"
)

// inHistory is a trial of some parts that share a store with a long history.
func inHistory(parts ...func(*court, context.Context, *history, *findings) error) func(context.Context, *court, *findings) error {
	return func(ctx context.Context, c *court, f *findings) error {
		h, err := c.history(ctx)
		if err != nil {
			return err
		}
		for _, part := range parts {
			if err := part(c, ctx, h, f); err != nil {
				return errors.Join(err, h.leave(c))
			}
		}
		return h.leave(c)
	}
}

// published are the ways of publishing by which stores are compared.
var published = []scenario{
	{name: "single", events: 10_000, publishers: 32, batch: 1, subscriptions: 1},
	{name: "batch", events: 30_000, publishers: 8, batch: 100, subscriptions: 1},
}

// publishing compares publishing to the store with publishing to an empty one,
// in turn.
func (c *court) publishing(ctx context.Context, h *history, f *findings) error {
	for _, sc := range published {
		var empty, full, parts []float64
		for n := range c.runs {
			r, err := c.run(ctx, sc)
			if err != nil {
				return err
			}
			there, err := c.onHistory(ctx, h, sc)
			if err != nil {
				return err
			}
			c.say("%s, pair %d of %d: %.0f deliveries/s with an empty store, %.0f with the full one", sc.name, n+1, c.runs, r.PerSecond, there)
			empty, full, parts = append(empty, r.PerSecond), append(full, there), append(parts, there/r.PerSecond)
		}
		f.note(sc.name+" with an empty store", median(empty), "deliveries/s")
		f.note(sc.name+" with the full store", median(full), "deliveries/s")
		part := 100 * median(parts)
		f.ask(sc.name+" with the full store, of that", part, "%", part >= 80, "at least 80 %")
	}
	return nil
}

// onHistory publishes to the store with the history and returns deliveries a
// second.
func (c *court) onHistory(ctx context.Context, h *history, sc scenario) (perS float64, err error) {
	d, err := openDaemon(ctx, c.binary, h.dir)
	if err != nil {
		return 0, err
	}
	defer func() { err = finish(d, err) }()
	if err := c.aim(ctx, d, d.token); err != nil {
		return 0, err
	}
	if err := c.warmUp(ctx, d, sc); err != nil {
		return 0, err
	}
	if err := c.target.expect(ctx, sc.expectation()); err != nil {
		return 0, err
	}
	began := time.Now()
	if _, err := publish(ctx, d.URL, d.token, sc); err != nil {
		return 0, err
	}
	v, err := c.target.wait(ctx, c.patience)
	if err == nil && v.Losses > 0 {
		err = fmt.Errorf("%d of %d deliveries were lost", v.Losses, v.Expected)
	}
	return perSecond(v.Arrived, began, v.LastArrival), err
}

// aim points the connection of the bench at this run's receiver.
func (c *court) aim(ctx context.Context, d *daemon, token string) error {
	url := c.target.path(0)
	return call(ctx, http.MethodPut, d.URL+"/api/connections/bench-0", token, object{"url": url, "endpoint": url}, nil)
}

// What retention is tried with.
const (
	pacedRate   = 200 // events per second
	pacedFor    = 30 * time.Second
	removedRows = 1_000_000
	nearly      = 0.9 // some end later than they began, and stay
)

// retention asks what removing a million rows costs those who publish meanwhile.
func (c *court) retention(ctx context.Context, h *history, f *findings) error {
	var without, with latencies
	rows := min(removedRows, h.Jobs/5)
	part := rows / c.runs
	for n := range c.runs {
		if err := c.pacedOn(ctx, h, &without, "", nil); err != nil {
			return err
		}
		// What blocked groups have is all at the end, and is not counted.
		hours := float64(part) / (float64(h.Jobs) * (1 + 1/float64(fill.PerEvent))) * h.Filled.Span.Hours()
		cut := h.Filled.Oldest.Add(time.Duration(hours * float64(time.Hour)))
		ages := fmt.Sprintf("retention {\n  jobs   = \"%ds\"\n  events = \"%[1]ds\"\n}\n", int(time.Since(cut).Seconds()))
		if err := c.pacedOn(ctx, h, &with, ages, func(removed float64) bool { return removed >= nearly*float64(part) }); err != nil {
			return err
		}
		h.Filled.Oldest = cut
		if err := h.note(c); err != nil {
			return err
		}
		c.say("%d of %d: %d events/s, p99 %s so far; %s while %.0f events and jobs went", n+1, c.runs, pacedRate, millis(without.at(99)), millis(with.at(99)), with.removed)
	}
	f.note("publish p50 without retention", milliseconds(without.at(50)), "ms")
	f.note("publish p99 without retention", milliseconds(without.at(99)), "ms")
	f.note("publish p50 with it", milliseconds(with.at(50)), "ms")
	f.note("publish p99 with it", milliseconds(with.at(99)), "ms")
	f.note("publish max with it", milliseconds(with.at(100)), "ms")
	f.note("events and jobs removed per second", with.removed/with.took.Seconds(), "")
	f.ask("events and jobs removed", with.removed, "", with.removed >= nearly*float64(rows), fmt.Sprintf("about %d", rows))
	f.atMost("publish p99 with retention, of that without", float64(with.at(99))/float64(max(without.at(99), 1)), 3, "×")
	return nil
}

// latencies are how long publishing requests took.
type latencies struct {
	all     []time.Duration
	took    time.Duration
	removed float64 // by retention meanwhile
}

// at is the time within which so many of a hundred requests were answered.
func (l *latencies) at(percent int) time.Duration {
	sorted := slices.Sorted(slices.Values(l.all))
	return sorted[(len(sorted)*percent-1)/100]
}

// pacedOn publishes at a steady rate to the store with the history: for a while,
// or until what retention has removed is enough.
func (c *court) pacedOn(ctx context.Context, h *history, l *latencies, ages string, enough func(removed float64) bool) (err error) {
	d, err := c.openRun(ctx, h, ages)
	if err != nil {
		return err
	}
	defer func() { err = finish(d, err) }()
	if err := c.aim(ctx, d, h.Token); err != nil {
		return err
	}
	if _, err := d.paced(ctx, pacedRate); err != nil { // a warm-up
		return err
	}
	var removed float64
	began := time.Now()
	for {
		before := removed
		some, err := d.paced(ctx, 10*pacedRate)
		if err != nil {
			return err
		}
		l.all = append(l.all, some...)
		if enough != nil {
			if removed, err = d.metric(ctx, "fc_retention_removed_total"); err != nil {
				return err
			}
		}
		took := time.Since(began)
		if enough == nil && took >= pacedFor || enough != nil && (enough(removed) || removed == before) { // nothing more goes
			l.took, l.removed = l.took+took, l.removed+removed
			return nil
		}
	}
}

// paced publishes n single events at a steady rate and returns how long each took
// from when it was due.
func (d *daemon) paced(ctx context.Context, n int) ([]time.Duration, error) {
	const publishers = 16
	tr := newTransport(publishers)
	defer tr.CloseIdleConnections()
	var mu sync.Mutex
	var all []time.Duration
	var next atomic.Int64
	began := time.Now().Add(50 * time.Millisecond)
	err := together(ctx, publishers, func(ctx context.Context, p int) error {
		c, err := newCaller(ctx, tr, d.URL+"/api/events", d.token)
		if err != nil {
			return err
		}
		var took []time.Duration
		var body []byte
		for {
			it := item{seq: int(next.Add(1)) - 1, group: p}
			if it.seq >= n {
				break
			}
			due := began.Add(time.Duration(it.seq) * time.Second / pacedRate)
			if err := pause(ctx, time.Until(due)); err != nil {
				return err
			}
			it.sentAt = time.Now().UnixNano()
			body = it.appendEvent(body[:0], false)
			if _, err := c.publish(body); err != nil {
				return err
			}
			took = append(took, time.Since(due))
		}
		mu.Lock()
		all = append(all, took...)
		mu.Unlock()
		return nil
	})
	return all, err
}

// metric is the sum of a metric over its labels.
func (d *daemon) metric(ctx context.Context, name string) (sum float64, err error) {
	r := reader{base: d.AdminURL}
	b, _, err := r.get(ctx, "/metrics", "")
	if err != nil {
		return 0, err
	}
	for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
		if line := s.Text(); strings.HasPrefix(line, name) {
			v, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64)
			if err != nil || math.IsNaN(v) {
				return 0, fmt.Errorf("read metric %s: %q", name, line)
			}
			sum += v
		}
	}
	return sum, nil
}

// openRun runs `fcd run` on the store, with more configuration than `fcd dev`
// knows.
func (c *court) openRun(ctx context.Context, h *history, more string) (*daemon, error) {
	var at [3]string
	for i := range at {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		at[i] = l.Addr().String()
		if err := l.Close(); err != nil {
			return nil, err
		}
	}
	file := filepath.Join(h.dir, "fcd.hcl")
	text := fmt.Sprintf("data_dir = %q\nadmin {\n  listen = %q\n}\nservice \"platform\" {\n  listen = %q\n}\nservice \"stream\" {}\nservice \"scheduler\" {}\n"+
		"service \"router\" {\n  listen = %q\n  egress {\n    deny_private = false\n  }\n}\n%s", filepath.ToSlash(filepath.Join(h.dir, "data")), at[0], at[1], at[2], more)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	d := &daemon{dir: h.dir, binary: c.binary, config: file, URL: "http://" + at[1], AdminURL: "http://" + at[0], token: h.Token}
	var err error
	if d.log, err = os.Create(filepath.Join(h.dir, "fcd.log")); err != nil {
		return nil, err
	}
	if err := d.launch(ctx); err != nil {
		return nil, errors.Join(err, d.log.Close())
	}
	return d, nil
}
