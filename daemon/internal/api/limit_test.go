package api

import (
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/platform/allowance"
	"github.com/flowcatalyst/fc/daemon/internal/secrets"
)

func TestPublishingIsLimitedPerClient(t *testing.T) {
	t.Parallel()
	w := setup(t)
	key, err := secrets.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	box, err := secrets.NewBox(key)
	if err != nil {
		t.Fatal(err)
	}
	w.api.p, err = platform.New(platform.Options{Store: w.st, Sealer: box, Publishing: allowance.Limits{
		General: allowance.Limit{PerSecond: 0.1, Burst: 3},
		Clients: map[string]allowance.Limit{"globex": {}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	events := func(client string, n int) string {
		one := strings.ReplaceAll(smallEvent, "acme", client)
		return "[" + strings.Repeat(one+",", n-1) + one + "]"
	}
	count := func() int {
		var list struct{ Events []struct{} }
		w.do("GET", "/api/events?limit=50&size=100", w.admin(), "").is(200).into(&list)
		return len(list.Events)
	}
	w.do("POST", "/api/events/batch", w.admin(), events("acme", 2)).is(200)
	w.do("POST", "/api/events", w.admin(), smallEvent).is(201)
	a := w.do("POST", "/api/events", w.admin(), smallEvent)
	p := a.problem(429, "RATE_LIMITED", "more than it may")
	if p.RetryAfter < 9 || p.RetryAfter > 10 || a.header.Get("Retry-After") == "" {
		t.Errorf("retry after %d, header %q", p.RetryAfter, a.header.Get("Retry-After"))
	}
	// Another client is not hurt, one has no limit, and a batch is whole.
	before := count()
	w.do("POST", "/api/events/batch", w.admin(), "["+strings.Trim(events("clt_1", 1), "[]")+","+smallEvent+"]").problem(429, "RATE_LIMITED")
	if now := count(); now != before {
		t.Errorf("%d events of a refused batch were stored", now-before)
	}
	w.do("POST", "/api/events/batch", w.admin(), events("clt_1", 3)).is(200)
	w.do("POST", "/api/events/batch", w.admin(), events("globex", 50)).is(200)
	job := `{"targetUrl":"https://hooks.example.com/in","code":"a:b:c:d","source":"s","clientId":"acme","payload":{}}`
	w.do("POST", "/api/dispatch-jobs", w.admin(), job).problem(429, "RATE_LIMITED")
}
