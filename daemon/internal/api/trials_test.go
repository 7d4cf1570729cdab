package api

import (
	"context"
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/router"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

func TestAConnectionIsTested(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.do("POST", "/api/connections", w.admin(), `{"code":"shared","url":"https://hooks.example.com"}`).is(201)
	id := w.do("POST", "/api/connections", w.admin(), `{"code":"hooks","url":"https://hooks.example.com","clientId":"clt_1"}`).is(201).id()
	path := "/api/connections/" + id + "/test"

	// It takes who may change the connection: not another client's people, nor
	// a client's own where the connection is everybody's.
	w.do("POST", path, w.of("clt_2"), "").problem(404, "NOT_FOUND")
	w.do("POST", "/api/connections/shared/test", w.of("clt_1"), "").problem(404, "NOT_FOUND")
	w.do("POST", path, w.admin(), `{"type":"none"}`).problem(400, "INVALID", "four segments")
	w.do("POST", path, w.admin(), `{"data":{]}`).problem(400, "INVALID")
	w.do("POST", "/api/connections/none/test", w.admin(), "").problem(404, "NOT_FOUND")

	// What the receiver sends is not to be obeyed by a terminal, and what was
	// tested is written down.
	w.tried = func(*resource.Connection) router.Trial {
		return router.Trial{Target: "/", Attempt: flow.Attempt{Status: 500, Verdict: flow.Retry, ErrorType: flow.ErrorServer, Error: "500", Header: []byte(`{"X-A":"\u001b[2Jb"}`), Body: []byte("\x1b[31mred\xff\n" + strings.Repeat("x", 5000))}}
	}
	a := w.do("POST", "/api/connections/hooks/test", w.of("clt_1"), `{"type":"shop:sales:order:placed"}`).is(200)
	answer := a.get("answer").(map[string]any)
	if a.get("success") != false || a.get("verdict") != "RETRY" || answer["truncated"] != true || !strings.HasPrefix(answer["body"].(string), " [31mred?\nxx") || answer["headers"].(map[string]any)["X-A"] != " [2Jb" {
		t.Errorf("%s", a.body)
	}
	if log := w.do("GET", "/api/audit-logs?entityId="+id, w.admin(), "").is(200); !strings.Contains(string(log.body), `"operation":"TEST"`) || !strings.Contains(string(log.body), "shop:sales:order:placed") {
		t.Errorf("audit log: %s", log.body)
	}
	if page, err := w.st.ListJobs(context.Background(), store.Everything, store.JobQuery{}); err != nil || len(page.Jobs) != 0 {
		t.Errorf("jobs %+v, %v", page.Jobs, err)
	}

	// Its receiver is left alone after ten within a minute, whoever asks.
	for range 9 {
		w.do("POST", path, w.admin(), "").is(200)
	}
	if a := w.do("POST", path, w.of("clt_1"), ""); a.problem(429, "RATE_LIMITED", "10 times") == nil || a.header.Get("Retry-After") == "" {
		t.Errorf("headers %v", a.header)
	}
	w.do("POST", "/api/connections/shared/test", w.admin(), "").is(200)
}
