package sqlite

import (
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"zombiezen.com/go/sqlite"
)

// A source yields ids, the greatest first.
type source interface {
	// next returns the next id, 0 at the end, and the row it was found in. The
	// row is nil where only the id is known, and good until the next call.
	next() (flow.ID, *sqlite.Stmt, error)
	// close lets go of what is open.
	close()
}

// rows is a source of what a statement returns, whose first column is the id.
// No other source of the same statement may be open on its connection.
type rows struct{ stmt }

func (r rows) next() (flow.ID, *sqlite.Stmt, error) {
	more, err := r.stmt.next()
	if err != nil || !more {
		return 0, nil, err
	}
	return flow.ID(r.s.ColumnInt64(0)), r.s, nil
}

func (r rows) close() {
	if r.err == nil {
		_ = r.s.Reset() // what it says has come out of next
	}
}

// pages is a source of ids that are fetched many at a time, more and more: most
// pages of a list need few.
type pages struct {
	fetch  func(before int64, n int) ([]flow.ID, error)
	before int64
	n      int
	ids    []flow.ID
}

// The size of the first fetch and of the largest.
const (
	firstFetch = 64
	mostFetch  = 2048
)

func (p *pages) next() (flow.ID, *sqlite.Stmt, error) {
	if len(p.ids) == 0 && p.fetch != nil {
		p.n = min(max(4*p.n, firstFetch), mostFetch)
		ids, err := p.fetch(p.before, p.n)
		if err != nil {
			return 0, nil, err
		}
		if p.ids = ids; len(ids) < p.n {
			p.fetch = nil
		}
	}
	if len(p.ids) == 0 {
		return 0, nil, nil
	}
	id := p.ids[0]
	p.ids, p.before = p.ids[1:], int64(id)
	return id, nil, nil
}

func (p *pages) close() {}

// merged is a source of what several others have, each id once.
type merged struct {
	sources []source
	at      []place
	last    int // of the source that was asked last, -1 before the first
}

type place struct {
	id  flow.ID
	row *sqlite.Stmt
}

// merge makes one source of several, or of none.
func merge(sources []source) source {
	if len(sources) == 1 {
		return sources[0]
	}
	return &merged{sources: sources, last: -1}
}

func (m *merged) next() (flow.ID, *sqlite.Stmt, error) {
	if m.at == nil {
		m.at = make([]place, len(m.sources))
		for i := range m.sources {
			if err := m.step(i); err != nil {
				return 0, nil, err
			}
		}
	}
	if m.last >= 0 {
		// Only now is the row that was returned not needed any more.
		gone := m.at[m.last].id
		for i := range m.at {
			if m.at[i].id != gone {
				continue
			}
			if err := m.step(i); err != nil {
				return 0, nil, err
			}
		}
	}
	m.last = -1
	var first place
	for i, at := range m.at {
		if at.id > first.id {
			m.last, first = i, at
		}
	}
	return first.id, first.row, nil
}

func (m *merged) step(i int) (err error) {
	m.at[i].id, m.at[i].row, err = m.sources[i].next()
	return err
}

func (m *merged) close() {
	for _, s := range m.sources {
		s.close()
	}
}

// ofClients has a source for each client of what an index of clients has. They
// share a statement, so that each fetches some ids at a time.
func (c *conn) ofClients(sql string, clients []string, high, low int64) []source {
	sources := make([]source, len(clients))
	for i, client := range clients {
		sources[i] = &pages{before: high, fetch: func(before int64, n int) ([]flow.ID, error) {
			return c.q(sql).text(client).int(before).int(low).int(int64(n)).ids()
		}}
	}
	return sources
}

// mostClients is how many clients are looked for one by one. Who sees more than
// that finds enough among all.
const mostClients = 64
