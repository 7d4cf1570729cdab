package tui

import (
	"context"
	"sync"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/flowcatalyst/fc/client"
)

// pages reads a list page by page: the newest, and those that come after the
// last one that was read.
type pages[T any] struct {
	read func(ctx context.Context, cursor string) (*client.Page[T], error)
	mu   sync.Mutex
	next string
}

func (p *pages[T]) newest(ctx context.Context) ([]T, bool, error) { return p.at(ctx, "") }

func (p *pages[T]) older(ctx context.Context) ([]T, bool, error) {
	p.mu.Lock()
	next := p.next
	p.mu.Unlock()
	if next == "" {
		return nil, false, nil
	}
	return p.at(ctx, next)
}

func (p *pages[T]) at(ctx context.Context, cursor string) ([]T, bool, error) {
	page, err := p.read(ctx, cursor)
	if err != nil {
		return nil, false, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next = page.Next
	return page.Items, page.Next != "", nil
}

// older is what comes after the last row of a list.
type older[T any] listed[T]

// dig reads on where the cursor has come to the last row and there are more.
func (l *list[T]) dig() tea.Cmd {
	rows := l.grid.rows
	if l.before == nil || !l.more || len(rows) == 0 || len(rows) >= mostRows || l.grid.at < len(l.grid.shown)-1 || l.now().Sub(l.digs) < patience {
		return nil
	}
	l.digs = l.now()
	return func() tea.Msg {
		ctx, cancel := context.WithTimeout(l.ctx, patience)
		defer cancel()
		things, more, err := l.before(ctx)
		if err != nil {
			return nil // the list stays as it is; what is wrong is said of its next reading
		}
		return forPage{l, older[T]{things, more}, nil}
	}
}

// dug takes what dig has read. What is known already is newer than it.
func (l *list[T]) dug(m older[T]) {
	l.digs = time.Time{}
	var unknown []T
	for _, t := range m.things {
		if l.rows[l.row(t).key] == nil {
			unknown = append(unknown, t)
		}
	}
	l.more = m.more
	l.merge(unknown)
}
