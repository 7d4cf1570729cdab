package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// The machine's clock moves in these steps, and every time that it compares
// with (a lease of 45 s, stale after 10 s) falls between them, so that no
// case hangs on what happens in the very same millisecond.
var machineSteps = []time.Duration{7 * time.Second, 61 * time.Second}

var machineLanes = []struct {
	name string
	mode flow.Mode
}{{"sub_I", flow.Immediate}, {"sub_N", flow.NextOnError}, {"sub_B", flow.BlockOnError}}

// machine is one run: the store's world, the model beside it, and what
// queues and routers have in their hands.
type machine struct {
	*world
	t       *rapid.T
	m       *model
	tickets []store.Ticket // every message that was ever in the queue
	held    []flow.Job     // every job that a router ever began
	stale   []store.Batch  // batches that were read and not used
}

// runMachine lets random verbs and crashes loose on a store and compares it
// with the model after each.
func runMachine(t *testing.T, f Features) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(rt, t, f)
		defer w.close()
		k := &machine{world: w, t: rt, m: newModel()}
		actions := []func(){
			k.appendEvents, k.fanOutSome, k.fanOutSome, k.insertTask, k.publish, k.publish, k.publish,
			k.startSome, k.startSome, k.startSome, k.recordOne, k.recordOne, k.recordOne, k.parkOne,
			k.pass, k.pass, k.recoverAll, k.retryOne, k.cancelOne, k.skipOne, k.cancelBehind, k.cancelALane, k.restart,
			k.replaySome, k.replaySome, k.discardOne, k.actOnLetters,
		}
		k.appendEvents()
		k.fanOutSome()
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			actions[rapid.IntRange(0, len(actions)-1).Draw(rt, "action")]()
			k.m.compare(w)
		}
		k.restart()
		k.m.compare(w)
		for _, j := range k.m.jobs {
			k.compareAttempts(j)
		}
	})
}

func pick[T any](k *machine, from []T, label string) T {
	return from[rapid.IntRange(0, len(from)-1).Draw(k.t, label)]
}

func (k *machine) anyJob() (flow.ID, bool) {
	if len(k.m.jobs) == 0 {
		return 0, false
	}
	return pick(k, k.m.jobs, "job").ID, true
}

func (k *machine) appendEvents() {
	events := make([]flow.Event, rapid.IntRange(1, 3).Draw(k.t, "events"))
	for i := range events {
		events[i] = k.newEvent(func(e *flow.Event) { e.MessageGroup = pick(k, []string{"a", "b", "a", ""}, "group") })
	}
	k.m.events = append(k.m.events, k.append(events...)...)
}

func (k *machine) fanOutSome() {
	limit := rapid.IntRange(1, 4).Draw(k.t, "limit")
	b := k.unfanned(limit)
	expected := k.m.events[:min(limit, len(k.m.events))]
	want(k.world, "the length of the batch", len(b.Events), len(expected))
	for i := range expected {
		want(k.world, "the event in its place", b.Events[i].ID, expected[i].ID)
	}
	if len(b.Events) == 0 {
		return
	}
	if rapid.IntRange(0, 4).Draw(k.t, "leave it") == 0 {
		k.stale = append(k.stale, b)
		return
	}
	var jobs []flow.Job
	for _, e := range b.Events {
		for _, l := range machineLanes {
			if rapid.Bool().Draw(k.t, l.name) {
				jobs = append(jobs, k.newJob(e, l.name, l.mode))
			}
		}
	}
	k.must(k.s.FanOut(k.ctx, b, jobs, k.now), "fan out")
	k.m.fanned = append(k.m.fanned, b.Events...)
	k.m.events = k.m.events[len(b.Events):]
	for i, j := range k.stored(jobs) {
		made := jobs[i]
		made.ID = j.ID
		k.m.add(made)
	}
	for _, old := range k.stale {
		k.wantErr("fan out a batch of before", k.s.FanOut(k.ctx, old, jobs, k.now), store.ErrConflict)
	}
	k.stale = nil
}

func (k *machine) insertTask() {
	t := k.newTask(func(j *flow.Job) {
		if rapid.Bool().Draw(k.t, "ordered") {
			j.Mode, j.MessageGroup = flow.BlockOnError, "a"
			j.OrderKey = flow.NewOrderKey(j.Mode, j.Lane, "", "a", 0)
		}
		if rapid.Bool().Draw(k.t, "later") {
			j.Due = k.now.Add(30 * time.Second)
		}
	})
	made := k.inserted(t)[0].Job
	t.ID, t.Position = made.ID, made.Position
	k.m.add(t)
}

// publish hands jobs of a lane to the queue; now and then the mark is lost.
func (k *machine) publish() {
	lane := pick(k, append(machineNames(), k.newTask().Lane), "lane")
	window := rapid.IntRange(1, 4).Draw(k.t, "window")
	o := k.offer(lane, window)
	want(k.world, "the offer", k.showOffer(o, window), k.showOffer(k.m.offer(lane, window, k.now), window))
	var ts []store.Ticket
	for _, j := range o.Jobs {
		ts = append(ts, store.Ticket{Job: j.ID, Number: j.Ticket + 1})
	}
	k.tickets = append(k.tickets, ts...)
	if len(ts) > 0 && rapid.IntRange(0, 3).Draw(k.t, "lose the mark") > 0 {
		k.markQueued(ts...)
		for _, t := range ts {
			k.m.markQueued(t, k.now)
		}
	}
}

func machineNames() (names []string) {
	for _, l := range machineLanes {
		names = append(names, l.name)
	}
	for _, l := range machineReplays {
		names = append(names, flow.ReplayLane(replay, l.name))
	}
	return names
}

// startSome delivers messages, the latest more often than the old ones.
func (k *machine) startSome() {
	if len(k.tickets) == 0 {
		return
	}
	var starts []store.Start
	for range rapid.IntRange(1, 3).Draw(k.t, "starts") {
		t := pick(k, k.recent(), "message")
		starts = append(starts, store.Start{Job: t.Job, Ticket: t.Number, Owner: pick(k, []string{"r1", "r2"}, "router"), Slack: slack})
	}
	out, err := k.s.Start(k.ctx, starts, k.now)
	k.must(err, "start")
	want(k.world, "answers", len(out), len(starts))
	for i, s := range starts {
		wanted := k.m.start(s, k.now)
		k.note("start %s with ticket %d for %s: %s; %s", k.name(s.Job), s.Ticket, s.Owner, startNames[out[i].Result], describe(out[i].Job))
		want(k.world, "the result of starting "+k.name(s.Job), startNames[out[i].Result], startNames[wanted])
		if wanted == store.StartOK {
			want(k.world, "the started job", k.full(out[i].Job), k.full(*k.m.job(s.Job)))
			k.held = append(k.held, out[i].Job)
		}
	}
}

func (k *machine) recent() []store.Ticket {
	if rapid.IntRange(0, 3).Draw(k.t, "an old message") > 0 {
		return k.tickets[max(len(k.tickets)-4, 0):]
	}
	return k.tickets
}

// recordOne writes an outcome, sometimes of an exchange that is long over.
func (k *machine) recordOne() {
	if len(k.held) == 0 {
		return
	}
	from := k.held
	if rapid.IntRange(0, 3).Draw(k.t, "an old exchange") > 0 {
		from = k.held[max(len(k.held)-3, 0):]
	}
	o := k.outcome(pick(k, from, "exchange"), pick(k, []flow.Verdict{flow.Delivered, flow.Delivered, flow.Retry, flow.Retry, flow.Throttled,
		flow.Deferred, flow.Reject, flow.Gone}, "verdict"))
	counts := k.m.record(o, k.now)
	r := k.record(o)
	if !counts {
		k.wantErr("record what is over", r.Err, store.ErrConflict)
		return
	}
	k.must(r.Err, "record")
	want(k.world, "the recorded job", k.full(r.Job), k.full(*k.m.job(o.Job.ID)))
}

func (k *machine) parkOne() {
	if len(k.tickets) == 0 {
		return
	}
	t := pick(k, k.recent(), "message")
	p := store.Park{Job: t.Job, Ticket: t.Number, Until: k.now.Add(pick(k, []time.Duration{0, 30 * time.Second}, "for"))}
	k.park(p.Job, p.Ticket, p.Until)
	k.m.park(p)
}

func (k *machine) pass() { k.sleep(pick(k, machineSteps, "time")) }

func (k *machine) recoverAll() {
	staleBefore := k.now.Add(-10 * time.Second)
	wanted := k.m.recover(staleBefore, k.now, false)
	want(k.world, "recovered", k.recover(staleBefore, 1000), wanted)
}

func (k *machine) retryOne() {
	id, ok := k.anyJob()
	if !ok {
		return
	}
	k.m.retry(id, k.now)
	want(k.world, "the retried job", k.full(k.retry(id)), k.full(*k.m.job(id)))
}

func (k *machine) cancelOne() {
	id, ok := k.anyJob()
	if !ok {
		return
	}
	k.m.cancel(id, flow.ReasonCancelled, k.now)
	want(k.world, "the cancelled job", k.full(k.cancel(id)), k.full(*k.m.job(id)))
}

func (k *machine) skipOne() {
	id, ok := k.anyJob()
	if !ok || !k.m.job(id).Ordered() {
		return
	}
	key := k.m.job(id).OrderKey
	if g := k.m.gates[key]; g != nil && rapid.Bool().Draw(k.t, "the head") {
		id = g.holder
	}
	done := k.m.skip(key, id, k.now)
	err := k.skip(key, id)
	want(k.world, fmt.Sprintf("skipped (%v)", err), err == nil, done)
}

func (k *machine) cancelBehind() {
	id, ok := k.anyJob()
	if !ok || !k.m.job(id).Ordered() || k.m.gates[k.m.job(id).OrderKey] == nil {
		return
	}
	key := k.m.job(id).OrderKey
	n, err := k.s.CancelWaiting(k.ctx, store.Everything, key, k.now, 1000)
	k.must(err, "cancel waiting")
	k.note("cancel what waits behind %s: %d", k.name(k.m.gates[key].holder), n)
	want(k.world, "cancelled", n, k.m.cancelWaiting(key, k.now))
}

func (k *machine) cancelALane() {
	lane := pick(k, machineNames(), "lane")
	k.m.cancelLane(lane, flow.ReasonSubscription, k.now)
	k.cancelWholeLane(lane, rapid.IntRange(1, 5).Draw(k.t, "limit"))
}

// restart closes or kills the store. What a single owner leaves behind is
// given back, by opening or by the first Recover.
func (k *machine) restart() {
	if rapid.Bool().Draw(k.t, "crash") {
		k.crash()
	} else {
		k.reopen()
	}
	k.stale = nil
	if k.f.SingleOwner {
		for _, j := range k.m.jobs {
			if j.Status == flow.Queued {
				k.m.anyTicket[j.ID] = true
			}
		}
		k.m.recover(k.now.Add(time.Hour), k.now, true)
		k.recover(k.now.Add(time.Hour), 1000)
	}
}

// compareAttempts checks that a job's attempts are on record without a gap.
func (k *machine) compareAttempts(j *flow.Job) {
	var got, wanted []string
	for _, a := range k.attempts(j.ID) {
		got = append(got, fmt.Sprint(a.Number))
	}
	last := j.Attempts
	if j.Status == flow.Processing {
		last-- // its outcome is still to come
	}
	for n := 1; n <= last; n++ {
		if n <= 3 || n > last-20 {
			wanted = append(wanted, fmt.Sprint(n))
		}
	}
	want(k.world, "the attempts of "+k.name(j.ID), strings.Join(got, " "), strings.Join(slices.Compact(wanted), " "))
}
