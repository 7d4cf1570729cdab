package view

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/internal/golden"
	"github.com/flowcatalyst/fc/internal/plan"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func planned(t *testing.T) *plan.Plan {
	t.Helper()
	hooks := &resource.Connection{Code: "hooks", URL: "https://new.example.com", MaxConcurrency: 8,
		Headers: map[string]string{"X-Team": "warehouse", "X-Same": "X-Same"},
		Signing: resource.Signing{Scheme: resource.SchemeStandardWebhooks, Secret: resource.NewSecret("whsec_bmV3"),
			Previous: []resource.PreviousSecret{{Secret: resource.NewSecret("whsec_b2xk"), Until: noon}}}}
	placed := &resource.EventType{Code: "shop:sales:order:placed", SpecVersions: []resource.SpecVersion{{Version: "1", Schema: []byte(`{"type": "object"}`)}}}
	big := &resource.Subscription{Code: "big-orders", ConnectionCode: "hooks", Mode: resource.ModeBlockOnError,
		EventTypes:    []resource.Binding{{EventTypeCode: "shop:sales:order:placed", Filter: "data.total > 100.0"}},
		RetrySchedule: []resource.Duration{resource.Duration(time.Second), resource.Duration(time.Minute)}}
	slow := &resource.DispatchPool{Code: "slow", Concurrency: 2}
	partners := &resource.Connection{Code: "partners", URL: "https://partners.example.com"}
	paused := &resource.Subscription{Code: "paused", Target: "https://x.example.com", EventTypes: big.EventTypes}
	queue := &resource.Subscription{Code: "backlog", Target: "https://x.example.com", EventTypes: big.EventTypes}
	for _, r := range []resource.Resource{hooks, placed, big, slow, partners, paused, queue} {
		r.Defaults()
	}
	live := func(r resource.Resource, owner string) resource.Resource {
		*r.Base() = resource.Meta{ID: "id_" + r.Key(), ManagedBy: owner, Revision: 4, AppliedRevision: 3}
		return r
	}
	old := *hooks
	old.URL, old.MaxConcurrency, old.Headers = "https://old.example.com", 0, nil
	old.Signing.Secret, old.Signing.Previous = resource.NewSecret("whsec_b2xk"), nil
	stopped := *paused
	stopped.Status = resource.SubscriptionPaused
	waiting, foreign, gone := *queue, *partners, *big
	gone.Code = "gone"
	adopted := *slow
	return plan.Make(plan.Desired{Manifest: "orders", Items: []plan.Item{
		{Resource: hooks}, {Resource: placed}, {Resource: big}, {Resource: slow, Adopt: true}, {Resource: partners}, {Resource: paused}, {Resource: queue, Replace: true},
	}}, []resource.Resource{
		live(&old, "orders"), live(&adopted, ""), live(&foreign, "billing"), live(&stopped, "orders"), live(&waiting, "orders"), live(&gone, "orders"),
	})
}

func TestPlan(t *testing.T) {
	t.Parallel()
	facts := PlanFacts{CancelsJobs: map[string]int{"gone": 12, "backlog": 1}}
	golden.String(t, "plan.golden", Plan(planned(t), facts, Ink{}))
	golden.String(t, "plan-colour.golden", Plan(planned(t), facts, NewInk(true)))
	empty := &plan.Plan{Manifest: "orders", Changes: []plan.Change{{Action: plan.NoOp}, {Action: plan.NoOp}}}
	golden.String(t, "plan-empty.golden", Plan(empty, PlanFacts{}, Ink{}))
}

func TestPlanShowsNoSecret(t *testing.T) {
	t.Parallel()
	if s := Plan(planned(t), PlanFacts{}, Ink{}); strings.Contains(s, "whsec_") {
		t.Error(s)
	}
}

func TestApplied(t *testing.T) {
	t.Parallel()
	golden.String(t, "applied.golden", Applied(&client.ApplyResult{Results: []client.ApplyOutcome{
		{Action: "create", Kind: resource.KindConnection, Code: "hooks", ID: "con_1"},
		{Action: "update", Kind: resource.KindSubscription, Code: "orders", ID: "sub_1"},
		{Action: "delete", Kind: resource.KindSubscription, Code: "gone", CancelsJobs: 12},
	}}, Ink{}))
}

func TestJobs(t *testing.T) {
	t.Parallel()
	jobs := []client.Job{
		{ID: "0HZXEQ5Y8JY5Z", Status: client.JobCompleted, Code: "shop:sales:order:placed", SubscriptionID: "sub_1", SubscriptionCode: "orders", AttemptCount: 1, CreatedAt: noon},
		{ID: "0HZXEQ5Y8JY60", Status: client.JobPending, Code: "shop:warehouse:parcel:moved", SubscriptionCode: "parcels", MessageGroup: "parcel-7", AttemptCount: 2, CreatedAt: noon, Due: noon.Add(time.Minute), LastError: "answered 500"},
		{ID: "0HZXEQ5Y8JY61", Status: client.JobPending, Code: "shop:warehouse:parcel:moved", SubscriptionCode: "parcels", MessageGroup: "parcel-7", Waiting: true, CreatedAt: noon},
		{ID: "0HZXEQ5Y8JY62", Status: client.JobFailed, Code: "task", SubscriptionID: "sub_gone", Reason: "RETRIES_EXHAUSTED", LastError: "answered 503 " + strings.Repeat("and again ", 20), AttemptCount: 5, CreatedAt: noon},
		{ID: "0HZXEQ5Y8JY63", Status: client.JobFailed, Code: "shop:warehouse:parcel:moved", SubscriptionCode: "parcels", MessageGroup: "parcel-8", Blocked: true, Reason: "REJECTED", LastError: "answered 422", AttemptCount: 1, CreatedAt: noon},
	}
	golden.String(t, "jobs.golden", Jobs(jobs, Ink{}))
	j := jobs[1]
	j.Payload, j.MaxRetries, j.Spent, j.Mode = `{"parcel":7}`, 5, 2, resource.ModeBlockOnError
	golden.String(t, "job.golden", Job(&j, Ink{}))
	attempts := []client.Attempt{
		{AttemptNumber: 1, AttemptedAt: noon, DurationMillis: 12.5, ResponseCode: 500, ErrorType: "SERVER_ERROR", ErrorMessage: "answered 500", ResponseBody: "oh no\nnot again"},
		{AttemptNumber: 2, AttemptedAt: noon.Add(time.Second), DurationMillis: 3000, ErrorType: "TIMEOUT", ErrorMessage: "no answer within 3s"},
		{AttemptNumber: 3, AttemptedAt: noon.Add(time.Minute), DurationMillis: 4, FirstByteMillis: 3.5, ResponseCode: 200, Verdict: "DEFERRED", ErrorMessage: "wants it again in 30s", RouterInstance: "router-1"},
		{AttemptNumber: 4, AttemptedAt: noon.Add(time.Hour), DurationMillis: 31.25, DNSMillis: 1.5, ConnectMillis: 2, TLSMillis: 12, FirstByteMillis: 31, ResponseCode: 200, Verdict: "DELIVERED", Success: true, RouterInstance: "router-2"},
	}
	golden.String(t, "attempts.golden", Attempts(attempts, false, Ink{}))
	golden.String(t, "attempts-wide.golden", Attempts(attempts, true, Ink{}))
}

func TestEvents(t *testing.T) {
	t.Parallel()
	e := client.Event{ID: "0HZXEQ5Y8JY50", Type: "shop:sales:order:placed", Source: "/shop", Subject: "order/7", Time: noon, CreatedAt: noon,
		Data: json.RawMessage(`{"order":7,"total":120}`), ContextData: []client.KeyValue{{Key: "region", Value: "eu"}}}
	golden.String(t, "events.golden", Events([]client.Event{e, {ID: "0HZXEQ5Y8JY51", Type: "shop:sales:order:paid", Source: "/shop", Time: noon}}, Ink{}))
	golden.String(t, "event.golden", Event(&e, Ink{}))
	golden.String(t, "published.golden", Published([]Outcome{
		{1, "orders.jsonl", 1, client.BatchResult{ID: "0HZXEQ5Y8JY50", Status: client.BatchSuccess}},
		{2, "orders.jsonl", 2, client.BatchResult{ID: "0HZXEQ5Y8JY51", Status: client.BatchSuccess, Duplicate: true}},
		{3, "orders.jsonl", 4, client.BatchResult{Status: client.BatchBadRequest, Error: "type must have four segments"}},
	}, Ink{}))
	golden.String(t, "explanation.golden", Explanation(&client.Explanation{Subscriptions: []client.Verdict{
		{Code: "orders", Matched: true},
		{Code: "big-orders", Clause: "filter", Detail: "data.total > 100.0 is false", Value: "40"},
		{SubscriptionID: "sub_1", Clause: "pattern", Detail: "shop:warehouse:*:* does not match"},
	}}, Ink{}))
	golden.String(t, "explanation-empty.golden", Explanation(&client.Explanation{}, Ink{}))
}

func TestResources(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	for _, rs := range [][]resource.Resource{
		{&resource.EventType{Code: "shop:sales:order:placed", Status: "CURRENT", SpecVersions: []resource.SpecVersion{{Version: "1"}, {Version: "2"}}}},
		{&resource.DispatchPool{Code: "DEFAULT-POOL", Concurrency: 20, Status: "ACTIVE"}, &resource.DispatchPool{Code: "slow", Concurrency: 2, RateLimit: 30000, Status: "SUSPENDED", Meta: resource.Meta{ManagedBy: "orders", Revision: 3}}},
		{&resource.Connection{Code: "hooks", URL: "https://hooks.example.com", Status: "PAUSED", Signing: resource.Signing{Scheme: "none"}}},
		{&resource.Subscription{Code: "orders", Status: "ACTIVE", ConnectionCode: "hooks", Mode: "IMMEDIATE", DispatchPoolCode: "slow", Meta: resource.Meta{ClientID: "clt_acme"},
			EventTypes: []resource.Binding{{EventTypeCode: "shop:sales:order:*", Filter: "data.total > 100.0"}}}},
	} {
		all.WriteString(Resources(rs, Ink{}) + "\n")
	}
	golden.String(t, "resources.golden", all.String())
	c := &resource.Connection{Code: "hooks", Name: "Hooks", Status: "ACTIVE", URL: "https://hooks.example.com", Meta: resource.Meta{ID: "con_1", Revision: 2},
		Signing: resource.Signing{Scheme: "standard-webhooks", Secret: resource.NewSecret("whsec_c2VjcmV0")}}
	s, err := Resource(c, Ink{})
	if err != nil {
		t.Fatal(err)
	}
	golden.String(t, "resource.golden", s)
}

func TestContexts(t *testing.T) {
	t.Parallel()
	cs := []Context{{Name: "prod", URL: "https://events.example.com", Email: "ops@example.com", Current: true, LoggedIn: true},
		{Name: "stage", URL: "https://stage.example.com"}, {Name: "", URL: "http://127.0.0.1:8080", LoggedIn: true, Origin: "--url"}}
	golden.String(t, "contexts.golden", Contexts(cs[:2], Ink{})+"\n"+OneContext(cs[2], Ink{}))
}

func TestDelivery(t *testing.T) {
	t.Parallel()
	d := Delivery{At: noon, EventType: "shop:warehouse:parcel:moved", JobID: "0HZXEQ5Y8JY5Z", Attempt: 2, Group: "parcel-7", Verified: true, Signature: "verified", Status: 500, Body: json.RawMessage(`{"data":{"parcel":7}}`)}
	bad := Delivery{At: noon, Signature: "no signature matches", Status: 401, Body: json.RawMessage(`"not json"`)}
	open := Delivery{At: noon, EventType: "shop:sales:order:placed", Signature: "not checked", Status: 200, Replay: true}
	golden.String(t, "deliveries.golden", d.Text("raw", Ink{})+d.Text("pretty", Ink{})+d.Text("none", Ink{})+bad.Text("pretty", Ink{})+open.Text("raw", Ink{}))
}

func TestShort(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{"äöü äöü": "äöü …", "short": "short", "a\n b": "a b"} {
		if got := Short(in, 5); got != want {
			t.Errorf("%q became %q", in, got)
		}
	}
}

func TestReplays(t *testing.T) {
	t.Parallel()
	running := client.Replay{ID: "rpl_0HZXEQ5Y8JY5Z", Status: client.WorkRunning, Since: noon.Add(-time.Hour), Type: "shop:sales:*:*", Rate: 500, CreatedAt: noon, CreatedBy: "prn_1",
		Subscriptions: []client.ReplayTarget{{SubscriptionID: "sub_1", Code: "orders"}, {SubscriptionID: "sub_gone"}},
		Progress:      client.Progress{Percent: 42.5, Examined: 5000, Created: 1200, Open: 150, Completed: 1040, Failed: 9, Expired: 1}}
	over := client.Replay{ID: "rpl_0HZXEQ5Y8JY60", Status: client.WorkCompleted, EventCount: 3, EventIDs: []string{"a", "b", "c"}, Target: "https://staging.example.com/hooks", ClientID: "acme",
		CreatedAt: noon, EndedAt: noon.Add(time.Minute), Progress: client.Progress{Percent: 100, Examined: 3, Created: 3, Completed: 3}}
	cancelled := client.Replay{ID: "rpl_0HZXEQ5Y8JY61", Status: client.WorkCancelled, FailedOnly: true, Rate: 0.5, CreatedAt: noon,
		Progress: client.Progress{Percent: 3, Created: 100, Cancelled: 60, Completed: 40}}
	golden.String(t, "replays.golden", Replays([]client.Replay{running, over, cancelled}, Ink{}))
	golden.String(t, "replay.golden", Replay(&running, Ink{})+"\n"+Replay(&over, Ink{})+"\n"+Replay(&cancelled, Ink{}))
	paused := running
	paused.Status = client.WorkPaused
	golden.String(t, "replay-bar.golden", strings.Join([]string{
		ReplayBar(&running, 10*time.Second, Ink{}), ReplayBar(&over, time.Millisecond, Ink{}), ReplayBar(&paused, 0, Ink{}),
		ReplayBar(&client.Replay{Status: client.WorkRunning}, 0, Ink{}), "",
	}, "\n"))
	golden.String(t, "preview.golden", Preview(&client.ReplayPreview{Events: 12, Jobs: 13, Expunged: 1, Partial: true,
		PerSubscription: []client.PreviewTarget{{SubscriptionID: "sub_1", Code: "orders", Status: "ACTIVE", Jobs: 12}, {Code: "big-orders", Status: "PAUSED", Jobs: 1}},
		Sample:          []client.Event{{ID: "0HZXEQ5Y8JY50", Type: "shop:sales:order:placed", Source: "/shop", Time: noon}}}, Ink{})+"\n"+
		Preview(&client.ReplayPreview{Events: 1, Jobs: 1, PerSubscription: []client.PreviewTarget{{Jobs: 1}}}, Ink{}))
}

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	golden.String(t, "dead-letter.golden", DeadLetter(&client.DeadLetter{
		Job:      client.Job{ID: "0HZXEQ5Y8JY62", Status: client.JobFailed, Reason: "RETRIES_EXHAUSTED", Code: "shop:sales:order:placed", LastError: "answered 503", AttemptCount: 1, CreatedAt: noon, Payload: `{"order":7}`},
		Attempts: []client.Attempt{{AttemptNumber: 1, AttemptedAt: noon, DurationMillis: 12.5, ResponseCode: 503, ErrorType: "SERVER_ERROR", ErrorMessage: "answered 503"}},
	}, Ink{}))
	retry := client.LetterTask{ID: "0HZXEQ5Y8JY63", Status: client.WorkRunning, Act: "RETRY", SubscriptionID: "sub_1", Examined: 120, Done: 100, CreatedAt: noon}
	discard := client.LetterTask{ID: "0HZXEQ5Y8JY64", Status: client.WorkCompleted, Act: "DISCARD", Reason: "GONE", Note: "the receiver is gone", Examined: 1, Done: 1, CreatedAt: noon, EndedAt: noon.Add(time.Second)}
	golden.String(t, "letter-tasks.golden", LetterTasks([]client.LetterTask{retry, discard}, Ink{})+"\n"+LetterTask(&discard, Ink{})+"\n"+LetterLine(&retry)+"\n"+LetterLine(&discard)+"\n")
}

func TestGroups(t *testing.T) {
	t.Parallel()
	golden.String(t, "groups.golden", Groups([]client.Group{
		{OrderKey: "3f2a9c0d5e6b7a8190c1d2e3f4a5b6c7", SubscriptionCode: "parcels", MessageGroup: "parcel-7", BlockedSince: noon, Waiting: 1000, Head: client.Job{ID: "0HZXEQ5Y8JY62", Reason: "RETRIES_EXHAUSTED", LastError: "answered 503 Service Unavailable: come back later, if you must come back"}},
		{OrderKey: "0f2a9c0d5e6b7a8190c1d2e3f4a5b6c7", SubscriptionID: "sub_gone", MessageGroup: "parcel-8", BlockedSince: noon, Waiting: 2, ReplayID: "rpl_0HZXEQ5Y8JY5Z", Head: client.Job{ID: "0HZXEQ5Y8JY63", Reason: "CONFIGURATION"}},
	}, Ink{}))
}

func TestJSONIsShownAsItWasWritten(t *testing.T) {
	for in, want := range map[string]string{
		`"data.total \u003e 100.0 \u0026\u0026 x \u003c 1"`: `"data.total > 100.0 && x < 1"`,
		`"a backslash: \\u003e, a letter: \u00e9"`:          `"a backslash: \\u003e, a letter: \u00e9"`,
		`"ends \\"`: `"ends \\"`,
	} {
		if got := Pretty([]byte(in)); got != want {
			t.Errorf("%s is shown as %s, want %s", in, got, want)
		}
	}
}
