package view

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/flowcatalyst/fc/client/resource"
)

// Resources is a table of resources of one kind.
func Resources(rs []resource.Resource, ink Ink) string {
	t := table{head: []string{"CODE"}}
	for i, r := range rs {
		names, cells := columns(r, ink)
		if i == 0 {
			t.head = append(append(t.head, names...), "CLIENT", "MANAGED BY", "REV")
		}
		m := r.Base()
		t.row(append(append([]cell{plain(r.Key())}, cells...), plain(m.ClientID), plain(m.ManagedBy), plain(strconv.FormatInt(m.Revision, 10)))...)
	}
	return t.String(ink)
}

// columns are what a kind shows between its code and its owner.
func columns(r resource.Resource, ink Ink) ([]string, []cell) {
	switch r := r.(type) {
	case *resource.EventType:
		var versions []string
		for _, v := range r.SpecVersions {
			versions = append(versions, v.Version)
		}
		return []string{"STATUS", "SCHEMAS"}, []cell{{r.Status, ink.status}, plain(strings.Join(versions, ","))}
	case *resource.DispatchPool:
		return []string{"STATUS", "CONCURRENCY", "PER MINUTE"},
			[]cell{{r.Status, ink.status}, plain(strconv.Itoa(r.Concurrency)), plain(rate(r.RateLimit))}
	case *resource.Connection:
		return []string{"STATUS", "URL", "SIGNING", "AUTH", "PER MINUTE"},
			[]cell{{r.Status, ink.status}, plain(r.URL), plain(r.Signing.Scheme), plain(words["auth.type"][r.Auth.Type]), plain(rate(r.RateLimit))}
	case *resource.Subscription:
		var patterns []string
		for _, b := range r.EventTypes {
			p := b.EventTypeCode
			if b.Filter != "" {
				p += " if " + string(b.Filter)
			}
			patterns = append(patterns, p)
		}
		return []string{"STATUS", "EVENTS", "TO", "POOL", "MODE"}, []cell{{r.Status, ink.status},
			plain(Short(strings.Join(patterns, ", "), 60)), plain(first(r.ConnectionCode, r.Target, r.ConnectionID)), plain(first(r.DispatchPoolCode, r.DispatchPoolID)), plain(r.Mode)}
	}
	return nil, nil
}

// Resource is everything about one resource: its fields as the API has them.
func Resource(r resource.Resource, ink Ink) (string, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("show %s: %w", r.Key(), err)
	}
	var f facts
	var head facts
	d := json.NewDecoder(strings.NewReader(string(b)))
	if _, err := d.Token(); err != nil {
		return "", fmt.Errorf("show %s: %w", r.Key(), err)
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return "", fmt.Errorf("show %s: %w", r.Key(), err)
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return "", fmt.Errorf("show %s: %w", r.Key(), err)
		}
		var s string
		if json.Unmarshal(raw, &s) != nil {
			s = Pretty(raw)
		}
		into := &f
		if n := fmt.Sprint(name); n == "code" || n == "name" || n == "status" {
			into = &head
		}
		into.put(fmt.Sprint(name), plain(s))
	}
	head.names, head.values = append(head.names, f.names...), append(head.values, f.values...)
	return head.String(ink), nil
}

func rate(r resource.Rate) string {
	if r == 0 {
		return ""
	}
	return strconv.FormatFloat(float64(r), 'f', -1, 64)
}

func first(ss ...string) string {
	for _, s := range ss {
		if s != "" {
			return s
		}
	}
	return ""
}
