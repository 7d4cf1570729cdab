package scheduler

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/queue/queuetest"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

func (w *world) hold(reason string, until time.Duration, window int) {
	w.Helper()
	w.must(w.Hold(w.Context(), store.Hold{Endpoint: "con_A", Reason: reason, Until: noon.Add(until), Window: window, Since: w.now()}))
	w.must(w.s.Step(w.Context(), News{Holds: true}))
}

// later is a round after some time, without any news.
func (w *world) later(d time.Duration) {
	w.Helper()
	w.sleep(d)
	w.must(w.s.Step(w.Context(), News{}))
}

func TestAHeldEndpointGetsItsWindowAndNoMoreAfterTheHold(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"), subscription("sub_B"), connection(""), pool(10, ""))
	w.hold(store.HoldBreaker, 5*time.Second, 1)
	w.jobs("sub_A", 300)
	w.jobs("sub_B", 300)
	w.wake("sub_A", "sub_B")
	w.later(5*time.Second - time.Millisecond)
	w.wantPublished("before the end of the hold", 0)
	w.later(time.Millisecond)
	probe := w.published()
	if len(probe) != 1 {
		t.Fatalf("%d tickets went out as probes", len(probe))
	}
	w.step()
	w.wantPublished("while the probe is out", 0)
	for range 3 {
		w.end(flow.Delivered, probe[0])
		w.wake(w.job(probe[0]).Lane)
		if probe = w.published(); len(probe) != 1 {
			t.Fatalf("%d tickets went out after a probe", len(probe))
		}
	}
	for _, window := range []int{2, 4, 8} {
		w.hold(store.HoldBreaker, 5*time.Second, window)
		if n := w.outOf("sub_A", "sub_B"); n != window {
			t.Errorf("%d tickets are out in a window of %d", n, window)
		}
	}
	w.must(w.Release(t.Context(), "con_A", store.HoldBreaker))
	w.must(w.s.Step(t.Context(), News{Holds: true}))
	if n := w.outOf("sub_A", "sub_B"); n != minWindow {
		t.Errorf("%d tickets are out when the hold is released", n)
	}
}

func TestOfSeveralHoldsTheLatestTimeAndTheLeastWindowCount(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"), connection(""), pool(10, ""))
	w.jobs("sub_A", 300)
	w.hold(store.HoldBreaker, 5*time.Second, 4)
	w.wake("sub_A")
	w.hold(store.HoldRetryAfter, 20*time.Second, 0)
	w.hold(store.HoldPaused, 10*time.Second, 9)
	w.later(10 * time.Second)
	w.later(10*time.Second - time.Millisecond)
	w.wantPublished("while one hold stands", 0)
	w.later(time.Millisecond)
	w.wantPublished("after the last", 4)
	w.must(w.Release(t.Context(), "con_A", store.HoldBreaker))
	w.must(w.s.Step(t.Context(), News{Holds: true}))
	w.wantPublished("when the narrow one is released", 5)
}

func TestAHoldKeepsNewTicketsBackWhileSomeAreOut(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"), connection(""), pool(10, ""))
	w.jobs("sub_A", 1000)
	w.wake("sub_A")
	out := w.published()
	w.hold(store.HoldBreaker, time.Minute, 1)
	w.end(flow.Delivered, out[:200]...)
	w.wake("sub_A")
	// The router gives back what it has.
	var parks []store.Park
	for _, id := range out[200:] {
		parks = append(parks, store.Park{Job: id, Ticket: 1, Until: noon.Add(time.Minute)})
	}
	w.must(w.Park(t.Context(), parks, w.now()))
	w.wake("sub_A")
	w.wantPublished("while it is held", 0)
	w.later(time.Minute)
	w.wantPublished("as a probe", 1)
}

// A hold that another router sets, lengthens or releases counts at once, and
// what it kept back goes at its end: all without a poll.
func TestAHoldIsHeardOfAndEndsByItself(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"), connection(""), pool(10, ""))
	hold := func(until time.Time) {
		w.must(w.Hold(t.Context(), store.Hold{Endpoint: "con_A", Reason: store.HoldRetryAfter, Until: until}))
	}
	until := time.Now().Add(100 * time.Millisecond)
	hold(until)
	w.run()
	w.jobs("sub_A", 3)
	until = until.Add(100 * time.Millisecond)
	hold(until)
	w.until("the jobs go", func() bool { return w.taken() == 3 })
	if early := time.Until(until); early > 0 {
		t.Errorf("the jobs went %s too early", early)
	}
}

// stand is a store that has one lane with one job, an endpoint that is held,
// and nothing that a bubble of synctest does not see.
type stand struct {
	store.Store
	wakes *store.Wakes
	hold  store.Hold
	gone  bool
}

func (s *stand) Wakes() *store.Wakes { return s.wakes }

func (s *stand) Version(context.Context) (int64, error) { return 1, nil }

func (s *stand) Documents(context.Context, ...string) ([]store.Document, int64, error) {
	c, u := connection(""), subscription("sub_A")
	c.Defaults()
	u.Defaults()
	a, err := catalog.Encode(c, nil)
	if err != nil {
		return nil, 0, err
	}
	b, err := catalog.Encode(u, nil)
	return []store.Document{a, b}, 1, err
}

func (s *stand) Lanes(context.Context, string, int) ([]store.Lane, error) { return nil, nil }

func (s *stand) Out(_ context.Context, lanes ...string) ([]int, error) {
	return make([]int, len(lanes)), nil
}

func (s *stand) Offer(context.Context, string, int, time.Time) (store.Offer, error) {
	if s.gone {
		return store.Offer{}, nil
	}
	return store.Offer{Jobs: []flow.Job{{ID: 1, SubscriptionID: "sub_A", Lane: "sub_A"}}}, nil
}

func (s *stand) MarkQueued(context.Context, []store.Ticket, time.Time) error {
	s.gone = true
	return nil
}

func (s *stand) ListHolds(context.Context, time.Time) ([]store.Hold, error) {
	return []store.Hold{s.hold}, nil
}

func (s *stand) Blocked(context.Context, store.Scope, store.GateQuery) (store.GatePage, error) {
	return store.GatePage{}, nil
}

func (s *stand) Stats(context.Context) (store.Stats, error) { return store.Stats{}, nil }

func TestTheEndOfAHoldIsMetToTheMillisecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		end := time.Now().Add(17 * time.Second)
		st := &stand{wakes: store.NewWakes(), hold: store.Hold{Endpoint: "con_A", Until: end}}
		q := queuetest.NewFake(queuetest.FakeOptions{})
		s, err := New(Options{Store: st, Queue: q, Catalog: catalog.New(st, nil), PollInterval: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		synctest.Wait()
		st.wakes.Lanes.Post("sub_A")
		time.Sleep(17*time.Second - time.Millisecond)
		synctest.Wait()
		if n := len(q.Published()); n != 0 {
			t.Errorf("%d tickets went out before the end of the hold", n)
		}
		time.Sleep(2 * time.Millisecond)
		synctest.Wait()
		if n := len(q.Published()); n != 1 {
			t.Errorf("%d tickets went out at the end of the hold", n)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}
