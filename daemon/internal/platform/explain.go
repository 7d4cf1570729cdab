package platform

import (
	"context"
	"sync/atomic"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/internal/match"
)

// Explanation says whether an event goes to a subscription, and why (not).
type Explanation struct {
	Subscription *resource.Subscription
	match.Verdict
}

// Explain answers for one subscription (its id or code), or for all that the
// caller sees.
func (p *Platform) Explain(ctx context.Context, c Caller, eventID, subscription string) (flow.Event, []Explanation, error) {
	e, err := p.Event(ctx, c, eventID)
	if err != nil {
		return e, nil, err
	}
	w, err := p.currentWorld(ctx)
	if err != nil {
		return e, nil, err
	}
	set := p.compiled.at(w)
	if subscription != "" {
		info, _ := resource.InfoOf(resource.KindSubscription)
		r, err := w.lookup(c, info, subscription, "")
		if err != nil {
			return e, nil, err
		}
		s := r.(*resource.Subscription)
		return e, []Explanation{{s, set.Explain(e.Facts(), s)}}, nil
	}
	var all []Explanation
	for _, r := range w.sorted[resource.KindSubscription] {
		if s := r.(*resource.Subscription); c.Scope.Sees(s.ClientID) {
			all = append(all, Explanation{s, set.Explain(e.Facts(), s)})
		}
	}
	return e, all, nil
}

// compiled keeps the filters of one version of the world compiled, so that
// explaining a thousand subscriptions compiles each filter once.
type compiled struct {
	last atomic.Pointer[compiledSet]
}

type compiledSet struct {
	version int64
	set     *match.Set
}

func (k *compiled) at(w *world) *match.Set {
	old := k.last.Load()
	if old != nil && old.version == w.version {
		return old.set
	}
	from := new(match.Set)
	if old != nil {
		from = old.set
	}
	subs := make([]*resource.Subscription, 0, len(w.sorted[resource.KindSubscription]))
	for _, r := range w.sorted[resource.KindSubscription] {
		subs = append(subs, r.(*resource.Subscription))
	}
	set, _ := from.Recompile(subs) // what does not compile says so in Explain
	made := &compiledSet{w.version, set}
	for last := old; last == nil || last.version < made.version; last = k.last.Load() {
		if k.last.CompareAndSwap(last, made) {
			break
		}
	}
	return set
}
