package scheduler

import (
	"context"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// hold is what the holds of an endpoint come to.
type hold struct {
	until  time.Time // the latest of them
	window int       // the least of those that name one; 0 is none
}

// readHolds reads all holds, and has the endpoints looked at whose holds
// changed.
func (s *Scheduler) readHolds(ctx context.Context, now time.Time) error {
	all, err := s.o.Store.ListHolds(ctx, now)
	if err != nil {
		return err
	}
	holds := make(map[string]hold, len(all))
	for _, one := range all {
		h := holds[one.Endpoint]
		if one.Until.After(h.until) {
			h.until = one.Until
		}
		if one.Window > 0 && (h.window == 0 || one.Window < h.window) {
			h.window = one.Window
		}
		holds[one.Endpoint] = h
	}
	for key, h := range holds {
		if was, held := s.holds[key]; !held || !was.until.Equal(h.until) || was.window != h.window {
			s.ends.touch(key)
		}
	}
	for key := range s.holds {
		if _, held := holds[key]; !held {
			s.ends.touch(key)
		}
	}
	s.holds = holds
	return nil
}

const (
	// page is how many lanes are read at once.
	page = 1000
	// mournPage is how many blocked keys are looked at in a round. They come
	// with the number of jobs behind them, which has to be counted.
	mournPage = 100
)

// survey looks at all lanes. It finds what no news told of, and counts anew
// what is out.
func (s *Scheduler) survey(ctx context.Context, cat *catalog.Catalog, now time.Time) error {
	seen := map[string]bool{}
	for after := ""; ; {
		lanes, err := s.o.Store.Lanes(ctx, after, page)
		if err != nil {
			return err
		}
		names := make([]string, 0, len(lanes))
		for _, l := range lanes {
			_, gone := cat.LaneGone(l.Name)
			switch {
			case gone:
				s.lanes.touch(l.Name)
			case l.Next.IsZero():
			case l.Next.After(now):
				s.lanes.at(l.Name, l.Next)
			default:
				s.lanes.touch(l.Name)
			}
			after = l.Name
			seen[l.Name] = true
			names = append(names, l.Name)
		}
		if err := s.recount(ctx, cat, names); err != nil {
			return err
		}
		if len(lanes) < page {
			break
		}
	}
	var others []string
	for name := range s.ledger.lanes {
		if !seen[name] {
			others = append(others, name)
		}
	}
	if err := s.recount(ctx, cat, others); err != nil {
		return err
	}
	for key, e := range s.ledger.ends {
		if e.wants.Len()+e.beneath.Len() > 0 {
			s.ends.touch(key)
		}
	}
	s.forgetRates(now)
	st, err := s.o.Store.Stats(ctx)
	if err != nil {
		return err
	}
	s.m.pending.Set(float64(st.OpenJobs))
	return s.warnOfBlocked(ctx, st, now)
}

// recount reads how many tickets of lanes are out. A lane without any is
// nothing to the ledger, until it wants some.
func (s *Scheduler) recount(ctx context.Context, cat *catalog.Catalog, names []string) error {
	out, err := s.o.Store.Out(ctx, names...)
	if err != nil {
		return err
	}
	for i, name := range names {
		l := s.ledger.lanes[name]
		if l == nil && out[i] == 0 {
			continue
		}
		r, key := routeOf(cat, name)
		switch {
		case l == nil:
			l = s.ledger.at(name, key)
			l.end.widen(cat, windowOf(r))
		case l.end.key != key:
			s.lanes.touch(name) // it goes elsewhere by now
		}
		l.count(out[i])
		s.ledger.tidy(l)
	}
	return nil
}

// mourn looks, once for each catalog, for lanes that go nowhere any more. The
// survey finds those with jobs that could go; a lane whose every job waits
// behind dead letters is found by looking through the blocked keys: at the
// start, and when the catalog lost something, a page in each round.
func (s *Scheduler) mourn(ctx context.Context, cat *catalog.Catalog) error {
	if s.cat != nil && s.cat != cat && lost(s.cat, cat) {
		s.mourns, s.whole = "", false
	}
	s.cat = cat
	if s.whole {
		return nil
	}
	p, err := s.o.Store.Blocked(ctx, store.Everything, store.GateQuery{After: s.mourns, Limit: mournPage})
	if err != nil {
		return err
	}
	for i := range p.Gates {
		lane := p.Gates[i].Lane
		if _, gone := cat.LaneGone(lane); gone {
			s.lanes.touch(lane)
		}
	}
	s.mourns, s.whole = p.Next, p.Next == ""
	return nil
}

// lost says that a catalog lacks a subscription or a live replay that an
// earlier one had.
func lost(was, is *catalog.Catalog) bool {
	for id := range was.Subscriptions {
		if is.Gone(id) {
			return true
		}
	}
	for id, rp := range was.Replays {
		now := is.Replays[id]
		if now == nil || now.Status == flow.WorkCancelled && rp.Status != flow.WorkCancelled {
			return true
		}
	}
	return false
}

// recover takes back tickets and leases that must be lost.
func (s *Scheduler) recover(ctx context.Context) {
	var sum store.Recovered
	for n := s.o.BatchSize; n == s.o.BatchSize; {
		now := s.o.Now()
		r, err := s.o.Store.Recover(ctx, now.Add(-s.o.StaleAfter), now, s.o.BatchSize)
		if err != nil {
			s.o.Logger.Error("looking for lost tickets failed; it is tried again", "error", err)
			break
		}
		n = r.Stale + r.Lost
		sum.Stale, sum.Lost = sum.Stale+r.Stale, sum.Lost+r.Lost
	}
	if sum.Stale+sum.Lost > 0 {
		s.m.stale.Add(float64(sum.Stale))
		s.o.Logger.Warn("took back jobs", "lost_messages", sum.Stale, "lost_routers", sum.Lost)
	}
}
