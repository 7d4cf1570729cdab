package tui

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	tea "github.com/charmbracelet/bubbletea"
)

// change is an entry of the audit log.
type change struct {
	ID            string          `json:"id"`
	EntityType    string          `json:"entityType"`
	EntityID      string          `json:"entityId"`
	Operation     string          `json:"operation"`
	PrincipalID   string          `json:"principalId"`
	PrincipalName string          `json:"principalName"`
	ClientID      string          `json:"clientId"`
	PerformedAt   time.Time       `json:"performedAt"`
	RequestID     string          `json:"requestId"`
	Before        json.RawMessage `json:"before"`
	After         json.RawMessage `json:"after"`
}

func newAudit(d *desk) *list[change] {
	return &list[change]{
		desk: d, name: "audit", equivalent: "fcctl audit list", every: 5e9, empty: "nothing was changed yet",
		grid: newGrid(column{title: "AGE", right: true}, column{title: "BY", least: 8, gives: true}, column{title: "OPERATION"}, column{title: "ENTITY"}, column{title: "NAME OR ID", least: 10, gives: true}, column{title: "CLIENT"}, column{title: "ID"}),
		fetch: func(ctx context.Context) ([]change, bool, error) {
			b, err := d.Call(ctx, http.MethodGet, "/api/audit-logs", url.Values{"limit": {fmt.Sprint(fetchedAtMost)}}, nil)
			if err != nil {
				return nil, false, err
			}
			var page struct {
				AuditLogs []change `json:"auditLogs"`
				Next      string   `json:"nextCursor"`
			}
			if err := json.Unmarshal(b, &page); err != nil {
				return nil, false, fmt.Errorf("read the audit log: %w", err)
			}
			return page.AuditLogs, page.Next != "", nil
		},
		row: func(c change) row {
			return row{c.ID, []cell{d.ago(c.PerformedAt), {text: nameOf(c.PrincipalName, c.PrincipalID)}, {text: c.Operation}, {text: c.EntityType}, {text: d.codes.of(c.EntityID)}, {text: d.codes.of(c.ClientID)}, {text: c.ID}}}
		},
		enter: func(c change) tea.Cmd {
			return show(&detail{
				desk: d, name: c.ID, equivalent: "fcctl audit get " + c.ID, id: c.ID,
				fetch: func(ctx context.Context) (any, error) {
					b, err := d.Call(ctx, http.MethodGet, "/api/audit-logs/"+url.PathEscape(c.ID), nil, nil)
					if err != nil {
						return nil, err
					}
					full := c
					err = json.Unmarshal(b, &full)
					return full, err
				},
				render: func(v any, width int) []string { return d.change(v.(change), width) },
			})
		},
		keys: []key{{name: "enter", does: "before and after"}},
	}
}

// change draws what an entry changed: attribute by attribute.
func (d *desk) change(c change, width int) []string {
	f := &facts{p: d.palette, width: width}
	f.add("operation", c.Operation+" "+c.EntityType, strong)
	f.add("of", d.codes.of(c.EntityID), plain)
	f.add("by", nameOf(c.PrincipalName, c.PrincipalID), plain)
	f.add("at", d.moment(c.PerformedAt), plain)
	f.add("request", c.RequestID, plain)
	f.title("What changed")
	var before, after map[string]json.RawMessage
	_ = json.Unmarshal(c.Before, &before)
	_ = json.Unmarshal(c.After, &after)
	names := make([]string, 0, len(before)+len(after))
	for n := range before {
		names = append(names, n)
	}
	for n := range after {
		if _, both := before[n]; !both {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	for _, n := range names {
		was, is := string(before[n]), string(after[n])
		if was == is {
			continue
		}
		if was != "" {
			f.add("- "+n, was, bad)
		}
		if is != "" {
			f.add("+ "+n, is, good)
		}
	}
	return f.lines
}
