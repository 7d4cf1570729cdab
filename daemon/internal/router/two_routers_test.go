package router

import (
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

const pairEvents = 30

// hanging starts a router whose requests hang after the first few, and returns
// it with the jobs that it has in its hands.
func hanging(t *testing.T, p *pair) (a *process, hung map[string]bool) {
	t.Helper()
	p.holdThose(func(r arrival) bool { return r.n > 5 })
	a = p.router("A")
	p.publish(pairEvents)
	// Of the ordered lane three heads hang, of the other what its endpoint
	// may have at once.
	eventually(t, "the requests to hang", func() bool {
		heads := p.of(func(r arrival) bool { return r.n > 5 && r.lane == "/sub_block" })
		return len(heads) == 3 && p.heldNow() >= 3+8
	})
	hung = map[string]bool{}
	for _, r := range p.of(func(r arrival) bool { return r.n > 5 }) {
		hung[r.job] = true
	}
	return a, hung
}

// A router that vanished in the middle of its exchanges keeps what it had until
// its leases end; then another goes on, without a loss and in order.
func TestAnotherRouterTakesOverFromOneThatVanished(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	a, hung := hanging(t, p)
	a.kill()
	p.letGo()
	b := p.router("B")

	// The queue gives A's messages out again before the leases of their jobs
	// end: B has to leave them alone.
	p.push(pairTimeout)
	eventually(t, "the other router to meet the leases", func() bool { return p.leased.Load() >= int64(len(hung)) })
	if early := p.of(func(r arrival) bool { return r.router == "B" && hung[r.job] }); len(early) > 0 {
		t.Errorf("%d jobs were sent again before the end of their leases: %+v", len(early), early[0])
	}
	p.push(flow.LeaseSlack + time.Second)
	p.wantCompleted(pairEvents, b)
	p.wantOrder(pairEvents)

	for id := range hung {
		job, err := flow.ParseID(id)
		if err != nil {
			t.Fatal(err)
		}
		as, err := p.store.Attempts(t.Context(), store.Everything, job)
		if err != nil {
			t.Fatal(err)
		}
		v, err := p.store.Job(t.Context(), store.Everything, job)
		if err != nil {
			t.Fatal(err)
		}
		if len(as) != 2 || as[0].Verdict != flow.Lost || as[0].ErrorType != flow.ErrorUnknown || as[0].Router != "router-A" ||
			as[1].Verdict != flow.Delivered || as[1].Router != "router-B" || v.Job.Spent != 1 {
			t.Errorf("the job has spent %d, its attempts are %+v", v.Job.Spent, as)
		}
	}
}

// A router that was frozen past its leases and goes on as if nothing had been
// finds that its outcomes come too late: they change nothing.
func TestTheOutcomesOfAFrozenRouterAreRefused(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	a, hung := hanging(t, p)
	a.freeze()
	p.letGo() // the receiver answers all of them, and A can not say so
	b := p.router("B")
	p.push(pairTimeout + flow.LeaseSlack + time.Second)
	p.wantCompleted(pairEvents, b)
	stored := p.record()
	for id, r := range stored {
		if hung[id.String()] && strings.Count(r, `"Number":`) != 2 {
			t.Errorf("job %s: %s", id, r)
		}
	}

	a.thaw()
	// Those that hung, and those that were started and not sent yet.
	eventually(t, "the late outcomes", func() bool { return a.late() >= float64(len(hung)) && a.idle() })
	late := a.late()
	for id, r := range p.record() {
		if r != stored[id] {
			t.Errorf("a late outcome changed job %s:\n%s\n%s", id, stored[id], r)
		}
	}
	p.wantOrder(pairEvents)
	// Both go on together.
	p.publish(pairEvents)
	p.wantCompleted(2*pairEvents, b)
	if n := a.late(); n != late {
		t.Errorf("%v more outcomes came too late", n-late)
	}
	eventually(t, "an empty queue", func() bool {
		s, err := p.queue.Stats(t.Context())
		return err == nil && s.Pending+s.InFlight == 0
	})
}

// A router that was frozen between the start of its jobs and their requests
// must not send them when it goes on after its leases.
func TestARouterThatWakesAfterItsLeasesSendsNothing(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	a := p.router("A")
	a.freezeAfter("start")
	p.publish(3) // of three groups
	<-a.frozen
	b := p.router("B")
	p.push(pairTimeout + flow.LeaseSlack + time.Second)
	p.wantCompleted(3, b)
	p.publish(3)
	p.wantCompleted(6, b)
	a.thaw()
	eventually(t, "the late outcomes", func() bool { return a.late() > 0 })
	if sent := p.of(func(r arrival) bool { return r.router == "A" }); len(sent) > 0 {
		t.Errorf("it sent %d requests after the end of its leases: %+v", len(sent), sent)
	}
}
