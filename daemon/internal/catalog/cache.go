package catalog

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// Cache keeps the Catalog of a store.
type Cache struct {
	st     store.Resources
	sealer Sealer
	now    atomic.Pointer[Catalog]
	mu     sync.Mutex // held while loading
}

// New makes a cache; it loads at the first Get.
func New(st store.Resources, sealer Sealer) *Cache { return &Cache{st: st, sealer: sealer} }

// Get returns the catalog at the store's version, or a newer one.
func (c *Cache) Get(ctx context.Context) (*Catalog, error) {
	v, err := c.st.Version(ctx)
	if err != nil {
		return nil, fmt.Errorf("read resource version: %w", err)
	}
	if cat := c.now.Load(); cat != nil && cat.Version >= v {
		return cat, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if cat := c.now.Load(); cat != nil && cat.Version >= v {
		return cat, nil
	}
	cat, err := load(ctx, c.st, c.sealer, c.now.Load())
	if err != nil {
		return nil, err
	}
	c.now.Store(cat)
	return cat, nil
}
