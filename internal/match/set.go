package match

import (
	"cmp"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/flowcatalyst/fc/client/resource"
)

// Set is the subscriptions of one moment, indexed. It never changes and may
// be used by any number of goroutines.
type Set struct {
	// OnFilterError, if it is set before the first Match, is told of each
	// filter that failed on an event. It is called from Match and must not
	// block.
	OnFilterError func(sub *resource.Subscription, e *Event, err error)

	subs    []*resource.Subscription
	filters [][]filter       // per subscription and binding; nil matches all
	roots   map[string]*node // by client; "" sees every client's events
	cache   map[resource.Filter]filter
	errors  atomic.Int64
}

// Problem is a subscription that can not be compiled, and why. It matches
// nothing until it is mended.
type Problem struct {
	Sub    *resource.Subscription
	Field  string // the JSON name: "eventTypes[0].filter"
	Detail string // a sentence
}

func (p Problem) Error() string {
	return fmt.Sprintf("subscription %s: %s %s", p.Sub.Code, p.Field, p.Detail)
}

// Compile indexes subscriptions. One that does not compile matches nothing
// and is reported; it never stops the others. The subscriptions must not be
// changed afterwards.
func Compile(subs []*resource.Subscription) (*Set, []Problem) {
	return new(Set).Recompile(subs)
}

// Recompile is Compile that takes over the filters which s has compiled
// already, and its error hook. It leaves s as it is.
func (s *Set) Recompile(subs []*resource.Subscription) (*Set, []Problem) {
	n := &Set{
		OnFilterError: s.OnFilterError,
		subs:          slices.Clone(subs),
		filters:       make([][]filter, len(subs)),
		roots:         map[string]*node{},
		cache:         map[resource.Filter]filter{},
	}
	var problems []Problem
	for i, sub := range n.subs {
		if sub.Status == resource.SubscriptionArchived {
			continue
		}
		filters, problem := n.compile(sub, s.cache)
		if problem != nil {
			problems = append(problems, *problem)
			continue
		}
		n.filters[i] = filters
		root := n.roots[sub.ClientID]
		if root == nil {
			root = new(node)
			n.roots[sub.ClientID] = root
		}
		for b := range sub.EventTypes {
			root.add(sub.EventTypes[b].EventTypeCode, entry{int32(i), int32(b)})
		}
	}
	return n, problems
}

// compile compiles the filters of one subscription, or finds them among the
// known ones.
func (s *Set) compile(sub *resource.Subscription, known map[resource.Filter]filter) ([]filter, *Problem) {
	filters := make([]filter, len(sub.EventTypes))
	for b, binding := range sub.EventTypes {
		if p := resource.CheckPattern(binding.EventTypeCode); p != "" {
			return nil, &Problem{sub, fmt.Sprintf("eventTypes[%d].eventTypeCode", b), p}
		}
		f, ok := s.cache[binding.Filter]
		if !ok {
			f, ok = known[binding.Filter]
		}
		if !ok {
			var err error
			if f, err = parse(binding.Filter); err != nil {
				return nil, &Problem{sub, fmt.Sprintf("eventTypes[%d].filter", b), err.Error()}
			}
		}
		s.cache[binding.Filter] = f
		filters[b] = f
	}
	return filters, nil
}

// Match appends to dst the subscriptions that want the event, each at most
// once, in the order in which they were given to Compile.
func (s *Set) Match(e *Event, dst []*resource.Subscription) []*resource.Subscription {
	segments, ok := split(e.Type)
	if !ok {
		return dst
	}
	var room [64]entry
	found := s.roots[""].find(segments[:], room[:0])
	if e.ClientID != "" {
		found = s.roots[e.ClientID].find(segments[:], found)
	}
	if len(found) > 1 {
		slices.SortFunc(found, func(a, b entry) int {
			return cmp.Or(cmp.Compare(a.sub, b.sub), cmp.Compare(a.binding, b.binding))
		})
	}
	var in *input
	taken := int32(-1)
	for _, f := range found {
		if f.sub == taken {
			continue
		}
		sub := s.subs[f.sub]
		if filter := s.filters[f.sub][f.binding]; filter != nil {
			if in == nil {
				in = &input{event: e}
			}
			yes, err := filter.holds(in)
			if err != nil {
				s.errors.Add(1)
				if s.OnFilterError != nil {
					s.OnFilterError(sub, e, err)
				}
			}
			if err != nil || !yes {
				continue
			}
		}
		taken = f.sub
		dst = append(dst, sub)
	}
	return dst
}

// Len is the number of subscriptions given to Compile.
func (s *Set) Len() int { return len(s.subs) }

// FilterErrors is how many evaluations of filters have failed so far.
func (s *Set) FilterErrors() int64 { return s.errors.Load() }
