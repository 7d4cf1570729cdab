package tui

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"
	"slices"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/flowcatalyst/fc/client"
)

// Live is a page that follows the server while it is open, whether it is the
// one on the screen or beneath it: who comes back from one thing finds the list
// as it is now.
type Live interface {
	// Follow begins to follow, and hands what comes to send, until the function
	// that it returns is called.
	Follow(send func(tea.Msg)) (stop func())
}

const (
	// mostRows is how many things a list that is followed keeps.
	mostRows = 10_000
	// handOver is how often what came is handed to the screen at most. The
	// screen is drawn at each time, so that this and not the stream is what it
	// has to keep up with.
	handOver = 150 * time.Millisecond
)

// state is how a list hears of what is new.
type state uint8

const (
	begins state = iota // nothing was heard yet
	flows               // from the stream
	waits               // it does not, until there is a stream again
	polled              // the server has no stream
	floods              // too much comes: it is read now and then
)

// news is what came to a list since the last time.
type news[T any] struct {
	from  *feed[T]
	state state
	err   error
	// fresh is the newest page, in place of all that was known before. The
	// things come after it, in their order.
	fresh  *listed[T]
	things []T
}

// add puts later news behind these.
func (n *news[T]) add(m news[T]) {
	n.from, n.state, n.err = m.from, m.state, m.err
	if m.fresh != nil {
		n.fresh, n.things = m.fresh, nil
	}
	n.things = append(n.things, m.things...)
}

// streamed is what a page's stream brought.
type streamed struct {
	page Page
	msg  any
	err  error
}

// Follow implements Live.
func (l *list[T]) Follow(send func(tea.Msg)) func() {
	if l.follow == nil {
		return func() {}
	}
	l.grid.heads, l.state = true, begins
	ctx, stop := context.WithCancel(l.ctx)
	s := &feed[T]{follow: l.follow, fetch: l.fetch, out: make(chan news[T], 256), flood: flood}
	l.source = s
	go func() {
		defer fallen(send)
		defer close(s.out)
		s.run(ctx)
	}()
	go gather(ctx, s.out, func(n *news[T]) { send(streamed{l, n, n.err}) })
	return stop
}

// fallen, deferred, tells the screen of a panic beside it, which ends it in good
// order.
func fallen(send func(tea.Msg)) {
	if p := recover(); p != nil {
		send(&Failure{What: p, Stack: debug.Stack()})
	}
}

// gather hands over what comes, and no more often than handOver. While it is
// not taken, nothing more is: the server waits.
func gather[T any](ctx context.Context, in <-chan news[T], send func(*news[T])) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	var all *news[T]
	ready := false
	for in != nil || all != nil {
		select {
		case n, more := <-in:
			if !more {
				in = nil
				break
			}
			if all == nil {
				all = &news[T]{}
			}
			all.add(n)
		case <-pause.C:
			ready = true
		case <-ctx.Done():
			return
		}
		if ready && all != nil {
			send(all)
			all, ready = nil, false
			pause.Reset(handOver)
		}
	}
}

// streamed takes what a page's stream brought. That it is lost is said of the
// server only where the server is: one that has no room for another stream
// answers, and the page says for how long it waits.
func (r *root) streamed(m streamed) tea.Cmd {
	if !slices.Contains(r.pages, m.page) {
		return nil
	}
	var refused *client.Error
	if m.err == nil || !errors.As(m.err, &refused) || refused.Status == http.StatusUnauthorized {
		r.answered(m.err)
	}
	m.page.Take(m.msg)
	return r.due(r.desk.now()) // it may be that it is polled now
}

// renew has pages draw anew what they know, when the names of ids are known.
func (r *root) renew() {
	for _, p := range r.pages {
		if l, is := p.(interface{ Renew() }); is {
			l.Renew()
		}
	}
}

// tend begins to follow for pages that were opened, and ends it for those that
// were closed.
func (r *root) tend() {
	if r.streams == nil { // nobody would hear of it
		return
	}
	for p, stop := range r.streams {
		if !slices.Contains(r.pages, p) {
			stop()
			delete(r.streams, p)
		}
	}
	for _, p := range r.pages {
		if l, is := p.(Live); is && r.streams[p] == nil {
			r.streams[p] = l.Follow(r.send)
		}
	}
}

// refollow has a page begin anew with its stream.
func (r *root) refollow(p Page) {
	if stop := r.streams[p]; stop != nil {
		stop()
		delete(r.streams, p)
	}
}
