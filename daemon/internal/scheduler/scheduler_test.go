package scheduler

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/queue/queuetest"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

func TestAWindowIsNeverExceededAndFilledAgainByQuarters(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"), subscription("sub_B"))
	a := w.jobs("sub_A", 700)
	w.step()
	out := w.published()
	if !slices.Equal(out, a[:minWindow]) {
		t.Fatalf("%d tickets went out, want the first %d", len(out), minWindow)
	}
	w.step()
	w.wantPublished("a full window", 0)
	w.end(flow.Delivered, out[:minWindow/4-1]...)
	w.step()
	w.wantPublished("less than a quarter free", 0)
	w.end(flow.Delivered, out[minWindow/4-1])
	w.step()
	w.wantPublished("a quarter free", minWindow/4)

	// A lane of another endpoint has another window. (These lead to none.)
	w.jobs("sub_B", 300)
	w.step()
	w.wantPublished("a lane of another endpoint", minWindow)

	// The last jobs go even if they are less than a quarter.
	c := w.jobs("sub_C", 3)
	w.put(subscription("sub_C"))
	w.step()
	if got := w.published(); !slices.Equal(got, c) {
		t.Errorf("%v went out, want %v", got, c)
	}
}

func TestALargePoolHasALargeWindow(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"), connection(""), pool(200, ""))
	w.jobs("sub_A", 1000)
	total := 0
	for w.step(); ; w.step() {
		n := len(w.published())
		if n > w.s.o.BatchSize {
			t.Errorf("%d tickets in one round", n)
		}
		if total += n; n == 0 {
			break
		}
	}
	if total != 800 {
		t.Errorf("%d tickets went out, want four times the concurrency", total)
	}
}

func TestJobsGoByDueTimeAndThenByPosition(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"))
	due := []int{5, 0, 3, 0, 3, 9, 5}
	ids := w.jobs("sub_A", len(due), func(i int, j *flow.Job) { j.Due = noon.Add(time.Duration(due[i]) * time.Second) })
	w.step()
	if got := w.published(); !slices.Equal(got, []flow.ID{ids[1], ids[3]}) {
		t.Errorf("at once went %v of %v", got, ids)
	}
	w.sleep(6 * time.Second)
	w.step()
	if got := w.published(); !slices.Equal(got, []flow.ID{ids[2], ids[4], ids[0], ids[6]}) {
		t.Errorf("after six seconds went %v of %v", got, ids)
	}
}

func TestAFutureJobGoesWhenItIsDueAndNotBefore(t *testing.T) {
	t.Parallel()
	t.Run("by the clock", func(t *testing.T) {
		t.Parallel()
		w := setup(t, subscription("sub_A"))
		w.jobs("sub_A", 1, func(_ int, j *flow.Job) { j.Due = noon.Add(10 * time.Second) })
		w.step()
		w.wantPublished("before", 0)
		if got := w.s.wait(w.now()); got != 10*time.Second {
			t.Errorf("the scheduler sleeps for %s", got)
		}
		w.sleep(10*time.Second - time.Millisecond)
		w.must(w.s.Step(t.Context(), News{}))
		w.wantPublished("a millisecond before", 0)
		w.sleep(time.Millisecond)
		w.must(w.s.Step(t.Context(), News{}))
		w.wantPublished("at its time", 1)
	})
	t.Run("by its own timer", func(t *testing.T) {
		t.Parallel()
		w := setup(t, subscription("sub_A"))
		w.run()
		due := time.Now().Add(150 * time.Millisecond)
		w.jobs("sub_A", 1, func(_ int, j *flow.Job) { j.Due = due })
		w.until("the job goes", func() bool { return w.taken() == 1 })
		if early := time.Until(due); early > 0 {
			t.Errorf("the job went %s too early", early)
		}
	})
	t.Run("whose earlier neighbour came later", func(t *testing.T) {
		t.Parallel()
		w := setup(t, subscription("sub_A"))
		w.jobs("sub_A", 1, func(_ int, j *flow.Job) { j.Due = noon.Add(time.Hour) })
		w.step()
		w.jobs("sub_A", 1, func(_ int, j *flow.Job) { j.Due = noon.Add(time.Second) })
		w.must(w.s.Step(t.Context(), News{Lanes: []string{"sub_A"}}))
		for _, d := range []time.Duration{time.Second, time.Hour} {
			w.sleep(d)
			w.must(w.s.Step(t.Context(), News{}))
			w.wantPublished("after "+d.String(), 1)
		}
	})
}

func TestWhatMustNotGoNowWaitsAndGoesByItself(t *testing.T) {
	t.Parallel()
	paused := subscription("sub_A", func(s *resource.Subscription) { s.Status = resource.SubscriptionPaused })
	cases := map[string]struct {
		stop, resume func(w *world)
	}{
		"a paused subscription": {
			func(w *world) { w.put(paused) },
			func(w *world) { w.put(subscription("sub_A")) },
		},
		"a paused connection": {
			func(w *world) { w.put(connection(resource.ConnectionPaused)) },
			func(w *world) { w.put(connection("")) },
		},
		"a suspended pool": {
			func(w *world) { w.put(pool(10, resource.PoolSuspended)) },
			func(w *world) { w.put(pool(10, "")) },
		},
		"a held endpoint that is released": {
			func(w *world) {
				w.must(w.Hold(w.Context(), store.Hold{Endpoint: "con_A", Until: time.Now().Add(time.Hour), Reason: "BREAKER"}))
			},
			func(w *world) { w.must(w.Release(w.Context(), "con_A", "")) },
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, subscription("sub_A"), subscription("sub_other", func(s *resource.Subscription) {
				s.ConnectionID, s.DispatchPoolID, s.Target = "", "", "https://other.example.com"
			}), connection(""), pool(10, ""))
			c.stop(w)
			w.run()
			ids := w.jobs("sub_A", 2)
			others := w.jobs("sub_other", 1)
			w.until("the other lane goes", func() bool { return w.taken() == 1 })
			if got := w.published(); !slices.Equal(got, others) {
				t.Errorf("%v went, want %v", got, others)
			}
			c.resume(w)
			w.until("the lane goes", func() bool { return w.taken() == 3 })
			if got := w.published(); !slices.Equal(got, ids) {
				t.Errorf("%v went, want %v", got, ids)
			}
		})
	}
}

func TestAHoldEndsAtItsTimeAndMayBeLengthened(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"), connection(""))
	hold := func(until time.Duration) {
		w.must(w.Hold(t.Context(), store.Hold{Endpoint: "con_A", Until: noon.Add(until), Reason: "RETRY_AFTER"}))
	}
	hold(10 * time.Second)
	w.jobs("sub_A", 1)
	w.step()
	w.wantPublished("held", 0)
	if got := w.s.wait(w.now()); got != 10*time.Second {
		t.Errorf("the scheduler sleeps for %s", got)
	}
	hold(20 * time.Second)
	w.step() // a hold wakes all lanes
	w.sleep(10 * time.Second)
	w.must(w.s.Step(t.Context(), News{}))
	w.wantPublished("held for longer", 0)
	w.sleep(10 * time.Second)
	w.must(w.s.Step(t.Context(), News{}))
	w.wantPublished("at the end of the hold", 1)
}

func TestASuspendedPoolHoldsItsTasksAndNoOthers(t *testing.T) {
	t.Parallel()
	w := setup(t, pool(10, resource.PoolSuspended))
	var tasks []flow.Job
	for i := range 4 {
		task := &flow.Task{TargetURL: "https://hooks.example.com", Payload: "{}"}
		if i%2 == 0 {
			task.PoolID = "pol_A"
		}
		tasks = append(tasks, flow.Job{Lane: flow.TaskLane("", task.TargetURL), Task: task, Policy: flow.DefaultPolicy()})
	}
	made, err := w.InsertTasks(t.Context(), tasks, noon)
	w.must(err)
	w.step()
	if got := w.published(); !slices.Equal(got, []flow.ID{made[1].Job.ID, made[3].Job.ID}) {
		t.Errorf("%v went, want the tasks of the other pool", got)
	}
	w.put(pool(10, ""))
	w.step()
	w.wantPublished("the pool goes on", 2)
}

func TestASuspendedClientHoldsItsJobsAndNoOthers(t *testing.T) {
	t.Parallel()
	client := func(id, status string) *resource.Client {
		return &resource.Client{Meta: resource.Meta{ID: id, ClientID: id}, Identifier: strings.ToLower(id), Status: status}
	}
	w := setup(t, subscription("sub_A"), client("X", resource.ClientSuspended), client("Y", ""))
	ids := w.jobs("sub_A", 6, func(i int, j *flow.Job) { j.ClientID = []string{"X", "Y", ""}[i%3] })
	w.step()
	if got, want := w.published(), []flow.ID{ids[1], ids[2], ids[4], ids[5]}; !slices.Equal(got, want) {
		t.Errorf("%v went, want %v", got, want)
	}
	w.put(client("X", resource.ClientActive))
	w.step()
	if got, want := w.published(), []flow.ID{ids[0], ids[3]}; !slices.Equal(got, want) {
		t.Errorf("%v went when the client was active again, want %v", got, want)
	}
}

func TestABacklogOfASuspendedClientDelaysNobodyElse(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"), &resource.Client{Meta: resource.Meta{ID: "X", ClientID: "X"}, Identifier: "x", Status: resource.ClientSuspended})
	for range 2 * maxSkipped / 1000 {
		w.jobs("sub_A", 1000, func(_ int, j *flow.Job) { j.ClientID = "X" })
	}
	other := w.jobs("sub_A", 1)
	for range 4 {
		w.step()
	}
	if got := w.published(); !slices.Equal(got, other) {
		t.Errorf("%d went, want the one of another client behind them", len(got))
	}
	w.put(&resource.Client{Meta: resource.Meta{ID: "X", ClientID: "X"}, Identifier: "x"})
	w.sleep(heldPark)
	w.step()
	if len(w.published()) == 0 {
		t.Error("nothing went when the client was active again")
	}
}

func TestJobsOfADeletedSubscriptionAreCancelled(t *testing.T) {
	t.Parallel()
	// Whether a scheduler saw the subscription or not: the process that
	// deleted it may have died right after.
	for _, fresh := range []bool{false, true} {
		t.Run(fmt.Sprint("by a fresh scheduler ", fresh), func(t *testing.T) {
			t.Parallel()
			w := setup(t, subscription("sub_A"), subscription("sub_B"), subscription("sub_C"))
			w.s.o.BatchSize = 2
			plain := w.jobs("sub_A", 5)
			line := w.jobs("sub_A", 4, inGroup(flow.NextOnError))
			// All that is open of this lane waits behind a dead letter.
			blocked := w.jobs("sub_B", 4, inGroup(flow.BlockOnError))
			kept := w.jobs("sub_C", 2)
			w.step()
			w.step()
			w.end(flow.Reject, blocked[0])
			w.remove("sub_A")
			w.remove("sub_B")
			if fresh {
				w.restart()
			}
			for range 20 {
				w.step()
			}
			for _, id := range append(append(plain, line...), blocked[1:]...) {
				if j := w.job(id); j.Status != flow.Cancelled || j.Reason != flow.ReasonSubscription {
					t.Errorf("job %s of %s is %s %s", id, j.Lane, j.Status, j.Reason)
				}
			}
			if j := w.job(blocked[0]); j.Status != flow.Failed {
				t.Errorf("the dead letter is %s", j.Status)
			}
			if j := w.job(kept[0]); j.Status != flow.Queued {
				t.Errorf("a job of another subscription is %s", j.Status)
			}
		})
	}
}

func TestAnUnreadableSubscriptionHoldsItsJobs(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.write(func(set *store.WriteSet) {
		set.Put = []store.Document{{Kind: string(resource.KindSubscription), ID: "sub_A", Body: []byte(`{"code": 7}`)}}
	})
	id := w.jobs("sub_A", 1)[0]
	w.step()
	if j := w.job(id); j.Status != flow.Pending || w.taken() != 0 {
		t.Errorf("the job is %s with %d messages", j.Status, w.taken())
	}
	w.put(subscription("sub_A"))
	w.step()
	w.wantPublished("when it can be read again", 1)
}

func TestATicketThatCouldNotBePublishedGoesAgain(t *testing.T) {
	t.Parallel()
	away := errors.New("the broker is away")
	cases := map[string]func(w *world){
		"not taken":                  func(w *world) { w.q.Fail(queuetest.Publish, 1, away) },
		"taken without an answer":    func(w *world) { w.q.FailAfter(queuetest.Publish, 1, away) },
		"published and never marked": func(w *world) { w.mark = away },
	}
	for name, fail := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t, subscription("sub_A"))
			id := w.jobs("sub_A", 1)[0]
			fail(w)
			if err := w.s.Step(t.Context(), News{All: true}); !errors.Is(err, away) {
				t.Errorf("step: %v, want %v", err, away)
			}
			if j := w.job(id); j.Status != flow.Pending || j.Ticket != 0 {
				t.Errorf("the job is %s with ticket %d", j.Status, j.Ticket)
			}
			w.restart() // as if it had crashed there
			w.step()
			for _, m := range w.q.Published() {
				if m.ID != id.String()+".1" || m.Ticket != 1 {
					t.Errorf("message %s with ticket %d", m.ID, m.Ticket)
				}
			}
			if j := w.job(id); j.Status != flow.Queued || j.Ticket != 1 {
				t.Errorf("the job is %s with ticket %d", j.Status, j.Ticket)
			}
			w.end(flow.Delivered, id)
		})
	}
}

func TestTroubleIsWaitedOut(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"))
	w.q.Fail(queuetest.Publish, 2, errors.New("the broker is away"))
	w.run()
	w.jobs("sub_A", 3)
	w.until("the jobs go", func() bool { return w.taken() == 3 })
}

func TestALostMessageGoesAgainWithANewTicket(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"))
	id := w.jobs("sub_A", 1)[0]
	w.q.Drop(1)
	w.step()
	w.sleep(w.s.o.StaleAfter)
	w.s.recover(t.Context())
	w.step()
	if got := w.job(id).Ticket; got != 1 {
		t.Errorf("ticket %d while the message may still come", got)
	}
	w.sleep(time.Second)
	w.s.recover(t.Context())
	w.step()
	m := w.q.Published()
	if len(m) != 2 || m[1].ID != id.String()+".2" {
		t.Fatalf("messages %+v", m)
	}
	// The first one turns up after all.
	got, err := w.Start(t.Context(), []store.Start{{Job: id, Ticket: 1, Owner: "r1"}}, w.now())
	w.must(err)
	if got[0].Result != store.StartStale {
		t.Errorf("the lost ticket's start has result %d", got[0].Result)
	}
	w.end(flow.Delivered, id)
}

func TestAllLostMessagesAreTakenBackAtOnce(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"))
	w.s.o.BatchSize = 50
	w.jobs("sub_A", 220)
	w.q.Drop(220)
	for range 5 {
		w.step()
	}
	w.sleep(w.s.o.StaleAfter + time.Second)
	w.s.recover(t.Context())
	if n := w.outOf("sub_A"); n != 0 {
		t.Errorf("%d tickets are still out", n)
	}
}

func TestARoundIsFairToSmallLanes(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"), subscription("sub_B"), connection(""), pool(5000, ""))
	w.jobs("sub_A", 30_000) // and a window that takes 20,000
	w.must(w.s.Step(t.Context(), News{Lanes: []string{"sub_A"}}))
	one := w.jobs("sub_B", 1)[0]
	w.must(w.s.Step(t.Context(), News{Lanes: []string{"sub_B"}}))
	at := slices.Index(w.published(), one)
	if at < 0 || at > 2*w.s.o.BatchSize {
		t.Errorf("the single job of a lane goes at place %d behind the other's", at)
	}
}

func TestASchedulerWithNothingToDoAsksForNothing(t *testing.T) {
	t.Parallel()
	w := setup(t, subscription("sub_A"), subscription("sub_paused", func(s *resource.Subscription) { s.Status = resource.SubscriptionPaused }))
	w.run()
	w.jobs("sub_paused", 10)
	w.jobs("sub_A", 1, func(_ int, j *flow.Job) { j.Due = time.Now().Add(time.Hour) })
	ids := w.jobs("sub_A", 2*minWindow)
	w.until("the window is full", func() bool { return w.taken() == minWindow })
	for i := range minWindow / 4 {
		w.until("the ticket is marked", func() bool { return w.job(ids[i]).Status == flow.Queued })
		w.end(flow.Delivered, ids[i]) // two wakes
	}
	w.until("a quarter goes", func() bool { return w.taken() == minWindow+minWindow/4 })
	const wakes = 2*minWindow/4 + 4
	if n := w.offers.Load(); n > 2*wakes {
		t.Errorf("the scheduler asked for %d offers in %d wakes", n, wakes)
	}
	if n := w.surveys.Load(); n > 3 {
		t.Errorf("the scheduler surveyed all lanes %d times", n)
	}
}
