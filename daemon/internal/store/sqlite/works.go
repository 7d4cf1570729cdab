package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"zombiezen.com/go/sqlite"
)

// progress reads how far a piece of work is.
func (c *conn) progress(work flow.ID) (store.Progress, error) {
	p := store.Progress{Work: work}
	erased := ""
	_, err := c.q("SELECT cursor, examined, created, completed, failed, cancelled, expired, erased FROM works WHERE id = ?").int(int64(work)).
		one(func(s *sqlite.Stmt) {
			erased = s.ColumnText(7)
			p.Cursor, p.Examined, p.Created = s.ColumnInt64(0), s.ColumnInt64(1), s.ColumnInt64(2)
			p.Completed, p.Failed, p.Cancelled, p.Expired = s.ColumnInt64(3), s.ColumnInt64(4), s.ColumnInt64(5), s.ColumnInt64(6)
		})
	if err == nil && erased != "" {
		err = json.Unmarshal([]byte(erased), &p.Erased)
	}
	return p, err
}

// Progress implements store.Works.
func (st *Store) Progress(ctx context.Context, work flow.ID) (p store.Progress, err error) {
	err = st.read(ctx, func(c *conn) (err error) {
		p, err = c.progress(work)
		return err
	})
	if err != nil {
		return store.Progress{}, fmt.Errorf("read progress of %s: %w", work, err)
	}
	return p, nil
}

// Advance implements store.Works.
func (st *Store) Advance(ctx context.Context, a store.Advance, now time.Time) (store.Progress, error) {
	var p store.Progress
	err := st.write(ctx, func(t *tx) (err error) {
		p, err = t.advance(&a, now)
		return err
	})
	return answer(&p, err)
}

func (t *tx) advance(a *store.Advance, now time.Time) (store.Progress, error) {
	p, err := t.progress(a.Work)
	if err != nil {
		return p, fmt.Errorf("advance work %s: %w", a.Work, err)
	}
	if p.Cursor != a.From {
		return p, store.ErrConflict
	}
	if a.To < a.From {
		return p, fmt.Errorf("advance work %s: its cursor would go back from %d to %d", a.Work, a.From, a.To)
	}
	made := 0
	for i := range a.Jobs {
		j := a.Jobs[i]
		if err := t.sendable(&j); errors.Is(err, store.ErrExpunged) {
			continue // since it was selected
		} else if err != nil {
			return p, err
		}
		fresh, err := t.insertJob(&j, now)
		if err != nil {
			return p, fmt.Errorf("replay event %s to %s: %w", j.EventID, j.Lane, err)
		}
		if fresh {
			made++
		}
	}
	for _, id := range a.Letters {
		_, acted, err := t.act(store.Everything, id, a.Act, a.Note, now)
		if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrExpunged) {
			return p, err
		}
		if acted {
			made++
		}
	}
	if err := t.q("INSERT INTO works(id, cursor, examined, created, completed, failed, cancelled, expired) VALUES(?1,?2,?3,?4,0,0,0,0) " +
		"ON CONFLICT(id) DO UPDATE SET cursor = ?2, examined = examined + ?3, created = created + ?4").
		int(int64(a.Work)).int(a.To).int(int64(a.Examined)).int(int64(made)).exec(); err != nil {
		return p, fmt.Errorf("advance work %s: %w", a.Work, err)
	}
	if p, err = t.progress(a.Work); err != nil {
		return p, fmt.Errorf("advance work %s: %w", a.Work, err)
	}
	t.addEndings(&p)
	return p, nil
}

// Forget implements store.Works.
func (st *Store) Forget(ctx context.Context, works ...flow.ID) error {
	return st.write(ctx, func(t *tx) error {
		for _, id := range works {
			if err := t.q("DELETE FROM works WHERE id = ?").int(int64(id)).exec(); err != nil {
				return fmt.Errorf("forget work %s: %w", id, err)
			}
		}
		return nil
	})
}

// Out implements store.Jobs.
func (st *Store) Out(_ context.Context, lanes ...string) ([]int, error) {
	if err := st.isClosed(); err != nil {
		return nil, err
	}
	return st.live.outs(lanes), nil
}
