package tui

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client"
)

// Findings are what the overview shows, as `fcctl tui --once -o json` prints it.
type Findings struct {
	At          time.Time        `json:"at"`
	Router      *client.Snapshot `json:"router,omitempty"`
	Health      *client.Health   `json:"health,omitempty"`
	Leader      *leadership      `json:"leader,omitempty"`
	Platform    *accepted        `json:"platform,omitempty"`
	Blocked     int              `json:"blockedGroups"`
	BlockedMore bool             `json:"blockedGroupsMore,omitempty"`
	Letters     int              `json:"deadLetters"`
	LettersMore bool             `json:"deadLettersMore,omitempty"`
	Warnings    []client.Warning `json:"warnings"`
	Attention   []Attention      `json:"attention"`
	// Unseen says what could not be read, and why.
	Unseen []string `json:"unseen,omitempty"`
}

// Attention is one thing that needs a person, the most urgent first.
type Attention struct {
	What    string `json:"what"`
	Command string `json:"command"` // that shows it
	page    string
	tone    tone
}

const counted = 200

// Look reads what the overview shows.
func Look(ctx context.Context, c *client.Client, now time.Time) (*Findings, error) {
	f := &Findings{At: now.UTC(), Warnings: []client.Warning{}}
	seen := 0
	var failed error
	var reasons []string
	unseen := map[string][]string{} // what, by the reason
	try := func(what string, err error) bool {
		if err == nil {
			seen++
			return true
		}
		failed = err
		why := plainError(err)
		if unseen[why] == nil {
			reasons = append(reasons, why)
		}
		unseen[why] = append(unseen[why], what)
		return false
	}
	s, err := c.Router.Snapshot(ctx)
	if try("router", err) {
		f.Router = s
	}
	h, err := c.Router.Health(ctx)
	if try("health", err) {
		f.Health = h
	}
	l, err := get[leadership](ctx, c, "/monitoring/standby-status")
	if try("leader", err) {
		f.Leader = l
	}
	a, err := get[accepted](ctx, c, "/api/monitoring/dashboard")
	if try("events in", err) {
		a.at = time.Now()
		f.Platform = a
	}
	groups, err := c.Groups.Page(ctx, client.GroupFilter{PageSize: counted}, "")
	if try("blocked groups", err) {
		f.Blocked, f.BlockedMore = len(groups.Items), groups.Next != ""
	}
	letters, err := c.DeadLetters.Page(ctx, client.LetterFilter{PageSize: counted}, "")
	if try("dead letters", err) {
		f.Letters, f.LettersMore = len(letters.Items), letters.Next != ""
	}
	warnings, err := c.Router.Warnings(ctx)
	if try("warnings", err) {
		f.Warnings = warnings
	}
	if seen == 0 {
		return nil, failed
	}
	for _, why := range reasons {
		f.Unseen = append(f.Unseen, strings.Join(unseen[why], ", ")+": "+why)
	}
	f.weigh()
	return f, nil
}

// number is so many of something: 1 warning that, 2 warnings that, 200 or more.
func number(n int, more bool, one, many string) string {
	switch {
	case more:
		return fmt.Sprintf("%d or more %s", n, many)
	case n == 1:
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// weigh puts in order what needs a person.
func (f *Findings) weigh() {
	f.Attention = []Attention{}
	add := func(t tone, page, command, format string, args ...any) {
		f.Attention = append(f.Attention, Attention{fmt.Sprintf(format, args...), command, page, t})
	}
	if h := f.Health; h != nil {
		for _, c := range h.Components {
			if c.Status != client.Up {
				add(bad, "health", "fcctl router health", "%s is %s: %s", clean(c.Name), clean(c.Status), clean(nameOf(c.Error, "it does not say why")))
			}
		}
	}
	if s := f.Router; s != nil {
		if s.Unwritten > 0 {
			add(bad, "warnings", "fcctl router warnings", "%s be written: the store is in trouble, and nothing new is sent", number(int(s.Unwritten), false, "outcome can not", "outcomes can not"))
		}
		if c := s.Consumer; c.Queue != "" && !c.Healthy && c.Error != "" { // without one it has not been read yet
			add(bad, "queues", "fcctl router queues", "the queue can not be read: %s", clean(c.Error))
		}
	}
	if f.Blocked > 0 {
		add(bad, "groups", "fcctl groups list", "%s blocked by a dead letter", number(f.Blocked, f.BlockedMore, "message group is", "message groups are"))
	}
	if s := f.Router; s != nil {
		for _, b := range s.Breakers.Breakers {
			if b.State != client.BreakerClosed {
				add(bad, "endpoints", "fcctl router breakers", "%s is not called: %s", clean(nameOf(b.ConnectionCode, b.Target)), clean(b.Story))
			}
		}
	}
	if f.Letters > 0 {
		add(careful, "dead-letters", "fcctl dead-letters list", "%s failed for good", number(f.Letters, f.LettersMore, "delivery has", "deliveries have"))
	}
	open := 0
	for _, w := range f.Warnings {
		if !w.Acknowledged && w.Severity != "INFO" {
			open++
		}
	}
	if open > 0 {
		add(careful, "warnings", "fcctl router warnings", "%s that nobody has acknowledged", number(open, false, "warning", "warnings"))
	}
}

func nameOf(code, otherwise string) string {
	if code != "" {
		return code
	}
	return otherwise
}

// Text is what --once prints for people.
func (f *Findings) Text() string {
	var b strings.Builder
	if s := f.Router; s != nil {
		fmt.Fprintf(&b, "router %s: %d in flight, %d waiting, %d at work, %.1f/s, %.1f %% well\n", clean(s.Instance), s.InFlight, s.Waiting, s.Active,
			s.Pools.AggregateThroughputPerSec, 100*s.Pools.AggregateSuccessRate)
	}
	if a := f.Platform; a != nil {
		fmt.Fprintf(&b, "%d events in all, about %d in the last hour\n", a.Events, a.LastHour)
	}
	if f.Health != nil {
		b.WriteString(f.parts() + "\n")
	}
	if len(f.Attention) == 0 && len(f.Unseen) == 0 {
		b.WriteString("nothing needs you\n")
	}
	for i, a := range f.Attention {
		fmt.Fprintf(&b, "%d  %s\n   %s\n", i+1, a.What, a.Command)
	}
	for _, u := range f.Unseen {
		fmt.Fprintf(&b, "not seen: %s\n", clean(u))
	}
	return b.String()
}
