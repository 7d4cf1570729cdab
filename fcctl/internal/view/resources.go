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
	case *resource.Client:
		return []string{"NAME", "STATUS"}, []cell{plain(r.Name), {r.Status, ink.status}}
	case *resource.Application:
		return []string{"NAME", "TYPE", "ACTIVE"}, []cell{plain(r.Name), plain(r.Type), plain(yes(r.IsActive()))}
	case *resource.Role:
		return []string{"NAME", "SOURCE", "PERMISSIONS"}, []cell{plain(r.DisplayName), plain(r.Source), plain(Short(strings.Join(r.Permissions, ", "), 60))}
	case *resource.ServiceAccount:
		return []string{"NAME", "ACTIVE", "CLIENTS", "ROLES"}, []cell{plain(r.Name), plain(yes(r.IsActive())), plain(Short(strings.Join(r.ClientIDs, ", "), 40)), plain(Short(strings.Join(r.Roles, ", "), 60))}
	case *resource.OAuthClient:
		return []string{"NAME", "TYPE", "ACTIVE", "GRANTS"}, []cell{plain(r.Name), plain(r.Type), plain(yes(r.IsActive())), plain(Short(strings.Join(r.GrantTypes, ", "), 60))}
	case *resource.ClientAuthConfig:
		return []string{"SCOPE", "PROVIDER", "ISSUER"}, []cell{plain(r.ConfigType), plain(r.AuthProvider), plain(r.OIDCIssuerURL)}
	case *resource.Principal:
		var roles []string
		for _, a := range r.Roles {
			roles = append(roles, a.Role)
		}
		return []string{"NAME", "SCOPE", "ACTIVE", "ROLES"}, []cell{plain(r.Name), plain(r.Scope), plain(yes(r.IsActive())), plain(Short(strings.Join(roles, ", "), 60))}
	}
	return nil, nil
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// Resource is everything about one resource: its fields as the API has them.
func Resource(r resource.Resource, ink Ink) (string, error) {
	b, err := json.Marshal(r)
	if err != nil {
		return "", fmt.Errorf("show %s: %w", r.Key(), err)
	}
	f, err := factsOf(b)
	if err != nil {
		return "", fmt.Errorf("show %s: %w", r.Key(), err)
	}
	return f.String(ink), nil
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
