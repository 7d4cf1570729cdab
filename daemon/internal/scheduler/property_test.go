package scheduler

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/queue"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// route is a router that answers at random and forgets nothing.
func (w *world) route(ctx context.Context, r *rand.Rand) {
	for ctx.Err() == nil {
		got, err := w.q.Receive(ctx, 1+r.IntN(20), time.Hour)
		if err != nil {
			return
		}
		if err := w.exchange(r, got); err != nil {
			w.Error(err)
			return
		}
		if err := w.q.Ack(context.Background(), got); err != nil {
			w.Error(err)
			return
		}
	}
}

func (w *world) exchange(r *rand.Rand, got []queue.Received) error {
	ctx, now := context.Background(), time.Now()
	var starts []store.Start
	for _, m := range got {
		id, err := flow.ParseID(m.JobID)
		if err != nil {
			return err
		}
		if r.IntN(10) == 0 {
			if err := w.Park(ctx, []store.Park{{Job: id, Ticket: m.Ticket, Until: now.Add(time.Duration(r.IntN(5)) * time.Millisecond)}}, now); err != nil {
				return err
			}
		}
		starts = append(starts, store.Start{Job: id, Ticket: m.Ticket, Owner: "r1", Slack: time.Minute})
	}
	answers, err := w.Start(ctx, starts, now)
	if err != nil {
		return err
	}
	var outs []store.Outcome
	for _, s := range answers {
		if s.Result == store.StartOK {
			a := flow.Attempt{JobID: s.Job.ID, Number: s.Job.Attempts, At: now, Verdict: []flow.Verdict{flow.Delivered, flow.Delivered, flow.Retry, flow.Deferred, flow.Reject}[r.IntN(5)], Router: "r1"}
			a.Delay = time.Duration(r.IntN(3)) * time.Millisecond
			outs = append(outs, store.Outcome{Job: s.Job.After(a, now, r.Float64()), Attempt: a, Owner: "r1"})
		}
	}
	rec, err := w.Record(ctx, outs, now)
	if err != nil {
		return err
	}
	for _, got := range rec {
		if got.Err != nil {
			return fmt.Errorf("record: %w", got.Err)
		}
	}
	return nil
}

// Without any poll, whatever is appended, delivered, retried, parked, paused
// and resumed at the same time, every job comes to its end.
func TestNoWakeIsLost(t *testing.T) {
	t.Parallel()
	for seed := range uint64(2) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			lanes := []string{"sub_I", "sub_N", "sub_X"}
			w := setup(t, subscription("sub_I"), subscription("sub_N"), subscription("sub_X"), connection(""))
			w.run()
			ctx, cancel := context.WithCancel(context.Background())
			var routers sync.WaitGroup
			for g := range uint64(2) {
				routers.Go(func() { w.route(ctx, rand.New(rand.NewPCG(seed, g))) })
			}
			t.Cleanup(func() { cancel(); routers.Wait() })

			r := rand.New(rand.NewPCG(seed, 11))
			made := int64(0)
			for range 30 {
				if r.IntN(3) == 0 {
					status := []string{resource.SubscriptionActive, resource.SubscriptionPaused}[r.IntN(2)]
					w.put(subscription(lanes[r.IntN(3)], func(s *resource.Subscription) { s.Status = status }))
				}
				if r.IntN(3) == 0 {
					w.must(w.Hold(ctx, store.Hold{Endpoint: "con_A", Until: time.Now().Add(time.Duration(r.IntN(20)) * time.Millisecond), Reason: "BREAKER"}))
				}
				lane, n := lanes[r.IntN(3)], 1+r.IntN(20)
				w.jobs(lane, n, func(_ int, j *flow.Job) {
					j.Due = time.Now().Add(time.Duration(r.IntN(20)-10) * time.Millisecond)
					if lane == "sub_N" {
						inGroup(flow.NextOnError)(0, j)
					}
				})
				made += int64(n)
			}
			for _, lane := range lanes {
				w.put(subscription(lane))
			}
			w.until("every job has ended", func() bool {
				s, err := w.Stats(t.Context())
				w.must(err)
				return s.OpenJobs == 0
			})
			if n := int64(w.taken()); n < made {
				t.Errorf("%d tickets for %d jobs", n, made)
			}
		})
	}
}
