package iam

import (
	"bytes"
	"context"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
)

// Cache keeps the Directory of a store.
type Cache struct {
	catalog *catalog.Cache
	now     atomic.Pointer[Directory]
	mu      sync.Mutex // held while one is made
}

// NewCache makes a cache over the catalogs of a store.
func NewCache(c *catalog.Cache) *Cache { return &Cache{catalog: c} }

// Get is the directory at the store's version or a newer one.
func (c *Cache) Get(ctx context.Context) (*Directory, error) {
	cat, err := c.catalog.Get(ctx)
	if err != nil {
		return nil, err
	}
	if d := c.now.Load(); d != nil && d.Version >= cat.Version {
		return d, nil
	}
	return c.make(cat), nil
}

// Of is the directory of a catalog, of that version and no newer one.
func (c *Cache) Of(cat *catalog.Catalog) *Directory {
	d := c.now.Load()
	if d == nil || d.Version < cat.Version {
		d = c.make(cat)
	}
	if d.Version == cat.Version {
		return d
	}
	return New(cat)
}

func (c *Cache) make(cat *catalog.Catalog) *Directory {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.now.Load()
	if before != nil && before.Version >= cat.Version {
		return before
	}
	d := next(before, cat)
	c.now.Store(d)
	return d
}

// next is the directory of a catalog. Most changes are of subscriptions or
// replays and change nobody: then what was made before is good still.
func next(before *Directory, cat *catalog.Catalog) *Directory {
	if before == nil || !samePeople(before.cat, cat) {
		return New(cat)
	}
	d := *before
	d.Version, d.cat = cat.Version, cat
	return &d
}

// samePeople says whether two catalogs have the same resources that a
// directory is made of. A catalog keeps what did not change.
func samePeople(a, b *catalog.Catalog) bool {
	for _, kind := range []resource.Kind{resource.KindRole, resource.KindApplication, resource.KindOAuthClient,
		resource.KindAnchorDomain, resource.KindClientAuthConfig, resource.KindIdpRoleMapping, resource.KindPrincipal} {
		if !maps.Equal(a.Others[kind], b.Others[kind]) {
			return false
		}
	}
	return maps.Equal(a.Clients, b.Clients) && maps.Equal(a.ServiceAccounts, b.ServiceAccounts) &&
		maps.EqualFunc(a.Credentials, b.Credentials, bytes.Equal)
}
