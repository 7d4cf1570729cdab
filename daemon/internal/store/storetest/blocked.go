package storetest

import (
	"fmt"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// blockedPages pages through the blocked keys of a query.
func (w *world) blockedPages(sc store.Scope, q store.GateQuery) (gates []store.Gate) {
	w.Helper()
	for seen := map[string]bool{}; ; {
		page, err := w.s.Blocked(w.ctx, sc, q)
		w.must(err, "blocked")
		if len(page.Gates) > store.PageLimit(q.Limit) {
			w.fail("a page of %d gates for a limit of %d", len(page.Gates), q.Limit)
		}
		gates = append(gates, page.Gates...)
		if page.Next == "" {
			return gates
		}
		if seen[page.Next] {
			w.fail("the cursor %q comes again", page.Next)
		}
		seen[page.Next] = true
		q.After = page.Next
	}
}

func (w *world) blocked() []store.Gate {
	w.Helper()
	return w.blockedPages(store.Everything, store.GateQuery{Limit: 100})
}

// groups makes an event of each group, fanned out to a subscription.
func (w *world) groups(sub string, mode flow.Mode, groups ...string) []flow.Job {
	w.Helper()
	events := make([]flow.Event, len(groups))
	for i, g := range groups {
		events[i] = w.newEvent(func(e *flow.Event) { e.MessageGroup = g })
	}
	w.append(events...)
	return w.fanOut(func(e flow.Event) []flow.Job { return []flow.Job{w.newJob(e, sub, mode)} })
}

func showGates(gates []store.Gate) string {
	var out []string
	for _, g := range gates {
		out = append(out, fmt.Sprintf("%s/%s+%d", g.SubscriptionID, g.MessageGroup, g.Waiting))
	}
	return strings.Join(out, " ")
}

var blockedListCases = []testCase{
	{name: "come longest blocked first, page by page", run: func(w *world) {
		var wanted []string
		for i := range 5 {
			j := w.groups(fmt.Sprintf("sub_%d", 9-i), flow.BlockOnError, "g")[0]
			w.block(j)
			wanted = append(wanted, fmt.Sprintf("sub_%d/g+0", 9-i))
			w.sleep(time.Minute)
		}
		for _, limit := range []int{1, 2, 5, 0} {
			want(w, "the keys", showGates(w.blockedPages(store.Everything, store.GateQuery{Limit: limit})), strings.Join(wanted, " "))
		}
		page, err := w.s.Blocked(w.ctx, store.Everything, store.GateQuery{Limit: 2})
		w.must(err, "blocked")
		want(w, "the first page", showGates(page.Gates), "sub_9/g+0 sub_8/g+0")
		// What ends meanwhile, the cursor's own gate included, disturbs no page.
		w.discard(page.Gates[1].Holder, "")
		w.discard(page.Gates[0].Holder, "")
		w.crash()
		want(w, "the keys after the page", showGates(w.blockedPages(store.Everything, store.GateQuery{After: page.Next})), strings.Join(wanted[2:], " "))
	}},
	{name: "that were blocked in one moment come without gap or repetition", run: func(w *world) {
		js := w.groups("sub_A", flow.BlockOnError, "a", "b", "c", "d", "e", "f", "g")
		for _, j := range js {
			w.block(j)
		}
		whole := w.blocked()
		want(w, "keys", len(whole), 7)
		for _, limit := range []int{1, 3} {
			want(w, "the keys", showGates(w.blockedPages(store.Everything, store.GateQuery{Limit: limit})), showGates(whole))
		}
	}},
	{name: "refuse a cursor that is none", run: func(w *world) {
		for _, c := range []string{"x", "1", "1.zz", "1.00", ".", "99999999999999999999.00000000000000000000000000000000"} {
			_, err := w.s.Blocked(w.ctx, store.Everything, store.GateQuery{After: c})
			w.wantErr("go on after "+c, err, store.ErrCursor)
		}
	}},
	{name: "are filtered by subscription, client and scope", run: func(w *world) {
		mine := func(client string) func(*flow.Job) {
			return func(j *flow.Job) {
				j.ClientID = client
				j.OrderKey = flow.NewOrderKey(j.Mode, j.Lane, client, "g", 0)
			}
		}
		for _, c := range []string{"clt_A", "clt_B", ""} {
			for _, sub := range []string{"sub_1", "sub_2"} {
				w.block(w.line(flow.BlockOnError, sub, 1, mine(c))[0])
			}
		}
		w.block(w.replayLine(flow.BlockOnError, "sub_1", 1)[0])
		for _, c := range []struct {
			sc   store.Scope
			q    store.GateQuery
			want int
		}{
			{store.Everything, store.GateQuery{}, 7},
			{store.Everything, store.GateQuery{SubscriptionID: "sub_1"}, 4},
			{store.Everything, store.GateQuery{SubscriptionID: "sub_2"}, 3},
			{store.Everything, store.GateQuery{ClientID: "clt_A"}, 2},
			{store.Everything, store.GateQuery{ClientID: "clt_A", SubscriptionID: "sub_1"}, 1},
			{store.Scope{Clients: []string{"clt_A"}}, store.GateQuery{}, 2},
			{store.Scope{Clients: []string{"clt_A"}}, store.GateQuery{ClientID: "clt_B"}, 0},
			{store.Scope{}, store.GateQuery{}, 0},
		} {
			for _, limit := range []int{1, 50} {
				c.q.Limit = limit
				gates := w.blockedPages(c.sc, c.q)
				want(w, fmt.Sprintf("the keys of %+v", c.q), len(gates), c.want)
				for _, g := range gates {
					want(w, "the client is seen", c.sc.Sees(g.ClientID), true)
				}
			}
		}
	}},
	{name: "say how many wait, which is counted up to a bound", run: func(w *world) {
		js := w.line(flow.BlockOnError, "sub_A", 3)
		other := w.groups("sub_A", flow.BlockOnError, "h")[0]
		waiting := func(n int) {
			w.Helper()
			g, err := w.gate(js[0].OrderKey)
			w.must(err, "gate")
			want(w, "waiting at the gate", g.Waiting, n)
		}
		waiting(2)
		w.block(js[0])
		w.block(other)
		waiting(2)
		want(w, "the keys", showGates(w.blocked()), showGates([]store.Gate{{SubscriptionID: "sub_A", MessageGroup: "g", Waiting: 2}, {SubscriptionID: "sub_A", MessageGroup: "h"}}))
		w.cancel(js[1].ID)
		waiting(1)
		for range 2 {
			w.line(flow.BlockOnError, "sub_A", 499)
		}
		waiting(999)
		w.line(flow.BlockOnError, "sub_A", 2)
		waiting(store.MaxCounted)
		w.crash()
		waiting(store.MaxCounted)
	}},
	{name: "of tasks belong to no subscription", run: func(w *world) {
		t := w.newTask(func(j *flow.Job) {
			j.Mode, j.MessageGroup = flow.BlockOnError, "g"
			j.OrderKey = flow.NewOrderKey(j.Mode, j.Lane, "", "g", 0)
		})
		j := w.insertTasks(t)[0]
		w.block(j)
		g := w.blocked()[0]
		want(w, "subscription", g.SubscriptionID, "")
		want(w, "lane", g.Lane, t.Lane)
		want(w, "replay", g.ReplayID, 0)
	}},
	{name: "are counted in stats, with the age of the oldest", run: func(w *world) {
		stats := func(n int64, oldest time.Time) {
			w.Helper()
			st, err := w.s.Stats(w.ctx)
			w.must(err, "stats")
			want(w, "blocked keys", st.BlockedKeys, n)
			w.wantTime("the oldest", st.OldestBlocked, oldest)
		}
		stats(0, time.Time{})
		js := w.groups("sub_A", flow.BlockOnError, "a", "b")
		w.sleep(time.Minute)
		w.block(js[1])
		first := w.now
		w.sleep(time.Minute)
		w.block(js[0])
		for range 2 {
			stats(2, first)
			w.crash()
		}
		w.retry(js[1].ID)
		stats(1, w.now)
		w.must(w.skip(js[0].OrderKey, js[0].ID), "skip")
		stats(0, time.Time{})
	}},
}
