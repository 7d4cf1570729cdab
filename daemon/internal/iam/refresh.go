package iam

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// spaceRefresh has the refresh tokens: each under its hash, in the group of
// its family. A used one stays until its family ends, so that using it again
// is noticed.
const spaceRefresh = "refresh"

// refreshStore keeps refresh tokens as entries.
type refreshStore struct{ st store.Entries }

var _ auth.RefreshStore = refreshStore{}

type refreshBody struct {
	Started   time.Time `json:"started"`
	ExpiresAt time.Time `json:"expiresAt"`
	UsedAt    time.Time `json:"usedAt,omitzero"`
}

func entryOf(t auth.RefreshToken, revision int64) (store.Entry, error) {
	body, err := json.Marshal(refreshBody{t.Started, t.ExpiresAt, t.UsedAt})
	return store.Entry{Space: spaceRefresh, Key: t.Hash, Group: t.Family, Owner: t.PrincipalID,
		Body: body, Revision: revision, ExpiresAt: t.Ends}, err
}

func tokenOfEntry(e store.Entry) (auth.RefreshToken, error) {
	var b refreshBody
	if err := json.Unmarshal(e.Body, &b); err != nil {
		return auth.RefreshToken{}, fmt.Errorf("read refresh token: %w", err)
	}
	return auth.RefreshToken{Hash: e.Key, Family: e.Group, PrincipalID: e.Owner,
		Started: b.Started, Ends: e.ExpiresAt, ExpiresAt: b.ExpiresAt, UsedAt: b.UsedAt}, nil
}

func (r refreshStore) get(ctx context.Context, hash string, now time.Time) (auth.RefreshToken, int64, error) {
	e, err := r.st.Entry(ctx, store.EntryKey{Space: spaceRefresh, Key: hash}, now)
	if errors.Is(err, store.ErrNotFound) {
		return auth.RefreshToken{}, 0, auth.ErrRefreshUnknown
	}
	if err != nil {
		return auth.RefreshToken{}, 0, err
	}
	t, err := tokenOfEntry(e)
	return t, e.Revision, err
}

// Insert implements auth.RefreshStore.
func (r refreshStore) Insert(ctx context.Context, t auth.RefreshToken) error {
	e, err := entryOf(t, 0)
	if err != nil {
		return err
	}
	return r.st.SwapEntries(ctx, []store.Entry{e}, nil, t.Started)
}

// Find implements auth.RefreshStore.
func (r refreshStore) Find(ctx context.Context, hash string, now time.Time) (auth.RefreshToken, error) {
	t, _, err := r.get(ctx, hash, now)
	return t, err
}

// Exchange implements auth.RefreshStore. Of two at once the second finds
// another revision, and looks again.
func (r refreshStore) Exchange(ctx context.Context, x auth.Exchange) (auth.RefreshToken, error) {
	const tries = 10
	for range tries {
		t, revision, err := r.get(ctx, x.Hash, x.Now)
		if err != nil {
			return auth.RefreshToken{}, err
		}
		used, next, err := x.Next(t)
		if errors.Is(err, auth.ErrRefreshReused) {
			if e := r.Forget(ctx, t.Family); e != nil {
				return auth.RefreshToken{}, e
			}
		}
		if err != nil {
			return auth.RefreshToken{}, err
		}
		put := make([]store.Entry, 2)
		if put[0], err = entryOf(used, revision); err == nil {
			put[1], err = entryOf(next, 0)
		}
		if err != nil {
			return auth.RefreshToken{}, err
		}
		if err = r.st.SwapEntries(ctx, put, nil, x.Now); err == nil {
			return next, nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return auth.RefreshToken{}, err
		}
	}
	return auth.RefreshToken{}, fmt.Errorf("exchange refresh token: %w", store.ErrConflict)
}

// Forget implements auth.RefreshStore.
func (r refreshStore) Forget(ctx context.Context, family string) error {
	_, err := r.st.DropEntries(ctx, store.EntryQuery{Space: spaceRefresh, Group: family})
	return err
}
