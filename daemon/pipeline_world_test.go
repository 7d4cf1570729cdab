package daemon_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/daemontest"
)

// A line is a subscription of the pipeline with an endpoint of its own.
type line struct {
	path    string
	pattern string
	mode    string
	direct  bool // without a connection
}

// lines are what every run has: each mode, one of them without a connection,
// and one that does not match everything.
var lines = []line{
	{"/immediate", "shop:*:*:*", resource.ModeImmediate, false},
	{"/next", "shop:*:*:*", resource.ModeNextOnError, false},
	{"/block", "shop:*:*:*", resource.ModeBlockOnError, true},
	{"/paid", "shop:orders:order:paid", resource.ModeBlockOnError, false},
}

func (l line) matches(eventType string) bool {
	return l.pattern == "shop:*:*:*" || l.pattern == eventType
}

// The types of what is published, and the groups it belongs to.
var (
	published = []string{eventType, "shop:orders:order:paid"}
	groups    = []string{"a", "b", "c", ""}
)

// healBound is how long all work may take once receivers are healthy and
// nothing holds it. What can be in its way: an exchange that hangs, a
// Retry-After, a breaker that has opened three times and grows its window.
const healBound = 60 * time.Second

// quietly is a daemon that only acts when it is told to: what a wake-up
// should do, no poll does.
const quietly = `
log { level = "error" }
shutdown_timeout = "2s"
service "platform" {}
service "stream" {}
service "scheduler" {
  poll_interval = "1h"
  stale_after   = "1h"
}
service "router" {
  egress { deny_private = false }
}
`

// event is what the run published.
type event struct {
	id, kind, group string
}

// pipeline is one run.
type pipeline struct {
	t     *rapid.T
	d     *daemontest.Daemon
	r     *endpoints
	plan  plan
	sum   *summary
	began time.Time

	pool        string
	connections []string
	subs        map[string]line     // by id
	ways        map[string][]string // id of a resource → the paths that it leads to
	subIDs      []string

	events []event              // by number
	acted  map[string]string    // job → why it may have ended CANCELLED
	retry  map[string]time.Time // job → when it was first retried by hand
	held   map[string][]span    // path → when nothing was to go there; open spans have no end
	limits []limit              // of the pool's concurrency, in order

	replays    []*replayed
	tasks      []string        // of dead letters
	retriedAll time.Time       // when all were first retried
	emptied    map[string]bool // order keys in which all that waited was cancelled
}

// limit is a concurrency that holds from a time on.
type limit struct {
	from time.Time
	n    int
}

func newPipeline(t *testing.T, rt *rapid.T, p plan, sum *summary) *pipeline {
	w := &pipeline{
		t: rt, plan: p, sum: sum, began: time.Now(), subs: map[string]line{}, ways: map[string][]string{},
		acted: map[string]string{}, retry: map[string]time.Time{}, held: map[string][]span{}, emptied: map[string]bool{},
		limits: []limit{{time.Now(), p.concurrency}},
	}
	w.r = newEndpoints(t, p.scripts)
	w.d = daemontest.Start(t, quietly)
	rt.Cleanup(func() {
		w.d.Stop()
		w.r.close()
	})
	w.furnish()
	return w
}

func (w *pipeline) must(err error, doing string) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("%s: %v", doing, err)
	}
}

func (w *pipeline) resources(k resource.Kind) *client.Resources { return w.d.Client.Resources(k) }

func (w *pipeline) create(r resource.Resource) string {
	got, err := w.resources(r.Kind()).Create(w.t.Context(), r)
	w.must(err, "furnish")
	return got.Base().ID
}

func (w *pipeline) furnish() {
	w.pool = w.create(&resource.DispatchPool{Code: "pool", Concurrency: w.plan.concurrency})
	for i, l := range lines {
		s := &resource.Subscription{
			Code: l.path[1:], EventTypes: []resource.Binding{{EventTypeCode: l.pattern}}, Mode: l.mode, DispatchPoolID: w.pool,
			TimeoutSeconds: 1, MaxRetries: 3, RetrySchedule: []resource.Duration{resource.Duration(2 * time.Millisecond), resource.Duration(8 * time.Millisecond)}, RetryJitter: 0.5,
		}
		if l.direct {
			s.Target = w.r.URL + l.path
		} else {
			c := &resource.Connection{Code: fmt.Sprintf("c%d", i), URL: w.r.URL + l.path}
			s.ConnectionID = w.create(c)
			w.connections = append(w.connections, s.ConnectionID)
			w.ways[s.ConnectionID] = []string{l.path}
		}
		id := w.create(s)
		w.subs[id] = l
		w.ways[id] = []string{l.path}
		w.ways[w.pool] = append(w.ways[w.pool], l.path)
		w.subIDs = append(w.subIDs, id)
	}
}

// run does what the plan says, lets everything end and accounts for it.
func (w *pipeline) run() {
	for _, s := range w.plan.steps {
		w.do(s)
		pause := time.NewTimer(s.pause)
		select {
		case <-pause.C:
		case <-w.t.Context().Done():
		}
	}
	w.heal()
	w.account()
}

func (w *pipeline) do(s step) {
	ctx := w.t.Context()
	switch s.act {
	case publishOne:
		w.publish(1, s.n)
	case publishBatch:
		w.publish(2+s.n%25, s.n)
	case changeConcurrency:
		n := 1 + s.n%10
		w.update(resource.KindDispatchPool, w.pool, "concurrency", n)
		w.limits = append(w.limits, limit{time.Now(), n})
	case changeRate:
		w.update(resource.KindDispatchPool, w.pool, "rateLimit", []string{"0", "50/s", "200/s", "1000/s"}[s.n%4])
	case suspendPool:
		w.hold(resource.KindDispatchPool, w.pool)
	case activatePool:
		w.free(resource.KindDispatchPool, w.pool)
	case pauseSubscription:
		w.hold(resource.KindSubscription, w.subIDs[s.n%len(w.subIDs)])
	case resumeSubscription:
		w.free(resource.KindSubscription, w.subIDs[s.n%len(w.subIDs)])
	case pauseConnection:
		w.hold(resource.KindConnection, w.connections[s.n%len(w.connections)])
	case resumeConnection:
		w.free(resource.KindConnection, w.connections[s.n%len(w.connections)])
	case retryJob:
		if j := w.pick(s.n, client.JobFailed, client.JobExpired); j != nil {
			w.retryByHand(j.ID)
		}
	case skipJob:
		if j := w.pick(s.n, client.JobFailed, client.JobExpired); j != nil && j.Blocked {
			w.acted[j.ID] = "skipped"
			_, err := w.d.Client.Jobs.Skip(ctx, j.ID)
			w.mustOrTooLate(err, "skip "+j.ID) // a task may retry it meanwhile
		}
	case cancelJob:
		if j := w.pick(s.n, client.JobPending, client.JobQueued, client.JobProcessing); j != nil {
			w.acted[j.ID] = "cancelled"
			_, err := w.d.Client.Jobs.Cancel(ctx, j.ID)
			w.must(err, "cancel "+j.ID)
		}
	case restartRouter:
		w.r.during(func() {
			w.must(w.d.RestartRouter(ctx, time.Second+time.Duration(10*s.n)*time.Millisecond), "restart the router")
		})
	case restartDaemon:
		w.r.during(w.d.Restart)
	case letItRun:
		w.r.await(s.n, 300*time.Millisecond)
	default:
		w.doBulk(s)
	}
}

// publish publishes n events, one after another or as one batch.
func (w *pipeline) publish(n, seed int) {
	var news []client.NewEvent
	for i := range n {
		e := event{kind: published[(seed/4+i)%len(published)], group: groups[(seed+i)%len(groups)]}
		news = append(news, client.NewEvent{
			Type: e.kind, Source: "/shop", MessageGroup: e.group,
			CorrelationID: fmt.Sprintf("n%d", len(w.events)), Data: map[string]int{"n": len(w.events)},
		})
		w.events = append(w.events, e)
	}
	first := len(w.events) - n
	if n == 1 {
		p, err := w.d.Client.Events.Publish(w.t.Context(), news[0])
		w.must(err, "publish")
		w.events[first].id = p.ID
		return
	}
	results, err := w.d.Client.Events.PublishBatch(w.t.Context(), news)
	w.must(err, "publish")
	for i, r := range results {
		if !r.OK() {
			w.t.Fatalf("publish item %d: %s %s", i, r.Status, r.Error)
		}
		w.events[first+i].id = r.ID
	}
}

func (w *pipeline) update(k resource.Kind, id, field string, to any) {
	_, err := w.resources(k).Update(w.t.Context(), id, map[string]any{field: to}, 0)
	w.must(err, "change "+field)
}

// hold pauses a resource, and notes since when.
func (w *pipeline) hold(k resource.Kind, id string) {
	_, err := w.resources(k).Pause(w.t.Context(), id)
	w.must(err, fmt.Sprint("pause ", k))
	for _, path := range w.ways[id] {
		w.held[path] = append(w.held[path], span{from: time.Now()})
	}
}

// free lets a resource go on. What else holds its paths is forgotten with it:
// an end too many only makes account look at less.
func (w *pipeline) free(k resource.Kind, id string) {
	for _, path := range w.ways[id] {
		for i := range w.held[path] {
			if s := &w.held[path][i]; s.to.IsZero() {
				s.to = time.Now()
			}
		}
	}
	_, err := w.resources(k).Resume(w.t.Context(), id)
	w.must(err, fmt.Sprint("resume ", k))
}

// retryByHand notes the time first: from then on the job may come late.
func (w *pipeline) retryByHand(id string) {
	if w.retry[id].IsZero() {
		w.retry[id] = time.Now()
	}
	_, err := w.d.Client.Jobs.Retry(w.t.Context(), id)
	w.must(err, "retry "+id)
}

// pick returns one of the newest jobs in a state, or nil.
func (w *pipeline) pick(n int, status ...string) *client.Job {
	page, err := w.d.Client.Jobs.Page(w.t.Context(), client.JobFilter{Status: status, PageSize: 100}, "")
	w.must(err, "list jobs")
	if len(page.Items) == 0 {
		return nil
	}
	return &page.Items[n%len(page.Items)]
}

// heal takes every hindrance away and returns when all work has ended. Dead
// letters that block their key are retried; others are an end.
func (w *pipeline) heal() {
	w.r.heal()
	w.free(resource.KindDispatchPool, w.pool)
	w.update(resource.KindDispatchPool, w.pool, "rateLimit", 0)
	ctx, cancel := context.WithTimeoutCause(w.t.Context(), healBound, errors.New("not everything has ended"))
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		// A 410 that was on its way may still pause a subscription.
		for _, id := range w.connections {
			w.free(resource.KindConnection, id)
		}
		for _, id := range w.subIDs {
			w.free(resource.KindSubscription, id)
		}
		open := w.jobs(client.JobPending, client.JobQueued, client.JobProcessing)
		blocked := 0
		for _, j := range w.jobs(client.JobFailed, client.JobExpired) {
			if j.Blocked {
				blocked++
				w.retryByHand(j.ID)
			}
		}
		if over := w.bulkOver(); over && w.fannedOut() && len(open)+blocked == 0 {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			w.t.Fatalf("%s after everything was healthy, %d jobs have not ended: %s\n%s", healBound, len(open), describe(open), w.metrics())
		}
	}
}

// fannedOut says whether every event has its jobs.
func (w *pipeline) fannedOut() bool {
	if len(w.events) == 0 {
		return true
	}
	want := 0
	for _, e := range w.events {
		for _, l := range lines {
			if l.matches(e.kind) {
				want++
			}
		}
	}
	for _, j := range w.jobs() {
		if j.ReplayID == "" {
			want--
		}
	}
	return want <= 0
}

func (w *pipeline) jobs(status ...string) []client.Job {
	var all []client.Job
	for j, err := range w.d.Client.Jobs.List(w.t.Context(), client.JobFilter{Status: status, PageSize: 500}) {
		w.must(err, "list jobs")
		all = append(all, j)
	}
	return all
}

// metrics returns those that say where work stands.
func (w *pipeline) metrics() string {
	_, body := w.get("/metrics")
	var kept strings.Builder
	for l := range strings.Lines(body) {
		for _, p := range []string{"fc_scheduler_", "fc_router_", "fc_queue_", "fc_store_"} {
			if strings.HasPrefix(l, p) && !strings.Contains(l, "_bucket") {
				kept.WriteString(l)
			}
		}
	}
	return kept.String()
}

// metric returns a gauge of the store or the queue; -1 if there is none.
func (w *pipeline) metric(name string) float64 {
	for l := range strings.Lines(w.metrics()) {
		if rest, ok := strings.CutPrefix(l, name); ok && (rest[0] == ' ' || rest[0] == '{') {
			v, err := strconv.ParseFloat(strings.TrimSpace(rest[strings.LastIndexByte(rest, ' ')+1:]), 64)
			w.must(err, "read metric "+name)
			return v
		}
	}
	return -1
}

func (w *pipeline) get(path string) (int, string) {
	res, err := http.Get(w.d.AdminURL() + path)
	w.must(err, "get "+path)
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	w.must(err, "get "+path)
	return res.StatusCode, string(b)
}

func describe(jobs []client.Job) string {
	var b strings.Builder
	for i, j := range jobs {
		if i == 10 {
			fmt.Fprintf(&b, "\n  and %d more", len(jobs)-i)
			break
		}
		fmt.Fprintf(&b, "\n  %s %s of %s %s, group %q, attempt %d, due %s, waiting %v", j.ID, j.Status, j.SubscriptionCode, j.CorrelationID, j.MessageGroup,
			j.AttemptCount, j.Due.Format("15:04:05.000"), j.Waiting)
	}
	return b.String()
}
