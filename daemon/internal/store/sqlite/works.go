package sqlite

import (
	"context"
	"errors"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

var errToDo = errors.New("to do")

// Scan implements store.Works.
func (st *Store) Scan(ctx context.Context, sc store.Scope, q store.ScanQuery) (store.ScanPage, error) {
	return store.ScanPage{}, errToDo
}

// Letters implements store.Works.
func (st *Store) Letters(ctx context.Context, sc store.Scope, after flow.ID, q store.JobQuery) (store.JobPage, error) {
	return store.JobPage{}, errToDo
}

// Progress implements store.Works.
func (st *Store) Progress(ctx context.Context, work flow.ID) (store.Progress, error) {
	return store.Progress{}, errToDo
}

// Advance implements store.Works.
func (st *Store) Advance(ctx context.Context, a store.Advance, now time.Time) (store.Progress, error) {
	return store.Progress{}, errToDo
}

// Forget implements store.Works.
func (st *Store) Forget(ctx context.Context, works ...flow.ID) error { return errToDo }

// Out implements store.Jobs.
func (st *Store) Out(ctx context.Context, lanes ...string) ([]int, error) {
	out := make([]int, len(lanes))
	for i, l := range lanes {
		out[i] = st.live.outOf(l)
	}
	return out, nil
}

// Discard implements store.Jobs.
func (st *Store) Discard(ctx context.Context, sc store.Scope, id flow.ID, note string, now time.Time) (flow.Job, error) {
	return flow.Job{}, errToDo
}
