package tui

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
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
	// again is when a stream that can not be had is asked for again; where
	// somebody has to sign in first, that may take longer.
	again    = 2 * time.Second
	unsigned = 15 * time.Second
)

// state is how a list hears of what is new.
type state uint8

const (
	begins state = iota // nothing was heard yet
	flows               // from the stream
	waits               // it does not, until there is a stream again
	polled              // the server has no stream
)

// news is what came to a list since the last time.
type news[T any] struct {
	from  *subscription[T]
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
	s := &subscription[T]{follow: l.follow, fetch: l.fetch, out: make(chan news[T], 256)}
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

// subscription reads the stream of a list.
type subscription[T any] struct {
	follow func(context.Context) iter.Seq2[client.Followed[T], error]
	fetch  func(context.Context) ([]T, bool, error)
	out    chan news[T]
}

// say hands on news, unless nobody waits for them any more.
func (s *subscription[T]) say(ctx context.Context, n news[T]) bool {
	n.from = s
	select {
	case s.out <- n:
		return true
	case <-ctx.Done():
		return false
	}
}

// run follows until ctx ends, or the server says that it has no such stream.
func (s *subscription[T]) run(ctx context.Context) {
	for ctx.Err() == nil {
		err := s.once(ctx)
		switch {
		case errors.Is(err, errBehind):
			continue
		case final(err):
			// An older server has none. If it is something else, what asks in
			// its place is refused too, and that is shown.
			s.say(ctx, news[T]{state: polled})
			return
		}
		if !s.say(ctx, news[T]{state: waits, err: err}) {
			return
		}
		pause := again
		if client.StatusOf(err) == http.StatusUnauthorized {
			pause = unsigned
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

// final says that an answer will be the same the next time: a refusal, but that
// somebody has to sign in again.
func final(err error) bool {
	var refused *client.Error
	return errors.As(err, &refused) && refused.Status < 500 && refused.Status != http.StatusTooManyRequests && refused.Status != http.StatusUnauthorized
}

// errBehind says that more was missed than a list keeps.
var errBehind = errors.New("more was missed than is kept")

// once follows from now on until that ends. The newest page is read when the
// stream is open, and what the stream brings comes after it: so nothing is
// missing between the two, and what is in both is there once, by its id.
func (s *subscription[T]) once(ctx context.Context) (end error) {
	missed := -1 // how many came since the connection was made again; -1 is that all is there
	for f, err := range s.follow(ctx) {
		switch {
		case err != nil:
			end = err
			if f.Again == 0 { // it has ended
				return end
			}
			if !s.say(ctx, news[T]{state: waits, err: err}) {
				return ctx.Err()
			}
		case f.Reset, f.Sign == client.Opened && f.Place == "":
			n := news[T]{state: flows}
			if n, err = s.page(ctx); err != nil {
				return err
			}
			if !s.say(ctx, n) {
				return ctx.Err()
			}
		case f.Sign == client.Opened: // again: it goes on where it was
			missed = 0
			if !s.say(ctx, news[T]{state: flows}) {
				return ctx.Err()
			}
		case f.Sign == client.Current:
			missed = -1
		case f.Sign == "":
			if missed >= 0 {
				if missed++; missed > mostRows {
					return errBehind
				}
			}
			if !s.say(ctx, news[T]{state: flows, things: []T{f.Item}}) {
				return ctx.Err()
			}
		}
	}
	return end
}

// page reads the newest page.
func (s *subscription[T]) page(ctx context.Context) (news[T], error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	things, more, err := s.fetch(ctx)
	return news[T]{state: flows, fresh: &listed[T]{things, more}}, err
}

// hear takes what a stream brought.
func (l *list[T]) hear(n *news[T]) {
	if n.from != l.source {
		return // it was ended, and another has begun
	}
	if n.state == waits && l.state != waits {
		l.since = l.now()
	}
	l.state = n.state
	if n.fresh != nil {
		l.refused = ""
		l.put(n.fresh.things, n.fresh.more)
	}
	if l.ready && len(n.things) > 0 {
		l.merge(n.things)
	}
}

// merge takes things that are new or have changed. What is new comes where its
// id belongs, which is by its age; the oldest go when there are too many.
func (l *list[T]) merge(things []T) {
	var added []*entry
	gone := map[*entry]bool{}
	for _, t := range things {
		now := l.drawn(t)
		old := l.rows[now.key]
		switch fits := l.fits == nil || l.fits(t); {
		case fits && old == nil:
			l.know(t, now)
			added = append(added, now)
		case fits:
			*old = *now
			l.know(t, old)
		case old != nil:
			gone[old] = true
			delete(l.rows, old.key)
			delete(l.things, old.key)
		}
	}
	slices.SortStableFunc(added, func(a, b *entry) int { return strings.Compare(b.key, a.key) })
	rows := make([]*entry, 0, len(l.grid.rows)+len(added))
	for _, r := range l.grid.rows {
		for len(added) > 0 && added[0].key > r.key {
			rows, added = append(rows, added[0]), added[1:]
		}
		rows = append(rows, r)
	}
	rows = append(rows, added...)
	rows = slices.DeleteFunc(rows, func(r *entry) bool { return gone[r] })
	at := l.grid.key()
	full := len(rows) > mostRows
	if full {
		for _, r := range rows[mostRows:] {
			delete(l.rows, r.key)
			delete(l.things, r.key)
		}
		rows, l.more = rows[:mostRows], true
	}
	l.show(rows)
	if full && at != "" && l.rows[at] == nil {
		l.grid.move(mostRows) // its row was the oldest; now another is
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
