package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// tb is what testing.T and rapid.T have in common and the suite uses.
type tb interface {
	Helper()
	Fatalf(format string, args ...any)
}

// world is one case's store, its clock, and what was done to it.
type world struct {
	tb
	host    testing.TB // for what outlives one run of a machine
	f       Features
	ctx     context.Context
	s       store.Store
	dir     string
	now     time.Time
	history []string
	names   map[flow.ID]string
	serial  int
	opened  []store.Store
}

// epoch is when every case begins.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newWorld(t tb, host testing.TB, f Features) *world {
	t.Helper()
	w := &world{tb: t, host: host, f: f, ctx: context.Background(), dir: host.TempDir(), now: epoch, names: map[flow.ID]string{}}
	w.open()
	return w
}

func (w *world) open() {
	w.Helper()
	w.s = w.f.Open(w.host, w.dir, w.now)
	w.opened = append(w.opened, w.s)
}

// close closes whatever the case has opened.
func (w *world) close() {
	for _, s := range w.opened {
		if err := s.Close(); err != nil && !errors.Is(err, store.ErrClosed) {
			w.host.Errorf("close: %v", err)
		}
	}
	w.opened = nil
}

// reopen closes the store and opens it again.
func (w *world) reopen() {
	w.Helper()
	w.note("close and open")
	w.must(w.s.Close(), "close")
	w.open()
}

// crash leaves the store as a kill would and opens what is on the disk.
func (w *world) crash() {
	w.Helper()
	if w.f.Crash == nil {
		w.reopen()
		return
	}
	w.note("crash and open")
	w.dir = w.f.Crash(w.host, w.s, w.dir)
	w.open()
}

// sleep moves the clock.
func (w *world) sleep(d time.Duration) {
	w.now = w.now.Add(d)
	w.note("%s pass: it is %s", d, w.clock(w.now))
}

func (w *world) clock(at time.Time) string {
	if at.IsZero() {
		return "never"
	}
	return "+" + at.Sub(epoch).String()
}

// note adds a line to the history.
func (w *world) note(format string, args ...any) {
	w.history = append(w.history, fmt.Sprintf(format, args...))
}

// fail ends the case with the history.
func (w *world) fail(format string, args ...any) {
	w.Helper()
	lines := w.history
	if n := len(lines); n > 200 {
		lines = append([]string{fmt.Sprintf("(%d earlier lines)", n-200)}, lines[n-200:]...)
	}
	w.Fatalf("%s\nhistory:\n  %s", fmt.Sprintf(format, args...), strings.Join(lines, "\n  "))
}

func (w *world) must(err error, doing string) {
	w.Helper()
	if err != nil {
		w.fail("%s: %v", doing, err)
	}
}

// want compares two values that can be printed.
func want[T comparable](w *world, what string, got, wanted T) {
	w.Helper()
	if got != wanted {
		w.fail("%s is %v, want %v", what, got, wanted)
	}
}

func (w *world) wantErr(doing string, err, wanted error) {
	w.Helper()
	if !errors.Is(err, wanted) {
		w.fail("%s: the error is %v, want %v", doing, err, wanted)
	}
}

// wantTime compares instants at the precision of the wire.
func (w *world) wantTime(what string, got, wanted time.Time) {
	w.Helper()
	if !got.Truncate(time.Millisecond).Equal(wanted.Truncate(time.Millisecond)) {
		w.fail("%s is %s, want %s", what, w.clock(got), w.clock(wanted))
	}
}

// name is the short name of a job in histories.
func (w *world) name(id flow.ID) string {
	if n, ok := w.names[id]; ok {
		return n
	}
	return id.String()
}

func (w *world) list(jobs []flow.Job) string {
	var ns []string
	for _, j := range jobs {
		ns = append(ns, w.name(j.ID))
	}
	return "[" + strings.Join(ns, " ") + "]"
}

func describe(j flow.Job) string {
	s := fmt.Sprintf("%s ticket %d attempts %d spent %d", j.Status, j.Ticket, j.Attempts, j.Spent)
	if j.Waiting {
		s += " waiting"
	}
	if j.CancelAsked {
		s += " cancel asked"
	}
	if j.Reason != "" {
		s += " " + string(j.Reason)
	}
	return s
}

// newEvent makes an event that is different from all others of the world.
func (w *world) newEvent(mutate ...func(*flow.Event)) flow.Event {
	w.serial++
	e := flow.Event{
		Type: "orders:fulfillment:shipment:shipped", Source: "/shop", Subject: fmt.Sprintf("order-%d", w.serial),
		Time: w.now.Add(-time.Second), Data: json.RawMessage(fmt.Sprintf(`{"n":%d}`, w.serial)),
		DataContentType: "application/json", SpecVersion: "1.0",
	}
	for _, m := range mutate {
		m(&e)
	}
	return e
}

// append stores events and insists on success.
func (w *world) append(events ...flow.Event) []flow.Event {
	w.Helper()
	out := w.appended(events...)
	stored := make([]flow.Event, len(out))
	for i, a := range out {
		stored[i] = a.Event
	}
	return stored
}

func (w *world) appended(events ...flow.Event) []store.Appended {
	w.Helper()
	out, err := w.s.Append(w.ctx, events, w.now)
	w.must(err, "append")
	if len(out) != len(events) {
		w.fail("append answered %d times for %d events", len(out), len(events))
	}
	w.note("append %d events", len(events))
	return out
}

// policy is short and without chance: retries after a minute each.
func policy() flow.Policy {
	return flow.Policy{MaxRetries: 3, Strategy: flow.FixedDelay, Schedule: []time.Duration{time.Minute},
		MaxAge: 24 * time.Hour, Timeout: 30 * time.Second}
}

// slack makes, with the policy's timeout, leases of 45 seconds.
const slack = flow.LeaseSlack

// newJob makes the job of an event for a subscription.
func (w *world) newJob(e flow.Event, subscription string, mode flow.Mode, mutate ...func(*flow.Job)) flow.Job {
	j := flow.Job{
		Position: e.Position, EventID: e.ID, SubscriptionID: subscription, ClientID: e.ClientID, MessageGroup: e.MessageGroup,
		Mode: mode, OrderKey: flow.NewOrderKey(mode, subscription, e.ClientID, e.MessageGroup, 0),
		Lane: subscription, Policy: policy(), Due: w.now, CreatedAt: w.now,
	}
	for _, m := range mutate {
		m(&j)
	}
	return j
}

// fanOut fans out everything that is not fanned out yet, with the jobs that
// jobsOf returns for each event, and returns the jobs as stored, in order.
func (w *world) fanOut(jobsOf func(e flow.Event) []flow.Job) []flow.Job {
	w.Helper()
	b, err := w.s.Unfanned(w.ctx, 1000)
	w.must(err, "unfanned")
	var jobs []flow.Job
	for _, e := range b.Events {
		jobs = append(jobs, jobsOf(e)...)
	}
	w.must(w.s.FanOut(w.ctx, b, jobs, w.now), "fan out")
	return w.stored(jobs)
}

// stored finds the jobs of a fan-out and gives them names.
func (w *world) stored(jobs []flow.Job) []flow.Job {
	w.Helper()
	out := make([]flow.Job, len(jobs))
	for i, j := range jobs {
		page, err := w.s.ListJobs(w.ctx, store.Everything, store.JobQuery{EventID: j.EventID, Limit: 1000})
		w.must(err, "list jobs of an event")
		n := slices.IndexFunc(page.Jobs, func(v store.JobView) bool {
			return v.Job.SubscriptionID == j.SubscriptionID && v.Job.ReplayID == j.ReplayID
		})
		if n < 0 {
			w.fail("fan out made no job of event %s for %s", j.EventID, j.SubscriptionID)
		}
		out[i] = page.Jobs[n].Job
		w.christen(out[i])
	}
	return out
}

func (w *world) christen(j flow.Job) {
	if _, ok := w.names[j.ID]; !ok {
		w.names[j.ID] = fmt.Sprintf("j%d", len(w.names)+1)
		w.note("%s is made: lane %s, group %q, %s, %s", w.name(j.ID), j.Lane, j.MessageGroup, j.Mode, describe(j))
	}
}

// line makes n events of one group, fanned out to one subscription.
func (w *world) line(mode flow.Mode, subscription string, n int, mutate ...func(*flow.Job)) []flow.Job {
	w.Helper()
	events := make([]flow.Event, n)
	for i := range events {
		events[i] = w.newEvent(func(e *flow.Event) { e.MessageGroup = "g" })
	}
	w.append(events...)
	return w.fanOut(func(e flow.Event) []flow.Job { return []flow.Job{w.newJob(e, subscription, mode, mutate...)} })
}

// one makes a single unordered job.
func (w *world) one(mutate ...func(*flow.Job)) flow.Job {
	w.Helper()
	return w.line(flow.Immediate, "sub_A", 1, mutate...)[0]
}

// job reads a job.
func (w *world) job(id flow.ID) flow.Job {
	w.Helper()
	v, err := w.s.Job(w.ctx, store.Everything, id)
	w.must(err, "read "+w.name(id))
	return v.Job
}
