package api

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// history makes two subscriptions of acme and n events of its, fanned out.
func (w *world) history(n int) []string {
	w.t.Helper()
	for code, filter := range map[string]string{"ship": "", "large": `,"filter":"data.total > 1000.0"`} {
		w.do("POST", "/api/subscriptions", w.of("acme"), `{"code":"`+code+`","target":"https://hooks.example.com","mode":"BLOCK_ON_ERROR","eventTypes":[{"eventTypeCode":"orders:*:*:*"`+filter+`}]}`).is(201)
	}
	var ids []string
	for range n {
		ids = append(ids, w.do("POST", "/api/events", w.of("acme"), strings.Replace(shipped, `{"type"`, `{"messageGroup":"g","type"`, 1)).is(201).id())
	}
	w.fanOut()
	return ids
}

func TestAReplayComesBackAsItWasAsked(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.history(3)
	body := `{"since":"2020-01-01T00:00:00Z","type":"orders:*:*:*","subscriptions":["ship","ship"],"rate":"100/s"}`
	a := w.do("POST", "/api/replays", w.of("acme"), body).is(201)
	for name, want := range map[string]any{
		"status": "RUNNING", "clientId": "acme", "type": "orders:*:*:*", "rate": 100.0, "since": "2020-01-01T00:00:00.000Z", "createdBy": "prn_acme",
	} {
		if got := a.get(name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if !strings.HasPrefix(a.id(), "rpl_") || fmt.Sprint(a.get("subscriptions").([]any)[0].(map[string]any)["code"]) != "ship" || len(a.get("subscriptions").([]any)) != 1 {
		t.Errorf("replay: %s", a.body)
	}
	path := "/api/replays/" + a.id()
	if got := w.do("GET", path, w.of("acme"), "").is(200); got.get("progress").(map[string]any)["created"] != 0.0 {
		t.Errorf("replay: %s", got.body)
	}
	for _, step := range []struct{ verb, status string }{
		{"pause", "PAUSED"}, {"pause", "PAUSED"}, {"resume", "RUNNING"}, {"cancel", "CANCELLED"}, {"cancel", "CANCELLED"},
	} {
		if got := w.do("POST", path+"/"+step.verb, w.of("acme"), "").is(200); got.get("status") != step.status {
			t.Errorf("after %s: %s", step.verb, got.body)
		}
	}
	w.do("POST", path+"/resume", w.of("acme"), "").problem(409, "CONFLICT", "CANCELLED")
	w.do("PUT", path, w.of("acme"), `{"rate":5}`).problem(409, "CONFLICT")

	var page struct {
		AuditLogs []struct{ EntityType, Operation, EntityID string }
	}
	w.do("GET", "/api/audit-logs", w.admin(), "").is(200).into(&page)
	var said []string
	for _, e := range page.AuditLogs {
		if e.EntityType == "Replay" && e.EntityID == a.id() {
			said = append(said, e.Operation)
		}
	}
	if got := strings.Join(said, " "); got != "CANCEL RESUME PAUSE CREATE" {
		t.Errorf("the audit log says %s", got)
	}
}

func TestTheRateOfAReplayChanges(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.history(1)
	path := "/api/replays/" + w.do("POST", "/api/replays", w.admin(), `{"all":true}`).is(201).id()
	if got := w.do("GET", path, w.admin(), ""); got.get("rate") != 500.0 {
		t.Errorf("the default rate is %v", got.get("rate"))
	}
	for body, want := range map[string]float64{`{"rate":20}`: 20, `{"rate":"600/m"}`: 10, `{"rate":"7"}`: 7, `{"rate":0}`: 0} {
		w.do("PUT", path, w.admin(), body).is(204)
		if got := w.do("GET", path, w.admin(), ""); got.get("rate") != want {
			t.Errorf("after %s the rate is %v", body, got.get("rate"))
		}
	}
	w.do("PUT", path, w.admin(), `{"rate":"1/h"}`).is(204)
	for _, body := range []string{`{}`, `{"rate":-1}`, `{"rate":"often"}`, `{"rate":"5/d"}`, `{"rate":[]}`, `{"rate":1e9}`, `{"rate":1e-12}`, `{"rate":"0.9/h"}`} {
		w.do("PUT", path, w.admin(), body).problem(400, "INVALID", `"field":"rate"`)
	}
}

func TestADryRunCountsAndMakesNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ids := w.history(12)
	a := w.do("POST", "/api/replays", w.of("acme"), `{"type":"orders:*:*:*","dryRun":true}`).is(200)
	var got previewView
	a.into(&got)
	if got.Events != 12 || got.Jobs != 12 || got.Partial || len(got.PerSubscription) != 1 || got.PerSubscription[0].Code != "ship" || got.PerSubscription[0].Jobs != 12 {
		t.Errorf("dry run: %s", a.body)
	}
	if len(got.Sample) != 10 || got.Sample[0].ID != ids[0] || got.Sample[0].Data != nil {
		t.Errorf("sample: %+v", got.Sample)
	}
	a = w.do("POST", "/api/replays", w.of("acme"), `{"type":"orders:*:*:*","subscriptions":["large"],"dryRun":true}`).is(200)
	got = previewView{}
	if a.into(&got); got.Events != 12 || got.Jobs != 0 || len(got.PerSubscription) != 1 {
		t.Errorf("a subscription that matches nothing is not told: %s", a.body)
	}
	a = w.do("POST", "/api/replays", w.of("acme"), `{"eventIds":["`+ids[3]+`","`+ids[1]+`"],"target":"https://other.example.com","dryRun":true}`).is(200)
	got = previewView{}
	if a.into(&got); got.Events != 2 || got.Jobs != 2 || got.Sample[0].ID != ids[1] || got.PerSubscription[0].SubscriptionID != "" {
		t.Errorf("elsewhere: %s", a.body)
	}
	if n := len(w.do("GET", "/api/replays", w.admin(), "").get("replays").([]any)); n != 0 {
		t.Errorf("%d replays were made", n)
	}
}

func TestADryRunOfFailedOnlyCountsTheSubscriptionsWhereItFailed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.history(3)
	var page jobsAnswer
	w.do("GET", "/api/dispatch-jobs?limit=50&subscriptionId=ship", w.of("acme"), "").is(200).into(&page)
	first := page.DispatchJobs[len(page.DispatchJobs)-1]
	w.end(w.begin(first.ID), flow.Reject)
	var got previewView
	w.do("POST", "/api/replays", w.of("acme"), `{"failedOnly":true,"dryRun":true}`).is(200).into(&got)
	if got.Events != 1 || got.Jobs != 1 || got.Sample[0].ID != first.EventID {
		t.Errorf("dry run: %+v", got)
	}
}

func TestBadReplaysAreRefusedByField(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ids := w.history(1)
	for body, field := range map[string]string{
		`{}`:                         "since",
		`{"subscriptions":["ship"]}`: "since",
		`{"since":"hunter2"}`:        "since, until",
		`{"since":"2026-01-02T00:00:00Z","until":"2026-01-01T00:00:00Z"}`: "until",
		`{"type":"orders"}`:                                                      "type",
		`{"all":true,"rate":"often"}`:                                            "rate",
		`{"all":true,"target":"ftp://x.example.com"}`:                            "target",
		`{"all":true,"target":"https://a.example.com","connection":"c"}`:         "connection",
		`{"all":true,"connection":"nowhere"}`:                                    "connection",
		`{"all":true,"target":"https://a.example.com","pool":"nowhere"}`:         "pool",
		`{"all":true,"pool":"DEFAULT-POOL"}`:                                     "pool",
		`{"all":true,"ordered":true}`:                                            "ordered",
		`{"all":true,"subscriptions":["nobody"]}`:                                "subscriptions[0]",
		`{"all":true,"subscriptions":["ship"],"target":"https://a.example.com"}`: "subscriptions",
		`{"eventIds":["` + ids[0] + `"],"type":"a:b:c:d"}`:                       "eventIds",
		`{"eventIds":[` + strings.Repeat(`"x",`, 1000) + `"x"]}`:                 "eventIds",
		`[]`: "body",
		`{{`: "body",
	} {
		a := w.do("POST", "/api/replays", w.of("acme"), body)
		a.problem(400, "INVALID", `"field":"`+field+`"`)
		if strings.Contains(string(a.body), "hunter2") {
			t.Errorf("the value left: %s", a.body)
		}
	}
	w.do("POST", "/api/replays", w.of("acme"), `{"eventIds":["0000000000001"]}`).problem(404, "NOT_FOUND", "eventIds[0]")
}

// gone is a store in which the data of all events has been expunged.
type gone struct{ store.Store }

func (g gone) Event(ctx context.Context, sc store.Scope, id flow.ID) (flow.Event, error) {
	e, err := g.Store.Event(ctx, sc, id)
	e.Data = nil
	return e, err
}

func TestAnExpungedEventCanNotBeAskedForByID(t *testing.T) {
	t.Parallel()
	w := setupWith(t, func(st store.Store) store.Store { return gone{st} })
	ids := w.history(1)
	w.do("POST", "/api/replays", w.of("acme"), `{"eventIds":["`+ids[0]+`"]}`).problem(409, "CONFLICT", "eventIds[0]", "expunged")
}

func TestARepeatedRequestIsOneReplay(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.history(1)
	a := w.do("POST", "/api/replays", w.of("acme"), `{"all":true}`, "Idempotency-Key", "k").is(201)
	b := w.do("POST", "/api/replays", w.of("acme"), `{"all":true}`, "Idempotency-Key", "k").is(200)
	c := w.do("POST", "/api/replays", w.of("globex"), `{"all":true}`, "Idempotency-Key", "k").is(201)
	if a.id() != b.id() || a.id() == c.id() {
		t.Errorf("replays %s, %s, %s", a.id(), b.id(), c.id())
	}
}

func TestReplaysDoNotCrossTheClientsBorder(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ids := w.history(3)
	w.do("POST", "/api/subscriptions", w.admin(), `{"code":"all","target":"https://anchor.example.com","eventTypes":[{"eventTypeCode":"*:*:*:*"}]}`).is(201)
	w.do("POST", "/api/connections", w.of("globex"), `{"code":"theirs","url":"https://globex.example.com"}`).is(201)
	var got previewView
	w.do("POST", "/api/replays", w.of("globex"), `{"all":true,"dryRun":true}`).is(200).into(&got)
	if got.Events != 0 {
		t.Errorf("another client sees %d events", got.Events)
	}
	w.do("POST", "/api/replays", w.of("globex"), `{"eventIds":["`+ids[0]+`"]}`).problem(404, "NOT_FOUND")
	w.do("POST", "/api/replays", w.of("globex"), `{"all":true,"subscriptions":["ship"]}`).problem(400, "INVALID", "subscriptions[0]")
	w.do("POST", "/api/replays", w.of("globex"), `{"all":true,"clientId":"acme"}`).problem(403, "FORBIDDEN")
	w.do("POST", "/api/replays", w.of("acme"), `{"all":true,"subscriptions":["all"]}`).problem(400, "INVALID", "subscriptions[0]")
	w.do("POST", "/api/replays", w.of("acme"), `{"all":true,"connection":"theirs"}`).problem(400, "INVALID", "connection")
	// A client's replay goes to its own subscriptions, an anchor user's to all.
	w.do("POST", "/api/replays", w.of("acme"), `{"all":true,"dryRun":true}`).is(200).into(&got)
	if got.Events != 3 || got.Jobs != 3 {
		t.Errorf("the client's own: %+v", got)
	}
	w.do("POST", "/api/replays", w.admin(), `{"clientId":"acme","dryRun":true}`).is(200).into(&got)
	if got.Events != 3 || got.Jobs != 6 {
		t.Errorf("the anchor user's: %+v", got)
	}

	mine := w.do("POST", "/api/replays", w.of("acme"), `{"all":true}`).is(201).id()
	w.do("POST", "/api/replays", w.admin(), `{"clientId":"acme"}`).is(201)
	for token, want := range map[string]int{w.of("acme"): 1, w.of("globex"): 0, w.of("acme", "globex"): 1, w.admin(): 2} {
		if n := len(w.do("GET", "/api/replays", token, "").is(200).get("replays").([]any)); n != want {
			t.Errorf("%d replays are seen, want %d", n, want)
		}
	}
	for _, call := range []string{"GET ", "POST /pause", "POST /resume", "POST /cancel"} {
		method, verb, _ := strings.Cut(call, " ")
		w.do(method, "/api/replays/"+mine+verb, w.of("globex"), "").problem(404, "NOT_FOUND", "replay")
		w.do(method, "/api/replays/nonsense"+verb, w.admin(), "").problem(404, "NOT_FOUND", "replay")
	}
	w.do("PUT", "/api/replays/"+mine, w.of("globex"), `{"rate":1}`).problem(404, "NOT_FOUND", "replay")
	viewer := w.token(&auth.Principal{Scope: auth.ScopeAnchor, Clients: []string{auth.EveryClient}, Roles: []string{auth.RoleViewer}})
	w.do("POST", "/api/replays", viewer, `{"all":true}`).problem(403, "FORBIDDEN", "platform:messaging:replay:create")
	w.do("POST", "/api/replays/"+mine+"/cancel", viewer, "").problem(403, "FORBIDDEN", "platform:messaging:replay:update")
}

func TestReplaysAreListedNewestFirst(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.history(1)
	var ids []string
	for range 5 {
		ids = append(ids, w.do("POST", "/api/replays", w.admin(), `{"all":true}`).is(201).id())
	}
	w.do("POST", "/api/replays/"+ids[0]+"/pause", w.admin(), "").is(200)
	type list struct {
		Replays    []struct{ ID string }
		NextCursor string
		HasMore    bool
	}
	var got []string
	cursor := ""
	for {
		var page list
		w.do("GET", "/api/replays?limit=2&cursor="+cursor, w.admin(), "").is(200).into(&page)
		for _, r := range page.Replays {
			got = append(got, r.ID)
		}
		if cursor = page.NextCursor; !page.HasMore {
			break
		}
	}
	for i := range ids {
		if len(got) != 5 || got[i] != ids[4-i] {
			t.Fatalf("listed %v of %v", got, ids)
		}
	}
	var page list
	if w.do("GET", "/api/replays?status=PAUSED", w.admin(), "").is(200).into(&page); len(page.Replays) != 1 || page.Replays[0].ID != ids[0] {
		t.Errorf("paused: %+v", page)
	}
	w.do("GET", "/api/replays?status=DONE", w.admin(), "").problem(400, "INVALID", "status")
	w.do("GET", "/api/replays?cursor=x", w.admin(), "").problem(400, "INVALID", "cursor")
}
