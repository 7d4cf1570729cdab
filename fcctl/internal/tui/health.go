package tui

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client"
)

// leadership is which role the router has that answered.
type leadership struct {
	Instance string `json:"instanceId"`
	Role     string `json:"role"`
	Leads    bool   `json:"isLeader"`
	LeaderID string `json:"leaderId"`
	// Standby says that there are routers that wait for this one to fail.
	Standby bool `json:"standbyEnabled"`
}

// brief is who leads, in a word or two.
func (l *leadership) brief() string {
	switch {
	case l.Leads:
		return "leader"
	case l.LeaderID == "":
		return "without a leader"
	}
	return "leader is " + clean(l.LeaderID)
}

// accepted is what the platform counts, and how its process is.
type accepted struct {
	at       time.Time
	Events   int64 `json:"totalEvents"`
	LastHour int64 `json:"eventsLastHour"`
	Jobs     int64 `json:"totalJobs"`
	Process  struct {
		CPUPercent float64 `json:"cpuUsagePercent"`
		MemoryMiB  int64   `json:"memoryUsedMb"`
		UpSeconds  int64   `json:"uptimeSeconds"`
	} `json:"health"`
}

func (a *accepted) up() time.Duration { return time.Duration(a.Process.UpSeconds) * time.Second }

// get reads what the client has no type for.
func get[T any](ctx context.Context, c *client.Client, path string) (*T, error) {
	b, err := c.Call(ctx, http.MethodGet, path, nil, nil)
	if err != nil {
		return nil, err
	}
	v := new(T)
	if err := json.Unmarshal(b, v); err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", path, err)
	}
	return v, nil
}

// parts names the parts of the process: first those that are not up.
func (f *Findings) parts() string {
	var up, down, says []string
	for _, c := range f.Health.Components {
		if c.Status == client.Up {
			up = append(up, clean(c.Name))
		} else {
			down = append(down, clean(c.Name)+" "+clean(c.Status))
		}
	}
	if len(down) > 0 {
		says = append(says, "✗ "+strings.Join(down, ", "))
	}
	if a := f.Platform; a != nil {
		says = append(says, "up for "+age(a.up()))
	}
	if len(up) > 0 {
		says = append(says, "✓ "+strings.Join(up, ", "))
	}
	return strings.Join(says, "   ")
}

// part is a part of the process, with what is said of all of it.
type part struct {
	client.Component
	about []string
}

// newHealth lists the parts of the process.
func newHealth(d *desk) *list[part] {
	p := &list[part]{
		desk: d, name: "health", equivalent: "fcctl router health", every: 5 * time.Second, empty: "the process says nothing of its parts",
		grid: newGrid(column{title: "PART", least: 10, gives: true}, column{title: "STATUS"}, column{title: "ERROR", least: 20, gives: true}),
		fetch: func(ctx context.Context) ([]part, bool, error) {
			h, err := d.Router.Health(ctx)
			if err != nil {
				return nil, false, err
			}
			about := aboutProcess(ctx, d.Client, h)
			parts := make([]part, len(h.Components))
			for i, c := range h.Components {
				parts[i] = part{c, about}
			}
			return parts, false, nil
		},
		row: func(p part) row {
			return row{p.Name, []cell{{text: p.Name}, {text: p.Status, tone: toneOf(p.Status)}, {text: p.Error, tone: bad}}}
		},
	}
	p.head = func(width int) string {
		for _, one := range p.things {
			lines := make([]string, len(one.about))
			for i, l := range one.about {
				lines[i] = fill("  "+clean(l), width)
			}
			return strings.Join(lines, "\n") + "\n"
		}
		return ""
	}
	return p
}

// aboutProcess says what is known of the process beside its parts.
func aboutProcess(ctx context.Context, c *client.Client, h *client.Health) []string {
	lines := []string{"phase " + h.Phase}
	if l, err := get[leadership](ctx, c, "/monitoring/standby-status"); err == nil {
		lines[0] += "   router " + l.Instance + ": " + l.Role + ", " + l.brief()
		if !l.Standby {
			lines[0] += "; none stands by"
		}
	}
	if a, err := get[accepted](ctx, c, "/api/monitoring/dashboard"); err == nil {
		lines = append(lines, fmt.Sprintf("up for %s   %.1f %% of a core since it began   %d MiB", age(a.up()), a.Process.CPUPercent, a.Process.MemoryMiB),
			fmt.Sprintf("%d events and %d jobs in all, about %d events in the last hour", a.Events, a.Jobs, a.LastHour))
	}
	return lines
}
