package api

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
)

func (w *world) reports(token, body string) []itemResult {
	w.t.Helper()
	var b batchAnswer
	w.do("POST", "/api/audit-logs/batch", token, body).is(200).into(&b)
	return b.Results
}

func (w *world) reporter() string {
	return w.token(&auth.Principal{ID: "prn_SHOP", Scope: auth.ScopeClient, Clients: []string{"acme"}, Roles: []string{auth.RoleApplicationService}})
}

func TestAnApplicationReportsItsOwnAudit(t *testing.T) {
	t.Parallel()
	w := setup(t)
	rs := w.reports(w.reporter(), `{"items":[
		{"id":"row-1","payload":{"entityType":"Order","entityId":"4711","operation":"SHIP","operationData":"{\"to\":\"Oslo\"}","principalId":"prn_ADMIN",
			"performedAt":"2020-01-02T03:04:05.678Z","source":"/shop","correlationId":"c-1","metadata":{"desk":"7"}}},
		{"entityType":"Order","entityId":"","operation":"SHIP"},
		{"entityType":"Order","entityId":"1","operation":"SHIP","performedAt":"yesterday"},
		{"entityType":"Order","entityId":"1","operation":"SHIP","clientId":"globex"},
		{"entityType":"Order","entityId":"1","operation":"a\u000ab"},
		{"entityType":"Order","entityId":"1","operation":"SHIP","metadata":[1]},
		"what", {"entityType":"Order","entityId":"2","operation":"PACK"}]}`)
	var got []string
	for _, r := range rs {
		got = append(got, r.Status+" "+r.Error)
	}
	for i, want := range []string{"SUCCESS", "BAD_REQUEST entityId: is required", "BAD_REQUEST performedAt: must be", "FORBIDDEN clientId", "BAD_REQUEST operation: has a control", "BAD_REQUEST metadata: must be an object", "BAD_REQUEST", "SUCCESS"} {
		if i >= len(got) || !strings.HasPrefix(got[i], want) {
			t.Fatalf("answers: %q", got)
		}
	}
	if rs[0].ID != "row-1" || rs[0].AuditLogID == "" || rs[7].ID != rs[7].AuditLogID {
		t.Errorf("ids: %+v %+v", rs[0], rs[7])
	}

	// It says who vouches for it, and takes nobody's name or time.
	e := w.do("GET", "/api/audit-logs/"+rs[0].AuditLogID, w.of("acme"), "").is(200)
	var v auditView
	e.into(&v)
	if v.Origin != "APPLICATION" || v.PrincipalID != "prn_SHOP" || v.ClientID != "acme" || v.Reported == nil || v.Reported.PrincipalID != "prn_ADMIN" ||
		v.OperationJSON != `{"to":"Oslo"}` || !strings.Contains(string(e.body), `"performedAt":"2020-01-02T03:04:05.678Z"`) || v.RequestID == "" {
		t.Errorf("entry: %s", e.body)
	}
	var page auditAnswer
	w.do("GET", "/api/audit-logs?principalId=prn_ADMIN&entityType=Order", w.admin(), "").is(200).into(&page)
	if len(page.AuditLogs) != 0 {
		t.Errorf("the administrator is said to have done: %+v", page.AuditLogs)
	}
	for origin, want := range map[string]int{"APPLICATION": 2, "PLATFORM": 0, "": 2} {
		w.do("GET", "/api/audit-logs?entityType=Order&origin="+origin, w.admin(), "").is(200).into(&page)
		if len(page.AuditLogs) != want {
			t.Errorf("origin %q: %d entries", origin, len(page.AuditLogs))
		}
	}
	w.do("GET", "/api/audit-logs?origin=ME", w.admin(), "").problem(400, "INVALID", "origin")
	w.do("GET", "/api/audit-logs/"+rs[0].AuditLogID, w.of("globex"), "").problem(404, "NOT_FOUND")
}

func TestAReportedEntryIsKeptOncePerReporterAndClient(t *testing.T) {
	t.Parallel()
	w := setup(t)
	const row = `{"id":"row-1","entityType":"Order","entityId":"1","operation":"SHIP"`
	first := w.reports(w.reporter(), `{"items":[`+row+`}]}`)[0]
	var again batchAnswer
	w.do("POST", "/api/audit/logs/batch", w.reporter(), `[`+row+`}]`).is(200).into(&again)
	if r := again.Results[0]; !r.Duplicate || r.AuditLogID != first.AuditLogID || first.Duplicate {
		t.Errorf("the older path, again: %+v after %+v", r, first)
	}
	for name, r := range map[string]itemResult{
		"another reporter": w.reports(w.of("acme"), `{"items":[`+row+`}]}`)[0],
		"another client":   w.reports(w.admin(), `{"items":[`+row+`,"clientId":"globex"}]}`)[0],
		"of no client":     w.reports(w.admin(), `{"items":[`+row+`}]}`)[0],
	} {
		if r.Duplicate || r.Status != platform.ItemSuccess || r.AuditLogID == first.AuditLogID {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// An entry may look like one about a resource; it shows and changes nothing.
func TestAReportThatLooksLikeThePlatformsIsNotTakenForIt(t *testing.T) {
	t.Parallel()
	w := setup(t)
	r := w.reports(w.of("acme"), `{"items":[{"entityType":"Client","entityId":"globex","operation":"UPDATE","operationData":{"id":"globex","notes":[{"text":"x"}]}}]}`)[0]
	a := w.do("GET", "/api/audit-logs/entity/Client/globex", w.of("acme"), "").is(200)
	if strings.Count(string(a.body), `"origin":"APPLICATION"`) != 1 || strings.Contains(string(a.body), `"origin":"PLATFORM"`) || !strings.Contains(string(a.body), r.AuditLogID) {
		t.Errorf("to who reported it: %s", a.body)
	}
	if a := w.do("GET", "/api/audit-logs/entity/Client/globex", w.of("globex"), "").is(200); strings.Contains(string(a.body), r.AuditLogID) {
		t.Errorf("the client that is named is told: %s", a.body)
	}
}

func TestReportingAuditHasTheLimitsOfABatch(t *testing.T) {
	t.Parallel()
	w := setup(t)
	const path = "/api/audit-logs/batch"
	w.do("POST", path, w.token(&auth.Principal{Scope: auth.ScopeAnchor, Clients: []string{auth.EveryClient}, Roles: []string{auth.RoleDeveloper}}), `{"items":[]}`).problem(403, "FORBIDDEN", "audit-log:create")
	w.do("POST", path, w.admin(), `{"things":[]}`).problem(400, "INVALID", "items")
	w.do("POST", path, w.admin(), `{"items":[`+strings.TrimSuffix(strings.Repeat("{},", 1001), ",")+`]}`).problem(400, "INVALID", "1001 items")
	w.do("POST", path, w.admin(), `{"items":["`+strings.Repeat("x", DefaultMaxBatch)+`"]}`).problem(413, "TOO_LARGE")
	w.do("POST", path, w.admin(), `x=1`, "Content-Type", "application/x-www-form-urlencoded").problem(415, "UNSUPPORTED_MEDIA_TYPE")
	large, err := json.Marshal(strings.Repeat("x", platform.MaxOperationData))
	if err != nil {
		t.Fatal(err)
	}
	if r := w.reports(w.admin(), `{"items":[{"entityType":"a","entityId":"b","operation":"c","operationData":`+string(large)+`}]}`)[0]; r.Status != platform.ItemBadRequest || !strings.Contains(r.Error, "262144") {
		t.Errorf("large data: %+v", r)
	}
	deep := strings.Repeat("[", 65) + strings.Repeat("]", 65)
	if r := w.reports(w.admin(), `{"items":[{"entityType":"a","entityId":"b","operation":"c","operationData":"`+strings.Repeat("[", 9000)+strings.Repeat("]", 9000)+`"}]}`)[0]; r.Status != platform.ItemBadRequest || !strings.Contains(r.Error, "nests") {
		t.Errorf("a deep document within a text: %+v", r)
	}
	if r := w.reports(w.admin(), `{"items":[{"entityType":"a","entityId":"b","operation":"c","operationData":`+deep+`}]}`)[0]; r.Status != platform.ItemBadRequest {
		t.Errorf("deep data: %+v", r)
	}
}
