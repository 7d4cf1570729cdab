package bulk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"github.com/flowcatalyst/fc/daemon/internal/store/sqlite"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const shipped = "orders:fulfillment:shipment:shipped"

// world is a store, what is declared in it, a clock that the test moves, and a
// service that steps when the test says so.
type world struct {
	testing.TB
	*spy
	cat   *catalog.Cache
	s     *Service
	clock atomic.Int64 // since noon
	ids   flow.IDs
}

func setup(t testing.TB, rs ...resource.Resource) *world {
	t.Helper()
	st, err := sqlite.Open(filepath.Join(t.TempDir(), "store.db"), sqlite.Options{Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	w := &world{TB: t, spy: &spy{Store: st}, cat: catalog.New(st, nil)}
	w.put(rs...)
	w.restart(Options{})
	return w
}

// restart is another service, which knows nothing but what is stored.
func (w *world) restart(o Options) {
	w.Helper()
	w.s = w.service(o)
}

func (w *world) service(o Options) *Service {
	w.Helper()
	o.Store, o.Catalog, o.Now = w.spy, w.cat, w.now
	s, err := New(o)
	w.must(err)
	return s
}

func (w *world) now() time.Time { return noon.Add(time.Duration(w.clock.Load())) }

func (w *world) sleep(d time.Duration) { w.clock.Add(int64(d)) }

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// spy is a store that loses answers, and data, on request.
type spy struct {
	store.Store
	mu       sync.Mutex
	lose     func(store.Advance) (before, after error)
	expunged map[flow.ID]bool
	advanced []store.Advance
}

func (s *spy) Advance(ctx context.Context, a store.Advance, now time.Time) (store.Progress, error) {
	s.mu.Lock()
	s.advanced = append(s.advanced, a)
	var before, after error
	if s.lose != nil {
		before, after = s.lose(a)
	}
	s.mu.Unlock()
	if before != nil {
		return store.Progress{}, before
	}
	p, err := s.Store.Advance(ctx, a, now)
	if after != nil {
		return store.Progress{}, after
	}
	return p, err
}

func (s *spy) Scan(ctx context.Context, sc store.Scope, q store.ScanQuery) (store.ScanPage, error) {
	p, err := s.Store.Scan(ctx, sc, q)
	for i := range p.Events {
		if s.expunged[p.Events[i].ID] {
			p.Events[i].Data = nil
		}
	}
	return p, err
}

func subscription(id string, change ...func(*resource.Subscription)) *resource.Subscription {
	s := &resource.Subscription{
		Meta: resource.Meta{ID: id}, Code: id, Target: "https://hooks.example.com/" + id,
		EventTypes: []resource.Binding{{EventTypeCode: "*:*:*:*"}},
	}
	for _, c := range change {
		c(s)
	}
	s.Defaults()
	return s
}

func ordered(s *resource.Subscription) { s.Mode = resource.ModeBlockOnError }

func (w *world) write(docs ...store.Document) {
	w.Helper()
	for {
		v, err := w.Version(w.Context())
		w.must(err)
		_, err = w.Write(w.Context(), store.WriteSet{IfVersion: v, Put: docs}, w.now())
		if !errors.Is(err, store.ErrConflict) {
			w.must(err)
			return
		}
	}
}

func (w *world) put(rs ...resource.Resource) {
	w.Helper()
	var docs []store.Document
	for _, r := range rs {
		d, err := catalog.Encode(r, nil)
		w.must(err)
		docs = append(docs, d)
	}
	if len(docs) > 0 {
		w.write(docs...)
	}
}

// remove deletes a subscription.
func (w *world) remove(id string) {
	w.Helper()
	v, err := w.Version(w.Context())
	w.must(err)
	_, err = w.Write(w.Context(), store.WriteSet{IfVersion: v, Delete: []store.DocumentKey{{Kind: string(resource.KindSubscription), ID: id}}}, w.now())
	w.must(err)
}

// declare stores a replay as package platform does, over all that there is.
func (w *world) declare(change ...func(*flow.Replay)) *flow.Replay {
	w.Helper()
	stats, err := w.Stats(w.Context())
	w.must(err)
	r := &flow.Replay{ID: w.ids.New(w.now()), CreatedAt: w.now(), To: stats.LastPosition, Rate: 500, Status: flow.WorkRunning}
	for _, c := range change {
		c(r)
	}
	w.save(r)
	return r
}

func (w *world) save(r *flow.Replay) {
	w.Helper()
	body, err := json.Marshal(r)
	w.must(err)
	w.write(store.Document{Kind: catalog.KindReplay, ID: flow.ReplayID(r.ID), ClientID: r.ClientID, Code: flow.ReplayID(r.ID), Body: body, Revision: 1})
}

func (w *world) task(change ...func(*flow.LetterTask)) *flow.LetterTask {
	w.Helper()
	id := w.ids.New(w.now().Add(time.Second))
	t := &flow.LetterTask{ID: id, Below: id, CreatedAt: w.now(), Act: flow.LettersRetry, State: flow.WorkRunning}
	for _, c := range change {
		c(t)
	}
	body, err := json.Marshal(t)
	w.must(err)
	w.write(store.Document{Kind: catalog.KindLetterTask, ID: id.String(), ClientID: t.ClientID, Code: id.String(), Body: body, Revision: 1})
	return t
}

func (w *world) catalog() *catalog.Catalog {
	w.Helper()
	cat, err := w.cat.Get(w.Context())
	w.must(err)
	return cat
}

func event(n int, change ...func(*flow.Event)) flow.Event {
	e := flow.Event{Type: shipped, Source: "/shop", Data: fmt.Appendf(nil, `{"n": %d}`, n), MessageGroup: fmt.Sprint("g", n%5),
		DataContentType: "application/json", SpecVersion: "1.0"}
	for _, c := range change {
		c(&e)
	}
	return e
}

// publish stores events that went to nobody: they are fanned out without jobs.
func (w *world) publish(es ...flow.Event) []flow.Event {
	w.Helper()
	var stored []flow.Event
	for part := range slices.Chunk(es, 500) {
		out, err := w.Append(w.Context(), part, w.now())
		w.must(err)
		for _, a := range out {
			stored = append(stored, a.Event)
		}
	}
	w.fanOut(nil)
	return stored
}

func (w *world) fanOut(jobs func(flow.Event) []flow.Job) {
	w.Helper()
	for {
		b, err := w.Unfanned(w.Context(), 500)
		w.must(err)
		if len(b.Events) == 0 {
			return
		}
		var made []flow.Job
		for _, e := range b.Events {
			if jobs != nil {
				made = append(made, jobs(e)...)
			}
		}
		w.must(w.FanOut(w.Context(), b, made, w.now()))
	}
}

func many(n int) []flow.Event {
	es := make([]flow.Event, n)
	for i := range es {
		es[i] = event(i)
	}
	return es
}

// steps lets the service step until nothing moves any more.
func (w *world) steps() {
	w.Helper()
	for {
		moved, err := w.s.Step(w.Context())
		w.must(err)
		if !moved {
			return
		}
	}
}

// deliver hands out at most n jobs of a lane and records what verdict says of
// each; it returns them in the order of their delivery.
func (w *world) deliver(lane string, n int, verdict func(flow.Job) flow.Verdict) []flow.Job {
	w.Helper()
	var done []flow.Job
	for len(done) < n {
		offer, err := w.Offer(w.Context(), lane, 1000, w.now())
		w.must(err)
		if len(offer.Jobs) == 0 {
			break
		}
		var starts []store.Start
		for _, j := range offer.Jobs[:min(n-len(done), len(offer.Jobs))] {
			starts = append(starts, store.Start{Job: j.ID, Ticket: j.Ticket + 1, Owner: "test", Slack: flow.LeaseSlack})
		}
		started, err := w.Start(w.Context(), starts, w.now())
		w.must(err)
		var outcomes []store.Outcome
		for _, got := range started {
			if got.Result != store.StartOK {
				w.Fatalf("job %s does not start: %v", got.Job.ID, got.Result)
			}
			job := got.Job
			a := flow.Attempt{JobID: job.ID, Number: job.Attempts, At: w.now(), Verdict: verdict(job)}
			outcomes = append(outcomes, store.Outcome{Job: job.After(a, w.now(), 0.5), Attempt: a, Owner: "test"})
			done = append(done, job)
		}
		recorded, err := w.Record(w.Context(), outcomes, w.now())
		w.must(err)
		for _, r := range recorded {
			w.must(r.Err)
		}
	}
	return done
}

func delivered(flow.Job) flow.Verdict { return flow.Delivered }
func rejected(flow.Job) flow.Verdict  { return flow.Reject }
func again(flow.Job) flow.Verdict     { return flow.Retry }

// made are the jobs of a replay, oldest first.
func (w *world) made(id flow.ID) []flow.Job {
	w.Helper()
	var jobs []flow.Job
	q := store.JobQuery{ReplayID: id, Limit: 1000}
	for {
		page, err := w.ListJobs(w.Context(), store.Everything, q)
		w.must(err)
		for _, v := range page.Jobs {
			jobs = append(jobs, v.Job)
		}
		if q.Before = page.Next; q.Before == 0 {
			slices.Reverse(jobs)
			return jobs
		}
	}
}

func (w *world) progress(id flow.ID) store.Progress {
	w.Helper()
	p, err := w.Progress(w.Context(), id)
	w.must(err)
	return p
}

func (w *world) status(id flow.ID) flow.WorkStatus {
	w.Helper()
	return w.catalog().Replays[id].Status
}
