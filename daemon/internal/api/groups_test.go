package api

import (
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

func TestBlockedGroupsAreListedAndFreed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ids := w.ordered(4)
	acme := w.of("acme")
	groups := func(token, query string) []groupView {
		t.Helper()
		var page groupsAnswer
		w.do("GET", "/api/groups?"+query, token, "").is(200).into(&page)
		return page.Groups
	}
	key := w.do("GET", "/api/dispatch-jobs/"+ids[0], acme, "").get("orderKey").(string)
	path := "/api/groups/" + key
	if n := len(groups(acme, "")); n != 0 {
		t.Errorf("%d groups are blocked at first", n)
	}
	for _, cursor := range []string{"x", seal("jobs", "1"), seal("groups", "1"), seal("groups", "1.00")} {
		w.do("GET", "/api/groups?cursor="+cursor, acme, "").problem(400, "INVALID", "cursor")
	}
	w.do("POST", path+"/retry", acme, "").problem(409, "CONFLICT", "not blocked")
	w.do("POST", path+"/skip", acme, "").problem(409, "CONFLICT", "not blocked")

	w.end(w.begin(ids[0]), flow.Reject)
	for query, want := range map[string]int{"": 1, "subscriptionId=ship": 1, "subscriptionId=nobody": 0, "clientId=acme": 1, "clientId=globex": 0} {
		if got := len(groups(acme, query)); got != want {
			t.Errorf("%q: %d groups, want %d", query, got, want)
		}
	}
	g := groups(acme, "")[0]
	if g.OrderKey != key || g.SubscriptionCode != "ship" || g.MessageGroup != "g" || g.ClientID != "acme" || g.Waiting != 3 || time.Time(g.BlockedSince).IsZero() ||
		g.Head.ID != ids[0] || g.Head.Reason != "CONFIGURATION" || g.Head.LastError != "refused" || !g.Head.Blocked {
		t.Errorf("group: %+v, head %+v", g, g.Head)
	}
	globex := w.of("globex")
	if n := len(groups(globex, "")); n != 0 {
		t.Errorf("another client sees %d", n)
	}
	for _, verb := range []string{"/retry", "/skip", "/cancel-waiting"} {
		w.do("POST", path+verb, globex, "").problem(404, "NOT_FOUND")
		w.do("POST", "/api/groups/nonsense"+verb, acme, "").problem(404, "NOT_FOUND", "order key")
	}

	if a := w.do("POST", path+"/retry", acme, "").is(200); a.id() != ids[0] || a.get("status") != "PENDING" {
		t.Errorf("retried: %s", a.body)
	}
	if n := len(groups(acme, "")); n != 0 {
		t.Error("it is blocked although its head is retried")
	}
	w.end(w.begin(ids[0]), flow.Reject)
	if a := w.do("POST", path+"/skip", acme, "").is(200); a.id() != ids[0] || a.get("reason") != "SKIPPED" {
		t.Errorf("skipped: %s", a.body)
	}
	w.end(w.begin(ids[1]), flow.Reject)
	if a := w.do("POST", path+"/cancel-waiting", acme, "").is(200); a.get("cancelled") != 2.0 || a.get("more") != false {
		t.Errorf("cancelled: %s", a.body)
	}
	if g := groups(acme, ""); len(g) != 1 || g[0].Head.ID != ids[1] || g[0].Waiting != 0 {
		t.Errorf("the head does not stay: %+v", g)
	}
	if a := w.do("POST", path+"/cancel-waiting", acme, "").is(200); a.get("cancelled") != 0.0 {
		t.Errorf("cancelled: %s", a.body)
	}
	w.do("POST", path+"/skip", acme, "").is(200)
	w.do("POST", path+"/cancel-waiting", acme, "").problem(404, "NOT_FOUND")
	for _, id := range ids[2:] {
		if a := w.do("GET", "/api/dispatch-jobs/"+id, acme, ""); a.get("status") != "CANCELLED" {
			t.Errorf("job: %s", a.body)
		}
	}
}
