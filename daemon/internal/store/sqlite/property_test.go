package sqlite

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// crowd is several callers who do anything with one store at once.
type crowd struct {
	testing.TB
	st *Store

	mu    sync.Mutex
	ids   []flow.ID
	begun []flow.Job
}

const (
	crowdReplay  flow.ID = 77
	crowdLetters flow.ID = 78
)

var (
	crowdLanes = []string{"sub_I", "sub_N", "sub_B", flow.ReplayLane(crowdReplay, "sub_B"), flow.ReplayLane(crowdReplay, "")}
	crowdModes = []flow.Mode{flow.Immediate, flow.NextOnError, flow.BlockOnError, flow.BlockOnError, flow.NextOnError}
)

func (c *crowd) some(r *rand.Rand, n int) []flow.ID {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []flow.ID
	for range min(n, len(c.ids)) {
		out = append(out, c.ids[r.IntN(len(c.ids))])
	}
	return out
}

// do is one random verb.
func (c *crowd) do(ctx context.Context, r *rand.Rand) error {
	st, lane := c.st, crowdLanes[r.IntN(5)]
	switch r.IntN(17) {
	case 0, 1:
		var es []flow.Event
		for i := range 1 + r.IntN(4) {
			e := events(fmt.Sprint(r.Uint32()), []string{"", "a", "b"}[r.IntN(3)], 1, 50)[0]
			if i > 1 {
				e.DeduplicationID = fmt.Sprint(r.IntN(20)) // now and then one that is taken
			}
			es = append(es, e)
		}
		_, err := st.Append(ctx, es, noon)
		return err
	case 2, 3:
		b, err := st.Unfanned(ctx, 1+r.IntN(5))
		if err != nil {
			return err
		}
		var jobs []flow.Job
		for i, l := range crowdLanes[:3] {
			jobs = append(jobs, jobsFor(b, l, crowdModes[i])...)
		}
		return st.FanOut(ctx, b, jobs, noon)
	case 4, 5:
		return c.handOver(ctx, r, lane)
	case 6, 7:
		return c.finish(ctx, r)
	case 8:
		for _, id := range c.some(r, 1) {
			j, err := st.Cancel(ctx, store.Everything, id, flow.ReasonCancelled, noon)
			if err != nil || !j.Status.Final() && !j.CancelAsked {
				return fmt.Errorf("cancel %s: %s, %w", id, j.Status, err)
			}
		}
	case 9:
		for _, id := range c.some(r, 2) {
			if _, err := st.Retry(ctx, store.Everything, id, noon); err != nil {
				return err
			}
		}
	case 10:
		page, err := st.Blocked(ctx, store.Everything, store.GateQuery{Limit: 10})
		gates := page.Gates
		if err != nil || len(gates) == 0 {
			return err
		}
		g := gates[r.IntN(len(gates))]
		if r.IntN(2) == 0 {
			return st.Skip(ctx, store.Everything, g.Key, g.Holder, noon)
		}
		_, err = st.CancelWaiting(ctx, store.Everything, g.Key, noon, 1+r.IntN(3))
		return err
	case 11:
		if r.IntN(10) > 0 {
			_, err := st.Recover(ctx, noon.Add(time.Hour), noon.Add(time.Hour), 1+r.IntN(3))
			return err
		}
		_, err := st.CancelLane(ctx, lane, flow.ReasonSubscription, noon, 1+r.IntN(10))
		return err
	case 12:
		_, err := st.InsertTasks(ctx, []flow.Job{{Lane: "t:x", Policy: flow.DefaultPolicy(), Task: &flow.Task{IdempotencyKey: fmt.Sprint(r.IntN(5)), TargetURL: "x"}}}, noon)
		return err
	case 13:
		return c.spoil(ctx, r)
	case 14, 15:
		return c.replay(ctx, r)
	case 16:
		return c.letters(ctx, r)
	}
	return nil
}

// replay does the next step of a replay. Most steps are lost to others.
func (c *crowd) replay(ctx context.Context, r *rand.Rand) error {
	p, err := c.st.Progress(ctx, crowdReplay)
	if err != nil {
		return err
	}
	page, err := c.st.Scan(ctx, store.Everything, store.ScanQuery{After: p.Cursor, Limit: 1 + r.IntN(6)})
	if err != nil {
		return err
	}
	a := store.Advance{Work: crowdReplay, From: p.Cursor, To: page.Next, Examined: page.Examined}
	for i, l := range crowdLanes[3:] {
		jobs := jobsFor(store.Batch{Events: page.Events}, l, crowdModes[3+i])
		for k := range jobs {
			jobs[k].ReplayID, jobs[k].SubscriptionID = crowdReplay, flow.SubscriptionOf(l)
		}
		a.Jobs = append(a.Jobs, jobs...)
	}
	_, err = c.st.Advance(ctx, a, noon)
	return err
}

// letters acts on some dead letters, one at a time or many in a step.
func (c *crowd) letters(ctx context.Context, r *rand.Rand) error {
	page, err := c.st.Letters(ctx, store.Everything, 0, store.JobQuery{Limit: 1 + r.IntN(5)})
	if err != nil || len(page.Jobs) == 0 {
		return err
	}
	if r.IntN(2) == 0 {
		_, err := c.st.Discard(ctx, store.Everything, page.Jobs[0].Job.ID, "enough", noon)
		return err
	}
	p, err := c.st.Progress(ctx, crowdLetters)
	if err != nil {
		return err
	}
	a := store.Advance{Work: crowdLetters, From: p.Cursor, To: p.Cursor + 1, Act: []flow.LetterAct{flow.LettersRetry, flow.LettersDiscard}[r.IntN(2)]}
	for _, v := range page.Jobs {
		a.Letters = append(a.Letters, v.Job.ID)
	}
	_, err = c.st.Advance(ctx, a, noon)
	return err
}

func (c *crowd) handOver(ctx context.Context, r *rand.Rand, lane string) error {
	o, err := c.st.Offer(ctx, lane, 1+r.IntN(8), noon.Add(time.Duration(r.IntN(3))*time.Minute))
	if err != nil {
		return err
	}
	var tickets []store.Ticket
	var starts []store.Start
	var parks []store.Park
	for _, j := range o.Jobs {
		ticket := j.Ticket + 1
		tickets = append(tickets, store.Ticket{Job: j.ID, Number: ticket})
		switch r.IntN(8) {
		case 0:
			parks = append(parks, store.Park{Job: j.ID, Ticket: ticket, Until: noon.Add(time.Minute)})
		case 1:
			ticket-- // stale
			fallthrough
		default:
			starts = append(starts, store.Start{Job: j.ID, Ticket: ticket, Owner: "r1", Slack: time.Second})
		}
		c.mu.Lock()
		c.ids = append(c.ids, j.ID)
		c.mu.Unlock()
	}
	if r.IntN(3) > 0 {
		err = c.st.MarkQueued(ctx, tickets, noon)
	}
	perr := c.st.Park(ctx, parks, noon)
	started, serr := c.st.Start(ctx, starts, noon)
	c.mu.Lock()
	for _, s := range started {
		if s.Result == store.StartOK {
			c.begun = append(c.begun, s.Job)
		}
	}
	c.mu.Unlock()
	return errors.Join(err, perr, serr)
}

func (c *crowd) finish(ctx context.Context, r *rand.Rand) error {
	c.mu.Lock()
	n := min(len(c.begun), 1+r.IntN(4))
	begun := c.begun[:n:n]
	c.begun = c.begun[n:]
	c.mu.Unlock()
	var outs []store.Outcome
	for _, j := range begun {
		outs = append(outs, outcome(j, []flow.Verdict{flow.Delivered, flow.Delivered, flow.Retry, flow.Reject, flow.Deferred}[r.IntN(5)]))
	}
	recorded, err := c.st.Record(ctx, outs, noon)
	for i, got := range recorded {
		// A router whose lease was taken away meanwhile learns that it lost.
		if got.Err == nil && got.Job.Status == flow.Processing {
			c.Errorf("job %s is still PROCESSING after its outcome %v was recorded", got.Job.ID, outs[i].Attempt.Verdict)
		}
	}
	return err
}

// spoil does a lot and then fails.
func (c *crowd) spoil(ctx context.Context, r *rand.Rand) error {
	ids, e := c.some(r, 3), events(fmt.Sprint(r.Uint32()), "", 1, 10)[0]
	return c.st.write(ctx, func(x *tx) error {
		if _, _, err := x.insertEvent(e, noon); err != nil {
			return err
		}
		for _, id := range ids {
			j, err := x.load(id)
			if err != nil {
				return err
			}
			if _, err := x.start(&store.Start{Job: id, Ticket: j.Ticket + 1, Owner: "nobody"}, noon); err != nil {
				return err
			}
			if j, err = x.load(id); err == nil {
				_, err = x.cancel(j, flow.ReasonCancelled, noon)
			}
			if err != nil {
				return err
			}
		}
		return errBoom
	})
}

// Whatever many callers do at once, whoever of them fails or gives up, what
// is in memory is what is on disk, and every job can still be brought to an
// end.
func TestMemoryNeverDriftsFromTheFile(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			o := Options{Now: noon, CacheBytes: 20_000, HotJobs: []int{16_384, 24, 8}[seed]}
			c := &crowd{TB: t, st: open(t, dir, o)}
			for round := range 3 {
				var wg sync.WaitGroup
				for g := range uint64(5) {
					r := rand.New(rand.NewPCG(seed, uint64(round)<<8|g))
					wg.Go(func() {
						for range 40 {
							ctx, cancel := t.Context(), context.CancelFunc(func() {})
							if r.IntN(10) == 0 {
								ctx, cancel = context.WithCancel(ctx)
								go cancel()
							}
							switch err := c.do(ctx, r); {
							case err == nil, errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrNotFound),
								errors.Is(err, errBoom), errors.Is(err, context.Canceled):
							default:
								t.Error(err)
							}
							cancel()
						}
					})
				}
				wg.Wait()
				wantConsistent(t, c.st)
				if round == 1 {
					shut(t, c.st)
					c.st = open(t, dir, o)
					c.begun = nil
					wantConsistent(t, c.st)
				}
			}
			c.end()
			shut(t, c.st)
		})
	}
}

// end brings all jobs to their end.
func (c *crowd) end() {
	c.Helper()
	later := noon.Add(24 * time.Hour)
	if _, err := c.st.Recover(c.Context(), later, later, 1<<20); err != nil {
		c.Fatal(err)
	}
	for _, lane := range append([]string{"t:x"}, crowdLanes...) {
		for {
			o, err := c.st.Offer(c.Context(), lane, 1<<20, later)
			must(c, err)
			if len(o.Jobs) == 0 {
				break
			}
			for _, j := range o.Jobs {
				must(c, c.st.MarkQueued(c.Context(), []store.Ticket{{Job: j.ID, Number: j.Ticket + 1}}, noon))
				record(c, c.st, start(c, c.st, j.ID, j.Ticket+1), flow.Delivered)
			}
		}
	}
	page, err := c.st.Blocked(c.Context(), store.Everything, store.GateQuery{Limit: 1000})
	gates := page.Gates
	must(c, err)
	for _, g := range gates {
		must(c, c.st.Skip(c.Context(), store.Everything, g.Key, g.Holder, noon))
	}
	if len(gates) > 0 {
		c.end()
		return
	}
	s, err := c.st.Stats(c.Context())
	must(c, err)
	if s.OpenJobs != 0 || s.BlockedKeys != 0 {
		c.Errorf("%d jobs and %d keys are left that nothing can end", s.OpenJobs, s.BlockedKeys)
	}
}
