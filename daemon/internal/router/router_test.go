package router

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/queue"
	"github.com/flowcatalyst/fc/daemon/internal/queue/queuetest"
	"github.com/flowcatalyst/fc/daemon/internal/router/courier"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

func TestDeliversAndCompletes(t *testing.T) {
	t.Parallel()
	w := setup(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusAccepted) })
	ids := make([]flow.ID, 500)
	for i := range ids {
		ids[i] = w.publish()
	}
	for _, id := range ids {
		j, as := w.final(id)
		if j.Status != flow.Completed || len(as) != 1 || as[0].Status != http.StatusAccepted || as[0].Router != "router-1" {
			t.Fatalf("job %+v, attempts %+v", j, as)
		}
	}
	w.drained()
}

func TestRetriesWithTheNextNumberUntilItIsTaken(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	w := setup(t, func(w http.ResponseWriter, r *http.Request) {
		if n := calls.Add(1); r.Header.Get("X-Flowcatalyst-Attempt") != strconv.Itoa(int(n)) {
			t.Errorf("call %d says attempt %s", n, r.Header.Get("X-Flowcatalyst-Attempt"))
		} else if n < 3 {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	j, as := w.final(w.publish())
	if j.Status != flow.Completed || len(as) != 3 || j.Spent != 3 || as[1].Number != 2 {
		t.Errorf("job %s, spent %d, attempts %+v", j.Status, j.Spent, as)
	}
}

// gate counts who is within and keeps them there.
type gate struct {
	mu     sync.Mutex
	within int
	most   int
	open   chan struct{}
	in     chan struct{}
}

func newGate() *gate { return &gate{open: make(chan struct{}), in: make(chan struct{}, 10000)} }

func (g *gate) serve(_ http.ResponseWriter, r *http.Request) {
	// A server sees that the other side is gone only after the body.
	_, _ = io.Copy(io.Discard, r.Body)
	g.mu.Lock()
	g.within++
	g.most = max(g.most, g.within)
	g.mu.Unlock()
	g.in <- struct{}{}
	select {
	case <-g.open:
	case <-r.Context().Done():
	}
	g.mu.Lock()
	g.within--
	g.mu.Unlock()
}

func (g *gate) now() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.within
}

func priority(concurrency int, change ...func(*resource.DispatchPool)) *resource.DispatchPool {
	p := &resource.DispatchPool{Meta: resource.Meta{ID: "dpl_1"}, Code: "priority", Concurrency: concurrency}
	for _, c := range change {
		c(p)
	}
	return p
}

func inPool(s *resource.Subscription) { s.DispatchPoolID = "dpl_1" }

func TestDrainFinishesWhatIsInFlightAndReturnsTheRest(t *testing.T) {
	t.Parallel()
	g := newGate()
	w := build(t, g.serve)
	w.store.declare(priority(3))
	w.subscribe(subID, w.receiver.URL, inPool)
	w.run()
	for range 10 {
		w.publish()
	}
	for range 3 {
		<-g.in
	}
	w.stop()
	// What waits is returned while the exchanges still go on.
	eventually(t, "seven messages to be returned", func() bool {
		s, err := w.queue.Stats(context.Background())
		return err == nil && s.Pending == 7 && s.InFlight == 3
	})
	close(g.open)
	w.end()
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	seen := map[flow.Status]int{}
	for _, j := range w.store.jobs {
		seen[j.Status]++
	}
	if seen[flow.Completed] != 3 || seen[flow.Queued] != 7 {
		t.Errorf("after the drain: %v", seen)
	}
	if s, _ := w.queue.Stats(context.Background()); s.Pending != 7 || s.InFlight != 0 {
		t.Errorf("the queue has %+v", s)
	}
}

func TestDrainCutsWhatTakesTooLongAndSpendsNothing(t *testing.T) {
	t.Parallel()
	g := newGate()
	w := setup(t, g.serve, func(o *Options) { o.ShutdownTimeout = 50 * time.Millisecond })
	w.store.mu.Lock()
	w.store.handOut = nil // the retry is for another router
	w.store.mu.Unlock()
	id := w.publish()
	w.store.mu.Lock()
	w.store.handOut = w.queue
	w.store.offer(w.store.jobs[id])
	w.store.handOut = nil
	w.store.mu.Unlock()
	<-g.in
	w.end()
	j, as := w.store.job(id)
	if j.Status != flow.Pending || j.Spent != 0 || j.Lost != 1 || len(as) != 1 || as[0].Verdict != flow.Lost {
		t.Errorf("job %s, spent %d, attempts %+v", j.Status, j.Spent, as)
	}
}

func TestWhileOutcomesCanNotBeWrittenNothingStarts(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	w := build(t, func(http.ResponseWriter, *http.Request) { calls.Add(1) })
	w.store.declare(priority(4))
	w.subscribe(subID, w.receiver.URL, inPool)
	refused := make(chan struct{}, 1000)
	w.store.setFault(func(verb string) error {
		if verb == "record" {
			refused <- struct{}{}
			return fmt.Errorf("record: %w", store.ErrUnavailable)
		}
		return nil
	})
	w.run()
	var ids []flow.ID
	for range 100 {
		ids = append(ids, w.publish())
	}
	for range 8 { // several rounds of it
		<-refused
	}
	eventually(t, "an end to the exchanges", func() bool { return w.router.unwritten.Load() > 0 && w.metric("fc_router_pool_active_workers") == 0 })
	began := calls.Load()
	if began == 0 || began > 32 {
		t.Errorf("%d exchanges began before the outage was known", began)
	}
	for range 4 {
		<-refused
	}
	if n := calls.Load(); n != began {
		t.Errorf("%d exchanges began while outcomes could not be written", n-began)
	}
	w.store.setFault(nil)
	for _, id := range ids {
		if j, as := w.final(id); j.Status != flow.Completed || len(as) != 1 {
			t.Errorf("job %s with %d attempts", j.Status, len(as))
		}
	}
	if n := calls.Load(); n != 100 {
		t.Errorf("%d exchanges for 100 jobs", n)
	}
}

func TestOneOutcomeTheStoreRefusesKeepsBackOnlyItself(t *testing.T) {
	t.Parallel()
	w := setup(t, func(http.ResponseWriter, *http.Request) {})
	var refuse atomic.Int32
	refuse.Store(8)
	w.store.setFault(func(verb string) error {
		if verb == "record" && refuse.Add(-1) >= 0 {
			return errors.New("no such column")
		}
		return nil
	})
	for range 20 {
		defer w.final(w.publish())
	}
}

func TestOrderedJobsGoOneAtATimeAndInOrder(t *testing.T) {
	t.Parallel()
	const keys, each = 8, 20
	var mu sync.Mutex
	last, busy := map[string]int{}, map[string]bool{}
	failed := map[string]bool{}
	w := setup(t, func(w http.ResponseWriter, r *http.Request) {
		key, number, _ := strings.Cut(r.Header.Get("X-Flowcatalyst-Correlation-Id"), "/")
		n, _ := strconv.Atoi(number)
		mu.Lock()
		if busy[key] {
			t.Errorf("two at once for %s", key)
		}
		busy[key] = true
		again := n%7 == 3 && !failed[key+number]
		if again {
			failed[key+number] = true
		} else {
			if last[key] != n-1 {
				t.Errorf("%s: %d after %d", key, n, last[key])
			}
			last[key] = n
		}
		mu.Unlock()
		runtime.Gosched()
		mu.Lock()
		busy[key] = false
		mu.Unlock()
		if again {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	w.queue.Duplicate(40)
	var ids []flow.ID
	for n := 1; n <= each; n++ {
		for k := range keys {
			ids = append(ids, w.publish(func(j *flow.Job, e *flow.Event) {
				e.MessageGroup = "g" + strconv.Itoa(k)
				e.CorrelationID = e.MessageGroup + "/" + strconv.Itoa(n)
				j.Mode, j.MessageGroup = flow.BlockOnError, e.MessageGroup
				j.OrderKey = flow.NewOrderKey(j.Mode, subID, "", e.MessageGroup, 0)
			}))
		}
	}
	for _, id := range ids {
		w.final(id)
	}
}

func TestADuplicateOfATicketIsDeliveredOnce(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	w := setup(t, func(http.ResponseWriter, *http.Request) { calls.Add(1) })
	w.queue.Duplicate(50)
	for range 50 {
		w.final(w.publish())
	}
	// A copy that came during the exchange is returned until the lease ends.
	w.settled()
	if n := calls.Load(); n != 50 {
		t.Errorf("%d exchanges for 50 jobs", n)
	}
}

func TestStaleAndUnknownTicketsAreAcked(t *testing.T) {
	t.Parallel()
	w := setup(t, func(http.ResponseWriter, *http.Request) { t.Error("a stale ticket was delivered") })
	w.store.mu.Lock()
	w.store.handOut = nil
	w.store.mu.Unlock()
	id := w.publish()
	w.store.mu.Lock()
	w.store.jobs[id].Status, w.store.jobs[id].Ticket = flow.Queued, 5
	w.store.mu.Unlock()
	var unknown flow.IDs
	msgs := append(queuetest.Tickets(id.String(), 4), queuetest.Tickets(unknown.New(time.Now()).String(), 2)...)
	msgs[0].SubscriptionID = subID
	msgs[4].SubscriptionID = subID
	if err := w.queue.Publish(context.Background(), msgs); err != nil {
		t.Fatal(err)
	}
	w.drained()
}

func TestALeasedJobIsLeftAloneUntilTheLeaseEnds(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	w := build(t, func(http.ResponseWriter, *http.Request) { calls.Add(1) })
	id := w.publish()
	w.store.mu.Lock()
	j := w.store.jobs[id]
	*j = j.Started(1, "router-2", time.Now().Add(time.Hour), time.Now())
	w.store.mu.Unlock()
	w.run()
	eventually(t, "the message to be returned", func() bool {
		s, err := w.queue.Stats(context.Background())
		return err == nil && s.Pending == 1
	})
	if calls.Load() != 0 {
		t.Error("a job leased by another was delivered")
	}
}

func TestAPanicCostsOneAttempt(t *testing.T) {
	t.Parallel()
	w := build(t, func(http.ResponseWriter, *http.Request) {})
	var once atomic.Bool
	exchange := w.router.exchange
	w.router.exchange = func(ctx context.Context, o *courier.Order, d *courier.Desk) flow.Attempt {
		if o.Event.CorrelationID == "bomb" && !once.Swap(true) {
			panic("boom")
		}
		return exchange(ctx, o, d)
	}
	w.run()
	other := w.publish()
	id := w.publish(func(_ *flow.Job, e *flow.Event) { e.CorrelationID = "bomb" })
	j, as := w.final(id)
	if j.Status != flow.Completed || len(as) != 2 || as[0].Verdict != flow.Retry || as[0].ErrorType != flow.ErrorUnknown {
		t.Errorf("job %s, attempts %+v", j.Status, as)
	}
	w.final(other)
	if v := w.metric("fc_router_panics_total"); v != 1 {
		t.Errorf("%v panics counted", v)
	}
}

func TestAShutdownCutsBothProtocols(t *testing.T) {
	t.Parallel()
	for _, version := range []int{1, 2} {
		g := newGate()
		srv := httptest.NewUnstartedServer(http.HandlerFunc(g.serve))
		srv.EnableHTTP2 = version == 2
		srv.TLS = &tls.Config{}
		srv.StartTLS()
		roots := x509.NewCertPool()
		roots.AddCert(srv.Certificate())
		w := build(t, nil, func(o *Options) { o.Roots, o.ShutdownTimeout = roots, 20*time.Millisecond })
		w.subscribe(subID, srv.URL)
		w.run()
		id := w.publish()
		<-g.in
		began := time.Now()
		w.end()
		if _, as := w.store.job(id); len(as) != 1 || as[0].Verdict != flow.Lost || time.Since(began) > 3*time.Second {
			t.Errorf("HTTP/%d: %+v after %s", version, as, time.Since(began))
		}
		close(g.open)
		srv.Close()
	}
}

func TestGonePausesTheSubscription(t *testing.T) {
	t.Parallel()
	w := setup(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) })
	j, _ := w.final(w.publish())
	if j.Status != flow.Failed || j.Reason != flow.ReasonGone {
		t.Errorf("job %s %s", j.Status, j.Reason)
	}
	if id := <-w.gone; id != subID {
		t.Errorf("paused %s", id)
	}
	if ws := w.warnings.all(); len(ws) != 1 || ws[0].Category != "GONE" || ws[0].Source != subID {
		t.Errorf("warnings %+v", ws)
	}
}

func TestAPausedSubscriptionIsParkedWithoutASlot(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	w := build(t, func(http.ResponseWriter, *http.Request) { calls.Add(1) })
	w.subscribe(subID, w.receiver.URL, func(s *resource.Subscription) { s.Status = resource.SubscriptionPaused })
	w.run()
	id := w.publish()
	j, _ := w.await(id, func(j *flow.Job) bool { return j.Status == flow.Pending })
	if j.Attempts != 0 || j.Ticket != 1 || calls.Load() != 0 {
		t.Errorf("job %+v", j)
	}
	w.drained()
	w.subscribe(subID, w.receiver.URL)
	w.store.mu.Lock()
	w.store.offer(w.store.jobs[id])
	w.store.unlock()
	if j, _ := w.final(id); j.Status != flow.Completed || j.Attempts != 1 {
		t.Errorf("job %+v", j)
	}
}

func TestAJobWhoseSubscriptionIsGoneEnds(t *testing.T) {
	t.Parallel()
	w := setup(t, func(http.ResponseWriter, *http.Request) {})
	j, as := w.final(w.publish(func(j *flow.Job, _ *flow.Event) { j.SubscriptionID = "sub_gone" }))
	if j.Reason != flow.ReasonConfiguration || as[0].ErrorType != flow.ErrorConfiguration {
		t.Errorf("job %s %s", j.Status, j.Reason)
	}
}

func TestTheQueueAndTheStoreMayBeAway(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	w := build(t, func(http.ResponseWriter, *http.Request) { calls.Add(1) })
	away := errors.New("connection refused")
	w.queue.Fail(queuetest.Receive, 3, away)
	w.queue.Fail(queuetest.Ack, 2, away)
	var faults atomic.Int32
	w.store.setFault(func(verb string) error {
		if n := faults.Add(1); n < 30 && verb != "record" && n%3 != 0 {
			return away
		}
		return nil
	})
	var ids []flow.ID
	for range 20 {
		ids = append(ids, w.publish())
	}
	w.run()
	for _, id := range ids {
		if j, as := w.final(id); j.Status != flow.Completed || len(as) != 1 {
			t.Errorf("job %s, %d attempts", j.Status, len(as))
		}
	}
	w.drained()
}

func TestRunEndsWhenTheQueueIsClosed(t *testing.T) {
	t.Parallel()
	w := build(t, func(http.ResponseWriter, *http.Request) {})
	_ = w.queue.Close()
	if err := w.router.Run(context.Background()); !errors.Is(err, queue.ErrClosed) {
		t.Errorf("run: %v", err)
	}
	if err := w.router.Run(context.Background()); err == nil {
		t.Error("a router ran twice")
	}
}

func TestRunEndsWhenTheStoreIsClosed(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"start", "record"} {
		w := build(t, func(http.ResponseWriter, *http.Request) {})
		w.publish()
		w.store.setFault(func(v string) error {
			if v == verb {
				return store.ErrClosed
			}
			return nil
		})
		if err := w.router.Run(context.Background()); !errors.Is(err, store.ErrClosed) {
			t.Errorf("%s: run: %v", verb, err)
		}
		if s, _ := w.queue.Stats(context.Background()); s.Pending != 1 {
			t.Errorf("%s: the message was not returned: %+v", verb, s)
		}
	}
}

func TestStartAndStopAtAnyMoment(t *testing.T) {
	t.Parallel()
	w := build(t, func(http.ResponseWriter, *http.Request) {})
	for range 300 {
		w.publish()
	}
	for i := range 20 {
		o := w.router.Options
		o.Instance = "router-" + strconv.Itoa(i)
		r, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan error)
		go func() { ended <- r.Run(ctx) }()
		for range i * 50 {
			runtime.Gosched()
		}
		stop()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		w.store.mu.Lock()
		for _, j := range w.store.jobs {
			if j.Status == flow.Processing {
				t.Errorf("job %s was left PROCESSING", j.ID)
			}
		}
		w.store.mu.Unlock()
		if s, _ := w.queue.Stats(context.Background()); s.InFlight != 0 {
			t.Fatalf("%d leases are left", s.InFlight)
		}
	}
	w.run()
	w.drained()
}

// Not parallel: it counts goroutines of the whole process.
func TestNoGoroutineIsLeft(t *testing.T) {
	before := runtime.NumGoroutine()
	w := setup(t, func(http.ResponseWriter, *http.Request) {})
	for range 100 {
		w.publish()
	}
	w.drained()
	w.end()
	w.receiver.Close()
	eventually(t, "the goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
}

// metric is the sum of a metric over its labels.
func (w *world) metric(name string) float64 {
	w.t.Helper()
	fs, err := w.registry.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	sum := 0.0
	for _, f := range fs {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return sum
}

func TestMetricsAreShownAndTakenAway(t *testing.T) {
	t.Parallel()
	g := newGate()
	w := setup(t, g.serve)
	for range 30 {
		w.publish()
	}
	for range 8 { // as many as an endpoint begins with
		<-g.in
	}
	eventually(t, "the others to wait", func() bool {
		return w.metric("fc_router_pool_queue_depth") == 22 && w.metric("fc_router_pool_active_workers") == 8 && w.metric("fc_router_in_flight_messages") == 30
	})
	close(g.open)
	w.drained()
	if n := w.metric("fc_router_messages_processed_total"); n != 30 {
		t.Errorf("%v processed", n)
	}
	if n := w.metric("fc_router_dispatch_duration_seconds"); n != 30 {
		t.Errorf("%v timed", n)
	}
	w.end()
	if fs, err := w.registry.Gather(); err != nil || len(fs) != 0 {
		t.Errorf("%d metrics are left: %v", len(fs), err)
	}
}

// afterStart does something between the start of a job and its request.
type afterStart struct {
	store.Jobs
	do func()
}

func (s *afterStart) Start(ctx context.Context, starts []store.Start, now time.Time) ([]store.Started, error) {
	answers, err := s.Jobs.Start(ctx, starts, now)
	s.do()
	return answers, err
}

func TestAPauseIsHeededByWhatWasStartedAlready(t *testing.T) {
	t.Parallel()
	var calls atomic.Int64
	pause := func() {}
	w := build(t, func(http.ResponseWriter, *http.Request) { calls.Add(1) }, func(o *Options) {
		o.Store = &afterStart{o.Store, func() { pause() }}
	})
	pause = func() {
		w.subscribe(subID, w.receiver.URL, func(s *resource.Subscription) { s.Status = resource.SubscriptionPaused })
	}
	w.run()
	id := w.publish()
	j, as := w.await(id, func(j *flow.Job) bool { return j.Attempts == 1 && j.Status == flow.Pending })
	if calls.Load() != 0 || len(as) != 1 || !as[0].Unsent || !strings.Contains(as[0].Error, "is paused") {
		t.Errorf("%d calls, attempts %+v", calls.Load(), as)
	}
	if j.Spent != 0 || !j.FirstAttemptAt.IsZero() || time.Until(j.Due) > 2*pausePark {
		t.Errorf("the job is %+v", j)
	}
}
