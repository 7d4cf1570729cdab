package bulk

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// expunge stores one as package platform does, over all that there is.
func (w *world) expunge(change ...func(*flow.Expunge)) *flow.Expunge {
	w.Helper()
	stats, err := w.Stats(w.Context())
	w.must(err)
	x := &flow.Expunge{ID: w.ids.New(w.now()), CreatedAt: w.now(), To: stats.LastPosition, Subject: "ann", Reason: "asked for", Status: flow.WorkRunning}
	for _, c := range change {
		c(x)
	}
	body, err := json.Marshal(x)
	w.must(err)
	w.write(store.Document{Kind: catalog.KindExpunge, ID: x.ID.String(), ClientID: x.ClientID, Code: x.ID.String(), Body: body, Revision: 1})
	return x
}

// persons are n events, of which every third is Ann's.
func persons(n int) []flow.Event {
	es := many(n)
	for i := range es {
		es[i].Subject = []string{"ann", "bob", "eve"}[i%3]
	}
	return es
}

// left says of how many events of a subject there is data.
func (w *world) left() map[string]int {
	w.Helper()
	n := map[string]int{}
	for q := (store.EventQuery{Limit: 1000}); ; {
		page, err := w.ListEvents(w.Context(), store.Everything, q)
		w.must(err)
		for _, e := range page.Events {
			if len(e.Data) > 0 {
				n[e.Subject]++
			} else {
				n["erased"]++
			}
		}
		if q.Before = page.Next; q.Before == 0 {
			return n
		}
	}
}

func TestAnExpungeErasesWhatFitsAndLeavesAReceiptThatNamesNobody(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.publish(persons(300)...)
	x := w.expunge()
	w.publish(persons(3)...) // comes later
	w.steps()
	if n := w.left(); n["ann"] != 1 || n["bob"] != 101 || n["erased"] != 100 {
		t.Errorf("left: %v", n)
	}
	got := w.catalog().Expunges[x.ID]
	if got.Status != flow.WorkCompleted || got.Subject != "" || got.SubjectPrint != x.Print("ann") || got.Reason != "asked for" {
		t.Errorf("the receipt: %+v", got)
	}
	if p := w.progress(x.ID); p.Erased != (store.Erased{Matched: 100, Events: 100}) || p.Examined != 300 {
		t.Errorf("progress: %+v", p)
	}
	page, err := w.Audit(t.Context(), store.Everything, store.AuditQuery{EntityTypes: []string{"Expunge"}})
	w.must(err)
	if len(page.Entries) != 1 || page.Entries[0].Operation != "COMPLETE" {
		t.Fatalf("audit: %+v", page.Entries)
	}
	entry := page.Entries[0]
	if strings.Contains(string(entry.Before)+string(entry.After), `"ann"`) || !strings.Contains(string(entry.After), `"events":100`) {
		t.Errorf("the audit says %s and %s", entry.Before, entry.After)
	}
}

// dying is a store whose process ends before or after each step.
type dying struct {
	store.Store
	before bool
}

func (d *dying) Erase(ctx context.Context, e store.Erase, now time.Time) (store.Progress, error) {
	if d.before = !d.before; d.before {
		return store.Progress{}, errors.New("crash")
	}
	if _, err := d.Store.Erase(ctx, e, now); err != nil {
		return store.Progress{}, err
	}
	return store.Progress{}, errors.New("crash")
}

func TestAnExpungeSurvivesACrashAtEachStep(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.publish(persons(300)...)
	x := w.expunge()
	d := &dying{Store: w.spy}
	for tries := 0; w.catalog().Expunges[x.ID].Status == flow.WorkRunning; tries++ {
		if tries > 50 {
			t.Fatal("it does not come to its end")
		}
		s, err := New(Options{Store: d, Catalog: w.cat, Now: w.now})
		w.must(err)
		if _, err := s.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if p := w.progress(x.ID); p.Erased != (store.Erased{Matched: 100, Events: 100}) || p.Examined != 300 {
		t.Errorf("progress: %+v", p)
	}
}

func TestAnExpungeWaitsForTheFanOutAndForExchanges(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"))
	_, err := w.Append(t.Context(), persons(3), w.now())
	w.must(err)
	x := w.expunge(func(x *flow.Expunge) { x.CancelOpen = true })
	w.steps()
	if n := w.left(); n["ann"] != 1 {
		t.Fatalf("before the fan-out is left: %v", n)
	}
	w.fanOut(func(e flow.Event) []flow.Job {
		return []flow.Job{{Position: e.Position, EventID: e.ID, SubscriptionID: "sub_A", Lane: "sub_A", Policy: flow.DefaultPolicy()}}
	})
	offer, err := w.Offer(t.Context(), "sub_A", 1, w.now())
	w.must(err)
	started, err := w.Start(t.Context(), []store.Start{{Job: offer.Jobs[0].ID, Ticket: 1, Owner: "test", Slack: flow.LeaseSlack}}, w.now())
	w.must(err)
	w.steps()
	if n := w.left(); n["ann"] != 1 || w.catalog().Expunges[x.ID].Status != flow.WorkRunning {
		t.Fatalf("in an exchange is left: %v", n)
	}
	job := started[0].Job
	a := flow.Attempt{JobID: job.ID, Number: job.Attempts, At: w.now(), Verdict: flow.Retry, Body: []byte("Ann")}
	_, err = w.Record(t.Context(), []store.Outcome{{Job: job.After(a, w.now(), 0.5), Attempt: a, Owner: "test"}}, w.now())
	w.must(err)
	w.steps()
	if n := w.left(); n["erased"] != 1 || w.catalog().Expunges[x.ID].Status != flow.WorkCompleted {
		t.Errorf("after the exchange is left: %v", n)
	}
	if p := w.progress(x.ID); p.Erased != (store.Erased{Matched: 1, Events: 1, Attempts: 1, Cancelled: 1}) {
		t.Errorf("progress: %+v", p)
	}
}

func TestAnExpungeOfAClientKeepsToIt(t *testing.T) {
	t.Parallel()
	w := setup(t)
	es := persons(30)
	for i := range es {
		es[i].ClientID = []string{"", "acme", "globex"}[i/10]
	}
	w.publish(es...)
	w.expunge(func(x *flow.Expunge) { x.ClientID, x.DataOf, x.Subject = "acme", "acme", "" })
	w.expunge(func(x *flow.Expunge) { x.ClientID, x.Subject = "globex", "bob" }) // its owner's scope bounds it
	w.steps()
	if n := w.left(); n["erased"] != 13 || n["ann"]+n["bob"]+n["eve"] != 17 {
		t.Errorf("left: %v", n)
	}
}
