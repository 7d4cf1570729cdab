package api

import (
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

func TestDeadLettersAreListedInspectedAndActedOn(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ids := w.ordered(3)
	acme := w.of("acme")
	path := "/api/dead-letters/" + ids[0]
	w.do("GET", path, acme, "").problem(404, "NOT_FOUND", "PENDING")
	w.end(w.begin(ids[0]), flow.Reject)

	count := func(query string) int {
		t.Helper()
		var page lettersAnswer
		w.do("GET", "/api/dead-letters?"+query, acme, "").is(200).into(&page)
		return len(page.DeadLetters)
	}
	for query, want := range map[string]int{
		"": 1, "reason=CONFIGURATION": 1, "reason=GONE": 0, "status=FAILED": 1, "status=EXPIRED": 0, "subscriptionId=ship": 1, "subscriptionId=nobody": 0,
		"messageGroup=g": 1, "messageGroup=h": 0, "since=2000-01-01T00:00:00Z": 1, "until=2000-01-01T00:00:00Z": 0, "replayId=rpl_0000000000001": 0, "replayId=x": 0, "eventId=x": 0,
	} {
		if got := count(query); got != want {
			t.Errorf("%q: %d dead letters, want %d", query, got, want)
		}
	}
	w.do("GET", "/api/dead-letters?status=PENDING", acme, "").problem(400, "INVALID", "status")
	if n := len(w.do("GET", "/api/dead-letters", w.of("globex"), "").get("deadLetters").([]any)); n != 0 {
		t.Errorf("another client sees %d", n)
	}

	var got struct {
		ID, Status, Reason, Payload string
		Blocked                     bool
		Attempts                    []attemptView
	}
	w.do("GET", path, acme, "").is(200).into(&got)
	if got.ID != ids[0] || got.Reason != "CONFIGURATION" || got.Payload != `{"total":120}` || len(got.Attempts) != 1 || got.Attempts[0].ResponseCode != 422 || !got.Blocked {
		t.Errorf("dead letter: %+v", got)
	}
	w.do("GET", path, w.of("globex"), "").problem(404, "NOT_FOUND")

	if a := w.do("POST", path+"/retry", acme, "").is(200); a.get("status") != "PENDING" {
		t.Errorf("retried: %s", a.body)
	}
	w.do("POST", path+"/discard", acme, `{"note":"no use"}`).problem(409, "CONFLICT", "PENDING")
	w.end(w.begin(ids[0]), flow.Reject)
	w.do("POST", path+"/discard", acme, `{}`).problem(400, "INVALID", `"field":"note"`)
	w.do("POST", path+"/discard", w.of("globex"), `{"note":"no use"}`).problem(404, "NOT_FOUND")
	for range 2 { // asking twice is no error
		a := w.do("POST", path+"/discard", acme, `{"note":"no use"}`).is(200)
		if a.get("status") != "CANCELLED" || a.get("reason") != "DISCARDED" || a.get("lastError") != "no use" {
			t.Errorf("discarded: %s", a.body)
		}
	}
	if w.do("GET", "/api/dispatch-jobs/"+ids[1], acme, "").get("waiting") != false {
		t.Error("the next of its group still waits")
	}
}

func TestALetterOfASubscriptionThatIsGoneIsNotRetried(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.ordered(1)[0]
	acme := w.of("acme")
	w.end(w.begin(id), flow.Reject)
	subscription := w.do("GET", "/api/dispatch-jobs/"+id, acme, "").is(200).get("subscriptionId").(string)
	w.do("DELETE", "/api/subscriptions/"+subscription, acme, "").is(204)
	for _, path := range []string{"/api/dead-letters/" + id + "/retry", "/api/dispatch-jobs/" + id + "/retry"} {
		w.do("POST", path, acme, "").problem(409, "CONFLICT", "subscription of the dispatch job was deleted")
	}
	w.do("GET", "/api/dead-letters/"+id, acme, "").is(200)
	w.do("POST", "/api/dead-letters/"+id+"/discard", acme, `{"note":"no use"}`).is(200)
}

func TestALetterOfAReplayThatIsGoneIsNotRetried(t *testing.T) {
	t.Parallel()
	w := setup(t)
	live := w.ordered(1)[0]
	acme := w.of("acme")
	replayID := w.do("POST", "/api/replays", acme, `{"all":true}`).is(201).id()
	replay, err := flow.ParseReplayID(replayID)
	if err != nil {
		t.Fatal(err)
	}
	n, err := flow.ParseID(live)
	if err != nil {
		t.Fatal(err)
	}
	v, err := w.st.Job(t.Context(), store.Everything, n)
	if err != nil {
		t.Fatal(err)
	}
	j := v.Job
	j = flow.Job{
		Position: j.Position, EventID: j.EventID, ClientID: j.ClientID, SubscriptionID: j.SubscriptionID, Policy: j.Policy, ReplayID: replay,
		Lane: flow.ReplayLane(replay, j.SubscriptionID), Mode: flow.BlockOnError, MessageGroup: "g",
	}
	j.OrderKey = flow.NewOrderKey(j.Mode, j.Lane, j.ClientID, "g", replay)
	if _, err := w.st.Advance(t.Context(), store.Advance{Work: replay, To: j.Position, Examined: 1, Jobs: []flow.Job{j}}, time.Now()); err != nil {
		t.Fatal(err)
	}
	var page jobsAnswer
	w.do("GET", "/api/dispatch-jobs?limit=50&replayId="+replayID, acme, "").is(200).into(&page)
	if len(page.DispatchJobs) != 1 {
		t.Fatalf("%d jobs of the replay", len(page.DispatchJobs))
	}
	id := page.DispatchJobs[0].ID
	group := "/api/groups/" + j.OrderKey.String() + "/retry"
	w.end(w.begin(id), flow.Reject)
	w.do("POST", group, acme, "").is(200)
	w.end(w.begin(id), flow.Reject)

	w.do("POST", "/api/replays/"+replayID+"/cancel", acme, "").is(200)
	for _, path := range []string{"/api/dead-letters/" + id + "/retry", "/api/dispatch-jobs/" + id + "/retry", group} {
		w.do("POST", path, acme, "").problem(409, "CONFLICT", "replay")
	}
	w.do("GET", "/api/dead-letters/"+id, acme, "").is(200)
	w.do("POST", "/api/dead-letters/"+id+"/discard", acme, `{"note":"no use"}`).is(200)
}

func TestATaskTakesAFilterOrAll(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.ordered(1)
	acme := w.of("acme")
	a := w.do("POST", "/api/dead-letters/retry", acme, `{"subscriptionId":"ship","status":["FAILED"],"reason":"GONE","since":"2026-01-02T00:00:00Z"}`).is(202)
	if a.get("status") != "RUNNING" || a.get("act") != "RETRY" || a.get("clientId") != "acme" || !strings.HasPrefix(a.get("subscriptionId").(string), "sub_") || a.get("reason") != "GONE" {
		t.Errorf("task: %s", a.body)
	}
	b := w.do("POST", "/api/dead-letters/discard", acme, `{"all":true,"note":"all of it"}`, "Idempotency-Key", "k").is(202)
	if b.get("act") != "DISCARD" || b.get("note") != "all of it" {
		t.Errorf("task: %s", b.body)
	}
	if again := w.do("POST", "/api/dead-letters/discard", acme, `{"all":true,"note":"all of it"}`, "Idempotency-Key", "k").is(202); again.id() != b.id() {
		t.Errorf("a repeated request made another task: %s", again.body)
	}
	w.do("POST", "/api/dead-letters/retry", acme, `{"all":true}`, "Idempotency-Key", "k").problem(409, "CONFLICT", "Idempotency-Key")
	w.do("POST", "/api/dead-letters/discard", acme, `{"subscriptionId":"ship","note":"all of it"}`, "Idempotency-Key", "k").problem(409, "CONFLICT", "Idempotency-Key")
	for body, field := range map[string]string{
		`{}`: "all", `{"status":["PENDING"]}`: "status", `{"replayId":"x"}`: "replayId", `{"since":"x"}`: "since, until", `{"reason":"OFTEN"}`: "reason", `{"subscriptionId":"shp"}`: "subscriptionId", `{"all":true,"note":"x"}`: "note", `[]`: "body",
	} {
		w.do("POST", "/api/dead-letters/retry", acme, body).problem(400, "INVALID", `"field":"`+field+`"`)
	}
	w.do("POST", "/api/dead-letters/retry", acme, `{"subscriptionId":"sub_0000000000001"}`).is(202) // one that was deleted
	w.do("POST", "/api/dead-letters/discard", acme, `{"all":true}`).problem(400, "INVALID", `"field":"note"`)
	w.do("POST", "/api/dead-letters/retry", acme, `{"all":true,"clientId":"globex"}`).problem(403, "FORBIDDEN")

	var page struct{ DeadLetterTasks []struct{ ID string } }
	w.do("GET", "/api/dead-letter-tasks", acme, "").is(200).into(&page)
	if len(page.DeadLetterTasks) != 3 || page.DeadLetterTasks[1].ID != b.id() {
		t.Errorf("tasks: %+v", page)
	}
	if n := len(w.do("GET", "/api/dead-letter-tasks", w.of("globex"), "").is(200).get("deadLetterTasks").([]any)); n != 0 {
		t.Errorf("another client sees %d tasks", n)
	}
	one := "/api/dead-letter-tasks/" + a.id()
	w.do("GET", one, acme, "").is(200)
	w.do("GET", one, w.of("globex"), "").problem(404, "NOT_FOUND", "dead-letter task")
	w.do("POST", one+"/cancel", w.of("globex"), "").problem(404, "NOT_FOUND")
	for range 2 {
		if c := w.do("POST", one+"/cancel", acme, "").is(200); c.get("status") != "CANCELLED" {
			t.Errorf("cancelled: %s", c.body)
		}
	}
}
