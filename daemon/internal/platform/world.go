package platform

import (
	"cmp"
	"context"
	"slices"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
)

// world is all resources at one version, indexed for the rules. It never
// changes, and neither do the resources in it.
type world struct {
	version int64
	cat     *catalog.Catalog
	dir     *iam.Directory // of the same version
	byID    map[string]resource.Resource
	byKey   map[worldKey]resource.Resource
	sorted  map[resource.Kind][]resource.Resource // by code, client and id
}

type worldKey struct {
	kind         resource.Kind
	client, code string
}

// keyOf is what a resource is found by. What is declared has its code within a
// client; emails, the names of roles and so on are there once.
func keyOf(r resource.Resource) worldKey {
	if r.Kind().Everywhere() {
		return worldKey{r.Kind(), "", r.Key()}
	}
	return worldKey{r.Kind(), r.Base().ClientID, r.Key()}
}

// currentWorld is the world at the store's version or a newer one.
func (p *Platform) currentWorld(ctx context.Context) (*world, error) {
	cat, err := p.cache.Get(ctx)
	if err != nil {
		return nil, err
	}
	if w := p.world.Load(); w != nil && w.version == cat.Version {
		return w, nil
	}
	w := newWorld(cat)
	w.dir = p.directory.Of(cat)
	p.world.Store(w)
	return w, nil
}

func newWorld(cat *catalog.Catalog) *world {
	w := &world{
		version: cat.Version,
		cat:     cat,
		byID:    map[string]resource.Resource{},
		byKey:   map[worldKey]resource.Resource{},
		sorted:  map[resource.Kind][]resource.Resource{},
	}
	index(w, cat.Clients)
	index(w, cat.ServiceAccounts)
	for _, rs := range cat.Others {
		index(w, rs)
	}
	for _, b := range auth.BuiltinRoles() {
		r := iam.BuiltinRole(b.Name)
		w.byID[r.ID], w.byKey[keyOf(r)] = r, r
		w.sorted[resource.KindRole] = append(w.sorted[resource.KindRole], r)
	}
	index(w, cat.EventTypes)
	index(w, cat.Pools)
	index(w, cat.Connections)
	index(w, cat.Subscriptions)
	for _, rs := range w.sorted {
		slices.SortFunc(rs, compare)
	}
	return w
}

func index[R resource.Resource](w *world, rs map[string]R) {
	for id, r := range rs {
		w.byID[id] = r
		w.byKey[keyOf(r)] = r
		w.sorted[r.Kind()] = append(w.sorted[r.Kind()], r)
	}
}

func compare(a, b resource.Resource) int {
	return cmp.Or(
		cmp.Compare(a.Key(), b.Key()),
		cmp.Compare(a.Base().ClientID, b.Base().ClientID),
		cmp.Compare(a.Base().ID, b.Base().ID),
	)
}

// lookup finds what a caller names by id or by code: the code at anchor level
// first, then within the caller's clients. An empty clientID means any.
func (w *world) lookup(c Caller, info resource.KindInfo, name, clientID string) (resource.Resource, error) {
	gone := refuse(CodeNotFound, "there is no %s with this id or code", info.Title)
	if r := w.byID[name]; r != nil && r.Kind() == info.Kind {
		if !c.sees(r) || clientID != "" && r.Base().ClientID != clientID {
			return nil, gone
		}
		return r, nil
	}
	rs := w.sorted[info.Kind]
	at, _ := slices.BinarySearchFunc(rs, name, func(r resource.Resource, code string) int { return cmp.Compare(r.Key(), code) })
	var found []resource.Resource
	for ; at < len(rs) && rs[at].Key() == name; at++ {
		client := rs[at].Base().ClientID
		if !c.sees(rs[at]) || clientID != "" && client != clientID {
			continue
		}
		if client == "" {
			return rs[at], nil
		}
		found = append(found, rs[at])
	}
	switch len(found) {
	case 0:
		return nil, gone
	case 1:
		return found[0], nil
	}
	return nil, invalidField("clientId", "is required: several clients have a "+info.Title+" of this code", "?clientId=…")
}
