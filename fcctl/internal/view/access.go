package view

import (
	"slices"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
)

// Me is who speaks to which server.
type Me struct {
	client.Me
	ClientNames []string `json:"clientNames,omitempty"` // their identifiers, where they may be known
	Session     *Session `json:"session,omitempty"`
	Context     string   `json:"context,omitempty"`
	Server      string   `json:"server"`
	From        string   `json:"from"` // where the token comes from
}

// Session is one login of somebody.
type Session struct {
	ID         string    `json:"id"`
	Method     string    `json:"method"`
	Address    string    `json:"address,omitempty"`
	UserAgent  string    `json:"userAgent,omitempty"`
	StartedAt  time.Time `json:"startedAt"`
	LastUsedAt time.Time `json:"lastUsedAt"`
	ExpiresAt  time.Time `json:"expiresAt"`
	Current    bool      `json:"current"`
}

// Whoami says who speaks to which server, and what they reach.
func Whoami(m Me, now time.Time, ink Ink) string {
	var f facts
	who := first(m.Email, m.Name)
	if m.Email != "" && m.Name != "" && m.Name != m.Email {
		who = m.Name + " <" + m.Email + ">"
	}
	f.add("who", who)
	f.add("id", m.PrincipalID)
	f.add("type", strings.ToLower(m.Type)+", scope "+m.Scope)
	clients := m.ClientNames
	if len(clients) == 0 {
		clients = m.Clients
	}
	switch {
	case slices.Contains(m.Clients, "*"):
		f.add("clients", "all")
	case len(clients) == 0:
		f.add("clients", "(none)")
	default:
		f.add("clients", strings.Join(clients, ", "))
	}
	f.add("roles", first(strings.Join(m.Roles, ", "), "(none: nothing is allowed)"))
	if s := m.Session; s != nil && !s.ExpiresAt.IsZero() {
		f.add("session", "ends "+clock(s.ExpiresAt)+", in "+resource.Duration(s.ExpiresAt.Sub(now).Truncate(time.Minute)).String())
	}
	f.add("context", m.Context)
	f.add("server", m.Server)
	f.add("from", m.From)
	return f.String(ink)
}

// Sessions is a table of logins.
func Sessions(ss []Session, ink Ink) string {
	t := table{head: []string{"CURRENT", "ID", "METHOD", "FROM", "WITH", "STARTED", "LAST USED", "ENDS"}}
	for _, s := range ss {
		current := ""
		if s.Current {
			current = "*"
		}
		t.row(plain(current), plain(s.ID), plain(s.Method), plain(s.Address), plain(Short(s.UserAgent, 40)), plain(clock(s.StartedAt)), plain(clock(s.LastUsedAt)), plain(clock(s.ExpiresAt)))
	}
	return t.String(ink)
}
