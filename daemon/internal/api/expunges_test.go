package api

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

func TestAnExpungeSaysWhatItWouldEraseAndIsKeptAsAReceipt(t *testing.T) {
	t.Parallel()
	w := setup(t)
	acme, globex := w.of("acme"), w.of("globex")
	w.do("POST", "/api/subscriptions", acme, `{"code":"ship","target":"https://hooks.example.com","eventTypes":[{"eventTypeCode":"a:b:c:open"}]}`).is(201)
	for _, e := range []string{`"type":"a:b:c:d","subject":"ann"`, `"type":"a:b:c:d","subject":"bob"`, `"type":"a:b:c:open","subject":"ann"`} {
		w.do("POST", "/api/events", acme, `{`+e+`,"data":{}}`).is(201)
	}
	w.do("POST", "/api/events", globex, `{"type":"a:b:c:d","subject":"ann","data":{}}`).is(201)
	w.fanOut()

	const path = "/api/events/expunge"
	for body, says := range map[string]string{
		`{"reason":"x"}`:    `"field":"subject"`,
		`{"subject":"ann"}`: `"field":"reason"`,
		`{"subject":"ann","reason":"x","type":"a:b"}`: `"field":"type"`,
		`{"subject":"ann","reason":"x","before":"1"}`: "RFC 3339",
		`{"subject":"a\u0000b","reason":"x"}`:         `"field":"subject"`,
		`{"subject":`:                                 "JSON",
	} {
		w.do("POST", path, acme, body).problem(400, "INVALID", says)
	}
	w.do("POST", path, acme, `{"clientId":"globex","reason":"x"}`).problem(403, "FORBIDDEN", "clientId")

	dry := func(token, body string) string {
		t.Helper()
		a := w.do("POST", path, token, body).is(200)
		return fmt.Sprint(a.get("events"), a.get("jobs"), a.get("open"), a.get("partial"))
	}
	if got := dry(acme, `{"subject":"ann","dryRun":true}`); got != "2 0 1 false" {
		t.Errorf("acme's: %s", got)
	}
	if got := dry(w.admin(), `{"subject":"ann","dryRun":true}`); got != "3 0 1 false" {
		t.Errorf("everybody's: %s", got)
	}
	if got := dry(w.admin(), `{"clientId":"acme","dryRun":true}`); got != "3 0 1 false" {
		t.Errorf("of the client: %s", got)
	}

	const ask = `{"subject":"ann","reason":"request 17"}`
	made := w.do("POST", path, acme, ask, "Idempotency-Key", "k").is(202)
	if again := w.do("POST", path, acme, ask, "Idempotency-Key", "k").is(202); again.id() != made.id() {
		t.Errorf("a repeat made %s", again.body)
	}
	w.do("POST", path, acme, `{"subject":"bob","reason":"x"}`, "Idempotency-Key", "k").problem(409, "CONFLICT", "another filter")
	one := "/api/expunges/" + made.id()
	w.do("GET", one, globex, "").problem(404, "NOT_FOUND")
	w.do("POST", one+"/cancel", globex, "").problem(404, "NOT_FOUND")
	for range 2 { // asking twice is no error
		if a := w.do("POST", one+"/cancel", acme, "").is(200); a.get("status") != "CANCELLED" || strings.Contains(string(a.body), "ann") {
			t.Errorf("cancelled: %s", a.body)
		}
	}
	// A repeat is known when the subject is not kept any more.
	if again := w.do("POST", path, acme, ask, "Idempotency-Key", "k").is(202); again.id() != made.id() {
		t.Errorf("a repeat made %s", again.body)
	}
	listed := func(token, query string) int {
		t.Helper()
		return len(w.do("GET", "/api/expunges?"+query, token, "").is(200).get("expunges").([]any))
	}
	if a, b, c, d := listed(acme, ""), listed(acme, "subject=ann"), listed(acme, "subject=bob"), listed(globex, ""); a != 1 || b != 1 || c != 0 || d != 0 {
		t.Errorf("listed: %d, about ann %d, about bob %d, by globex %d", a, b, c, d)
	}
	audit := w.do("GET", "/api/audit-logs?entityType=Expunge&entityId="+made.id(), w.admin(), "").is(200)
	if n := len(audit.get("auditLogs").([]any)); n != 2 || strings.Contains(string(audit.body), `ann\"`) || !strings.Contains(string(audit.body), "request 17") {
		t.Errorf("%d audit entries: %s", n, audit.body)
	}
}

func TestWhatWasExpungedIsNotSentAgain(t *testing.T) {
	t.Parallel()
	w := setup(t)
	acme := w.of("acme")
	w.do("POST", "/api/subscriptions", acme, `{"code":"ship","target":"https://hooks.example.com","eventTypes":[{"eventTypeCode":"orders:*:*:*"}]}`).is(201)
	id := w.do("POST", "/api/events", acme, shipped).is(201).id()
	w.fanOut()
	var page struct{ DispatchJobs []struct{ ID string } }
	w.do("GET", "/api/dispatch-jobs?limit=50", acme, "").is(200).into(&page)
	begun := w.begin(page.DispatchJobs[0].ID)
	w.end(begun, flow.Reject)
	if _, err := w.st.Erase(t.Context(), store.Erase{Work: 1, To: 1 << 62, Rows: []flow.ID{begun.Job.EventID}}, time.Now()); err != nil {
		t.Fatal(err)
	}
	w.do("POST", "/api/dispatch-jobs/"+page.DispatchJobs[0].ID+"/retry", acme, "").problem(409, "CONFLICT", "expunged")
	w.do("POST", "/api/replays", acme, `{"eventIds":["`+id+`"]}`).problem(409, "CONFLICT", "expunged")
	event := w.do("GET", "/api/events/"+id, acme, "").is(200)
	if event.get("expunged") != true || event.get("data") != nil || event.get("type") != "orders:fulfillment:shipment:shipped" {
		t.Errorf("event: %s", event.body)
	}
	got := w.do("GET", "/api/dispatch-jobs/"+page.DispatchJobs[0].ID, acme, "").is(200)
	if got.get("status") != "FAILED" || strings.Contains(string(got.body), "refused") {
		t.Errorf("job: %s", got.body)
	}
}
