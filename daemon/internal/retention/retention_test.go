package retention

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"github.com/flowcatalyst/fc/daemon/internal/store/sqlite"
	"github.com/flowcatalyst/fc/daemon/internal/store/storetest"
	"github.com/flowcatalyst/fc/daemon/internal/telemetry"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type world struct {
	*testing.T
	*sqlite.Store
	now      time.Time
	warnings *telemetry.Warnings
}

func setup(t *testing.T) *world {
	st, err := sqlite.Open(filepath.Join(t.TempDir(), "fc.db"), sqlite.Options{Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	storetest.SeedClients(t, st, "A", "B")
	return &world{T: t, Store: st, now: noon, warnings: telemetry.NewWarnings(nil)}
}

func (w *world) keeper(ages Ages, clients map[string]Ages) *Keeper {
	w.Helper()
	k, err := New(Options{Store: w.Store, Catalog: catalog.New(w.Store, nil), Ages: ages, Clients: clients, Step: 3, Warnings: w.warnings, Now: func() time.Time { return w.now }})
	if err != nil {
		w.Fatal(err)
	}
	return k
}

// events are published and fanned out, of each client one, and each with a job
// that has ended unless it is told to stay open.
func (w *world) events(open bool) {
	w.Helper()
	var es []flow.Event
	for _, client := range []string{"A", "B", ""} {
		es = append(es, flow.Event{Type: "a:b:c:d", Source: "/", SpecVersion: "1.0", DataContentType: "application/json", ClientID: client, Data: []byte(`{"x":1}`)})
	}
	if _, err := w.Append(w.Context(), es, w.now); err != nil {
		w.Fatal(err)
	}
	b, err := w.Unfanned(w.Context(), 10)
	if err != nil {
		w.Fatal(err)
	}
	var jobs []flow.Job
	for _, e := range b.Events {
		jobs = append(jobs, flow.Job{Position: e.Position, EventID: e.ID, ClientID: e.ClientID, SubscriptionID: "sub_A", Lane: "sub_A", Policy: flow.DefaultPolicy()})
	}
	if err := w.FanOut(w.Context(), b, jobs, w.now); err != nil {
		w.Fatal(err)
	}
	if !open {
		if _, err := w.CancelLane(w.Context(), "sub_A", flow.ReasonCancelled, w.now, 10); err != nil {
			w.Fatal(err)
		}
	}
}

func (w *world) round(k *Keeper) {
	w.Helper()
	if err := k.Round(w.Context()); err != nil {
		w.Fatal(err)
	}
}

// left says of which clients events and jobs are there.
func (w *world) left() (events, jobs string) {
	w.Helper()
	es, err := w.ListEvents(w.Context(), store.Everything, store.EventQuery{})
	if err != nil {
		w.Fatal(err)
	}
	for _, e := range es.Events {
		events += e.ClientID + "."
	}
	js, err := w.ListJobs(w.Context(), store.Everything, store.JobQuery{})
	if err != nil {
		w.Fatal(err)
	}
	for _, j := range js.Jobs {
		jobs += j.Job.ClientID + "."
	}
	return events, jobs
}

const day = 24 * time.Hour

func TestClientsHaveAgesOfTheirOwn(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for range 3 {
		w.events(false)
	}
	k := w.keeper(Ages{Events: 10 * day, Jobs: 10 * day}, map[string]Ages{"a": {Events: 2 * day, Jobs: 0}, "B": {Events: 0, Jobs: 2 * day}})
	for _, c := range []struct {
		after        time.Duration
		events, jobs string
	}{
		{day, ".B.A..B.A..B.A.", ".B.A..B.A..B.A."},
		{2 * day, ".B..B..B.", ".A..A..A."}, // three days
		{8 * day, "B.B.B.", "A.A.A."},       // eleven
		{900 * day, "B.B.B.", "A.A.A."},
	} {
		w.now = w.now.Add(c.after)
		w.round(k)
		if events, jobs := w.left(); events != c.events || jobs != c.jobs {
			t.Errorf("at %v: events of %s and jobs of %s, want %s and %s", w.now, events, jobs, c.events, c.jobs)
		}
	}
}

func TestNothingHasAnAgeUnlessItIsGiven(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.events(false)
	w.now = w.now.Add(9999 * day)
	w.round(w.keeper(Ages{}, nil))
	if events, jobs := w.left(); events != ".B.A." || jobs != ".B.A." {
		t.Errorf("events of %s and jobs of %s", events, jobs)
	}
}

func TestWhatIsNeededStaysAndIsWarnedAbout(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.events(true)
	k := w.keeper(Ages{Events: day, Jobs: day}, nil)
	w.now = w.now.Add(day + time.Hour)
	w.round(k)
	if n := len(w.warnings.List()); n != 0 {
		t.Errorf("%d warnings of what is an hour older than its age", n)
	}
	w.now = w.now.Add(2 * day)
	w.round(k)
	if events, jobs := w.left(); events != ".B.A." || jobs != ".B.A." {
		t.Errorf("events of %s and jobs of %s", events, jobs)
	}
	ws := w.warnings.List()
	if len(ws) != 2 || !strings.Contains(ws[0].Message, "3 ") || !strings.Contains(ws[0].Message, "2026-03-01T12:00:00Z") {
		t.Errorf("warnings: %+v", ws)
	}
	if _, err := w.CancelLane(t.Context(), "sub_A", flow.ReasonCancelled, w.now, 10); err != nil {
		t.Fatal(err)
	}
	w.round(k)
	if events, jobs := w.left(); events != "" || jobs != ".B.A." {
		t.Errorf("when the jobs have ended: events of %s and jobs of %s", events, jobs)
	}
	w.now = w.now.Add(2 * day)
	w.round(k)
	if _, jobs := w.left(); jobs != "" {
		t.Errorf("a day after their end: jobs of %s", jobs)
	}
}

func TestEntriesGoAfterTheirEnd(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for i := range 10 {
		if err := w.SwapEntries(t.Context(), []store.Entry{{Space: "s", Key: string(rune('a' + i)), Owner: "o", ExpiresAt: noon.Add(time.Minute)}}, nil, noon); err != nil {
			t.Fatal(err)
		}
	}
	w.now = noon.Add(time.Hour)
	w.round(w.keeper(Ages{}, nil))
	if n, err := w.DropEntries(t.Context(), store.EntryQuery{Space: "s", Owner: "o"}); n != 0 || err != nil {
		t.Errorf("%d entries were left, %v", n, err)
	}
}

func TestAClientThatIsNotThereIsWarnedAbout(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.round(w.keeper(Ages{}, map[string]Ages{"nobody": {Events: day}}))
	if ws := w.warnings.List(); len(ws) != 1 || !strings.Contains(ws[0].Message, "nobody") {
		t.Errorf("%+v", ws)
	}
}

// failing fails so many times.
type failing struct {
	Store
	times int
	tries int
}

func (f *failing) ExpireEntries(context.Context, time.Time, int) (int, error) {
	f.tries++
	if f.tries <= f.times {
		return 0, store.ErrUnavailable
	}
	return 0, store.ErrClosed
}

func TestARoundThatFailsIsTriedAgainUntilTheStoreIsClosed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &failing{times: 3}
		k, err := New(Options{Store: f, Catalog: new(catalog.Cache)})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := k.Run(t.Context()); err != nil && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if f.tries != 4 || time.Since(began) > time.Minute {
			t.Errorf("%d tries in %v", f.tries, time.Since(began))
		}
	})
}
