package platform

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/secrets"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"github.com/flowcatalyst/fc/daemon/internal/store/sqlite"
	"github.com/flowcatalyst/fc/daemon/internal/store/storetest"
)

// rival is a store in which somebody else writes first, so many times.
type rival struct {
	store.Store
	times int
	first func()
}

func (r *rival) Write(ctx context.Context, w store.WriteSet, now time.Time) (int64, error) {
	if r.times > 0 && r.first != nil {
		r.times--
		first := r.first
		r.first = nil // what it does itself goes through
		first()
		r.first = first
	}
	return r.Store.Write(ctx, w, now)
}

func setup(t *testing.T, between func(store.Store) store.Store) *Platform {
	t.Helper()
	inner, err := sqlite.Open(filepath.Join(t.TempDir(), "fc.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := inner.Close(); err != nil {
			t.Error(err)
		}
	})
	key, err := secrets.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	box, err := secrets.NewBox(key)
	if err != nil {
		t.Fatal(err)
	}
	var st store.Store = inner
	if between != nil {
		st = between(inner)
	}
	p, err := New(Options{Store: st, Sealer: box})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.EnsureDefaults(t.Context()); err != nil {
		t.Fatal(err)
	}
	storetest.SeedClients(t, inner, "acme", "globex")
	return p
}

func kind(k resource.Kind) resource.KindInfo {
	info, _ := resource.InfoOf(k)
	return info
}

func codeOf(err error) Code {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
