package router

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/queue"
	queuesqlite "github.com/flowcatalyst/fc/daemon/internal/queue/sqlite"
	"github.com/flowcatalyst/fc/daemon/internal/router/courier"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	storesqlite "github.com/flowcatalyst/fc/daemon/internal/store/sqlite"
)

// fate is what becomes of a router's process. Every verb of store and queue
// passes it on its way there and on its way back: of a frozen process none
// does until it is thawed, of a dead one none ever.
type fate struct {
	mu     sync.Mutex
	thawed chan struct{} // nil: it runs
	// stops are verbs that freeze the process on their way back.
	stops  string
	frozen chan string // gets the verb that froze it
}

func newFate() *fate { return &fate{frozen: make(chan string, 1)} }

func (f *fate) freeze() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.thawed == nil {
		f.thawed = make(chan struct{})
	}
}

func (f *fate) thaw() {
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.thawed)
	f.thawed = nil
}

// freezeAfter freezes the process when a verb has been done, before it hears
// of that.
func (f *fate) freezeAfter(verb string) {
	f.mu.Lock()
	f.stops = verb
	f.mu.Unlock()
}

func (f *fate) pass(ctx context.Context) error {
	for {
		f.mu.Lock()
		thawed := f.thawed
		f.mu.Unlock()
		if thawed == nil {
			return ctx.Err()
		}
		select {
		case <-thawed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// through does a verb as the process may.
func through[T any](ctx context.Context, f *fate, verb string, do func() (T, error)) (T, error) {
	var none T
	if err := f.pass(ctx); err != nil {
		return none, err
	}
	v, err := do()
	f.mu.Lock()
	if f.stops == verb {
		f.stops = ""
		f.thawed = make(chan struct{})
		f.frozen <- verb
	}
	f.mu.Unlock()
	if gone := f.pass(ctx); gone != nil {
		return none, gone
	}
	return v, err
}

type fatedStore struct {
	*storesqlite.Store
	f      *fate
	leased *atomic.Int64 // starts that met another's lease
}

func (s fatedStore) Start(ctx context.Context, starts []store.Start, now time.Time) ([]store.Started, error) {
	got, err := through(ctx, s.f, "start", func() ([]store.Started, error) { return s.Store.Start(ctx, starts, now) })
	for _, g := range got {
		if g.Result == store.StartLeased {
			s.leased.Add(1)
		}
	}
	return got, err
}

func (s fatedStore) Record(ctx context.Context, outs []store.Outcome, now time.Time) ([]store.Recorded, error) {
	return through(ctx, s.f, "record", func() ([]store.Recorded, error) { return s.Store.Record(ctx, outs, now) })
}

func (s fatedStore) Park(ctx context.Context, parks []store.Park, now time.Time) error {
	_, err := through(ctx, s.f, "park", func() (int, error) { return 0, s.Store.Park(ctx, parks, now) })
	return err
}

type fatedQueue struct {
	*queuesqlite.Queue
	f *fate
}

func (q fatedQueue) Receive(ctx context.Context, limit int, wait time.Duration) ([]queue.Received, error) {
	return through(ctx, q.f, "receive", func() ([]queue.Received, error) { return q.Queue.Receive(ctx, limit, wait) })
}

func (q fatedQueue) Ack(ctx context.Context, rs []queue.Received) error {
	_, err := through(ctx, q.f, "ack", func() (int, error) { return 0, q.Queue.Ack(ctx, rs) })
	return err
}

func (q fatedQueue) Nack(ctx context.Context, rs []queue.Received, delay time.Duration) error {
	_, err := through(ctx, q.f, "nack", func() (int, error) { return 0, q.Queue.Nack(ctx, rs, delay) })
	return err
}

func (q fatedQueue) Extend(ctx context.Context, rs []queue.Received, d time.Duration) error {
	_, err := through(ctx, q.f, "extend", func() (int, error) { return 0, q.Queue.Extend(ctx, rs, d) })
	return err
}

// arrival is a request at the receiver.
type arrival struct {
	router  string // by its User-Agent
	job     string
	lane    string // the path
	group   string
	n       int // of the event
	attempt int
}

// pair is a store and a queue that two routers share, a receiver that can hold
// requests, and a clock that the test can push forward.
type pair struct {
	*embedded
	ahead  atomic.Int64
	server *httptest.Server
	leased atomic.Int64

	mu       sync.Mutex
	arrivals []arrival
	within   map[string]int // requests of each group that are open
	overlaps []string
	hold     func(a arrival) bool // which requests get no answer yet
	held     int
	release  chan struct{}
}

// How long exchanges may take, and how long the queue leases messages.
const (
	pairTimeout    = 30 * time.Second
	pairVisibility = 20 * time.Second
)

func newPair(t *testing.T) *pair {
	p := &pair{within: map[string]int{}, release: make(chan struct{}), hold: func(arrival) bool { return false }}
	p.server = httptest.NewServer(http.HandlerFunc(p.serve))
	t.Cleanup(p.server.Close)
	dir := t.TempDir()
	st, err := storesqlite.Open(filepath.Join(dir, "store.db"), storesqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	q, err := queuesqlite.Open(filepath.Join(dir, "queue.db"), queuesqlite.Options{Now: p.now, Visibility: pairVisibility})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = q.Close() })
	p.embedded = &embedded{t: t, store: st, queue: q, clock: p.now}
	set := store.WriteSet{}
	for lane, mode := range map[string]string{"sub_block": resource.ModeBlockOnError, "sub_plain": resource.ModeImmediate} {
		s := &resource.Subscription{Meta: resource.Meta{ID: lane}, Code: lane, Target: p.server.URL + "/" + lane, Mode: mode, TimeoutSeconds: int(pairTimeout / time.Second)}
		s.Defaults()
		d, err := catalog.Encode(s, plainSealer{})
		if err != nil {
			t.Fatal(err)
		}
		set.Put = append(set.Put, d)
		p.subs = append(p.subs, s)
	}
	if set.IfVersion, err = st.Version(t.Context()); err == nil {
		_, err = st.Write(t.Context(), set, time.Now())
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := p.schedule(ctx); err != nil && ctx.Err() == nil {
			t.Errorf("schedule: %v", err)
		}
	})
	wg.Go(func() { p.recover(ctx) })
	t.Cleanup(func() { stop(); wg.Wait() })
	return p
}

// recover takes back what a router has lost, as the scheduler does: a message
// that came again while its job was leased may have been parked and acked.
func (p *pair) recover(ctx context.Context) {
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-poll.C:
		}
		if _, err := p.store.Recover(ctx, p.now().Add(-5*time.Minute), p.now(), 100); err != nil && ctx.Err() == nil {
			p.t.Errorf("recover: %v", err)
		}
	}
}

func (p *pair) now() time.Time { return time.Now().Add(time.Duration(p.ahead.Load())) }

// push moves the clock and has the queue look at it.
func (p *pair) push(d time.Duration) {
	p.t.Helper()
	p.ahead.Add(int64(d))
	stale := queue.Message{ID: "0000000000001.1", JobID: "0000000000001", Ticket: 1, SubscriptionID: "sub_plain", MediationType: queue.MediationHTTP}
	if err := p.queue.Publish(p.t.Context(), []queue.Message{stale}); err != nil {
		p.t.Fatal(err)
	}
}

// serve is the receiver: it notes each request, and holds some.
func (p *pair) serve(rw http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	n, _ := strconv.Atoi(r.Header.Get("X-Flowcatalyst-Correlation-Id"))
	number, _ := strconv.Atoi(r.Header.Get("X-Flowcatalyst-Attempt"))
	a := arrival{
		router: strings.TrimPrefix(r.Header.Get("User-Agent"), "FlowCatalyst/"), job: r.Header.Get("X-Flowcatalyst-Dispatch-Job-Id"),
		lane: r.URL.Path, group: strconv.Itoa(n % 3), n: n, attempt: number,
	}
	key := a.lane + " " + a.group
	p.mu.Lock()
	p.arrivals = append(p.arrivals, a)
	if p.within[key]++; p.within[key] > 1 && a.lane == "/sub_block" {
		p.overlaps = append(p.overlaps, key+" at event "+strconv.Itoa(n))
	}
	hold, release := p.hold(a), p.release
	if hold {
		p.held++
	}
	p.mu.Unlock()
	if hold {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	}
	p.mu.Lock()
	if hold {
		p.held--
	}
	p.within[key]--
	p.mu.Unlock()
}

// holdThose makes the receiver hold requests.
func (p *pair) holdThose(f func(a arrival) bool) {
	p.mu.Lock()
	p.hold = f
	p.mu.Unlock()
}

// letGo answers the requests that are held, and holds no more.
func (p *pair) letGo() {
	p.mu.Lock()
	p.hold = func(arrival) bool { return false }
	close(p.release)
	p.release = make(chan struct{})
	p.mu.Unlock()
}

func (p *pair) heldNow() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.held
}

// of are the arrivals for which keep holds.
func (p *pair) of(keep func(a arrival) bool) []arrival {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []arrival
	for _, a := range p.arrivals {
		if keep(a) {
			out = append(out, a)
		}
	}
	return out
}

// process is one of the two routers.
type process struct {
	*fate
	p     *pair
	name  string
	reg   *prometheus.Registry
	stop  context.CancelFunc
	ended chan struct{}
}

func (p *pair) router(name string, change ...func(*Options)) *process {
	p.t.Helper()
	x := &process{fate: newFate(), p: p, name: name, reg: prometheus.NewRegistry(), ended: make(chan struct{})}
	o := Options{
		Store: fatedStore{p.store, x.fate, &p.leased}, Queue: fatedQueue{p.queue, x.fate}, Catalog: catalog.New(p.store, plainSealer{}), Holds: p.store, Wakes: p.store.Wakes(),
		Instance: "router-" + name, Version: name, Registerer: x.reg, Now: p.now,
		ShutdownTimeout: time.Second, WriteTimeout: time.Second,
	}
	for _, c := range change {
		c(&o)
	}
	r, err := New(o)
	if err != nil {
		p.t.Fatal(err)
	}
	exchange := r.exchange
	r.exchange = func(ctx context.Context, o *courier.Order, w *courier.Desk) flow.Attempt {
		_ = x.pass(ctx)
		a := exchange(ctx, o, w)
		_ = x.pass(ctx)
		return a
	}
	ctx, stop := context.WithCancel(context.Background())
	x.stop = stop
	go func() {
		defer close(x.ended)
		if err := r.Run(ctx); err != nil {
			p.t.Errorf("run %s: %v", name, err)
		}
	}()
	p.t.Cleanup(func() { stop(); <-x.ended })
	return x
}

// kill ends the process: its connections break, and neither store nor queue
// ever hears of it again.
func (x *process) kill() {
	x.freeze()
	x.stop()
	<-x.ended
}

// late is how many outcomes of the router came too late.
func (x *process) late() float64 {
	n, _ := x.metric("fc_router_outcomes_late_total")
	return n
}

// idle says that the router runs and has nothing in its hands.
func (x *process) idle() bool {
	n, shown := x.metric("fc_router_in_flight_messages")
	return shown && n == 0
}

// metric is the sum of a counter or gauge; it is not shown before Run.
func (x *process) metric(name string) (n float64, shown bool) {
	x.p.t.Helper()
	families, err := x.reg.Gather()
	if err != nil {
		x.p.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				n += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
			return n, true
		}
	}
	return 0, false
}

// wantCompleted waits until all jobs are delivered, by a router at least. The
// queue may have given messages to a process that is frozen, once more: when
// nothing moves, their leases are let end.
func (p *pair) wantCompleted(events int, by *process) {
	p.t.Helper()
	moved := time.Now()
	eventually(p.t, "all jobs to be delivered", func() bool {
		switch {
		case !by.idle():
			moved = time.Now()
		case time.Since(moved) > 300*time.Millisecond:
			moved = time.Now()
			p.push(pairVisibility + time.Second)
		}
		for _, s := range p.subs {
			n := 0
			for what, m := range p.outcome(s.ID) {
				if strings.HasPrefix(what, "COMPLETED") {
					n += m
				}
			}
			if n != events {
				return false
			}
		}
		return true
	})
}

// record is all that is stored of jobs and their attempts.
func (p *pair) record() map[flow.ID]string {
	p.t.Helper()
	out := map[flow.ID]string{}
	page, err := p.store.ListJobs(p.t.Context(), store.Everything, store.JobQuery{Limit: 1000})
	if err != nil {
		p.t.Fatal(err)
	}
	for _, v := range page.Jobs {
		as, err := p.store.Attempts(p.t.Context(), store.Everything, v.Job.ID)
		if err != nil {
			p.t.Fatal(err)
		}
		j, err1 := json.Marshal(v.Job)
		b, err2 := json.Marshal(as)
		if err := errors.Join(err1, err2); err != nil {
			p.t.Fatal(err)
		}
		out[v.Job.ID] = string(j) + string(b)
	}
	return out
}

// wantOrder checks that in each ordered group the events came in the order of
// their publication, each again before the next if at all, and never two at
// once, and that no attempt of a job came twice.
func (p *pair) wantOrder(events int) {
	p.t.Helper()
	p.mu.Lock()
	overlaps := p.overlaps
	p.mu.Unlock()
	if len(overlaps) > 0 {
		p.t.Errorf("two requests of a group were open at once: %v", overlaps)
	}
	groups, attempts := map[string][]int{}, map[string][]int{}
	for _, a := range p.of(func(arrival) bool { return true }) {
		attempts[a.job] = append(attempts[a.job], a.attempt)
		if g := groups[a.group]; a.lane == "/sub_block" && (len(g) == 0 || g[len(g)-1] != a.n) {
			groups[a.group] = append(g, a.n)
		}
	}
	n := 0
	for group, ns := range groups {
		n += len(ns)
		if !slices.IsSorted(ns) {
			p.t.Errorf("group %s came as %v", group, ns)
		}
	}
	if n != events {
		p.t.Errorf("%d events came in order, want %d", n, events)
	}
	for job, ns := range attempts {
		if slices.Sort(ns); len(slices.Compact(slices.Clone(ns))) != len(ns) {
			p.t.Errorf("job %s came with the attempts %v", job, ns)
		}
	}
}
