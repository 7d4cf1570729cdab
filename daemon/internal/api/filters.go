package api

import (
	"strings"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// TypesQuery are the filters by event type of lists of events and jobs.
type TypesQuery struct {
	Type         []string `query:"type,explode" doc:"One or more of four segments, each a word or *, repeated or separated by commas"`
	Types        []string `query:"types,explode" doc:"The same as type"`
	Applications []string `query:"applications,explode" doc:"The first segment of the type: one or more, repeated or separated by commas"`
	Subdomains   []string `query:"subdomains,explode" doc:"The second segment of the type"`
	Aggregates   []string `query:"aggregates,explode" doc:"The third segment of the type"`
}

func (q *TypesQuery) filter() (store.TypeFilter, error) {
	f := store.TypeFilter{
		Patterns: words(q.Type, q.Types), Applications: words(q.Applications),
		Subdomains: words(q.Subdomains), Aggregates: words(q.Aggregates),
	}
	for _, p := range f.Patterns {
		if why := resource.CheckPattern(p); why != "" {
			return f, badField("type", why, "orders:fulfillment:*:*")
		}
	}
	return f, nil
}

// words are the values of a filter that may be repeated, and may each be a list
// with commas.
func words(lists ...[]string) (out []string) {
	for _, list := range lists {
		for _, values := range list {
			for v := range strings.SplitSeq(values, ",") {
				if v = strings.TrimSpace(v); v != "" {
					out = append(out, v)
				}
			}
		}
	}
	return out
}
