package courier

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	idleTimeout = 45 * time.Second
	idlePerHost = 512
	idleInAll   = 2048
)

// stable keeps connections between exchanges: of each host the one that was
// used last goes first, so that those a burst has left over grow old and end.
// Its lock is never held over I/O.
type stable struct {
	mu     sync.Mutex
	hosts  map[string]*host
	all    map[*conn]struct{} // idle or not
	newest *conn
	oldest *conn
	idle   int
	closed bool

	cut atomic.Bool
}

// host is what goes to one scheme and address.
type host struct {
	key   string
	idle  []*conn // the oldest first
	conns int     // idle or not
}

// add takes responsibility for a new connection, which is in use.
func (s *stable) add(c *conn, key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hosts == nil {
		s.hosts, s.all = map[string]*host{}, map[*conn]struct{}{}
	}
	h := s.hosts[key]
	if h == nil {
		h = &host{key: key}
		s.hosts[key] = h
	}
	h.conns++
	c.host = h
	s.all[c] = struct{}{}
}

// take returns a kept connection, or nil.
func (s *stable) take(key string) *conn {
	for {
		s.mu.Lock()
		h := s.hosts[key]
		if h == nil || len(h.idle) == 0 {
			s.mu.Unlock()
			return nil
		}
		c := h.idle[len(h.idle)-1]
		s.unlist(c, len(h.idle)-1)
		s.mu.Unlock()
		if c.alive() {
			return c
		}
		s.end(c)
	}
}

// keep puts a connection back for the next exchange.
func (s *stable) keep(c *conn, now time.Time) {
	var drop [2]*conn
	s.mu.Lock()
	if s.closed {
		drop[0] = c
	} else {
		if len(c.host.idle) >= idlePerHost {
			drop[0] = c.host.idle[0]
			s.unlist(drop[0], 0)
		}
		if s.idle >= idleInAll {
			drop[1] = s.oldest
			s.unlist(drop[1], 0)
		}
		c.since, c.older = now, s.newest
		if s.newest != nil {
			s.newest.newer = c
		} else {
			s.oldest = c
		}
		s.newest = c
		s.idle++
		c.host.idle = append(c.host.idle, c)
	}
	s.mu.Unlock()
	for _, c := range drop {
		if c != nil {
			s.end(c)
		}
	}
}

// unlist takes an idle connection, which is at i with its host, out of the
// lists. The oldest of all is the oldest of its host.
func (s *stable) unlist(c *conn, i int) {
	last := len(c.host.idle) - 1
	copy(c.host.idle[i:], c.host.idle[i+1:])
	c.host.idle[last] = nil
	c.host.idle = c.host.idle[:last]
	if c.newer != nil {
		c.newer.older = c.older
	} else {
		s.newest = c.older
	}
	if c.older != nil {
		c.older.newer = c.newer
	} else {
		s.oldest = c.newer
	}
	c.newer, c.older = nil, nil
	s.idle--
}

// end closes a connection that is in no list. Whatever is beneath is closed
// without a word: a peer that does not take TLS's goodbye could delay it.
func (s *stable) end(c *conn) {
	s.mu.Lock()
	if c.host != nil {
		if c.host.conns--; c.host.conns == 0 {
			delete(s.hosts, c.host.key)
		}
		delete(s.all, c)
		c.host = nil
	}
	s.mu.Unlock()
	_ = c.tcp.Close()
}

// expire ends what has been idle since a time. A zero time is any.
func (s *stable) expire(before time.Time) {
	var old []*conn
	s.mu.Lock()
	for s.oldest != nil && (before.IsZero() || s.oldest.since.Before(before)) {
		old = append(old, s.oldest)
		s.unlist(s.oldest, 0)
	}
	s.mu.Unlock()
	for _, c := range old {
		s.end(c)
	}
}

// close ends what is idle, and everything else once it is.
func (s *stable) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.expire(time.Time{})
}

// cutAll ends all exchanges at once.
func (s *stable) cutAll() {
	s.cut.Store(true)
	s.mu.Lock()
	all := make([]*conn, 0, len(s.all))
	for c := range s.all {
		all = append(all, c)
	}
	s.mu.Unlock()
	for _, c := range all {
		_ = c.SetDeadline(past)
	}
}
