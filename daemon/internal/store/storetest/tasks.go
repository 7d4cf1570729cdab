package storetest

import (
	"slices"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

type flowDuration = time.Duration

func sorted(ss []string) string {
	ss = slices.Clone(ss)
	slices.Sort(ss)
	return strings.Join(ss, " ")
}

// newTask makes a job without an event.
func (w *world) newTask(mutate ...func(*flow.Job)) flow.Job {
	const target = "https://hooks.example.com/tasks"
	j := flow.Job{
		Lane: flow.TaskLane("", target), Policy: policy(), Due: w.now, CreatedAt: w.now,
		Task: &flow.Task{Code: "report", Source: "/jobs", TargetURL: target, Payload: `{"a":1}`, PayloadContentType: "application/json",
			CorrelationID: "corr-t", Headers: map[string]string{"X-A": "b"}, Metadata: map[string]string{"k": "v"}, ExternalID: "ext", Sequence: 99},
	}
	for _, m := range mutate {
		m(&j)
	}
	return j
}

func (w *world) inserted(jobs ...flow.Job) []store.Inserted {
	w.Helper()
	out, err := w.s.InsertTasks(w.ctx, jobs, w.now)
	w.must(err, "insert tasks")
	if len(out) != len(jobs) {
		w.fail("insert tasks answered %d times for %d tasks", len(out), len(jobs))
	}
	for _, i := range out {
		w.christen(i.Job)
	}
	return out
}

func (w *world) insertTasks(jobs ...flow.Job) []flow.Job {
	w.Helper()
	var stored []flow.Job
	for _, i := range w.inserted(jobs...) {
		stored = append(stored, i.Job)
	}
	return stored
}

var taskCases = []testCase{
	{name: "keeps a task as it was given", run: func(w *world) {
		given := w.newTask(func(j *flow.Job) { j.ClientID, j.MessageGroup = "clt_A", "g" })
		j := w.insertTasks(given)[0]
		for range 2 {
			v, err := w.s.Job(w.ctx, store.Everything, j.ID)
			w.must(err, "read task")
			want(w, "kind", v.Job.Kind(), "TASK")
			want(w, "it has an event", v.Event != nil, false)
			want(w, "client", v.Job.ClientID, "clt_A")
			want(w, "lane", v.Job.Lane, given.Lane)
			want(w, "subscription", v.Job.SubscriptionID, "")
			want(w, "event", v.Job.EventID, 0)
			if v.Job.Task == nil {
				w.fail("the task carries nothing")
			}
			want(w, "payload", v.Job.Task.Payload, given.Task.Payload)
			want(w, "target", v.Job.Task.TargetURL, given.Task.TargetURL)
			want(w, "header", v.Job.Task.Headers["X-A"], "b")
			want(w, "metadata", v.Job.Task.Metadata["k"], "v")
			want(w, "external id", v.Job.Task.ExternalID, "ext")
			w.crash()
		}
		started := w.start(j.ID, w.job(j.ID).Ticket+1, "r1")
		want(w, "result", startNames[started.Result], "ok")
		want(w, "it has an event", started.Event != nil, false)
		if started.Job.Task == nil || started.Job.Task.Payload != given.Task.Payload {
			w.fail("the started task does not carry its payload")
		}
	}},
	{name: "gives each a position after all earlier ones", run: func(w *world) {
		e1 := w.append(w.newEvent())[0]
		ts := w.insertTasks(w.newTask(), w.newTask())
		e2 := w.append(w.newEvent())[0]
		w.crash()
		t3 := w.insertTasks(w.newTask())[0]
		last := int64(0)
		for _, p := range []int64{e1.Position, ts[0].Position, ts[1].Position, e2.Position, t3.Position} {
			if p <= last {
				w.fail("position %d does not follow %d", p, last)
			}
			last = p
		}
		st, err := w.s.Stats(w.ctx)
		w.must(err, "stats")
		want(w, "the last position", st.LastPosition, t3.Position)
	}},
	{name: "answers a used idempotency key with the stored job", run: func(w *world) {
		key := func(k, client string) func(*flow.Job) {
			return func(j *flow.Job) { j.Task.IdempotencyKey, j.ClientID = k, client }
		}
		first := w.inserted(w.newTask(key("k", "clt_A")), w.newTask(), w.newTask(key("k", "clt_A")))
		want(w, "the first is a duplicate", first[0].Duplicate, false)
		want(w, "the third is a duplicate", first[2].Duplicate, true)
		want(w, "its id", first[2].Job.ID, first[0].Job.ID)
		w.deliver(first[0].Job.ID, flow.Delivered)
		w.crash()
		again := w.inserted(w.newTask(key("k", "clt_A")), w.newTask(key("k", "clt_B")), w.newTask(key("k", "")))
		want(w, "the repeated one is a duplicate", again[0].Duplicate, true)
		want(w, "its id", again[0].Job.ID, first[0].Job.ID)
		want(w, "its state", again[0].Job.Status, flow.Completed)
		want(w, "its key", again[0].Job.Task != nil && again[0].Job.Task.IdempotencyKey == "k", true)
		want(w, "another client's is a duplicate", again[1].Duplicate, false)
		want(w, "nobody's is a duplicate", again[2].Duplicate, false)
		page, err := w.s.ListJobs(w.ctx, store.Everything, store.JobQuery{})
		w.must(err, "list jobs")
		want(w, "jobs", len(page.Jobs), 4)
	}},
	{name: "goes in order where its mode asks for it", run: func(w *world) {
		ordered := func(j *flow.Job) {
			j.Mode, j.MessageGroup = flow.BlockOnError, "g"
			j.OrderKey = flow.NewOrderKey(j.Mode, j.Lane, "", "g", 0)
		}
		js := w.insertTasks(w.newTask(ordered), w.newTask(ordered), w.newTask())
		w.wantHolder(js[0], js[1])
		w.wantOffer(js[0].Lane, 10, js[0], js[2])
		w.deliver(js[0].ID, flow.Delivered)
		w.wantHolder(js[1])
	}},
	{name: "may be due later", run: func(w *world) {
		j := w.insertTasks(w.newTask(func(j *flow.Job) { j.Due = w.now.Add(60e9) }))[0]
		o := w.wantOffer(j.Lane, 10)
		w.wantTime("next", o.Next, w.now.Add(60e9))
		w.sleep(60e9)
		w.wantOffer(j.Lane, 10, j)
	}},
}
