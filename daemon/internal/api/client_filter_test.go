package api

import (
	"fmt"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

// A client is called by its id or by its identifier wherever something is
// asked for, so lists take both too.
func TestListsTakeTheIdentifierOfAClient(t *testing.T) {
	t.Parallel()
	w := setup(t)
	admin := w.admin()
	id := w.do("POST", "/api/clients", admin, `{"name":"Initech","identifier":"initech"}`).is(201).id()
	if id == "initech" {
		t.Fatal("its id is its identifier: this proves nothing")
	}
	w.do("POST", "/api/subscriptions", admin, `{"code":"ship","clientId":"initech","target":"https://hooks.example.com","mode":"BLOCK_ON_ERROR","eventTypes":[{"eventTypeCode":"a:*:*:*"}]}`).is(201)
	w.do("POST", "/api/principals/users", admin, `{"email":"peter@initech.example.com","name":"Peter","clientId":"initech"}`).is(201)
	w.do("POST", "/api/events", admin, `{"type":"a:b:c:d","clientId":"initech","messageGroup":"g"}`).is(201)
	w.fanOut()
	var page struct{ DispatchJobs []struct{ ID string } }
	w.do("GET", "/api/dispatch-jobs?limit=5", admin, "").is(200).into(&page)
	w.end(w.begin(page.DispatchJobs[0].ID), flow.Reject)
	w.do("POST", "/api/replays", admin, `{"all":true,"clientId":"initech"}`).is(201)
	w.do("POST", "/api/dead-letters/retry", admin, `{"clientId":"initech"}`).is(202)
	w.do("POST", "/api/events/expunge", admin, `{"clientId":"initech","reason":"x"}`).is(202)
	for path, list := range map[string]string{
		"/api/events?limit=5": "events", "/api/dispatch-jobs?limit=5": "dispatchJobs", "/api/dead-letters?limit=5": "deadLetters", "/api/groups?limit=5": "groups",
		"/api/replays?limit=5": "replays", "/api/dead-letter-tasks?limit=5": "deadLetterTasks", "/api/expunges?limit=5": "expunges",
		"/api/subscriptions?limit=5": "subscriptions", "/api/principals?limit=5": "principals",
	} {
		for _, name := range []string{id, "initech"} {
			got, _ := w.do("GET", path+"&clientId="+name, admin, "").is(200).get(list).([]any)
			if len(got) != 1 {
				t.Errorf("%s of %s: %d", path, name, len(got))
			}
		}
		if got, _ := w.do("GET", path+"&clientId=nobody", admin, "").is(200).get(list).([]any); len(got) != 0 {
			t.Errorf("%s of a client that is not there: %d", path, len(got))
		}
	}
	if got := w.do("GET", "/api/audit-logs?limit=50&clientId=initech", admin, "").is(200).get("auditLogs").([]any); len(got) == 0 {
		t.Error("no audit entries of the client")
	}
	f := w.follow(t, eventStream+"?clientId=initech&since="+time.Now().Add(-time.Hour).UTC().Format(time.RFC3339), admin, "")
	if name, e := f.next(); name != "event" || fmt.Sprint(e["clientId"]) != id {
		t.Errorf("followed: %s %v", name, e)
	}
}
