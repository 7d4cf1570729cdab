package bulk

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/replay"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// replaying is a replay under way.
type replaying struct {
	progress store.Progress // the store's, or older: then more jobs are open in it than are
	targets  *replay.Targets
	policies map[string]flow.Policy // by subscription, at the version of targets
	stuck    int64                  // open jobs that could not go, when they were last counted
	counted  time.Time              // when that was
	ahead    bool                   // it has come to events that are not fanned out
}

// replayStep makes the next jobs of a replay if there is room for them, and
// completes it when there is nothing left.
func (s *Service) replayStep(ctx context.Context, cat *catalog.Catalog, r *flow.Replay, w *work) (moved bool, err error) {
	st := w.replay
	if st == nil {
		st = new(replaying)
		if st.progress, err = s.o.Store.Progress(ctx, r.ID); err != nil {
			return false, fmt.Errorf("read progress: %w", err)
		}
		w.replay = st
	}
	cursor, end := max(st.progress.Cursor, replay.Begin(r)), replay.End(r)
	if cursor >= end {
		return s.finish(ctx, r, st)
	}
	room, err := s.room(ctx, cat, r, st)
	if err != nil || room == 0 {
		return false, err
	}
	page, err := replay.Next(ctx, s.o.Store, r, cursor, room)
	if err != nil {
		return false, err
	}
	st.ahead = page.Next <= cursor
	if st.ahead {
		return false, nil
	}
	return true, s.advance(ctx, cat, r, st, page, room)
}

// advance makes the jobs of a page's events, as many as fit, and moves the
// cursor past those events.
func (s *Service) advance(ctx context.Context, cat *catalog.Catalog, r *flow.Replay, st *replaying, page replay.Page, room int) error {
	if old := st.targets; old == nil || old.Version != cat.Version {
		st.targets, st.policies = replay.At(cat, r, old), map[string]flow.Policy{}
	}
	var jobs []flow.Job
	to, examined, expunged := page.Next, page.Examined, 0
	for i := range page.Items {
		it := &page.Items[i]
		if it.Expunged() {
			expunged++
			continue
		}
		made := s.jobs(r, st, it)
		if len(jobs) > 0 && len(jobs)+len(made) > room {
			to, examined = page.Items[i-1].After, i
			break
		}
		jobs = append(jobs, made...)
	}
	// An event for very many subscriptions is made in several commits; the
	// last moves the cursor. A job that is there already is made only once.
	step := store.Advance{Work: r.ID, From: st.progress.Cursor, To: st.progress.Cursor}
	for len(jobs) > stepJobs {
		step.Jobs, jobs = jobs[:stepJobs], jobs[stepJobs:]
		if err := s.commit(ctx, st, step); err != nil {
			return err
		}
	}
	step.Jobs, step.To, step.Examined = jobs, to, examined
	if err := s.commit(ctx, st, step); err != nil {
		return err
	}
	if expunged > 0 {
		s.m.expunged.Add(float64(expunged))
		s.o.Logger.Warn("a replay passes over events whose data is gone", "replay", r.ID, "events", expunged)
	}
	return nil
}

func (s *Service) commit(ctx context.Context, st *replaying, step store.Advance) error {
	before := st.progress.Created
	p, err := s.o.Store.Advance(ctx, step, s.o.Now())
	if err != nil {
		return fmt.Errorf("advance: %w", err)
	}
	s.m.jobs.Add(float64(p.Created - before))
	st.progress = p
	return nil
}

// jobs are those of one event: one for each subscription that it goes to, or
// one for the replay's own target.
func (s *Service) jobs(r *flow.Replay, st *replaying, it *replay.Item) []flow.Job {
	e := &it.Event
	base := flow.Job{
		Position: e.Position, EventID: e.ID, ClientID: e.ClientID, ReplayID: r.ID, MessageGroup: e.MessageGroup,
	}
	if r.Elsewhere() {
		j := base
		if r.Ordered {
			j.Mode = flow.NextOnError
		}
		j.Lane, j.Policy = flow.ReplayLane(r.ID, ""), flow.DefaultPolicy()
		j.OrderKey = flow.NewOrderKey(j.Mode, j.Lane, e.ClientID, e.MessageGroup, r.ID)
		return []flow.Job{j}
	}
	var jobs []flow.Job
	for _, sub := range st.targets.Of(r, it) {
		j := base
		j.SubscriptionID, j.Lane, j.Policy = sub.ID, flow.ReplayLane(r.ID, sub.ID), st.policy(sub)
		j.Mode, _ = flow.ParseMode(sub.Mode)
		j.OrderKey = flow.NewOrderKey(j.Mode, sub.ID, e.ClientID, e.MessageGroup, r.ID)
		jobs = append(jobs, j)
	}
	return jobs
}

func (st *replaying) policy(sub *resource.Subscription) flow.Policy {
	p, ok := st.policies[sub.ID]
	if !ok {
		p = catalog.Policy(sub)
		st.policies[sub.ID] = p
	}
	return p
}

// finish completes a replay of which no job is open.
func (s *Service) finish(ctx context.Context, r *flow.Replay, st *replaying) (bool, error) {
	p, err := s.o.Store.Progress(ctx, r.ID)
	if err != nil {
		return false, fmt.Errorf("read progress: %w", err)
	}
	st.progress = p
	if p.Open() > 0 {
		return false, nil
	}
	return true, s.endReplay(ctx, r.ID)
}

// The bounds of what a replay has open.
const (
	minOpen  = 200
	freeOpen = 1000 // of a replay without a rate
	maxOpen  = 5000 // with all that is stuck
	recount  = time.Second
)

// bound is how many jobs that could go a replay may have open: two seconds of
// its rate.
func bound(r *flow.Replay) int64 {
	if r.Rate <= 0 {
		return freeOpen
	}
	return int64(min(max(minOpen, 2*r.Rate), maxOpen))
}

// room is how many jobs to make now. It is 0 until there is room for a step,
// so that a replay in its stride makes full steps.
func (s *Service) room(ctx context.Context, cat *catalog.Catalog, r *flow.Replay, st *replaying) (int, error) {
	room := func() int64 {
		return min(bound(r)-(st.progress.Open()-st.stuck), maxOpen-st.progress.Open(), stepJobs)
	}
	if room() < stepJobs {
		p, err := s.o.Store.Progress(ctx, r.ID)
		if err != nil {
			return 0, fmt.Errorf("read progress: %w", err)
		}
		st.progress = p
		st.stuck = min(st.stuck, p.Open())
	}
	if now := s.o.Now(); room() < stepJobs && now.Sub(st.counted) >= recount {
		ready, err := s.ready(ctx, cat, r, now)
		if err != nil {
			return 0, err
		}
		st.counted, st.stuck = now, max(0, st.progress.Open()-ready)
	}
	if n := room(); n >= stepJobs {
		return int(n), nil
	}
	return 0, nil
}

// ready counts the jobs of a replay that are out or could go now.
func (s *Service) ready(ctx context.Context, cat *catalog.Catalog, r *flow.Replay, now time.Time) (int64, error) {
	prefix := flow.ReplayLane(r.ID, "")
	// The names of its lanes begin with the prefix, which is one of them.
	lanes, err := s.o.Store.Lanes(ctx, prefix[:len(prefix)-1], 1000)
	if err != nil {
		return 0, fmt.Errorf("list lanes: %w", err)
	}
	holds, err := s.o.Store.ListHolds(ctx, now)
	if err != nil {
		return 0, fmt.Errorf("list holds: %w", err)
	}
	held := func(endpoint string) bool {
		return slices.ContainsFunc(holds, func(h store.Hold) bool { return h.Endpoint == endpoint && h.Until.After(now) })
	}
	var ready int64
	for _, lane := range lanes {
		if id, _, ok := flow.ParseReplayLane(lane.Name); !ok || id != r.ID {
			break
		}
		route, known := cat.RouteLane(lane.Name)
		if !known || route.Wait != "" || held(route.Endpoint) {
			continue
		}
		offer, err := s.o.Store.Offer(ctx, lane.Name, int(bound(r)), now)
		if err != nil {
			return 0, fmt.Errorf("look into lane %s: %w", lane.Name, err)
		}
		ready += int64(offer.Out + len(offer.Jobs))
	}
	return ready, nil
}
