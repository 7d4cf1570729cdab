package tui

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/flowcatalyst/fc/client"
)

// jobsOf says which jobs a page shows.
type jobsOf struct {
	status       []string
	subscription string
	orderKey     string
	replay       string
	title        string
}

func jobColumns() *grid {
	return newGrid(column{title: "AGE", right: true}, column{title: "STATUS"}, column{title: "TYPE", least: 16, gives: true}, column{title: "SUBSCRIPTION", least: 10, gives: true},
		column{title: "TRIES", right: true}, column{title: "DUE", right: true}, column{title: "GROUP", least: 6, gives: true}, column{title: "WHY", least: 10, gives: true}, column{title: "ID"})
}

func jobRow(d *desk, j client.Job) row {
	why := nameOf(j.Reason, "")
	if j.LastError != "" {
		why = strings.TrimSpace(why + " " + j.LastError)
	}
	if s := d.waits(&j); s != "" && why == "" {
		why = s
	}
	due := cell{}
	if !j.IsTerminal && j.Due.After(d.now()) {
		in := j.Due.Sub(d.now())
		due = cell{text: "in " + age(in), num: float64(j.Due.UnixMilli())}
	}
	return row{j.ID, []cell{d.ago(j.CreatedAt), {text: j.Status, tone: toneOf(j.Status)}, {text: j.Code}, {text: nameOf(j.SubscriptionCode, j.TargetURL)},
		{text: fmt.Sprint(j.AttemptCount), num: float64(j.AttemptCount)}, due, {text: j.MessageGroup}, {text: why}, {text: j.ID}}}
}

func newJobs(d *desk, of jobsOf) *list[client.Job] {
	name, equivalent := "jobs", "fcctl jobs list"
	if of.title != "" {
		name += " of " + of.title
	}
	if len(of.status) > 0 {
		name += " " + strings.Join(of.status, ",")
		equivalent += " --status " + strings.Join(of.status, ",")
	}
	if of.subscription != "" {
		equivalent += " --subscription " + d.codes.of(of.subscription)
	}
	c := d.Client // the desk may go to another server while this one is read
	filter := client.JobFilter{SubscriptionID: of.subscription, OrderKey: of.orderKey, ReplayID: of.replay}
	all := &pages[client.Job]{read: func(ctx context.Context, cursor string) (*client.Page[client.Job], error) {
		f := filter
		f.Status, f.PageSize = of.status, fetchedAtMost
		return c.Jobs.Page(ctx, f, cursor)
	}}
	return &list[client.Job]{
		desk: d, name: name, equivalent: equivalent, every: often, empty: "no such job", grid: jobColumns(),
		fetch: all.newest, before: all.older,
		// The stream is asked for jobs in every state: of those in one it would
		// not say when a job leaves it.
		follow: func(ctx context.Context) iter.Seq2[client.Followed[client.Job], error] {
			return c.Jobs.Listen(ctx, filter, "")
		},
		fits:  func(j client.Job) bool { return len(of.status) == 0 || slices.Contains(of.status, j.Status) },
		lean:  func(j client.Job) client.Job { j.Payload, j.Metadata = "", nil; return j },
		row:   func(j client.Job) row { return jobRow(d, j) },
		enter: func(j client.Job) tea.Cmd { return show(newJob(d, j.ID)) },
		keys:  []key{{name: "enter", does: "attempts"}, {name: "r", does: "retry", writes: true}, {name: "ctrl+d", does: "cancel", writes: true}, {name: "e", does: "its event"}},
		key: func(l *list[client.Job], k string, chosen []client.Job) (tea.Cmd, bool) {
			if len(chosen) == 0 {
				return nil, false
			}
			switch k {
			case "r":
				return retryJobs(d, l, chosen), true
			case "ctrl+d":
				return cancelJobs(d, l, chosen), true
			case "e":
				if chosen[0].EventID != "" {
					return show(newEvent(d, chosen[0].EventID)), true
				}
				return nil, true
			}
			return nil, false
		},
	}
}

func ids(jobs []client.Job) []string {
	out := make([]string, len(jobs))
	for i, j := range jobs {
		out[i] = j.ID
	}
	return out
}

// several is what an action came to for some things: the first error ends it,
// and what was done before is said.
func several(ctx context.Context, what string, ids []string, do func(context.Context, string) error) (string, error) {
	for n, id := range ids {
		if err := do(ctx, id); err != nil {
			if n > 0 {
				return "", fmt.Errorf("%s %d of %d, then: %w", what, n, len(ids), err)
			}
			return "", err
		}
	}
	if len(ids) == 1 {
		return what + " " + ids[0], nil
	}
	return fmt.Sprintf("%s %d", what, len(ids)), nil
}

func retryJobs(d *desk, p Page, jobs []client.Job) tea.Cmd {
	all := ids(jobs)
	return act(d, p, "fcctl jobs retry "+all[0], func(ctx context.Context) (string, error) {
		return several(ctx, "sent again:", all, func(ctx context.Context, id string) error {
			_, err := d.Jobs.Retry(ctx, id)
			return err
		})
	})
}

func cancelJobs(d *desk, p Page, jobs []client.Job) tea.Cmd {
	all := ids(jobs)
	question := "Cancel job " + all[0] + "?"
	if len(all) > 1 {
		question = fmt.Sprintf("Cancel %d jobs?", len(all))
	}
	return confirm(p, question, "fcctl jobs cancel "+all[0], func(ctx context.Context) (string, error) {
		return several(ctx, "cancelled", all, func(ctx context.Context, id string) error {
			_, err := d.Jobs.Cancel(ctx, id)
			return err
		})
	})
}

func newLetters(d *desk) *list[client.Job] {
	l := newJobs(d, jobsOf{})
	l.name, l.equivalent, l.empty = "dead letters", "fcctl dead-letters list", "no delivery has failed for good"
	l.follow, l.fits = nil, nil // a state alone does not say what is a dead letter: they are read
	l.fetch = func(ctx context.Context) ([]client.Job, bool, error) {
		return first(d.DeadLetters.Page(ctx, client.LetterFilter{PageSize: fetchedAtMost}, ""))
	}
	l.keys = []key{{name: "enter", does: "attempts"}, {name: "r", does: "retry", writes: true}, {name: "R", does: "retry all of them", writes: true},
		{name: "ctrl+d", does: "discard", writes: true}, {name: "e", does: "its event"}}
	l.key = func(l *list[client.Job], k string, chosen []client.Job) (tea.Cmd, bool) {
		if k == "R" {
			return confirm(l, "Send all dead letters again?", "fcctl dead-letters retry --all", func(ctx context.Context) (string, error) {
				t, err := d.DeadLetters.RetryAll(ctx, client.LetterFilter{All: true})
				if err != nil {
					return "", err
				}
				return "retrying all, task " + t.ID, nil
			}), true
		}
		if len(chosen) == 0 {
			return nil, false
		}
		all := ids(chosen)
		switch k {
		case "r":
			return act(d, l, "fcctl dead-letters retry "+all[0], func(ctx context.Context) (string, error) {
				return several(ctx, "sent again:", all, func(ctx context.Context, id string) error {
					_, err := d.DeadLetters.Retry(ctx, id)
					return err
				})
			}), true
		case "ctrl+d":
			return func() tea.Msg {
				return ask{question: fmt.Sprintf("Give up %d of them for ever?", len(all)), reason: "Why", page: l, command: "fcctl dead-letters discard " + all[0] + " --reason …",
					with: func(ctx context.Context, why string) (string, error) {
						return several(ctx, "discarded", all, func(ctx context.Context, id string) error {
							_, err := d.DeadLetters.Discard(ctx, id, why)
							return err
						})
					}}
			}, true
		case "e":
			if chosen[0].EventID != "" {
				return show(newEvent(d, chosen[0].EventID)), true
			}
			return nil, true
		}
		return nil, false
	}
	return l
}

func newGroups(d *desk) *list[client.Group] {
	return &list[client.Group]{
		desk: d, name: "blocked groups", equivalent: "fcctl groups list", every: often, empty: "no message group is blocked",
		grid: newGrid(column{title: "BLOCKED", right: true}, column{title: "SUBSCRIPTION", least: 10, gives: true}, column{title: "GROUP", least: 8, gives: true}, column{title: "WAITING", right: true}, column{title: "HEAD"}, column{title: "WHY", least: 12, gives: true}, column{title: "CLIENT"}),
		fetch: func(ctx context.Context) ([]client.Group, bool, error) {
			return first(d.Groups.Page(ctx, client.GroupFilter{PageSize: fetchedAtMost}, ""))
		},
		row: func(g client.Group) row {
			waiting := fmt.Sprint(g.Waiting)
			if g.Waiting >= 1000 {
				waiting = "1000+"
			}
			return row{g.OrderKey, []cell{d.ago(g.BlockedSince), {text: nameOf(g.SubscriptionCode, g.SubscriptionID)}, {text: g.MessageGroup}, {text: waiting, num: float64(g.Waiting)}, {text: g.Head.ID},
				{text: strings.TrimSpace(g.Head.Reason + " " + g.Head.LastError), tone: bad}, {text: d.codes.of(g.ClientID)}}}
		},
		enter: func(g client.Group) tea.Cmd { return show(newJob(d, g.Head.ID)) },
		keys: []key{{name: "enter", does: "the job that blocks it"}, {name: "r", does: "retry the head", writes: true}, {name: "x", does: "skip the head", writes: true},
			{name: "ctrl+d", does: "cancel all that wait", writes: true}, {name: "w", does: "what waits"}},
		key: func(l *list[client.Group], k string, chosen []client.Group) (tea.Cmd, bool) {
			if len(chosen) == 0 {
				return nil, false
			}
			g := chosen[0]
			keys := make([]string, len(chosen))
			for i := range chosen {
				keys[i] = chosen[i].OrderKey
			}
			switch k {
			case "r":
				return act(d, l, "fcctl groups retry "+g.OrderKey, func(ctx context.Context) (string, error) {
					return several(ctx, "the head goes again:", keys, func(ctx context.Context, key string) error {
						_, err := d.Groups.Retry(ctx, key)
						return err
					})
				}), true
			case "w":
				return show(newJobs(d, jobsOf{orderKey: g.OrderKey, title: "group " + g.MessageGroup})), true
			case "ctrl+d":
				return confirm(l, fmt.Sprintf("Cancel all that wait in %d groups?", len(keys)), "fcctl groups cancel-waiting "+g.OrderKey, func(ctx context.Context) (string, error) {
					return several(ctx, "cancelled what waited in", keys, func(ctx context.Context, key string) error {
						_, err := d.Groups.CancelWaiting(ctx, key)
						return err
					})
				}), true
			case "x":
				return confirm(l, fmt.Sprintf("Skip the head of %d groups? It is cancelled, and the next goes.", len(keys)), "fcctl groups skip "+g.OrderKey, func(ctx context.Context) (string, error) {
					return several(ctx, "skipped the head of", keys, func(ctx context.Context, key string) error {
						_, err := d.Groups.Skip(ctx, key)
						return err
					})
				}), true
			}
			return nil, false
		},
	}
}
