package api

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"github.com/flowcatalyst/fc/internal/match"
)

const task = `{"code":"orders:invoice:send","source":"/billing","targetUrl":"https://hooks.example.com/invoices","payload":"{\"n\": 1}"}`

func TestATaskComesBackAsItWasAsked(t *testing.T) {
	t.Parallel()
	w := setup(t)
	body := `{"code":"c","source":"/s","targetUrl":"https://hooks.example.com","payload":{"n": 1},"messageGroup":"g","mode":"BLOCK_ON_ERROR",
		"timeoutSeconds":7,"maxRetries":3,"retryStrategy":"FIXED_DELAY","headers":{"X-A":"b"},"metadata":{"k":"v"},"externalId":"x1","correlationId":"corr",
		"scheduledFor":"2031-01-02T03:04:05Z","expiresAt":"2032-01-02T03:04:05Z","dispatchPoolCode":"nowhere"}`
	a := w.do("POST", "/api/dispatch-jobs", w.of("acme"), body).is(201)
	for name, want := range map[string]any{
		"kind": "TASK", "status": "PENDING", "payload": nil, "clientId": "acme", "mode": "BLOCK_ON_ERROR", "timeoutSeconds": 7.0, "maxRetries": 3.0,
		"retryStrategy": "FIXED_DELAY", "externalId": "x1", "due": "2031-01-02T03:04:05.000Z", "scheduledFor": "2031-01-02T03:04:05.000Z",
		"expiresAt": "2032-01-02T03:04:05.000Z", "isTerminal": false, "attemptCount": 0.0, "dataOnly": true, "protocol": "HTTP_WEBHOOK",
		"targetUrl": "https://hooks.example.com", "correlationId": "corr",
	} {
		if got := a.get(name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if a.get("orderKey") == nil || a.get("warnings") == nil {
		t.Errorf("job: %s", a.body)
	}
	got := w.do("GET", "/api/dispatch-jobs/"+a.id(), w.of("acme"), "").is(200)
	if got.get("payload") != `{"n": 1}` || got.get("headers").(map[string]any)["X-A"] != "b" {
		t.Errorf("job: %s", got.body)
	}
	w.do("GET", "/api/dispatch-jobs/"+a.id()+"/attempts", w.of("acme"), "").is(200)
	for _, call := range []string{"GET ", "GET /attempts", "POST /retry", "POST /cancel", "POST /skip"} {
		method, verb, _ := strings.Cut(call, " ")
		w.do(method, "/api/dispatch-jobs/"+a.id()+verb, w.of("globex"), "").problem(404, "NOT_FOUND", "dispatch job")
		w.do(method, "/api/dispatch-jobs/nonsense"+verb, w.admin(), "").problem(404, "NOT_FOUND")
	}
}

func TestTasksAreIdempotentByBodyOrHeader(t *testing.T) {
	t.Parallel()
	w := setup(t)
	keyed := strings.Replace(task, `{"code"`, `{"idempotencyKey":"k1","code"`, 1)
	a := w.do("POST", "/api/dispatch-jobs", w.of("acme"), keyed).is(201)
	b := w.do("POST", "/api/dispatch-jobs", w.of("acme"), keyed).is(200)
	c := w.do("POST", "/api/dispatch-jobs", w.of("acme"), task, "Idempotency-Key", "k1").is(200)
	if b.id() != a.id() || c.id() != a.id() || b.get("duplicate") != true {
		t.Errorf("jobs %s, %s and %s", a.id(), b.id(), c.id())
	}
	if d := w.do("POST", "/api/dispatch-jobs", w.of("globex"), keyed).is(201); d.id() == a.id() {
		t.Error("idempotency crossed the clients' border")
	}
	for _, path := range []string{"/api/dispatch-jobs/batch", "/api/dispatch/jobs/batch"} {
		var r batchAnswer
		w.do("POST", path, w.of("acme"), `{"jobs":[`+keyed+`,{"code":"x"},`+task+`,{"id":"row-1","payload":`+task+`}]}`).is(200).into(&r)
		if len(r.Results) != 4 || !r.Results[0].Duplicate || r.Results[0].ID != a.id() || r.Results[1].Status != "BAD_REQUEST" ||
			r.Results[2].Status != "SUCCESS" || r.Results[3].ID != "row-1" || len(r.Results[3].JobID) != 13 {
			t.Errorf("%s: %+v", path, r.Results)
		}
	}
}

func TestBadTasksAreRefusedByField(t *testing.T) {
	t.Parallel()
	w := setup(t)
	with := func(field, value string) string {
		return strings.Replace(task, `{"code"`, fmt.Sprintf(`{%q:%s,"code"`, field, value), 1)
	}
	for body, field := range map[string]string{
		`{"code":"a","payload":"x"}`:                              "targetUrl",
		`{"targetUrl":"https://hooks.example.com","payload":"x"}`: "code",
		with("mode", `"FIFO"`):                                    "mode",
		with("retryStrategy", `"OFTEN"`):                          "retryStrategy",
		with("timeoutSeconds", `901`):                             "timeoutSeconds",
		with("maxRetries", `0`):                                   "maxRetries",
		with("maxRetries", `"hunter2"`):                           "maxRetries",
		with("connectionId", `"con_none"`):                        "connectionId",
		with("headers", `{"Host":"x"}`):                           "headers",
		with("headers", `{"X-A":"a\r\nB: c"}`):                    "headers",
		with("scheduledFor", `"hunter2"`):                         "scheduledFor, expiresAt",
		with("correlationId", `"a\nb"`):                           "correlationId",
		strings.Replace(task, "https://", "ftp://", 1):            "targetUrl",
		`[]`: "body",
		`{{`: "body",
	} {
		a := w.do("POST", "/api/dispatch-jobs", w.admin(), body)
		a.problem(400, "INVALID", `"field":"`+field+`"`)
		if strings.Contains(string(a.body), "hunter2") {
			t.Errorf("the value left: %s", a.body)
		}
	}
}

// fanOut does what the stream does.
func (w *world) fanOut() {
	w.t.Helper()
	ctx := w.t.Context()
	cat, err := w.api.p.Routes(ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	var subs []*resource.Subscription
	for _, s := range cat.Subscriptions {
		subs = append(subs, s)
	}
	set, _ := match.Compile(subs)
	b, err := w.st.Unfanned(ctx, 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	var jobs []flow.Job
	now := time.Now()
	for i := range b.Events {
		e := &b.Events[i]
		for _, s := range set.Match(e.Facts(), nil) {
			mode, _ := flow.ParseMode(s.Mode)
			jobs = append(jobs, flow.Job{EventID: e.ID, Position: e.Position, SubscriptionID: s.ID, Lane: s.ID, ClientID: e.ClientID,
				MessageGroup: e.MessageGroup, Mode: mode, OrderKey: flow.NewOrderKey(mode, s.ID, e.ClientID, e.MessageGroup, 0),
				Policy: flow.DefaultPolicy(), Due: now, CreatedAt: now})
		}
	}
	if err := w.st.FanOut(ctx, b, jobs, now); err != nil {
		w.t.Fatal(err)
	}
}

// begin starts an exchange of a job, and end ends it with a verdict.
func (w *world) begin(id string) store.Started {
	w.t.Helper()
	n, err := flow.ParseID(id)
	if err != nil {
		w.t.Fatal(err)
	}
	v, err := w.st.Job(w.t.Context(), store.Everything, n)
	if err != nil {
		w.t.Fatal(err)
	}
	got, err := w.st.Start(w.t.Context(), []store.Start{{Job: n, Ticket: v.Job.Ticket + 1, Owner: "router", Slack: time.Second}}, time.Now())
	if err != nil || got[0].Result != store.StartOK {
		w.t.Fatalf("start %s: %+v %v", id, got, err)
	}
	return got[0]
}

func (w *world) end(s store.Started, v flow.Verdict) {
	w.t.Helper()
	now := time.Now()
	a := flow.Attempt{JobID: s.Job.ID, Number: s.Job.Attempts, At: now, Duration: time.Millisecond, Verdict: v, Status: 422, Error: "refused", ErrorType: flow.ErrorConfiguration}
	got, err := w.st.Record(w.t.Context(), []store.Outcome{{Job: s.Job.After(a, now, 0), Attempt: a, Owner: "router"}}, now)
	if err != nil || got[0].Err != nil {
		w.t.Fatalf("record: %+v %v", got, err)
	}
}

// ordered makes a subscription in BLOCK_ON_ERROR and n jobs of one group,
// oldest first.
func (w *world) ordered(n int) []string {
	w.t.Helper()
	w.do("POST", "/api/subscriptions", w.of("acme"), `{"code":"ship","target":"https://hooks.example.com","mode":"BLOCK_ON_ERROR","eventTypes":[{"eventTypeCode":"orders:*:*:*"}]}`).is(201)
	for range n {
		w.do("POST", "/api/events", w.of("acme"), strings.Replace(shipped, `{"type"`, `{"messageGroup":"g","type"`, 1)).is(201)
	}
	w.fanOut()
	var page struct{ DispatchJobs []struct{ ID string } }
	w.do("GET", "/api/dispatch-jobs?limit=50&subscriptionId=ship", w.of("acme"), "").is(200).into(&page)
	var ids []string
	for i := range page.DispatchJobs {
		ids = append(ids, page.DispatchJobs[len(page.DispatchJobs)-1-i].ID)
	}
	if len(ids) != n {
		w.t.Fatalf("%d jobs", len(ids))
	}
	return ids
}

func TestADeadLetterBlocksIsSkippedOrRetried(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ids := w.ordered(3)
	path := func(id, verb string) string { return "/api/dispatch-jobs/" + id + verb }
	acme := w.of("acme")
	got := w.do("GET", path(ids[0], ""), acme, "").is(200)
	if got.get("code") != "orders:fulfillment:shipment:shipped" || got.get("payload") != `{"total":120}` || got.get("subscriptionCode") != "ship" || got.get("waiting") != false {
		t.Errorf("job: %s", got.body)
	}
	if w.do("GET", path(ids[1], ""), acme, "").get("waiting") != true {
		t.Error("the second does not wait")
	}
	w.do("POST", path(ids[0], "/skip"), acme, "").problem(409, "CONFLICT", "dead letter")
	w.end(w.begin(ids[0]), flow.Reject)
	got = w.do("GET", path(ids[0], ""), acme, "").is(200)
	if got.get("status") != "FAILED" || got.get("reason") != "CONFIGURATION" || got.get("blocked") != true || got.get("blockedSince") == nil || got.get("isTerminal") != true {
		t.Errorf("job: %s", got.body)
	}
	var page jobsAnswer
	w.do("GET", "/api/dispatch-jobs?limit=50", acme, "").is(200).into(&page)
	for _, j := range page.DispatchJobs {
		if j.Blocked != (j.ID == ids[0]) || j.Blocked == time.Time(j.BlockedSince).IsZero() {
			t.Errorf("in the list, job %s blocks: %v since %v", j.ID, j.Blocked, j.BlockedSince)
		}
	}
	var as []attemptView
	w.do("GET", path(ids[0], "/attempts"), acme, "").is(200).into(&as)
	if len(as) != 1 || as[0].AttemptNumber != 1 || as[0].ResponseCode != 422 || as[0].Success || as[0].ErrorType != "CONFIGURATION" {
		t.Errorf("attempts: %+v", as)
	}
	for range 2 { // asking twice is no error
		if got := w.do("POST", path(ids[0], "/retry"), acme, "").is(200); got.get("status") != "PENDING" || got.get("spent") != 0.0 {
			t.Errorf("retried: %s", got.body)
		}
	}
	w.end(w.begin(ids[0]), flow.Reject)
	if got := w.do("POST", path(ids[0], "/skip"), acme, "").is(200); got.get("status") != "CANCELLED" || got.get("reason") != "SKIPPED" {
		t.Errorf("skipped: %s", got.body)
	}
	if w.do("GET", path(ids[1], ""), acme, "").get("waiting") != false {
		t.Error("the second still waits")
	}
	w.do("POST", path(ids[0], "/skip"), acme, "").problem(409, "CONFLICT")
}

func TestCancelSaysWhatHappened(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ids := w.ordered(3)
	acme := w.of("acme")
	outcome := func(id, want, status string) {
		t.Helper()
		if a := w.do("POST", "/api/dispatch-jobs/"+id+"/cancel", acme, "").is(200); a.get("outcome") != want || a.get("status") != status || a.id() != id {
			t.Errorf("cancel: %s", a.body)
		}
	}
	outcome(ids[2], "CANCELLED", "CANCELLED")
	outcome(ids[2], "ALREADY_FINAL", "CANCELLED")
	running := w.begin(ids[0])
	outcome(ids[0], "MARKED", "PROCESSING")
	w.end(running, flow.Delivered)
	outcome(ids[0], "ALREADY_FINAL", "COMPLETED")
	w.end(w.begin(ids[1]), flow.Reject)
	outcome(ids[1], "ALREADY_FINAL", "FAILED")
}

func TestDeletingASubscriptionCancelsItsJobs(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ids := w.ordered(5)
	change := manifest("", `{"action":"delete","kind":"subscription","code":"ship","revision":1,"adopt":true}`)
	change = strings.Replace(change, `"manifest":""`, `"manifest":"orders","dryRun":true`, 1)
	if a := w.do("POST", "/api/apply", w.of("acme"), change).is(200); !strings.Contains(string(a.body), `"cancelsJobs":5`) {
		t.Errorf("dry run: %s", a.body)
	}
	w.do("DELETE", "/api/subscriptions/ship", w.of("acme"), "").is(204)
	for _, id := range ids {
		a := w.do("GET", "/api/dispatch-jobs/"+id, w.of("acme"), "").is(200)
		if a.get("status") != "CANCELLED" || a.get("reason") != "SUBSCRIPTION_DELETED" {
			t.Errorf("job: %s", a.body)
		}
	}
}

func TestJobsAreFilteredAndPaged(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ids := w.ordered(4)
	acme := w.of("acme")
	w.do("POST", "/api/dispatch-jobs/"+ids[3]+"/cancel", acme, "").is(200)
	count := func(query string) int {
		t.Helper()
		var page jobsAnswer
		w.do("GET", "/api/dispatch-jobs?limit=50&"+query, acme, "").is(200).into(&page)
		return len(page.DispatchJobs)
	}
	job := w.do("GET", "/api/dispatch-jobs/"+ids[0], acme, "").is(200)
	for query, want := range map[string]int{
		"": 4, "status=PENDING": 3, "status=pending,cancelled": 4, "status=PENDING&status=CANCELLED": 4, "status=FAILED": 0,
		"eventId=" + job.get("eventId").(string): 1, "eventId=unknown": 0, "orderKey=" + job.get("orderKey").(string): 4, "messageGroup=g": 4,
		"subscriptionId=nobody": 0, "clientId=globex": 0, "since=2000-01-01T00:00:00Z": 4, "until=2000-01-01T00:00:00Z": 0,
	} {
		if got := count(query); got != want {
			t.Errorf("%q: %d jobs, want %d", query, got, want)
		}
	}
	var page jobsAnswer
	w.do("GET", "/api/dispatch-jobs?limit=3", acme, "").is(200).into(&page)
	if !page.HasMore || page.DispatchJobs[0].ID != ids[3] {
		t.Errorf("page: %+v", page)
	}
	if n := count("limit=3&cursor=" + page.NextCursor); n != 1 {
		t.Errorf("%d on the second page", n)
	}
	for _, query := range []string{"status=DONE", "orderKey=x", "cursor=%00"} {
		w.do("GET", "/api/dispatch-jobs?"+query, acme, "").problem(400, "INVALID")
	}
	if n := len(w.do("GET", "/api/dispatch-jobs?limit=50", w.of("globex"), "").get("dispatchJobs").([]any)); n != 0 {
		t.Errorf("another client sees %d", n)
	}
}
