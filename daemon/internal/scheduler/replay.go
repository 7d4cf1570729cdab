package scheduler

import (
	"container/list"
	"context"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

// replayWindow is how many tickets of a replay may be out at one endpoint, if
// two seconds of its rate are not less.
const replayWindow = 64

func windowOfReplay(rate float64) int {
	if rate <= 0 {
		return replayWindow
	}
	return int(max(min(replayWindow, 2*rate), 1))
}

// serveBeneath gives replays what the live lanes of an endpoint left: room in a
// quarter of its window, so that three quarters are free for a live event that
// comes next, and one ticket at a time while live lanes have a backlog.
func (s *Scheduler) serveBeneath(ctx context.Context, cat *catalog.Catalog, e *endpoint) error {
	if e.filling {
		return nil // its live lanes come first, in the next round
	}
	now := s.o.Now()
	room, window := s.room(e, now)
	most := max(window/4, 1)
	if e.wants.Len() > 0 {
		most = 1 // what is free is for them, when it is enough for a look
	}
	room = min(room, most-e.low, s.o.BatchSize)
	if room <= 0 || e.beneath.Len() == 0 {
		return nil
	}
	var dry map[flow.ID]bool // replays that must wait for their rate
	var turn, next *list.Element
	last := e.beneath.Back()
	for turn = e.beneath.Front(); turn != nil && room > 0; turn = next {
		if next = turn.Next(); turn == last {
			next = nil // those that come after it had their turn
		}
		l := turn.Value.(*lane)
		rate := 0.0
		if rp := cat.Replays[l.replay]; rp != nil {
			rate = rp.Rate
		}
		own := windowOfReplay(rate)
		allowed := min(own-l.out, room)
		if allowed <= 0 || l.full && l.out > 0 && allowed < own/4 || dry[l.replay] {
			continue
		}
		b := s.bucketOf(l.replay, rate, now)
		if b != nil {
			allowed = min(allowed, b.have())
		}
		n := 0
		if allowed > 0 {
			var err error
			if n, err = s.give(ctx, cat, l, allowed); err != nil {
				return err
			}
			room -= n
		}
		if n > 0 {
			s.meals++
			e.fed = s.meals
		}
		if l.place != nil && n > 0 {
			e.beneath.MoveToBack(l.place)
		}
		if b != nil {
			// One lane is looked at when there is more; it has the others of
			// its endpoint looked at as well.
			if b.tokens -= float64(n); b.have() == 0 && e.beneath.Len() > 0 {
				dry = mark(dry, l.replay)
				s.lanes.at(l.name, b.next())
			}
		}
		s.ledger.tidy(l)
	}
	return nil
}

func mark(m map[flow.ID]bool, id flow.ID) map[flow.ID]bool {
	if m == nil {
		m = map[flow.ID]bool{}
	}
	m[id] = true
	return m
}

// bucket spreads what a replay starts over each second: it fills at the rate
// and takes no more than a tenth of a second of it.
type bucket struct {
	rate, tokens float64
	at           time.Time
}

// bucketOf is the bucket of a replay as it stands now; nil without a rate.
func (s *Scheduler) bucketOf(replay flow.ID, rate float64, now time.Time) *bucket {
	if rate <= 0 {
		return nil
	}
	b := s.rates[replay]
	if b == nil {
		b = &bucket{rate: rate, at: now}
		b.tokens = b.size()
		s.rates[replay] = b
	}
	b.fill(rate, now)
	return b
}

func (b *bucket) size() float64 { return max(b.rate/10, 1) }

func (b *bucket) fill(rate float64, now time.Time) {
	b.rate = rate
	if d := now.Sub(b.at); d > 0 {
		b.tokens = min(b.tokens+d.Seconds()*rate, b.size())
	}
	b.at = now
}

// portion is how many tokens are worth a look: half of what it holds.
func (b *bucket) portion() float64 { return max(b.size()/2, 1) }

// have is how many tickets may go now.
func (b *bucket) have() int {
	if b.tokens < b.portion()-1e-9 {
		return 0
	}
	return int(b.tokens + 1e-9)
}

// next is when the next may go, or in an hour if that is later: a rate may be
// so low that the time until then is more than a Duration holds.
func (b *bucket) next() time.Time {
	lacks := min(max(b.portion()-b.tokens, 0)/b.rate, time.Hour.Seconds())
	return b.at.Add(time.Duration(lacks*float64(time.Second)) + time.Nanosecond)
}

// forgetRates drops the buckets that are full, which new ones would be.
func (s *Scheduler) forgetRates(now time.Time) {
	for id, b := range s.rates {
		if b.fill(b.rate, now); b.tokens >= b.size() {
			delete(s.rates, id)
		}
	}
}
