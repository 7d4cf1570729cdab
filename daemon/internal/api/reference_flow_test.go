package api

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// flowNouns are the parts of the reference that this test calls.
var flowNouns = []string{"events", "dispatch-jobs", "event-types", "subscriptions", "audit-logs", "monitoring", "applications"}

// outOfScope are operations of the reference that are not served.
var outOfScope = []string{
	"POST /api/applications/{appCode}/openapi/sync",
	"POST /api/applications/{appCode}/processes/sync",
	"POST /api/applications/{appCode}/scheduled-jobs/sync",
}

func TestTheFlowAnswersAsTheReferenceDoes(t *testing.T) {
	t.Parallel()
	w, r := setup(t), openReference(t)
	names := map[string]string{"appCode": "shop"}
	call := func(method, path, body string, status int) *answer {
		t.Helper()
		target, _, _ := strings.Cut(path, "?")
		for name, v := range names {
			path, body = strings.ReplaceAll(path, "{"+name+"}", v), strings.ReplaceAll(body, "{"+name+"}", v)
		}
		a := w.do(method, path, w.admin(), body).is(status)
		r.check(method, target, a)
		return a
	}
	w.shop()

	names["id"] = call("POST", "/api/event-types", `{"code":"shop:sales:order:placed","name":"Order placed","description":null,"clientId":null,"schema":null}`, 201).id()
	call("GET", "/api/event-types?pagination[page]=0&pagination[size]=10&application=shop&status=CURRENT&subdomain=sales&aggregate=order", "", 200)
	names["code"] = "shop%3Asales%3Aorder%3Aplaced"
	call("GET", "/api/event-types/by-code/{code}", "", 200)
	call("GET", "/api/event-types/{id}", "", 200)
	call("PUT", "/api/event-types/{id}", `{"name":"Placed"}`, 204)
	call("POST", "/api/event-types/{id}/versions", `{"schema":{"type":"object"}}`, 200)
	if a := call("GET", "/api/event-types?application=other", "", 200); !strings.Contains(string(a.body), `"items":[]`) {
		t.Errorf("event types of another application: %s", a.body)
	}

	names["sub"] = call("POST", "/api/subscriptions", `{"code":"hooks","name":"Hooks","endpoint":"https://hooks.example.com","eventTypes":[{"eventTypeCode":"shop:sales:order:placed","filter":null}],"mode":"IMMEDIATE","connectionId":null,"clientId":null}`, 201).id()
	names["id"] = names["sub"]
	call("GET", "/api/subscriptions?pagination[page]=0&pagination[size]=10&status=ACTIVE", "", 200)
	call("GET", "/api/subscriptions/{id}", "", 200)
	call("PUT", "/api/subscriptions/{id}", `{"name":"The hooks","endpoint":"https://hooks.example.com/v2"}`, 204)
	call("POST", "/api/subscriptions/{id}/pause", "", 200)
	call("POST", "/api/subscriptions/{id}/resume", "", 200)

	event := `{"eventType":"shop:sales:order:placed","source":"/shop","data":{"total":1},"deduplicationId":"once","contextData":[{"key":"a","value":"b"}],"clientId":null,"subject":null}`
	names["event"] = call("POST", "/api/events", event, 201).id()
	call("POST", "/api/events", event, 200)
	w.do("POST", "/api/events", w.admin(), `{"type":"other:a:b:c","source":"/other"}`).is(201)
	names["id"] = names["event"]
	call("GET", "/api/events/{id}", "", 200)
	if a := call("GET", "/api/events?size=10&types=shop:sales:order:placed&applications=shop&subdomains=sales&aggregates=order&source=/shop", "", 200); strings.Contains(string(a.body), "other:a") || !strings.Contains(string(a.body), names["event"]) {
		t.Errorf("filtered events: %s", a.body)
	}
	call("GET", "/api/events?clientIds=acme", "", 200)
	call("GET", "/api/events", "", 200)
	call("GET", "/api/events/raw?size=5", "", 200)
	if a := call("GET", "/api/events/filter-options", "", 200); !strings.Contains(string(a.body), `"applications":["other","shop"]`) {
		t.Errorf("filter options: %s", a.body)
	}

	job := call("POST", "/api/dispatch-jobs", `{"code":"shop:sales:order:export","targetUrl":"https://hooks.example.com/job","payload":"{}","serviceAccountId":"","source":"/shop","metadata":{"a":"b"}}`, 201).id()
	w.failOnce(job)
	names["id"] = job
	call("GET", "/api/dispatch-jobs/{id}", "", 200)
	call("GET", "/api/dispatch-jobs/{id}/raw", "", 200)
	if a := call("GET", "/api/dispatch-jobs/{id}/attempts", "", 200); !strings.Contains(string(a.body), `"attemptNumber":1`) {
		t.Errorf("attempts: %s", a.body)
	}
	if a := call("GET", "/api/dispatch-jobs?size=5&statuses=PENDING&applications=shop&subdomains=sales&aggregates=order&codes=shop:sales:order:export&source=/shop", "", 200); !strings.Contains(string(a.body), job) {
		t.Errorf("filtered jobs: %s", a.body)
	}
	if a := call("GET", "/api/dispatch-jobs?applications=other", "", 200); string(a.body) != "[]\n" && string(a.body) != "[]" {
		t.Errorf("jobs of another application: %s", a.body)
	}
	names["eventId"] = names["event"]
	call("GET", "/api/dispatch-jobs/by-event/{eventId}", "", 200)
	call("GET", "/api/dispatch-jobs/raw?size=5", "", 200)
	call("GET", "/api/dispatch-jobs/filter-options", "", 200)

	var logs struct{ AuditLogs []auditView }
	call("GET", "/api/audit-logs?pageSize=5&entityType=Subscription&operation=PAUSE", "", 200).into(&logs)
	if len(logs.AuditLogs) != 1 {
		t.Fatalf("%d entries of a pause", len(logs.AuditLogs))
	}
	names["id"], names["entityType"], names["entityId"], names["principalId"] = logs.AuditLogs[0].ID, "Subscription", names["sub"], logs.AuditLogs[0].PrincipalID
	call("GET", "/api/audit-logs/{id}", "", 200)
	if a := call("GET", "/api/audit-logs/entity/{entityType}/{entityId}", "", 200); a.get("total") != 4.0 {
		t.Errorf("entries of the subscription: %s", a.body)
	}
	for _, path := range []string{"/principal/{principalId}", "/recent", "/entity-types", "/operations", "/client-ids", "/application-ids"} {
		call("GET", "/api/audit-logs"+path, "", 200)
	}

	for _, path := range []string{"circuit-breakers", "in-flight-messages", "pool-stats", "standby-status", "dashboard"} {
		call("GET", "/api/monitoring/"+path, "", 200)
	}

	for _, l := range syncLists {
		if l.kind != "principals" {
			call("POST", "/api/applications/{appCode}/"+l.kind+"/sync?removeUnlisted=false", `{"`+l.list+`":[]}`, 200)
		}
	}
	call("POST", "/api/applications/{appCode}/principals/sync", `{"principals":[]}`, 200)

	names["id"] = names["sub"]
	call("DELETE", "/api/subscriptions/{id}", "", 204)
	names["id"] = "shop:sales:order:placed"
	call("DELETE", "/api/event-types/{id}", "", 204)

	if r == nil {
		return
	}
	for path, ops := range r.paths {
		rest, _ := strings.CutPrefix(path, "/api/")
		noun, _, _ := strings.Cut(rest, "/")
		if !slices.Contains(flowNouns, noun) {
			continue
		}
		for verb := range ops {
			if name := strings.ToUpper(verb) + " " + path; !r.called[name] && !slices.Contains(outOfScope, name) {
				t.Errorf("%s was not called", name)
			}
		}
	}
}

// failOnce gives a job an attempt that failed.
func (w *world) failOnce(id string) {
	w.t.Helper()
	n, err := flow.ParseID(id)
	if err != nil {
		w.t.Fatal(err)
	}
	now := time.Now()
	started, err := w.st.Start(w.t.Context(), []store.Start{{Job: n, Ticket: 1, Owner: "router-1", Slack: time.Minute}}, now)
	if err != nil || started[0].Result != store.StartOK {
		w.t.Fatalf("start: %v, %v", started, err)
	}
	j := started[0].Job
	a := flow.Attempt{JobID: n, Number: j.Attempts, At: now, Duration: 1500 * time.Microsecond, Verdict: flow.Retry, Status: 503, Error: "the receiver answered 503", ErrorType: "SERVER_ERROR", Router: "router-1"}
	if _, err := w.st.Record(w.t.Context(), []store.Outcome{{Job: j.After(a, now, 0), Attempt: a, Owner: "router-1"}}, now); err != nil {
		w.t.Fatal(err)
	}
}
