package bulk

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// until waits for a fact of the store.
func (w *world) until(what string, fact func() bool) {
	w.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(2 * time.Minute)
	for !fact() {
		select {
		case <-tick.C:
		case <-end:
			w.Fatal("waited in vain until " + what)
		}
	}
}

// run runs a service that hears of work by wakes alone until the test ends.
func (w *world) run() {
	w.Helper()
	s := w.service(Options{PollInterval: time.Hour})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	w.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			w.Errorf("run: %v", err)
		}
	})
}

func TestAServiceHearsOfAllItDoesByWakes(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"))
	w.publish(many(450)...)
	w.run()
	r := w.declare(func(r *flow.Replay) { r.Rate = 10 }) // the replay itself
	lane, total := flow.ReplayLane(r.ID, "sub_A"), 0
	w.until("the replay is over", func() bool {
		total += len(w.deliver(lane, 150, delivered)) // room for more, and the end
		return w.status(r.ID) == flow.WorkCompleted
	})
	if total != 450 {
		t.Errorf("%d of 450 were delivered", total)
	}
}

func TestAReplayWaitsForTheFanOut(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"))
	w.run()
	out, err := w.Append(t.Context(), many(3), w.now())
	w.must(err)
	r := w.declare()
	w.until("it has looked", func() bool { return w.catalog().Replays[r.ID] != nil })
	if n := len(w.made(r.ID)); n != 0 {
		t.Fatalf("it made %d jobs of events that are not fanned out", n)
	}
	w.fanOut(func(e flow.Event) []flow.Job {
		return []flow.Job{{Position: e.Position, EventID: e.ID, SubscriptionID: "sub_A", Lane: "sub_A", Policy: flow.DefaultPolicy()}}
	})
	w.until("they are replayed", func() bool { return len(w.made(r.ID)) == len(out) })
}

func TestAnIdleServiceDoesNotListenToLiveTraffic(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"))
	s := w.service(Options{})
	if _, err := s.Step(t.Context()); err != nil || len(s.works) != 0 {
		t.Fatalf("%d pieces of work, %v", len(s.works), err)
	}
	w.publish(many(3)...)
	r := w.declare()
	if _, err := s.Step(t.Context()); err != nil || len(s.works) != 1 {
		t.Fatalf("%d pieces of work, %v", len(s.works), err)
	}
	for w.status(r.ID) == flow.WorkRunning {
		w.deliver(flow.ReplayLane(r.ID, "sub_A"), 3, delivered)
		if _, err := s.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Step(t.Context()); err != nil || len(s.works) != 0 {
		t.Errorf("%d pieces of work are remembered, %v", len(s.works), err)
	}
}

func TestTroubleWithOneReplayKeepsNoOther(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"))
	w.publish(many(5)...)
	bad, good := w.declare(), w.declare()
	tries := 0
	w.lose = func(a store.Advance) (before, after error) {
		if a.Work != bad.ID {
			return nil, nil
		}
		tries++
		return errors.New("the row is damaged"), nil
	}
	w.steps()
	if p := w.progress(good.ID); p.Created != 5 {
		t.Errorf("the other one made %d jobs", p.Created)
	}
	if tries != 1 {
		t.Errorf("it was tried %d times at once", tries)
	}
	w.sleep(time.Minute)
	w.lose = nil
	w.steps()
	if p := w.progress(bad.ID); p.Created != 5 {
		t.Errorf("it does not go on: %+v", p)
	}
}

func TestRunEndsWithItsContextAndItsStore(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"))
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.service(Options{}).Run(ctx) }()
	cancel()
	if err := <-done; err != nil {
		t.Errorf("run: %v", err)
	}
	w.must(w.Close())
	if err := w.service(Options{}).Run(t.Context()); err != nil {
		t.Errorf("run on a closed store: %v", err)
	}
}
