package api

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/queue"
	"github.com/flowcatalyst/fc/daemon/internal/queue/queuetest"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// strayMessage moves the newest message of the queue to its dead letters.
func (w *world) strayMessage(reason string) {
	w.t.Helper()
	ctx := context.Background()
	if err := w.queue.Publish(ctx, queuetest.Foreign("stray", 1)); err != nil {
		w.t.Fatal(err)
	}
	got, err := w.queue.Receive(ctx, 100, 0)
	if err != nil || len(got) == 0 {
		w.t.Fatalf("%d messages, %v", len(got), err)
	}
	last := len(got) - 1
	if err := w.queue.DeadLetter(ctx, []queue.DeadLetter{{Received: got[last], Reason: reason}}); err != nil {
		w.t.Fatal(err)
	}
	if err := w.queue.Nack(ctx, got[:last], 0); err != nil {
		w.t.Fatal(err)
	}
}

// queued puts a job's ticket into the queue, as a scheduler does.
func (w *world) queued(body string) string {
	w.t.Helper()
	id := w.do("POST", "/api/dispatch-jobs", w.admin(), body).is(201).id()
	n, err := flow.ParseID(id)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx := context.Background()
	if err := w.queue.Publish(ctx, []queue.Message{{ID: queue.MessageID(id, 1), JobID: id, Ticket: 1, PoolCode: "DEFAULT-POOL", ClientID: "clt_1", MessageGroupID: "order-7", AuthToken: "hush"}}); err != nil {
		w.t.Fatal(err)
	}
	if err := w.st.MarkQueued(ctx, []store.Ticket{{Job: n, Number: 1}}, time.Now()); err != nil {
		w.t.Fatal(err)
	}
	if got := w.do("GET", "/api/dispatch-jobs/"+id, w.admin(), "").is(200).get("status"); got != "QUEUED" {
		w.t.Fatalf("the job is %v", got)
	}
	return id
}

func TestAQueueIsLookedIntoPurgedAndRedriven(t *testing.T) {
	t.Parallel()
	w := setup(t)
	job := w.queued(`{"source":"/shop","code":"shop:a:b:c","targetUrl":"https://hooks.example.com","payload":"{}"}`)
	if err := w.queue.Publish(t.Context(), queuetest.Foreign("theirs", 1)); err != nil {
		t.Fatal(err)
	}

	// Peeking takes nothing, and shows each only what is theirs.
	a := w.do("GET", "/monitoring/queues/default/messages", w.admin(), "").is(200)
	first := a.get("messages").([]any)[0].(map[string]any)
	if len(a.get("messages").([]any)) != 2 || first["jobId"] != job || first["ticket"] != 1.0 || first["messageGroup"] != "order-7" || first["jobCreatedAt"] == nil || strings.Contains(string(a.body), "hush") {
		t.Errorf("%s", a.body)
	}
	if a := w.do("GET", "/monitoring/queues/default/messages", w.of("clt_1"), "").is(200); len(a.get("messages").([]any)) != 1 {
		t.Errorf("clt_1: %s", a.body)
	}
	if a := w.do("GET", "/monitoring/queues/default/messages?limit=1", w.of("clt_2"), "").is(200); len(a.get("messages").([]any)) != 0 {
		t.Errorf("clt_2: %s", a.body)
	}
	for _, route := range []string{"GET /messages", "GET /dead-letters", "POST /purge", "POST /dead-letters/redrive"} {
		method, path, _ := strings.Cut(route, " ")
		w.do(method, "/monitoring/queues/other"+path, w.admin(), "").problem(404, "NOT_FOUND", "no queue of this name")
		if path != "/messages" {
			w.do(method, "/monitoring/queues/default"+path, w.of("clt_1"), "").problem(403, "FORBIDDEN", "share the queue")
		}
	}

	// A purge loses nothing: the job is PENDING again, with its ticket spent,
	// and what stands in no store stays.
	p := w.do("POST", "/monitoring/queues/default/purge", w.admin(), "").is(200)
	if p.get("taken") != 1.0 || p.get("kept") != 1.0 {
		t.Errorf("%s", p.body)
	}
	id, _ := flow.ParseID(job)
	kept, err := w.st.Job(t.Context(), store.Everything, id)
	j := kept.Job
	if err != nil || j.Status != flow.Pending || j.Ticket != 1 || j.Spent != 0 || j.Due.After(time.Now()) {
		t.Errorf("the job is %+v, %v", j, err)
	}
	if s, err := w.queue.Stats(t.Context()); err != nil || s.Pending != 1 || s.InFlight != 0 {
		t.Errorf("%+v, %v", s, err)
	}

	// Of the dead letters those go back that can be read.
	w.strayMessage("no use")
	w.queue.Inject([]byte("\x1b[2Jnot a message"))
	got, err := w.queue.Receive(t.Context(), 10, 0)
	if err != nil || len(got) != 2 {
		t.Fatalf("%d messages, %v", len(got), err)
	}
	if err := w.queue.DeadLetter(t.Context(), []queue.DeadLetter{{Received: got[1], Reason: "it is no JSON"}}); err != nil {
		t.Fatal(err)
	}
	l := w.do("GET", "/monitoring/queues/default/dead-letters?limit=1", w.admin(), "").is(200)
	if one := l.get("deadLetters").([]any)[0].(map[string]any); one["readable"] != true || one["reason"] != "no use" {
		t.Errorf("%s", l.body)
	}
	l = w.do("GET", "/monitoring/queues/default/dead-letters?after="+l.get("nextCursor").(string), w.admin(), "").is(200)
	if one := l.get("deadLetters").([]any)[0].(map[string]any); one["readable"] != false || one["body"] != " [2Jnot a message" || l.get("nextCursor") != nil {
		t.Errorf("%s", l.body)
	}
	for _, want := range [][2]float64{{1, 1}, {0, 1}} {
		if r := w.do("POST", "/monitoring/queues/default/dead-letters/redrive", w.admin(), "").is(200); r.get("moved") != want[0] || r.get("left") != want[1] {
			t.Errorf("%s", r.body)
		}
	}
	log := string(w.do("GET", "/api/audit-logs?entityType=Queue", w.admin(), "").is(200).body)
	if strings.Count(log, `"PURGE"`) != 1 || strings.Count(log, `"REDRIVE"`) != 2 {
		t.Errorf("audit log: %s", log)
	}
}
