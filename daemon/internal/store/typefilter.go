package store

import (
	"slices"
	"strings"
)

// TypeFilter chooses event types: those that one of each list's entries fits.
// An empty list chooses all.
type TypeFilter struct {
	Patterns     []string // four segments, each a word or "*"
	Applications []string // the first segment
	Subdomains   []string // the second
	Aggregates   []string // the third
}

// Empty says that all types are chosen.
func (f *TypeFilter) Empty() bool {
	return len(f.Patterns) == 0 && len(f.Applications) == 0 && len(f.Subdomains) == 0 && len(f.Aggregates) == 0
}

// Match says whether a type is chosen. A code that has fewer segments lacks
// the others, and is not chosen by what asks for them.
func (f *TypeFilter) Match(typ string) bool {
	if len(f.Patterns) > 0 && !slices.ContainsFunc(f.Patterns, func(p string) bool { return MatchType(p, typ) }) {
		return false
	}
	rest, more := typ, true
	for _, allowed := range [...][]string{f.Applications, f.Subdomains, f.Aggregates} {
		has := more
		var word string
		word, rest, more = strings.Cut(rest, ":")
		if len(allowed) > 0 && (!has || !slices.Contains(allowed, word)) {
			return false
		}
	}
	return true
}

// MatchType compares an event type with a pattern of words and "*".
func MatchType(pattern, typ string) bool {
	for {
		p, prest, pmore := strings.Cut(pattern, ":")
		w, wrest, wmore := strings.Cut(typ, ":")
		if p != "*" && p != w || pmore != wmore {
			return false
		}
		if !pmore {
			return true
		}
		pattern, typ = prest, wrest
	}
}

// Within are the clients that both a scope and a list choose, and whether
// they are all named: not where everything or anchor level is among them.
func Within(sc Scope, clients []string) (both []string, named bool) {
	if sc.All {
		both = slices.Clone(clients)
	} else {
		for _, c := range sc.Clients {
			if c != "" && (len(clients) == 0 || slices.Contains(clients, c)) {
				both = append(both, c)
			}
		}
	}
	slices.Sort(both)
	both = slices.Compact(both)
	return both, (!sc.All || len(clients) > 0) && !slices.Contains(both, "")
}
