package tui

import (
	"context"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/flowcatalyst/fc/client"
)

// Page is one screen. A page changes in place; what takes time it returns as a
// command, whose message comes back to it wrapped by forPage.
type Page interface {
	// Name is what the breadcrumbs call it.
	Name() string
	// Equivalent is the fcctl command that shows the same.
	Equivalent() string
	// Read reads what the page shows. It is called when the page is opened,
	// on ctrl-r, and every so often after.
	Read() tea.Cmd
	// Take takes what Read, or a key's command, brought.
	Take(msg any)
	// Key does what a key means here; false leaves it to the frame.
	Key(k string) (tea.Cmd, bool)
	// Keys are those that Key knows, for the help.
	Keys() []key
	// View draws the page.
	View(width, height int) string
}

// Filtered is a page that can be searched with a slash.
type Filtered interface {
	Filter(text string) error
	Filtering() string
}

// Paced is a page that is read again at a pace of its own.
type Paced interface{ Every() time.Duration }

// often is how often a page is read again that has no pace of its own.
const often = 2 * time.Second

// A key is one that a page knows.
type key struct {
	name string
	does string
	// writes says that it changes something, which a read-only screen refuses.
	writes bool
}

// desk is what pages work with.
type desk struct {
	ctx context.Context
	*client.Client
	*palette
	now func() time.Time
	// live is the router's last snapshot, nil before the first.
	live *client.Snapshot
	past *past
	// codes are the names of what ids mean.
	codes    codes
	readOnly bool
	context  string
}

// The messages between pages and the frame.
type (
	// forPage is what a page's command brought.
	forPage struct {
		page Page
		msg  any
		err  error
	}
	// refusal is why a page was not read: it may not be seen, or is not there.
	refusal struct{ why string }
	// open opens a page on top of this one.
	open struct{ page Page }
	// ask has a person confirm what can not be taken back.
	ask struct {
		question string
		page     Page
		do       func(context.Context) (string, error)
		command  string
		// reason is what to ask for where an action needs words; with gets them.
		reason string
		with   func(ctx context.Context, reason string) (string, error)
	}
	// did is what an action came to.
	did struct {
		page    Page
		said    string
		command string
		err     error
	}
)

// read makes a command that reads for a page.
func read[T any](d *desk, p Page, f func(ctx context.Context) (T, error)) tea.Cmd {
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(d.ctx, patience)
		defer cancel()
		v, err := f(ctx)
		return forPage{p, v, err}
	}
}

// patience is how long a request may take.
const patience = 15 * time.Second

// act makes a command that changes something.
func act(d *desk, p Page, command string, f func(ctx context.Context) (string, error)) tea.Cmd {
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(d.ctx, patience)
		defer cancel()
		said, err := f(ctx)
		return did{p, said, command, err}
	}
}

// show makes a command that opens a page.
func show(p Page) tea.Cmd { return func() tea.Msg { return open{p} } }

// confirm makes a command that asks first.
func confirm(p Page, question, command string, do func(context.Context) (string, error)) tea.Cmd {
	return func() tea.Msg { return ask{question: question, page: p, do: do, command: command} }
}
