package replay

import (
	"cmp"
	"slices"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/internal/match"
)

// Targets is where the events of one replay go, as one catalog has it.
type Targets struct {
	Version int64
	set     *match.Set
	found   []*resource.Subscription
}

// At compiles the targets of a replay. It takes over the filters of an older
// value, which may be nil, and returns that value itself where nothing has
// changed. A subscription that does not compile gets nothing.
func At(cat *catalog.Catalog, r *flow.Replay, old *Targets) *Targets {
	if old != nil && old.Version == cat.Version {
		return old
	}
	t := &Targets{Version: cat.Version}
	if r.Elsewhere() {
		return t
	}
	var subs []*resource.Subscription
	for _, s := range cat.Subscriptions {
		if mine(r, s) {
			subs = append(subs, s)
		}
	}
	slices.SortFunc(subs, func(a, b *resource.Subscription) int { return cmp.Compare(a.ID, b.ID) })
	from := new(match.Set)
	if old != nil && old.set != nil {
		from = old.set
	}
	t.set, _ = from.Recompile(subs)
	return t
}

// mine says that a replay may go to a subscription: one that it names, of its
// own client if it has one.
func mine(r *flow.Replay, s *resource.Subscription) bool {
	return wants(r, s.ID) && (r.ClientID == "" || s.ClientID == r.ClientID)
}

// wants says that a replay names a subscription, or all.
func wants(r *flow.Replay, subscriptionID string) bool {
	return len(r.Subscriptions) == 0 || slices.Contains(r.Subscriptions, subscriptionID)
}

// Of returns the subscriptions that an event of the replay goes to, in order
// of their ids. They are good until the next call. Of a replay that goes
// elsewhere it returns none.
func (t *Targets) Of(r *flow.Replay, it *Item) []*resource.Subscription {
	if t.set == nil {
		return nil
	}
	t.found = t.set.Match(it.Event.Facts(), t.found[:0])
	if r.FailedOnly {
		t.found = slices.DeleteFunc(t.found, func(s *resource.Subscription) bool { return !slices.Contains(it.Failed, s.ID) })
	}
	return t.found
}
