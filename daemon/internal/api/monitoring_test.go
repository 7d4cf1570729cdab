package api

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/api/monitor"
	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"github.com/flowcatalyst/fc/daemon/internal/telemetry"
)

// hold opens a breaker, as a router would.
func (w *world) hold(h store.Hold) {
	w.t.Helper()
	if err := w.st.Hold(context.Background(), h); err != nil {
		w.t.Fatal(err)
	}
}

func TestTheOverviewHasThePoolsUnderTheNamesThatDashboardsRead(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.do("POST", "/api/dispatch-pools", w.admin(), `{"code":"priority","concurrency":7,"rateLimit":600}`).is(201)
	var got struct {
		Instance string
		Pools    struct {
			Pools      []map[string]any
			TotalPools int
		}
	}
	w.do("GET", "/monitoring", w.admin(), "").is(200).into(&got)
	if got.Instance != "router-1" || got.Pools.TotalPools != 2 {
		t.Fatalf("%+v", got)
	}
	for _, p := range got.Pools.Pools {
		for _, name := range []string{"pool_code", "concurrency", "active_workers", "queue_size", "queue_capacity", "message_group_count", "rate_limit_per_minute", "is_rate_limited", "metrics"} {
			if _, there := p[name]; !there {
				t.Errorf("pool %v has no %s", p["pool_code"], name)
			}
		}
		m := p["metrics"].(map[string]any)
		for _, name := range []string{"totalSuccess", "totalFailure", "totalRateLimited", "successRate", "processingTime", "last5Min", "last30Min"} {
			if _, there := m[name]; !there {
				t.Errorf("metrics of pool %v have no %s", p["pool_code"], name)
			}
		}
		if p["pool_code"] == "priority" && (p["concurrency"] != 7.0 || p["rate_limit_per_minute"] != 600.0) {
			t.Errorf("%+v", p)
		}
		if p["pool_code"] == resource.DefaultPool && p["rate_limit_per_minute"] != nil {
			t.Errorf("%+v", p)
		}
	}
	for _, path := range []string{"/monitoring/pools", "/api/monitoring/pool-stats", "/monitoring/pool-stats"} {
		if n := w.do("GET", path, w.admin(), "").is(200).get("totalPools"); n != 2.0 {
			t.Errorf("%s: %v pools", path, n)
		}
	}
}

func TestAPoolIsTunedForGood(t *testing.T) {
	t.Parallel()
	w := setup(t)
	id := w.do("POST", "/api/dispatch-pools", w.admin(), `{"code":"priority","concurrency":7,"rateLimit":600}`).is(201).id()
	w.do("PUT", "/monitoring/pools/priority", w.admin(), `{"concurrency":3,"rate_limit_per_minute":null,"nonsense":1}`).is(200)
	a := w.do("GET", "/api/dispatch-pools/"+id, w.admin(), "").is(200)
	if a.get("concurrency") != 3.0 || a.get("rateLimit") != nil {
		t.Errorf("%s", a.body)
	}
	if audit := string(w.do("GET", "/api/audit-logs", w.admin(), "").is(200).body); !strings.Contains(audit, `"entityId":"`+id+`"`) || !strings.Contains(audit, `"operation":"UPDATE"`) {
		t.Errorf("the change is not audited: %s", audit)
	}
	w.do("PUT", "/monitoring/pools/"+id, w.admin(), `{"rateLimitPerMinute":60}`).is(200)
	if got := w.do("GET", "/api/dispatch-pools/priority", w.admin(), "").get("rateLimit"); got != 60.0 {
		t.Errorf("rate limit %v", got)
	}
	w.do("PUT", "/monitoring/pools/priority", w.admin(), `{"concurrencyMode":"ADAPTIVE","adaptiveMinConcurrency":2,"adaptiveMaxConcurrency":40,"maxConcurrency":20}`).is(200)
	if a := w.do("GET", "/api/dispatch-pools/priority", w.admin(), ""); a.get("concurrencyMode") != "ADAPTIVE" || a.get("adaptiveMaxConcurrency") != 40.0 || a.get("concurrency") != 20.0 {
		t.Errorf("%s", a.body)
	}
	w.do("PUT", "/monitoring/pools/priority", w.admin(), `{"concurrency":-1}`).problem(400, "INVALID", "concurrency")
	w.do("PUT", "/monitoring/pools/priority", w.admin(), `{}`).problem(400, "INVALID", "nothing to change")
	w.do("PUT", "/monitoring/pools/none", w.admin(), `{"concurrency":1}`).problem(404, "NOT_FOUND")
	w.do("PUT", "/monitoring/pools/priority", w.of("clt_1"), `{"concurrency":1}`).problem(404, "NOT_FOUND")
}

func TestABreakerIsExplainedAndReset(t *testing.T) {
	t.Parallel()
	w := setup(t)
	con := w.do("POST", "/api/connections", w.admin(), `{"code":"warehouse","url":"https://hooks.example.com/w","clientId":"clt_1"}`).is(201).id()
	target := "https://hooks.example.com/a b?c=d"
	now := time.Now()
	w.hold(store.Hold{Endpoint: con, Reason: store.HoldBreaker, Until: now.Add(20 * time.Second), Window: 1, Trips: 3, Detail: "10 failures in a row, the last: connection refused", Since: now})
	w.hold(store.Hold{Endpoint: target, Reason: store.HoldBreaker, Until: now.Add(-time.Second), Window: 4, Trips: 1, Detail: "6 of 10 failed", Since: now})
	w.hold(store.Hold{Endpoint: target, Reason: store.HoldRetryAfter, Until: now.Add(time.Minute), Detail: "429", Since: now})

	var got breakersAnswer
	list := func(token string) {
		t.Helper()
		got = breakersAnswer{}
		w.do("GET", "/monitoring/circuit-breakers", token, "").is(200).into(&got)
	}
	list(w.admin())
	if got.TotalOpen != 1 || got.TotalHalfOpen != 1 || len(got.Breakers) != 2 {
		t.Fatalf("%+v", got)
	}
	open, half := got.Breakers[0], got.Breakers[1]
	if open.Name != con || open.ConnectionCode != "warehouse" || open.Target != "https://hooks.example.com/w" || open.State != "OPEN" || open.Trips != 3 ||
		!strings.Contains(open.Why, "connection refused") || !strings.Contains(open.Story, "3rd time in a row") || open.ResetAt == nil {
		t.Errorf("open: %+v", open)
	}
	if half.Name != target || half.State != "HALF_OPEN" || half.Window != 4 || half.ResetAt != nil || len(half.Holds) != 1 || half.Holds[0].Reason != "RETRY_AFTER" {
		t.Errorf("half open: %+v", half)
	}

	// A client's own see and reset what is theirs.
	list(w.of("clt_1"))
	if len(got.Breakers) != 1 || got.Breakers[0].Name != con {
		t.Errorf("clt_1 sees %+v", got)
	}
	list(w.of("clt_2"))
	if len(got.Breakers) != 0 || got.TotalOpen != 0 {
		t.Errorf("clt_2 sees %+v", got)
	}
	w.do("POST", "/monitoring/circuit-breakers/"+con+"/reset", w.of("clt_2"), "").problem(404, "NOT_FOUND")
	a := w.do("POST", "/monitoring/circuit-breakers/warehouse/reset", w.of("clt_1"), "").is(200)
	if a.get("state") != "CLOSED" || a.get("name") != con {
		t.Errorf("after the reset: %s", a.body)
	}
	w.do("POST", "/monitoring/circuit-breakers/"+url.PathEscape(target)+"/reset", w.admin(), "").is(200)
	left, err := w.st.ListHolds(context.Background(), time.Now())
	if err != nil || len(left) != 0 { // the rest that it asked for goes as well
		t.Errorf("holds that are left: %+v, %v", left, err)
	}
	w.do("POST", "/monitoring/circuit-breakers/none/reset", w.admin(), "").problem(404, "NOT_FOUND")
	if !strings.Contains(w.log.String(), "breaker reset") {
		t.Error("the log does not say who reset it")
	}
}

func TestOneCanAskWhetherTheRouterHasAMessage(t *testing.T) {
	t.Parallel()
	w := setup(t)
	if a := w.do("GET", "/monitoring/in-flight-messages/check?messageId=m1", w.admin(), "").is(200); a.get("inPipeline") != false || a.get("messageId") != "m1" {
		t.Errorf("%s", a.body)
	}
	w.do("GET", "/monitoring/in-flight-messages/check", w.admin(), "").problem(400, "INVALID", "messageId")
	if a := w.do("POST", "/monitoring/in-flight-messages/check-batch", w.admin(), `{"messageIds":["m1","m2"]}`).is(200); string(a.body) != `{"m1":false,"m2":false}`+"\n" {
		t.Errorf("%s", a.body)
	}
	many := `{"messageIds":["` + strings.Repeat(`x","`, 5000) + `x"]}`
	w.do("POST", "/monitoring/in-flight-messages/check-batch", w.admin(), many).problem(400, "INVALID", "at most 5000")
	if a := w.do("GET", "/monitoring/in-flight-messages", w.admin(), "").is(200); a.get("totalInFlight") != 0.0 {
		t.Errorf("%s", a.body)
	}
}

func TestWarningsAreListedAndAcknowledged(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.warnings.Warn(telemetry.Warning{Category: "GONE", Severity: telemetry.Error, Message: "410", Source: "sub_1", ClientID: "clt_1"})
	w.warnings.Warn(telemetry.Warning{Category: "CONFIGURATION", Severity: telemetry.Warn, Message: "404", Source: "sub_2"})
	var got warningsAnswer
	list := func(token, query string) []warningView {
		t.Helper()
		got = warningsAnswer{}
		w.do("GET", "/monitoring/warnings"+query, token, "").is(200).into(&got)
		return got.Warnings
	}
	if all := list(w.admin(), ""); len(all) != 2 || got.TotalUnacknowledged != 2 {
		t.Fatalf("%+v", got)
	}
	if one := list(w.admin(), "?severity=ERROR"); len(one) != 1 || one[0].Category != "GONE" || one[0].Count != 1 {
		t.Errorf("%+v", one)
	}
	mine := list(w.of("clt_1"), "")
	if len(mine) != 1 || mine[0].Source != "sub_1" {
		t.Fatalf("clt_1 sees %+v", mine)
	}
	w.do("POST", "/monitoring/warnings/"+mine[0].ID+"/acknowledge", w.of("clt_2"), "").problem(404, "NOT_FOUND")
	for range 2 {
		if a := w.do("POST", "/monitoring/warnings/"+mine[0].ID+"/acknowledge", w.of("clt_1"), "").is(200); a.get("acknowledged") != true {
			t.Errorf("%s", a.body)
		}
	}
	if open := list(w.admin(), "?acknowledged=false"); len(open) != 1 || open[0].Source != "sub_2" {
		t.Errorf("%+v", open)
	}
	if n := w.do("GET", "/monitoring", w.admin(), "").get("warnings").(map[string]any); n["total"] != 2.0 || n["unacknowledged"] != 1.0 {
		t.Errorf("%+v", n)
	}
}

func TestMessagesArePublishedOneOrManyAtOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	const path = "/api/router/publish"
	one := `{"id":"m1","poolCode":"p","mediationType":"HTTP","mediationTarget":"https://hooks.example.com","payload":"{}"}`
	if a := w.do("POST", path, w.admin(), one).is(200); string(a.body) != `{"accepted":1,"messageIds":["m1"]}`+"\n" {
		t.Errorf("%s", a.body)
	}
	w.do("POST", path, w.admin(), `[{"mediationTarget":"https://hooks.example.com"},{"id":"m3","mediationTarget":"https://hooks.example.com"}]`).is(200)
	w.do("POST", path, w.of("clt_1"), `{"messages":[{"id":"m4","mediationTarget":"https://hooks.example.com"}]}`).is(200)
	ms, err := w.queue.Peek(context.Background(), 10)
	if err != nil || len(ms) != 4 {
		t.Fatalf("%+v, %v", ms, err)
	}
	for _, m := range ms {
		if m.ID == "" || m.MediationType != "HTTP" || (m.ClientID == "clt_1") != (m.ID == "m4") {
			t.Errorf("%+v", m)
		}
	}
	w.do("POST", path, w.admin(), `[{"id":"m5","mediationTarget":"https://hooks.example.com"},{"id":"m6"}]`).problem(400, "INVALID", "messages[1]")
	for _, field := range []string{"authToken", "signingSecret"} {
		w.do("POST", path, w.admin(), `[{"id":"m5","mediationTarget":"https://hooks.example.com","`+field+`":"clear"}]`).problem(400, "INVALID", "messages[0]."+field, "a connection with")
	}
	if ms, err := w.queue.Peek(context.Background(), 10); err != nil || len(ms) != 4 {
		t.Errorf("after messages with secrets: %+v, %v", ms, err)
	}
	w.do("POST", path, w.admin(), `[]`).problem(400, "INVALID")
	w.do("POST", path, w.admin(), `[`+strings.Repeat(`{},`, 1000)+`{}]`).problem(400, "INVALID", "at most 1000")
	w.do("POST", path, w.of("clt_1"), `{"mediationTarget":"https://hooks.example.com","clientId":"clt_2"}`).problem(403, "FORBIDDEN")
	w.do("POST", path, w.of("clt_1"), `{"jobId":"0HZXEQ5Y8JY5Z","ticket":1,"mediationTarget":"https://hooks.example.com"}`).problem(403, "FORBIDDEN", "jobId")
	// Nobody borrows the connection of another client.
	mine := w.do("POST", "/api/connections", w.admin(), `{"code":"mine","url":"https://hooks.example.com/1","clientId":"clt_1"}`).is(201).id()
	others := w.do("POST", "/api/connections", w.admin(), `{"code":"others","url":"https://hooks.example.com/2","clientId":"clt_2"}`).is(201).id()
	through := func(con, client string) string {
		return `{"mediationTarget":"https://hooks.example.com","connectionId":"` + con + `","clientId":"` + client + `"}`
	}
	w.do("POST", path, w.of("clt_1"), through(mine, "clt_1")).is(200)
	w.do("POST", path, w.of("clt_1"), through(others, "clt_1")).problem(403, "FORBIDDEN", "connectionId")
	w.do("POST", path, w.of("clt_1", "clt_2"), through(others, "clt_1")).problem(403, "FORBIDDEN", "connectionId")
	if err := w.queue.Close(); err != nil {
		t.Fatal(err)
	}
	if a := w.do("POST", path, w.admin(), one); a.problem(503, "UNAVAILABLE").RetryAfter == 0 {
		t.Errorf("no Retry-After: %s", a.body)
	}
	// What can be seen is shown all the same.
	if a := w.do("GET", "/monitoring", w.admin(), "").is(200); !strings.Contains(string(a.body), "the queue can not be asked") {
		t.Errorf("%s", a.body)
	}
}

func TestWhatIsOfTheWholeProcessIsNotForWhoIsBoundToClients(t *testing.T) {
	t.Parallel()
	w := setup(t)
	health := telemetry.NewHealth()
	health.Add("store", func(context.Context) error { return errors.New("secret.internal:5432 refused") })
	m, err := monitor.New(monitor.Options{Router: w.router, Holds: w.st, Queue: w.queue, QueueName: "default", Warnings: w.warnings, Health: health.Report})
	if err != nil {
		t.Fatal(err)
	}
	o := w.options
	o.Monitor, o.Registerer = m, nil
	if w.api, err = newServer(o); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"inFlight", "waiting", "active", "unwritten", "queues"} {
		if got := w.do("GET", "/monitoring", w.admin(), "").is(200); got.get(name) == nil {
			t.Errorf("the operator sees no %s: %s", name, got.body)
		}
		if got := w.do("GET", "/monitoring", w.of("clt_1"), "").is(200); got.get(name) != nil {
			t.Errorf("clt_1 sees %s: %s", name, got.body)
		}
	}
	if a := w.do("GET", "/monitoring/queues", w.of("clt_1"), "").is(200); string(a.body) != `{"queues":[]}`+"\n" {
		t.Errorf("%s", a.body)
	}
	for token, sees := range map[string]bool{w.admin(): true, w.of("clt_1"): false} {
		if a := w.do("GET", "/monitoring/health", token, "").is(503); strings.Contains(string(a.body), "secret.internal") != sees {
			t.Errorf("sees %t: %s", sees, a.body)
		}
	}
	door, err := NewRouterDoor(Options{Platform: o.Platform, Monitor: m, Logger: o.Logger}, true)
	if err != nil {
		t.Fatal(err)
	}
	w.api = door.(*server)
	if a := w.do("GET", "/health", "", "").is(503); string(a.body) != `{"status":"DOWN"}`+"\n" {
		t.Errorf("%s", a.body)
	}
}

func TestASnapshotHasThePartsThatACallerMaySee(t *testing.T) {
	t.Parallel()
	now := monitor.Moment{Problems: []string{"the holds can not be read: secret.internal:5432"}, Queue: &monitor.Queue{Name: "default"}}
	now.Consumer.Error = "secret.internal:9324"
	for _, c := range []struct {
		scope            store.Scope
		may              []string
		breakers, queues bool
	}{
		{store.Everything, []string{seeBreakers, seeQueues}, true, true},
		{store.Everything, []string{seeBreakers}, true, false},
		{store.Everything, []string{seeQueues}, false, true},
		{store.Scope{Clients: []string{"clt_1"}}, []string{seeBreakers, seeQueues}, true, false},
		{store.Scope{Clients: []string{"clt_1"}}, nil, false, false},
	} {
		v := viewSnapshot(&now, nil, c.scope, func(p string) bool { return slices.Contains(c.may, p) })
		if (v.Breakers != nil) != c.breakers || (v.Queues != nil) != c.queues || (v.InFlight != nil) != c.scope.All ||
			(v.Consumer.Error != "") != c.scope.All || (v.Problems != nil) != c.scope.All {
			t.Errorf("%+v: %+v", c, v)
		}
	}
}

func TestWithoutARouterItsRoutesSaySo(t *testing.T) {
	t.Parallel()
	w := setup(t)
	o := w.options
	o.Monitor, o.Registerer = nil, nil
	var err error
	if w.api, err = newServer(o); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/monitoring", "/monitoring/stream", "/monitoring/pool-stats", "/monitoring/health"} {
		w.do("GET", path, w.admin(), "").problem(404, "NOT_FOUND", "no router runs in this process")
	}
}

func TestTheRoutersListenerAsksForTokensUnlessItIsOpen(t *testing.T) {
	t.Parallel()
	w := setup(t)
	door := func(open bool) func(method, path, token, body string) *answer {
		o := Options{Platform: w.options.Platform, Monitor: w.options.Monitor, Logger: w.options.Logger}
		if !open {
			o.Tokens = w.tokens
		}
		h, err := NewRouterDoor(o, open)
		if err != nil {
			t.Fatal(err)
		}
		w := *w
		w.api = h.(*server)
		return func(method, path, token, body string) *answer { return w.do(method, path, token, body) }
	}
	closed := door(false)
	if a := closed("GET", "/health", "", "").is(200); string(a.body) != `{"status":"UP"}`+"\n" {
		t.Errorf("%s", a.body)
	}
	closed("GET", "/monitoring/pool-stats", "", "").problem(401, "UNAUTHENTICATED")
	viewer := w.token(&auth.Principal{Scope: auth.ScopeAnchor, Clients: []string{auth.EveryClient}, Roles: []string{auth.RoleViewer}})
	closed("GET", "/monitoring/pool-stats", viewer, "").is(200)
	closed("PUT", "/monitoring/pools/"+resource.DefaultPool, viewer, `{"concurrency":3}`).problem(403, "FORBIDDEN", "platform:router:pool:update")
	closed("GET", "/api/events", w.admin(), "").problem(404, "NOT_FOUND")
	id := w.do("POST", "/api/connections", w.admin(), `{"code":"hooks","url":"https://hooks.example.com"}`).is(201).id()
	closed("POST", "/api/connections/"+id+"/test", viewer, "").problem(403, "FORBIDDEN", "platform:messaging:connection:update")
	closed("POST", "/api/connections/hooks/test", w.admin(), "").is(200)
	closed("GET", "/api/connections/"+id, w.admin(), "").problem(404, "NOT_FOUND")

	open := door(true)
	open("GET", "/monitoring/in-flight-messages/check?messageId=m1", "", "").is(200)
	open("GET", "/monitoring/pool-stats", "not.a.token", "").is(200)
	open("PUT", "/monitoring/pools/"+resource.DefaultPool, "", `{"concurrency":3}`).is(200)
	open("POST", "/api/router/publish", "", `{"mediationTarget":"https://hooks.example.com"}`).is(200)
	info, _ := resource.InfoOf(resource.KindDispatchPool)
	r, err := w.options.Platform.Get(context.Background(), platform.System(), info, resource.DefaultPool, "")
	if err != nil || r.(*resource.DispatchPool).Concurrency != 3 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, err := NewRouterDoor(Options{Platform: w.options.Platform, Monitor: w.options.Monitor}, false); err == nil {
		t.Error("a door that asks for tokens was made without anybody to check them")
	}
}

// serve puts the API on a real listener, which streams need.
func (w *world) serve() string {
	srv := httptest.NewServer(w.api)
	w.t.Cleanup(srv.Close)
	return srv.URL
}

func (w *world) open(base, path, token string) *http.Response {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	w.t.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, "GET", base+path, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = res.Body.Close() })
	return res
}
