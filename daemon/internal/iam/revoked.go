package iam

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// spaceRevoked has what was revoked: ids of sessions and of single tokens.
const spaceRevoked = "revoked"

// Revoked is the sessions and tokens that were ended before their time. It
// answers from memory and is kept in the store, each entry as long as a token
// could still be good.
type Revoked struct {
	st  store.Entries
	log *slog.Logger
	now func() time.Time

	mu  sync.RWMutex
	ids map[string]time.Time // until
}

// OpenRevoked reads what was revoked and may still matter.
func OpenRevoked(ctx context.Context, st store.Entries, log *slog.Logger, now func() time.Time) (*Revoked, error) {
	r := &Revoked{st: st, log: log, now: now}
	return r, r.load(ctx)
}

func (r *Revoked) load(ctx context.Context) error {
	began := r.now()
	ids := map[string]time.Time{}
	q := store.EntryQuery{Space: spaceRevoked, Limit: 1000}
	for {
		page, err := r.st.ListEntries(ctx, q, began)
		if err != nil {
			return fmt.Errorf("read what was revoked: %w", err)
		}
		for _, e := range page {
			ids[e.Key] = e.ExpiresAt
		}
		if len(page) < q.Limit {
			break
		}
		q.After = page[len(page)-1].Key
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, until := range r.ids {
		if began.Before(until) {
			ids[id] = until // revoked while we read
		}
	}
	r.ids = ids
	return nil
}

// Is says whether a session or a token was revoked. Either may be empty.
func (r *Revoked) Is(session, token string) bool {
	if r == nil {
		return false
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if len(r.ids) == 0 {
		return false
	}
	if session != "" {
		if _, ok := r.ids[session]; ok {
			return true
		}
	}
	_, ok := r.ids[token]
	return ok && token != ""
}

// Add revokes sessions or tokens until the last token that names them has
// ended anyway. It counts at once, and it holds even when the store did not
// take it: then the error says that a restart would forget it.
func (r *Revoked) Add(ctx context.Context, until time.Time, ids ...string) error {
	r.mu.Lock()
	for _, id := range ids {
		r.ids[id] = until
	}
	r.mu.Unlock()
	for _, id := range ids {
		// The number that is expected is whatever there is: revoking twice
		// is no conflict.
		key := store.EntryKey{Space: spaceRevoked, Key: id}
		err := r.st.SwapEntries(ctx, []store.Entry{{Space: spaceRevoked, Key: id, ExpiresAt: until}}, []store.EntryKey{key}, r.now())
		if err != nil {
			return fmt.Errorf("keep what was revoked: %w", err)
		}
	}
	return nil
}

// How often what other processes revoked is read, and what ended is removed.
const (
	revokedEvery = 5 * time.Second
	sweepEvery   = time.Minute
	sweepBatch   = 1000
)

// Run reads what other processes revoked, and removes entries that have
// ended, until the context ends.
func (r *Revoked) Run(ctx context.Context) error {
	tick := time.NewTicker(revokedEvery)
	defer tick.Stop()
	swept := time.Time{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := r.load(ctx); err != nil && ctx.Err() == nil {
			r.log.Warn("what other processes revoked can not be read; trying again", "error", err)
		}
		if now := r.now(); now.Sub(swept) >= sweepEvery {
			swept = now
			if err := r.sweep(ctx, now); err != nil && ctx.Err() == nil {
				r.log.Warn("entries that have ended can not be removed; trying again", "error", err)
			}
		}
	}
}

func (r *Revoked) sweep(ctx context.Context, now time.Time) error {
	for ctx.Err() == nil {
		n, err := r.st.ExpireEntries(ctx, now, sweepBatch)
		if err != nil || n < sweepBatch {
			return err
		}
	}
	return nil
}
