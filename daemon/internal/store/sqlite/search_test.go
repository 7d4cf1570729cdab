package sqlite

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// hurried is a search that has no time beyond the rows that it has anyway.
func hurried() *store.Search { return &store.Search{Patience: time.Nanosecond} }

// mixed has jobs of two subscriptions and all states, in which states, types and
// clients follow each other.
func mixed(t *testing.T, n int) *Store {
	t.Helper()
	dir := t.TempDir()
	st := open(t, dir, Options{Now: noon})
	es := events("mixed", "", n, 10)
	for i := range es {
		es[i].Type = fmt.Sprintf("orders:fulfillment:shipment:kind-%d", i%7)
		es[i].ClientID = fmt.Sprintf("clt_%d", i%3)
	}
	appendAll(t, st, es)
	b, err := st.Unfanned(t.Context(), n)
	must(t, err)
	jobs := append(jobsFor(b, "sub_A", flow.Immediate), jobsFor(b, "sub_B", flow.Immediate)...)
	for i := range jobs {
		jobs[i].ClientID = fmt.Sprintf("clt_%d", i%n%3)
	}
	must(t, st.FanOut(t.Context(), b, jobs, noon))
	// PENDING, COMPLETED, FAILED, CANCELLED and EXPIRED in turn.
	must(t, st.write(t.Context(), func(x *tx) error {
		for _, sql := range []string{
			"UPDATE jobs SET status = CASE id % 5 WHEN 0 THEN 10 ELSE 12 + id % 5 END",
			"UPDATE jobs SET ready = 0, completed_at = created_at WHERE status > 10",
		} {
			if err := x.run(sql); err != nil {
				return err
			}
		}
		return nil
	}))
	must(t, st.Close())
	st = open(t, dir, Options{Now: noon})
	t.Cleanup(func() { shut(t, st) })
	return st
}

// allJobs follows the cursors of a query to its end and says how many pages were
// partial.
func allJobs(t *testing.T, st *Store, sc store.Scope, q store.JobQuery, search func() *store.Search) (ids []flow.ID, partial int) {
	t.Helper()
	for {
		q.Search = search()
		page, err := st.ListJobs(t.Context(), sc, q)
		must(t, err)
		for _, v := range page.Jobs {
			ids = append(ids, v.Job.ID)
		}
		if page.Partial {
			partial++
		}
		if q.Before = page.Next; q.Before == 0 {
			return ids, partial
		}
	}
}

func TestEverySourceOfJobsFindsWhatAWalkFinds(t *testing.T) {
	t.Parallel()
	st := mixed(t, 200)
	var js []flow.Job
	before := flow.ID(0)
	for {
		page, err := st.ListJobs(t.Context(), store.Everything, store.JobQuery{Before: before, Limit: 1000})
		must(t, err)
		for _, v := range page.Jobs {
			js = append(js, v.Job)
		}
		if before = page.Next; before == 0 {
			break
		}
	}
	start(t, st, js[slices.IndexFunc(js, func(j flow.Job) bool { return j.Status == flow.Pending })].ID, 1)
	for i := range js {
		js[i] = job(t, st, js[i].ID)
	}
	patient := func() *store.Search { return nil }
	sets := [][]flow.Status{nil, {flow.Failed, flow.Expired}, {flow.Pending, flow.Queued, flow.Processing}, {flow.Completed, flow.Failed}, {flow.Cancelled, flow.Pending}}
	for status := flow.Pending; status <= flow.Expired; status++ {
		sets = append(sets, []flow.Status{status})
	}
	for _, set := range sets {
		for _, q := range []store.JobQuery{{}, {SubscriptionID: "sub_A"}, {Clients: []string{"clt_1"}}, {Clients: []string{"clt_1", "clt_2"}}, {Type: store.TypeFilter{Patterns: []string{"*:*:*:kind-3"}}}} {
			for _, sc := range []store.Scope{store.Everything, {Clients: []string{"clt_2"}}, {Clients: []string{"clt_0", "clt_2"}}, {}} {
				q.Status, q.Limit = set, 30
				var want []flow.ID
				for i := range js {
					v := store.JobView{Job: js[i]}
					must(t, st.read(t.Context(), func(c *conn) error { return st.head(c, &v) }))
					if matchesJob(&js[i], sc, &q) && matchesHead(&v, &q) {
						want = append(want, js[i].ID)
					}
				}
				if got, partial := allJobs(t, st, sc, q, patient); !slices.Equal(got, want) || partial > 0 {
					t.Fatalf("%+v in %+v: %d jobs, %d partial pages; want %d jobs", q, sc, len(got), partial, len(want))
				}
				if got, _ := allJobs(t, st, sc, q, hurried); !slices.Equal(got, want) {
					t.Fatalf("%+v in %+v, in a hurry: %d jobs, want %d", q, sc, len(got), len(want))
				}
			}
		}
	}
}

func TestASearchInAHurryLooksAtFewRows(t *testing.T) {
	t.Parallel()
	st := mixed(t, 3*store.MinExamined)
	none := store.TypeFilter{Patterns: []string{"orders:fulfillment:shipment:none"}}
	for name, q := range map[string]store.JobQuery{
		"all":              {Type: none},
		"a client's":       {Type: none, Clients: []string{"clt_1"}},
		"two clients'":     {Type: none, Clients: []string{"clt_1", "clt_2"}},
		"a subscription's": {Type: none, SubscriptionID: "sub_A"},
		"dead letters":     {Type: none, Status: []flow.Status{flow.Failed, flow.Expired}},
		"pending":          {Type: none, Status: []flow.Status{flow.Pending}},
	} {
		rows := 2 * 3 * store.MinExamined
		switch name {
		case "a client's":
			rows /= 3
		case "two clients'":
			rows = rows * 2 / 3
		case "a subscription's":
			rows /= 2
		case "dead letters":
			rows = rows * 2 / 5
		case "pending":
			rows /= 5
		}
		ids, partial := allJobs(t, st, store.Everything, q, hurried)
		if want := (rows - 1) / store.MinExamined; len(ids) != 0 || partial < want || partial > want+1 {
			t.Errorf("%s: %d jobs on %d partial pages; want none on %d, one for each %d rows", name, len(ids), partial, want, store.MinExamined)
		}
	}

	partial := 0
	for q := (store.EventQuery{Subject: "none", Search: hurried()}); ; q.Search = hurried() {
		page, err := st.ListEvents(t.Context(), store.Everything, q)
		must(t, err)
		if len(page.Events) > 0 {
			t.Fatalf("%d events have a subject that none has", len(page.Events))
		}
		if q.Before = page.Next; q.Before == 0 {
			break
		}
		partial++
	}
	if partial != 2 {
		t.Errorf("%d events were searched on %d partial pages, want 2", 3*store.MinExamined, partial)
	}
}

func TestAPageThatFindsEnoughIsNotHurried(t *testing.T) {
	t.Parallel()
	st := mixed(t, 2*store.MinExamined)
	page, err := st.ListJobs(t.Context(), store.Everything, store.JobQuery{Limit: store.MinExamined, Search: hurried()})
	must(t, err)
	if len(page.Jobs) != store.MinExamined || page.Partial || page.Next == 0 {
		t.Errorf("a page of %d has %d jobs, partial %v", store.MinExamined, len(page.Jobs), page.Partial)
	}
}
