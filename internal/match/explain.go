package match

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/flowcatalyst/fc/client/resource"
)

// The clauses that can say no, in the order in which they are asked.
const (
	ClauseClient  = "client"
	ClauseStatus  = "status"
	ClausePattern = "pattern"
	ClauseFilter  = "filter"
)

// Verdict says whether an event goes to a subscription, and why.
type Verdict struct {
	Matched bool
	Clause  string // which one said no; empty when matched
	Detail  string // a sentence
	Value   string // what the clause saw in the event or the subscription
}

// Explain says whether an event goes to a subscription, and which clause
// said no. It agrees with what Match of a set with that subscription does.
func Explain(e *Event, sub *resource.Subscription) Verdict {
	return new(Set).Explain(e, sub)
}

// Explain is the function of the same name with the filters that the set
// has compiled.
func (s *Set) Explain(e *Event, sub *resource.Subscription) Verdict {
	if sub.ClientID != "" && sub.ClientID != e.ClientID {
		owner := "client " + e.ClientID
		if e.ClientID == "" {
			owner = "no client"
		}
		return Verdict{Clause: ClauseClient, Value: e.ClientID,
			Detail: fmt.Sprintf("the subscription sees only events of client %s, and the event belongs to %s", sub.ClientID, owner)}
	}
	if sub.Status == resource.SubscriptionArchived {
		return Verdict{Clause: ClauseStatus, Value: sub.Status, Detail: "the subscription is archived"}
	}
	filters, problem := s.filtersOf(sub)
	if problem != nil {
		clause := ClauseFilter
		if strings.HasSuffix(problem.Field, "eventTypeCode") {
			clause = ClausePattern
		}
		return Verdict{Clause: clause, Detail: fmt.Sprintf("the subscription matches nothing, because %s %s", problem.Field, problem.Detail)}
	}
	in := &input{event: e}
	var refused []string
	var values []string
	for b, binding := range sub.EventTypes {
		if !covers(binding.EventTypeCode, e.Type) {
			continue
		}
		if filters[b] == nil {
			return matched(sub, fmt.Sprintf("pattern %s covers the event's type", binding.EventTypeCode), e.Type)
		}
		yes, err := filters[b].holds(in)
		value := filters[b].seen(in)
		if yes && err == nil {
			return matched(sub, fmt.Sprintf("pattern %s covers the event's type and its filter is true", binding.EventTypeCode), value)
		}
		if err != nil {
			refused = append(refused, fmt.Sprintf("the filter of pattern %s failed on this event: %v", binding.EventTypeCode, err))
		} else {
			refused = append(refused, fmt.Sprintf("the filter of pattern %s is false", binding.EventTypeCode))
		}
		if value != "" {
			values = append(values, value)
		}
	}
	if len(refused) > 0 {
		return Verdict{Clause: ClauseFilter, Detail: strings.Join(refused, "; "), Value: strings.Join(values, "; ")}
	}
	if _, ok := split(e.Type); !ok {
		return Verdict{Clause: ClausePattern, Value: e.Type, Detail: "the event's type does not have four segments"}
	}
	return Verdict{Clause: ClausePattern, Value: e.Type, Detail: "no pattern of the subscription covers the event's type"}
}

func matched(sub *resource.Subscription, detail, value string) Verdict {
	if sub.Status == resource.SubscriptionPaused {
		detail += "; the subscription is paused, so its job waits"
	}
	return Verdict{Matched: true, Detail: detail, Value: value}
}

// filtersOf compiles the filters of a subscription without touching the set,
// which others may be reading.
func (s *Set) filtersOf(sub *resource.Subscription) ([]filter, *Problem) {
	scratch := Set{cache: map[resource.Filter]filter{}}
	return scratch.compile(sub, s.cache)
}

// show writes a value as JSON, shortened for a line of text.
func show(v any) string {
	var s string
	switch t := v.(type) {
	case time.Time:
		s = t.UTC().Format(time.RFC3339Nano)
	default:
		b, err := json.Marshal(v)
		if err != nil {
			s = fmt.Sprint(v)
		} else {
			s = string(b)
		}
	}
	if len(s) > maxSeenLen {
		cut := maxSeenLen
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	return s
}
