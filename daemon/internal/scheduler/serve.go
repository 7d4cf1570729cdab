package scheduler

import (
	"cmp"
	"context"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/queue"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

const (
	// minWindow is how many tickets may be out for any endpoint that is not
	// held.
	minWindow = 256
	// maxSkipped is how many tasks that must not go are looked past for one
	// that may.
	maxSkipped = 8192
	// heldPark is for how long those are put aside that stood before others
	// in greater number than that.
	heldPark = time.Minute
)

// windowOf is how many tickets may be out for the sake of a lane: the largest
// of 256, four times its concurrency and two seconds of its rate limit.
func windowOf(r catalog.Route) int {
	n := minWindow
	switch c := r.Connection; {
	case c != nil && c.MaxConcurrency > 0:
		n = max(n, 4*c.MaxConcurrency)
	case r.Pool != nil:
		n = max(n, 4*r.Pool.Concurrency, 4*r.Pool.MaxConcurrency) // the second when it is adaptive
	}
	if r.Connection != nil {
		n = max(n, 2*int(r.Connection.RateLimit.PerSecond()))
	}
	return n
}

// widen makes the window as large as one of its lanes asks for. What lanes
// asked for by another catalog is forgotten.
func (e *endpoint) widen(cat *catalog.Catalog, window int) {
	if e.version != cat.Version {
		e.version, e.window = cat.Version, 0
	}
	e.window = max(e.window, window)
}

// routeOf is where a lane goes, and the key of its endpoint. Of the tasks of a
// lane only the endpoint is the same: each may have a pool of its own. A lane
// that can not be resolved is an endpoint for itself; it goes out as well, and
// the router ends its jobs with a reason, which beats waiting in silence.
func routeOf(cat *catalog.Catalog, lane string) (r catalog.Route, key string) {
	if key, task := flow.ParseTaskLane(lane); task {
		r.Endpoint, r.Connection = key, cat.Connections[key]
		if c := r.Connection; c != nil && c.Status == resource.ConnectionPaused {
			r.Wait = "connection " + c.Code + " is paused"
		}
		return r, key
	}
	r, _ = cat.RouteLane(lane)
	return r, cmp.Or(r.Endpoint, lane)
}

// room is how many more tickets an endpoint may have now, of how many. While
// it is held there is no room, and it is looked at again at the end of that.
func (s *Scheduler) room(e *endpoint, now time.Time) (room, window int) {
	window = e.window
	if h, held := s.holds[e.key]; held {
		if h.until.After(now) {
			s.ends.at(e.key, h.until)
			return 0, window
		}
		if h.window > 0 {
			window = min(window, h.window)
		}
	}
	return window - e.out, window
}

// serve fills the window of an endpoint with jobs of its live lanes, each its
// share. A full window is filled again when a quarter of it is free.
func (s *Scheduler) serve(ctx context.Context, cat *catalog.Catalog, e *endpoint) error {
	filling := e.filling
	e.filling = false
	room, window := s.room(e, s.o.Now())
	if e.beneath.Len() > 0 && e.low == 0 && window > 1 {
		room-- // so that a replay goes on, if slowly, whatever else there is
	}
	if room <= 0 || e.wants.Len() == 0 {
		return nil
	}
	// What is more than a batch goes in the next round, after the others.
	rest := room > s.o.BatchSize
	room = min(room, s.o.BatchSize)
	little := !filling && room < window/4
	takers := e.takers(room, window, little)
	if len(takers) == 0 {
		return nil
	}
	given := 0
	top, extra := level(takers, room)
	for _, l := range takers {
		allowed := top - l.out
		if allowed >= 0 && extra > 0 {
			allowed++
			extra--
		}
		if allowed <= 0 {
			continue
		}
		n, err := s.give(ctx, cat, l, allowed)
		if err != nil {
			return err
		}
		given += n
		rest = rest || n < allowed && !little
		if l.place != nil {
			e.wants.MoveToBack(l.place)
		}
		s.ledger.tidy(l)
	}
	if rest && given > 0 && e.wants.Len() > 0 {
		e.filling = true
		s.ends.touch(e.key)
	}
	return nil
}

// give hands a lane's next jobs out, up to n of them, and says how many.
func (s *Scheduler) give(ctx context.Context, cat *catalog.Catalog, l *lane, n int) (int, error) {
	r, key := routeOf(cat, l.name)
	if key != l.end.key {
		s.lanes.touch(l.name) // it goes elsewhere by now
		l.unwant()
		return 0, nil
	}
	if r.Wait != "" {
		l.unwant()
		return 0, nil
	}
	o, err := s.offer(ctx, l, n+l.skipped)
	if err != nil {
		return 0, err
	}
	if _, task := flow.ParseTaskLane(l.name); task || cat.HoldsClients() {
		if o, err = s.offerThose(ctx, cat, l, n, o); err != nil {
			return 0, err
		}
	}
	if len(o.Jobs) > n {
		o.Jobs, l.full = o.Jobs[:n], true
	}
	if !l.full {
		l.unwant() // a new job of the lane, or one that comes back, wakes it
	}
	if !o.Next.IsZero() {
		s.lanes.at(l.name, o.Next)
	}
	for i := range o.Jobs {
		j := &o.Jobs[i]
		if _, task := flow.ParseTaskLane(l.name); task {
			r, _ = cat.Route(j)
			l.end.widen(cat, windowOf(r))
		}
		s.add(j, &r)
		l.count(l.out + 1)
		if len(s.batch) >= s.o.BatchSize {
			if err := s.publish(ctx); err != nil {
				return 0, err
			}
		}
	}
	return len(o.Jobs), nil
}

// offer asks the store for the next n jobs of a lane.
func (s *Scheduler) offer(ctx context.Context, l *lane, n int) (store.Offer, error) {
	window := l.out + n
	o, err := s.o.Store.Offer(ctx, l.name, window, s.o.Now())
	if err != nil {
		return o, err
	}
	s.m.polled.Add(float64(len(o.Jobs)))
	l.full = len(o.Jobs) >= window-o.Out
	l.count(o.Out)
	return o, nil
}

// offerThose leaves jobs out that must not go now: tasks whose pool is
// suspended, and jobs of a client that is. Those behind them are looked for:
// one client must not hold the jobs of another, nor one pool those of another.
func (s *Scheduler) offerThose(ctx context.Context, cat *catalog.Catalog, l *lane, n int, o store.Offer) (store.Offer, error) {
	for ask := n + l.skipped; ; {
		kept, skipped := o.Jobs[:0], 0
		var parks []store.Park
		for i := 0; i < len(o.Jobs) && len(kept) < n; i++ {
			j := &o.Jobs[i]
			if r, _ := cat.Route(j); r.Wait == "" {
				kept = append(kept, *j)
			} else {
				skipped++
				parks = append(parks, store.Park{Job: j.ID, Ticket: j.Ticket + 1, Until: s.o.Now().Add(heldPark)})
			}
		}
		l.full = l.full || len(kept)+skipped < len(o.Jobs)
		if skipped == 0 || len(kept) == n || !l.full || ask > maxSkipped {
			if ask > maxSkipped && len(kept) < n {
				// Too many to look past each time: they go behind the others,
				// and come back by themselves.
				if err := s.o.Store.Park(ctx, parks, s.o.Now()); err != nil {
					return o, err
				}
				skipped = 0
			}
			l.skipped, l.full = skipped, l.full && len(kept) > 0
			o.Jobs = kept
			return o, nil
		}
		ask = 2 * ask
		var err error
		if o, err = s.offer(ctx, l, ask); err != nil {
			return o, err
		}
	}
}

// orphaned cancels the jobs of a lane that goes nowhere any more. The catalog
// may be older than the lane, so it is asked for once more.
func (s *Scheduler) orphaned(ctx context.Context, cat *catalog.Catalog, lane string, why flow.Reason) error {
	fresh, err := s.o.Catalog.Get(ctx)
	if err != nil {
		return err
	}
	if fresh.Version != cat.Version {
		if _, gone := fresh.LaneGone(lane); !gone {
			s.lanes.touch(lane)
			return nil
		}
	}
	n, err := s.o.Store.CancelLane(ctx, lane, why, s.o.Now(), s.o.BatchSize)
	if err != nil {
		return err
	}
	if n > 0 {
		s.o.Logger.Info("cancelled jobs that have nowhere to go any more", "lane", lane, "reason", string(why), "jobs", n)
		s.lanes.touch(lane)
	}
	return nil
}

func (s *Scheduler) add(j *flow.Job, r *catalog.Route) {
	id := j.ID.String()
	m := queue.Message{
		ID: queue.MessageID(id, j.Ticket+1), JobID: id, Ticket: j.Ticket + 1,
		PoolCode: r.Pool.Code, MediationType: queue.MediationHTTP, MediationTarget: r.URL,
		MessageGroupID: j.MessageGroup, DispatchMode: j.Mode.String(), ClientID: j.ClientID, SubscriptionID: j.SubscriptionID,
		OrderKey: j.OrderKey.String(),
	}
	if r.Connection != nil {
		m.ConnectionID = r.Connection.ID
	}
	if j.ReplayID != 0 {
		m.ReplayID = j.ReplayID.String()
	}
	s.batch = append(s.batch, m)
	s.marks = append(s.marks, store.Ticket{Job: j.ID, Number: j.Ticket + 1})
}
