package tui

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"syscall"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/flowcatalyst/fc/client"
)

// mode is what the keys go to.
type mode uint8

const (
	toPage mode = iota
	toCommand
	toFilter
	toQuestion
	toPassword
	toReason
	toHelp
)

// root is the frame around the pages.
type root struct {
	o    Options
	desk *desk
	// pages is how one came here; the last one is on the screen.
	pages         []Page
	width, height int
	mode          mode
	line          prompt
	question      *ask
	note          string
	noteTone      tone
	noteUntil     time.Time
	heard         time.Time // when the server answered last
	lost          error     // why it does not now
	since         time.Time
	wrong         string // why the last password was of no use
	declined      bool   // nobody wants to give a password now
	reading       map[Page]bool
	readAt        map[Page]time.Time
	owed          map[Page]bool // what could not be read, for want of an answer
	who           string
	helpAt        int    // the line of the help at the top
	ran           string // the command that does what was done last
	stopLive      context.CancelFunc
	send          func(tea.Msg)
	streams       map[Page]func() // what ends those of the pages, nil where none are wanted
}

// The messages of the frame itself.
type (
	tick     time.Time
	snapshot struct {
		s    *client.Snapshot
		err  error
		from *client.Client
	}
	known    struct{ codes codes }
	identity struct{ who string }
	switched struct {
		client  *client.Client
		context string
		err     error
	}
	signedIn struct{ err error }
	// keysAfter are keys that came with the one that brought a message.
	keysAfter struct {
		msg  tea.Msg
		keys []rune
	}
)

func newRoot(ctx context.Context, o Options) *root {
	r := &root{o: o, reading: map[Page]bool{}, readAt: map[Page]time.Time{}, owed: map[Page]bool{}, send: func(tea.Msg) {}}
	r.desk = &desk{ctx: ctx, Client: o.Client, palette: newPalette(o.Out, o.Colour), now: o.Now, past: &past{}, readOnly: o.ReadOnly, context: o.Context}
	r.pages = []Page{newOverview(r.desk)}
	return r
}

func (r *root) page() Page { return r.pages[len(r.pages)-1] }

// Init implements tea.Model.
func (r *root) Init() tea.Cmd {
	return tea.Batch(r.read(r.page()), r.learn(), nextTick())
}

func nextTick() tea.Cmd {
	return tea.Tick(time.Second, func(t time.Time) tea.Msg { return tick(t) })
}

// learn asks who is here and what the ids mean that pages show.
func (r *root) learn() tea.Cmd {
	c := r.desk.Client
	return tea.Batch(func() tea.Msg {
		ctx, cancel := context.WithTimeout(r.desk.ctx, patience)
		defer cancel()
		me, err := c.Me(ctx)
		if err != nil {
			return nil
		}
		return identity{me.Name}
	}, func() tea.Msg {
		ctx, cancel := context.WithTimeout(r.desk.ctx, patience)
		defer cancel()
		return known{learnCodes(ctx, c)}
	})
}

// watch brings the router's snapshots until it is stopped.
func (r *root) watch() {
	if r.stopLive != nil {
		r.stopLive()
	}
	ctx, stop := context.WithCancel(r.desk.ctx)
	r.stopLive = stop
	c, send := r.desk.Client, r.send
	go func() {
		defer func() {
			if p := recover(); p != nil {
				send(&Failure{What: p, Stack: debug.Stack()})
			}
		}()
		watch(ctx, c, send)
	}()
}

// watch follows the stream of snapshots. Where a server is older and has none,
// or who is here may not follow it, it asks again and again.
func watch(ctx context.Context, c *client.Client, send func(tea.Msg)) {
	for s, err := range c.Router.Watch(ctx) {
		send(snapshot{s, err, c})
	}
	for ctx.Err() == nil {
		asked, cancel := context.WithTimeout(ctx, patience)
		s, err := c.Router.Snapshot(asked)
		cancel()
		send(snapshot{s, err, c})
		pause := 2 * time.Second
		if err != nil {
			pause = 15 * time.Second
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// read reads a page, unless that is under way.
func (r *root) read(p Page) tea.Cmd {
	if r.reading[p] {
		return nil
	}
	cmd := p.Read()
	if cmd == nil {
		return nil
	}
	r.reading[p] = true
	return cmd
}

// Update implements tea.Model.
func (r *root) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	defer r.tend()
	switch m := msg.(type) {
	case tea.WindowSizeMsg:
		r.width, r.height = m.Width, m.Height
	case tick:
		return r, tea.Batch(nextTick(), r.due(time.Time(m)))
	case tea.KeyMsg:
		return r, r.typed(m)
	case tea.MouseMsg:
		return r, r.click(m)
	case keysAfter:
		var first tea.Cmd
		switch msg := m.msg.(type) {
		case tea.QuitMsg:
			return r, tea.Quit
		case tea.BatchMsg:
			first = tea.Batch(msg...)
		default:
			_, first = r.Update(msg)
		}
		return r, tea.Batch(first, r.typed(tea.KeyMsg{Type: tea.KeyRunes, Runes: m.keys}))
	case forPage:
		r.reading[m.page] = false
		if !slices.Contains(r.pages, m.page) {
			return r, nil
		}
		r.readAt[m.page] = r.desk.now()
		delete(r.owed, m.page)
		var no *client.Error
		switch {
		case r.answered(m.err):
			m.page.Take(m.msg)
		case errors.As(m.err, &no) && no.Status < 500 && no.Status != http.StatusUnauthorized:
			m.page.Take(refusal{plainError(m.err)})
		default:
			r.owed[m.page] = true
		}
	case streamed:
		return r, r.streamed(m)
	case snapshot:
		if m.from != r.desk.Client || m.err == nil && signedOut(r.lost) { // sent before the session ended
			return r, nil
		}
		if r.answered(m.err) && m.s != nil {
			r.desk.live = m.s
			r.desk.past.add(m.s)
			for _, p := range r.pages {
				p.Take(m.s)
			}
		}
	case open:
		return r, r.open(m.page)
	case replace:
		if r.page() == m.old {
			r.back()
		}
		// A replay is begun from a form, which is done with now.
		if _, is := r.page().(*form); is {
			r.back()
		}
		if r.page().Name() == m.page.Name() { // it was begun there
			return r, m.then
		}
		return r, tea.Batch(r.open(m.page), m.then)
	case ask:
		r.question, r.mode = &m, toQuestion
		if m.reason != "" {
			r.mode, r.line = toReason, prompt{}
		}
	case did:
		r.told(m)
		if m.err == nil && m.page != nil {
			if l, is := m.page.(interface{ Unmark() }); is {
				l.Unmark()
			}
			r.reading[m.page] = false
			return r, r.read(m.page)
		}
	case known:
		r.desk.codes = m.codes
		r.renew()
	case identity:
		r.who = m.who
	case switched:
		return r, r.switched(m)
	case signedIn:
		if m.err != nil {
			r.wrong = clean(plainError(m.err))
			r.mode, r.line = toPassword, prompt{secret: true}
			return r, nil
		}
		r.lost, r.wrong = nil, ""
		r.say(good, "signed in")
		for p := range r.streams {
			r.refollow(p)
		}
		r.watch()
		delete(r.readAt, r.page())
		return r, tea.Batch(r.learn(), r.due(r.desk.now()))
	}
	return r, nil
}

// due reads the page on the screen when it is time to. One that is read but
// once is read again if that brought nothing, as soon as the server answers.
func (r *root) due(now time.Time) tea.Cmd {
	p := r.page()
	every := often
	if paced, is := p.(Paced); is {
		every = paced.Every()
	}
	if every <= 0 {
		if !r.owed[p] || r.lost != nil {
			return nil
		}
		every = often
	}
	if now.Sub(r.readAt[p]) < every {
		return nil
	}
	return r.read(p)
}

func (r *root) open(p Page) tea.Cmd {
	r.pages = append(r.pages, p)
	return r.read(p)
}

// back leaves a page.
func (r *root) back() {
	if n := len(r.pages); n > 1 {
		delete(r.reading, r.pages[n-1])
		delete(r.readAt, r.pages[n-1])
		delete(r.owed, r.pages[n-1])
		r.pages = r.pages[:n-1]
	}
}

// answered notes how the connection is: an answer that says no is an answer.
func (r *root) answered(err error) bool {
	now := r.desk.now()
	var refused *client.Error
	errors.As(err, &refused)
	switch {
	case err == nil:
		if signedOut(r.lost) { // the session was begun again elsewhere
			if r.mode == toPassword {
				r.mode = toPage
			}
			r.watch()
		}
		r.heard, r.lost, r.declined, r.wrong = now, nil, false, ""
		return true
	case errors.Is(err, context.Canceled):
		return false
	case signedOut(err):
		if r.lost == nil {
			r.since = now
		}
		r.lost = err
		if r.o.Login != nil && r.mode == toPage && !r.declined {
			r.mode, r.line = toPassword, prompt{secret: true}
		}
		return false
	case refused != nil && refused.Status < 500:
		r.heard, r.lost = now, nil
		r.say(careful, "%s", plainError(err))
		return false
	}
	if r.lost == nil {
		r.since = now
	}
	r.lost = err
	return false
}

// signedOut says whether an error is that of a session that has ended.
func signedOut(err error) bool {
	var refused *client.Error
	return errors.Is(err, client.ErrSessionOver) || errors.As(err, &refused) && refused.Status == http.StatusUnauthorized
}

func (r *root) say(t tone, format string, args ...any) {
	r.note, r.noteTone, r.noteUntil = clean(fmt.Sprintf(format, args...)), t, r.desk.now().Add(8*time.Second)
}

func (r *root) told(m did) {
	if m.err != nil {
		r.answered(m.err)
		r.say(bad, "%s", plainError(m.err))
		return
	}
	said := m.said
	if r.ran = m.command; m.command != "" {
		said += "   " + m.command
	}
	r.say(good, "%s", said)
}

// plainError is an error in a line.
func plainError(err error) string {
	var refused *client.Error
	if errors.As(err, &refused) && refused.Message != "" {
		said := refused.Message
		for i, p := range refused.Problems {
			sign := ": "
			if i > 0 {
				sign = "; "
			}
			said += sign + p.Field + " " + p.Detail
		}
		return said
	}
	var name *net.DNSError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the server refuses the connection; is fcd running?"
	case errors.Is(err, context.DeadlineExceeded):
		return "the server did not answer in time"
	case errors.As(err, &name):
		return "nobody knows the address of " + name.Name
	}
	return err.Error()
}
