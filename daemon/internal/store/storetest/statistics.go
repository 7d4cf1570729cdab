package storetest

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// sums shows what was counted: the hour after the first, what, whose, and how
// many.
func (w *world) sums(sc store.Scope, q store.RollupQuery) string {
	rs, err := w.s.Rollups(w.ctx, sc, q)
	w.must(err, "read rollups")
	var out []string
	for _, r := range rs {
		out = append(out, fmt.Sprintf("%d:%d:%s:%s=%d", int(r.Hour.Sub(epoch.Truncate(time.Hour)).Hours()), r.Count, r.ClientID, r.Name, r.N))
	}
	return strings.Join(out, " ")
}

func (w *world) totals(sc store.Scope) string {
	rs, err := w.s.Totals(w.ctx, sc)
	w.must(err, "read totals")
	var out []string
	for _, r := range rs {
		if !r.Hour.IsZero() || r.Name != "" {
			w.fail("a total has an hour or a name: %+v", r)
		}
		out = append(out, fmt.Sprintf("%d:%s=%d", r.Count, r.ClientID, r.N))
	}
	return strings.Join(out, " ")
}

var statisticsCases = []testCase{
	{name: "count by the hour what happened in it", run: func(w *world) {
		of := func(client string, dedup string) flow.Event {
			return w.newEvent(func(e *flow.Event) { e.ClientID, e.DeduplicationID = client, dedup })
		}
		typ := of("", "").Type
		w.append(of("A", "x"), of("A", ""), of("B", ""), of("A", "x")) // the last is a duplicate
		jobs := w.fanOut(func(e flow.Event) []flow.Job {
			return []flow.Job{w.newJob(e, "sub_A", flow.Immediate, func(j *flow.Job) { j.ClientID = e.ClientID })}
		})
		w.sleep(2 * time.Hour)
		w.deliver(jobs[0].ID, flow.Delivered)
		w.deliver(jobs[1].ID, flow.Reject)
		w.retry(jobs[1].ID)
		w.cancel(jobs[1].ID)
		w.append(of("A", ""))
		want := func(what, got, wanted string) { want(w, what, got, wanted) }
		first := "0:0:A:" + typ + "=2 0:0:B:" + typ + "=1 0:1:A:sub_A=2 0:1:B:sub_A=1"
		later := "2:0:A:" + typ + "=1 2:2:A:sub_A=1 2:3:A:sub_A=1 2:4:A:sub_A=1"
		for range 2 {
			want("everything", w.sums(store.Everything, store.RollupQuery{}), first+" "+later)
			want("from the next hour on", w.sums(store.Everything, store.RollupQuery{Since: epoch.Add(time.Hour)}), later)
			want("before it", w.sums(store.Everything, store.RollupQuery{Until: epoch.Add(time.Hour)}), first)
			want("of a client", w.sums(store.Everything, store.RollupQuery{ClientID: "B"}), "0:0:B:"+typ+"=1 0:1:B:sub_A=1")
			want("for who is bound to it", w.sums(store.Scope{Clients: []string{"B"}}, store.RollupQuery{}), "0:0:B:"+typ+"=1 0:1:B:sub_A=1")
			want("of another for who is bound to it", w.sums(store.Scope{Clients: []string{"B"}}, store.RollupQuery{ClientID: "A"}), "")
			want("the totals", w.totals(store.Everything), "0:A=3 0:B=1 1:A=2 1:B=1 2:A=1 3:A=1 4:A=1")
			want("the totals of who is bound", w.totals(store.Scope{Clients: []string{"B"}}), "0:B=1 1:B=1")
			w.crash()
		}
	}},
	{name: "are part of the commit, or not there", run: func(w *world) {
		e := w.newEvent()
		w.append(e)
		w.fanAllOut()
		before := w.totals(store.Everything)
		v := w.version()
		err := w.s.SwapEntries(w.ctx, []store.Entry{{Space: "s", Key: "k", Revision: 7, ExpiresAt: w.now.Add(time.Hour)}}, nil, w.now)
		w.wantErr("a verb that fails", err, store.ErrConflict)
		want(w, "the totals", w.totals(store.Everything), before)
		want(w, "the version", w.version(), v)
	}},
	{name: "know the types that occur", run: func(w *world) {
		w.append(w.newEvent(func(e *flow.Event) { e.Type, e.ClientID = "a:b:c:d", "A" }), w.newEvent(func(e *flow.Event) { e.Type, e.ClientID = "a:b:c:e", "B" }))
		f, err := w.s.EventFacets(w.ctx, store.Everything)
		w.must(err, "facets")
		want(w, "types", fmt.Sprint(f[store.FacetTypes]), "[a:b:c:d a:b:c:e]")
		f, err = w.s.EventFacets(w.ctx, store.Scope{Clients: []string{"A"}})
		w.must(err, "facets")
		want(w, "types of a client", fmt.Sprint(f[store.FacetTypes]), "[a:b:c:d]")
	}},
}

var auditCases = []testCase{
	{name: "is found by what it is about and by whom", run: func(w *world) {
		v := w.version()
		for i := range 6 {
			e := entry(w, fmt.Sprint(i%3), []string{"CREATE", "UPDATE"}[i%2], []string{"clt_A", "clt_B"}[i%2])
			e.PrincipalID = []string{"prn_1", "prn_2"}[i/3]
			v = w.write(store.WriteSet{IfVersion: v, Audit: []store.AuditEntry{e}})
			w.sleep(time.Minute)
		}
		ids := func(q store.AuditQuery, sc store.Scope) string {
			page, err := w.s.Audit(w.ctx, sc, q)
			w.must(err, "audit")
			var out []string
			for _, e := range page.Entries {
				out = append(out, e.EntityID+e.Operation[:1])
			}
			return strings.Join(out, " ")
		}
		for name, c := range map[string]struct {
			q    store.AuditQuery
			want string
		}{
			"all":          {store.AuditQuery{}, "2U 1C 0U 2C 1U 0C"},
			"an entity":    {store.AuditQuery{EntityTypes: []string{"subscription"}, EntityID: "1"}, "1C 1U"},
			"a type":       {store.AuditQuery{EntityTypes: []string{"pool"}}, ""},
			"an operation": {store.AuditQuery{Operations: []string{"UPDATE"}}, "2U 0U 1U"},
			"a principal":  {store.AuditQuery{PrincipalID: "prn_2"}, "2U 1C 0U"},
			"a client":     {store.AuditQuery{Clients: []string{"clt_A"}}, "1C 2C 0C"},
			"a time":       {store.AuditQuery{Since: epoch.Add(2 * time.Minute), Until: epoch.Add(4 * time.Minute)}, "0U 2C"},
			"several":      {store.AuditQuery{PrincipalID: "prn_1", Operations: []string{"CREATE"}, Clients: []string{"clt_A"}}, "2C 0C"},
		} {
			want(w, name, ids(c.q, store.Everything), c.want)
		}
		want(w, "for who is bound", ids(store.AuditQuery{}, store.Scope{Clients: []string{"clt_B"}}), "2U 0U 1U")
		page, err := w.s.Audit(w.ctx, store.Everything, store.AuditQuery{Limit: 4})
		w.must(err, "audit")
		want(w, "the rest", ids(store.AuditQuery{Before: page.Next}, store.Everything), "1U 0C")
		last := page.Entries[0]
		one, err := w.s.AuditEntry(w.ctx, store.Everything, last.ID)
		w.must(err, "read entry")
		want(w, "one entry", fmt.Sprint(one.EntityID, one.Operation, string(one.After)), fmt.Sprint(last.EntityID, last.Operation, string(last.After)))
		_, err = w.s.AuditEntry(w.ctx, store.Scope{Clients: []string{"clt_A"}}, last.ID)
		w.wantErr("read an entry of another client", err, store.ErrNotFound)
		_, err = w.s.AuditEntry(w.ctx, store.Everything, 42)
		w.wantErr("read an entry that is not there", err, store.ErrNotFound)
		f, err := w.s.AuditFacets(w.ctx, store.Scope{Clients: []string{"clt_A"}})
		w.must(err, "facets")
		want(w, "facets", fmt.Sprint(f[store.FacetEntityTypes], f[store.FacetOperations], f[store.FacetClients]), "[subscription] [CREATE] [clt_A]")
	}},
	{name: "keeps what applications report once, and tells it from what the platform did", run: func(w *world) {
		v := w.write(store.WriteSet{IfVersion: w.version(), Audit: []store.AuditEntry{entry(w, "own", "CREATE", "clt_A")}})
		at := w.now.Add(-time.Hour)
		said := func(id, dedup string) store.AuditEntry {
			e := entry(w, id, "SHIP", "clt_A")
			e.Before, e.PrincipalID = nil, "sac_1"
			e.Report = &store.AuditReport{PrincipalID: "u-7", PerformedAt: at, Source: "/shop", CorrelationID: "c-1", Metadata: json.RawMessage(`{"a":"b"}`), DedupKey: dedup}
			return e
		}
		first, err := w.s.ReportAudit(w.ctx, []store.AuditEntry{said("1", "k1"), said("2", ""), said("again", "k1")}, w.now)
		w.must(err, "report")
		want(w, "answers", len(first), 3)
		want(w, "a repeat within a call", first[2], store.Reported{ID: first[0].ID, Duplicate: true})
		w.sleep(time.Minute)
		second, err := w.s.ReportAudit(w.ctx, []store.AuditEntry{said("1", "k1"), said("2", "")}, w.now)
		w.must(err, "report again")
		want(w, "a repeat", second[0], store.Reported{ID: first[0].ID, Duplicate: true})
		want(w, "one without a key, again", second[1].Duplicate, false)
		want(w, "the version of resources", w.version(), v)

		ids := func(origin string) (out []string) {
			page, err := w.s.Audit(w.ctx, store.Everything, store.AuditQuery{Origin: origin})
			w.must(err, "audit")
			for _, e := range page.Entries {
				out = append(out, e.EntityID)
			}
			return out
		}
		want(w, "all", fmt.Sprint(ids("")), "[2 2 1 own]")
		want(w, "of applications", fmt.Sprint(ids(store.OriginApplication)), "[2 2 1]")
		want(w, "of the platform", fmt.Sprint(ids(store.OriginPlatform)), "[own]")
		e, err := w.s.AuditEntry(w.ctx, store.Scope{Clients: []string{"clt_A"}}, first[0].ID)
		w.must(err, "read entry")
		if e.Report == nil || e.Report.PrincipalID != "u-7" || !e.Report.PerformedAt.Equal(at) || e.Report.Source != "/shop" ||
			e.Report.CorrelationID != "c-1" || string(e.Report.Metadata) != `{"a":"b"}` || e.PrincipalID != "sac_1" || string(e.After) != `{"a":2}` {
			w.fail("what was reported came back as %+v in %+v", e.Report, e)
		}
	}},
}
