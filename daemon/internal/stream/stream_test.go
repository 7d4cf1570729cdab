package stream

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

const shipped = "orders:fulfillment:shipment:shipped"

func TestEventsGoToTheSubscriptionsThatMatch(t *testing.T) {
	t.Parallel()
	type sub = resource.Subscription
	w := setup(t)
	filter := func(f resource.Filter) func(*sub) {
		return func(s *sub) { s.EventTypes[0].Filter = f }
	}
	w.must(put(t.Context(), w.Store,
		subscription("sub_all", "*:*:*:*"),
		subscription("sub_archived", "*:*:*:*", func(s *sub) { s.Status = resource.SubscriptionArchived }),
		subscription("sub_bad_filter", "*:*:*:*", filter("data.total >")),
		subscription("sub_client_A", "*:*:*:*", func(s *sub) { s.ClientID = "clt_A" }),
		subscription("sub_failing", "*:*:*:*", filter("data.missing.deep > 1")),
		subscription("sub_large", "orders:*:*:*", filter("data.total > 100.0")),
		subscription("sub_other", "orders:fulfillment:shipment:lost"),
		subscription("sub_paused", "orders:fulfillment:shipment:*", func(s *sub) { s.Status = resource.SubscriptionPaused }),
		subscription("sub_twice", shipped, func(s *sub) {
			s.EventTypes = append(s.EventTypes, resource.Binding{EventTypeCode: "orders:*:*:*"})
		}),
	))
	client := func(id string) func(*flow.Event) { return func(e *flow.Event) { e.ClientID = id } }
	es := w.append(
		event(shipped),
		event(shipped, func(e *flow.Event) { e.Data = []byte(`{"total": 7}`) }),
		event("billing:a:b:c"),
		event(shipped, client("clt_A")),
		event("billing:a:b:c", client("clt_B")),
		event("billing:a:b:c", func(e *flow.Event) { e.Data = []byte("not json") }),
	)
	s := w.stream(Options{})
	if n, err := s.Step(t.Context()); n != len(es) || err != nil {
		t.Fatalf("step: %d events, %v", n, err)
	}
	for i, want := range [][]string{
		{"sub_all", "sub_large", "sub_paused", "sub_twice"},
		{"sub_all", "sub_paused", "sub_twice"},
		{"sub_all"},
		{"sub_all", "sub_client_A", "sub_large", "sub_paused", "sub_twice"},
		{"sub_all"},
		{"sub_all"},
	} {
		if got := w.matched(es[i].ID); !slices.Equal(got, want) {
			t.Errorf("event %d went to %v, want %v", i, got, want)
		}
	}
	if n, err := s.Step(t.Context()); n != 0 || err != nil {
		t.Errorf("another step: %d events, %v", n, err)
	}
}

func TestAJobCarriesWhatItNeedsFromItsEventAndSubscription(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.must(put(t.Context(), w.Store, subscription("sub_A", "*:*:*:*", func(s *resource.Subscription) {
		s.Mode, s.DelaySeconds, s.MaxRetries, s.TimeoutSeconds, s.RetryOn = resource.ModeBlockOnError, 90, 7, 12, []int{409}
		s.RetryStrategy, s.RetrySchedule, s.RetryJitter = resource.StrategyFixedDelay, []resource.Duration{resource.Duration(5 * time.Second)}, 0.2
	})))
	e := w.append(event(shipped, func(e *flow.Event) { e.ClientID, e.MessageGroup = "clt_A", "g" }))[0]
	if _, err := w.stream(Options{Now: func() time.Time { return noon }}).Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	j := w.jobs(e.ID)[0]
	if j.EventID != e.ID || j.Position != e.Position || j.SubscriptionID != "sub_A" || j.Lane != "sub_A" || j.ClientID != "clt_A" ||
		j.MessageGroup != "g" || j.Mode != flow.BlockOnError || j.OrderKey != flow.NewOrderKey(flow.BlockOnError, "sub_A", "clt_A", "g", 0) {
		t.Errorf("the job is %+v", j)
	}
	if want := noon.Add(90 * time.Second); !j.Due.Equal(want) {
		t.Errorf("due %s, want %s", j.Due, want)
	}
	p := j.Policy
	if p.MaxRetries != 7 || p.Timeout != 12*time.Second || p.Strategy != flow.FixedDelay || p.Jitter != 0.2 ||
		!slices.Equal(p.Schedule, []time.Duration{5 * time.Second}) || !slices.Equal(p.RetryOn, []int{409}) {
		t.Errorf("the policy is %+v", p)
	}
}

// A batch that makes many jobs goes in parts that follow one another, each a
// compare-and-set from where the last one ended.
func TestALargeBatchGoesInPartsInPositionOrder(t *testing.T) {
	t.Parallel()
	w := setup(t)
	const subs, events = 40, 300 // 12,000 jobs
	var rs []resource.Resource
	for i := range subs {
		rs = append(rs, subscription(fmt.Sprintf("sub_%02d", i), "*:*:*:*"))
	}
	w.must(put(t.Context(), w.Store, rs...))
	var es []flow.Event
	for i := range events {
		es = append(es, event(typeOf(i)))
	}
	es = w.append(es...)
	if n, err := w.stream(Options{BatchSize: 500}).Step(t.Context()); n != events || err != nil {
		t.Fatalf("step: %d events, %v", n, err)
	}
	if len(w.batches) != 3 {
		t.Errorf("%d parts with %v jobs, want 3", len(w.batches), w.sizes)
	}
	at, seen := int64(0), 0
	for i, b := range w.batches {
		if b.From != at || len(b.Events) == 0 || b.To != b.Events[len(b.Events)-1].Position {
			t.Errorf("part %d goes from %d to %d and follows %d", i, b.From, b.To, at)
		}
		at = b.To
		if w.sizes[i] >= maxJobs+subs {
			t.Errorf("part %d has %d jobs", i, w.sizes[i])
		}
		for _, e := range b.Events {
			if e.ID != es[seen].ID {
				t.Fatalf("event %d stands at place %d", e.ID, seen)
			}
			seen++
		}
	}
	if s, err := w.Stats(t.Context()); err != nil || s.OpenJobs != subs*events || s.Backlog != 0 {
		t.Errorf("stats %+v, %v", s, err)
	}
}

// Whoever has the answer to a subscription's write and then publishes finds
// the event delivered to it, however busy the stream is.
func TestAWrittenSubscriptionSeesEveryLaterEvent(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.run()
	type pair struct {
		sub   string
		event flow.ID
	}
	pairs := make(chan pair, 1000)
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			for n := range 25 {
				sub, typ := fmt.Sprintf("sub_%d_%d", g, n), typeOf(g*100+n)
				if err := put(t.Context(), w.Store, subscription(sub, typ)); err != nil {
					t.Error(err)
					return
				}
				out, err := w.Append(t.Context(), []flow.Event{event(typ), event(typeOf(n)), event(typ)}, noon)
				if err != nil {
					t.Error(err)
					return
				}
				pairs <- pair{sub, out[0].Event.ID}
				pairs <- pair{sub, out[2].Event.ID}
			}
		})
	}
	wg.Wait()
	close(pairs)
	w.drained()
	for p := range pairs {
		if got := w.matched(p.event); !slices.Contains(got, p.sub) {
			t.Errorf("event %s was accepted after %s was written and went to %v", p.event, p.sub, got)
		}
	}
}

func TestAnArchivedSubscriptionSeesNoLaterEvent(t *testing.T) {
	t.Parallel()
	w := setup(t)
	s := w.stream(Options{})
	step := func() flow.ID {
		t.Helper()
		e := w.append(event(shipped))[0]
		if _, err := s.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		return e.ID
	}
	w.must(put(t.Context(), w.Store, subscription("sub_A", "*:*:*:*")))
	if got := w.matched(step()); len(got) != 1 {
		t.Errorf("active: %v", got)
	}
	w.must(put(t.Context(), w.Store, subscription("sub_A", "*:*:*:*", func(s *resource.Subscription) { s.Status = resource.SubscriptionArchived })))
	if got := w.matched(step()); len(got) != 0 {
		t.Errorf("archived: %v", got)
	}
}

func TestTwoStreamsOnOneStoreMakeEachJobOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.must(put(t.Context(), w.Store, subscription("sub_A", "*:*:*:*"), subscription("sub_B", "*:*:*:*")))
	w.run()
	w.run()
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for n := range 60 {
				if _, err := w.Append(t.Context(), []flow.Event{event(typeOf(n)), event(typeOf(n))}, noon); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	w.drained()
	page, err := w.ListEvents(t.Context(), store.Everything, store.EventQuery{Limit: 1000})
	w.must(err)
	if len(page.Events) != 360 {
		t.Fatalf("%d events", len(page.Events))
	}
	for _, e := range page.Events {
		if got := w.matched(e.ID); !slices.Equal(got, []string{"sub_A", "sub_B"}) {
			t.Errorf("event %s went to %v", e.ID, got)
		}
	}
}

func TestTroubleOfTheStoreIsWaitedOut(t *testing.T) {
	t.Parallel()
	for _, verb := range []string{"unfanned", "fan out"} {
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			w.must(put(t.Context(), w.Store, subscription("sub_A", "*:*:*:*")))
			failures := make(chan struct{}, 2)
			w.fail = func(v string) error {
				if v != verb {
					return nil
				}
				select {
				case failures <- struct{}{}:
					return store.ErrUnavailable
				default:
					return nil
				}
			}
			w.run()
			e := w.append(event(shipped))[0]
			w.drained()
			if len(failures) != cap(failures) {
				t.Errorf("it failed %d times: this test proves nothing", len(failures))
			}
			if got := w.matched(e.ID); !slices.Equal(got, []string{"sub_A"}) {
				t.Errorf("the event went to %v", got)
			}
		})
	}
}

func TestAnIdleStreamAsksForNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.run()
	const events = 50
	for n := range events {
		w.append(event(typeOf(n)))
		w.drained()
	}
	// Each event is a wake, at most: one look that finds it, one that finds
	// no more. A stream that does not sleep asks many thousand times.
	if n := w.asked.Load(); n > 3*events+5 {
		t.Errorf("the stream asked %d times for %d events", n, events)
	}
}

func TestRunEndsWithItsContextWhateverItDoes(t *testing.T) {
	t.Parallel()
	cases := map[string]func(w *world) (busy <-chan struct{}){
		"idle": func(w *world) <-chan struct{} {
			busy := make(chan struct{})
			go func() {
				w.until("the stream has looked", func() bool { return w.asked.Load() > 0 })
				close(busy)
			}()
			return busy
		},
		"waiting out trouble": func(w *world) <-chan struct{} {
			busy := make(chan struct{})
			var once sync.Once
			w.fail = func(string) error {
				once.Do(func() { close(busy) })
				return store.ErrUnavailable
			}
			return busy
		},
		"under load": func(w *world) <-chan struct{} {
			busy := make(chan struct{})
			for n := range 2000 {
				w.append(event(typeOf(n)))
			}
			var once sync.Once
			w.fail = func(verb string) error {
				if verb == "fan out" {
					once.Do(func() { close(busy) })
				}
				return nil
			}
			return busy
		},
	}
	for name, prepare := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			busy := prepare(w)
			s := w.stream(Options{PollInterval: time.Hour, BatchSize: 5})
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- s.Run(ctx) }()
			<-busy
			cancel()
			if err := <-done; err != nil {
				t.Errorf("run: %v", err)
			}
		})
	}
	t.Run("on a closed store", func(t *testing.T) {
		t.Parallel()
		w := setup(t)
		w.must(w.Close())
		if err := w.stream(Options{}).Run(t.Context()); err != nil {
			t.Errorf("run: %v", err)
		}
	})
}
