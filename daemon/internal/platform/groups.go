package platform

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// BlockedGroup is an order key that a dead letter blocks.
type BlockedGroup struct {
	store.Gate
	Head store.JobView
}

// Groups lists blocked order keys, longest blocked first. One that was freed
// while the list was made is left out.
func (p *Platform) Groups(ctx context.Context, c Caller, q store.GateQuery) (groups []BlockedGroup, next string, partial bool, err error) {
	page, err := p.st.Blocked(ctx, c.Scope, q)
	if err != nil {
		return nil, "", false, fmt.Errorf("list blocked groups: %w", err)
	}
	for _, g := range page.Gates {
		head, err := p.st.Job(ctx, c.Scope, g.Holder)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, "", false, fmt.Errorf("read the head of a group: %w", err)
		}
		groups = append(groups, BlockedGroup{g, head})
	}
	return groups, page.Next, page.Partial, nil
}

// gate reads the gate of an order key.
func (p *Platform) gate(ctx context.Context, c Caller, key string) (store.Gate, error) {
	k, ok := flow.ParseOrderKey(key)
	if !ok || k.IsZero() {
		return store.Gate{}, refuse(CodeNotFound, "there is no group with this order key: it is 32 hexadecimal digits, as orderKey of a job")
	}
	g, err := p.st.Gate(ctx, c.Scope, k)
	if errors.Is(err, store.ErrNotFound) {
		return g, refuse(CodeNotFound, "there is no group with this order key, or nothing of it is open")
	}
	if err != nil {
		return g, fmt.Errorf("read group: %w", err)
	}
	return g, nil
}

func (p *Platform) blocked(ctx context.Context, c Caller, key string) (store.Gate, error) {
	g, err := p.gate(ctx, c, key)
	if err == nil && g.BlockedSince.IsZero() {
		return g, notBlocked()
	}
	return g, err
}

func notBlocked() error {
	return refuse(CodeConflict, "the group is not blocked: it goes on by itself")
}

// RetryGroup sends the dead letter that blocks a group again, as its head.
func (p *Platform) RetryGroup(ctx context.Context, c Caller, key string) (flow.Job, error) {
	g, err := p.blocked(ctx, c, key)
	if err != nil {
		return flow.Job{}, err
	}
	return p.retry(ctx, c, g.Holder)
}

// SkipGroup gives up the dead letter that blocks a group; the next goes.
func (p *Platform) SkipGroup(ctx context.Context, c Caller, key string) (flow.Job, error) {
	g, err := p.blocked(ctx, c, key)
	if err != nil {
		return flow.Job{}, err
	}
	err = p.st.Skip(ctx, c.Scope, g.Key, g.Holder, p.now())
	switch {
	case errors.Is(err, store.ErrConflict), errors.Is(err, store.ErrNotFound):
		return flow.Job{}, notBlocked() // somebody else was quicker
	case err != nil:
		return flow.Job{}, fmt.Errorf("skip the head of a group: %w", err)
	}
	v, err := p.st.Job(ctx, c.Scope, g.Holder)
	return v.Job, missing(err, "dispatch job")
}

// CancelWaiting cancels all that wait behind the head of a group, which stays.
// It says how many, and whether it had to stop before the last.
func (p *Platform) CancelWaiting(ctx context.Context, c Caller, key string) (cancelled int, more bool, err error) {
	g, err := p.gate(ctx, c, key)
	if err != nil {
		return 0, false, err
	}
	for late := time.Now().Add(cancelTime); ; {
		n, err := p.st.CancelWaiting(ctx, c.Scope, g.Key, p.now(), cancelBatch)
		if errors.Is(err, store.ErrNotFound) {
			return cancelled, false, nil
		}
		if err != nil {
			return cancelled, true, fmt.Errorf("cancel what waits in a group: %w", err)
		}
		cancelled += n
		if n == 0 {
			return cancelled, false, nil
		}
		if time.Now().After(late) {
			return cancelled, true, nil
		}
	}
}
