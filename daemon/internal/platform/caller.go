package platform

import (
	"slices"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// Caller is who asks, as far as the rules need to know. Permissions are the
// API's to check, with one exception: Apply asks May for each change.
type Caller struct {
	PrincipalID string
	RequestID   string
	Scope       store.Scope
	May         func(permission string) bool
}

// System is the daemon itself, at its first start.
func System() Caller {
	return Caller{PrincipalID: "system", Scope: store.Everything, May: func(string) bool { return true }}
}

// sees says whether a resource is there for the caller. This and the store's
// scopes are the only places that tell tenants apart.
func (c Caller) sees(r resource.Resource) bool {
	switch r := r.(type) {
	case *resource.ServiceAccount:
		return c.reaches(r.ClientIDs)
	case *resource.Principal:
		if r.Scope == resource.ScopePartner {
			return c.reaches(grantedClients(r))
		}
	}
	if c.Scope.Sees(r.Base().ClientID) {
		return true
	}
	info, _ := resource.InfoOf(r.Kind())
	return info.Level == resource.LevelShared
}

// reaches says whether the caller reaches each of some clients. Who reaches
// none of them, because there are none, is for those who reach all.
func (c Caller) reaches(clients []string) bool {
	if c.Scope.All {
		return true
	}
	for _, id := range clients {
		if !c.Scope.Sees(id) {
			return false
		}
	}
	return len(clients) > 0
}

// view is a resource as the caller may see it: without what is of clients that
// they do not reach.
func (c Caller) view(r resource.Resource) resource.Resource {
	if c.Scope.All {
		return r
	}
	switch r := r.(type) {
	case *resource.Client:
		own := *r
		own.Notes = nil // they are about it, not for it
		return &own
	case *resource.Application:
		own := *r
		own.Clients = slices.DeleteFunc(slices.Clone(r.Clients), func(a resource.ApplicationClient) bool { return !c.Scope.Sees(a.ClientID) })
		return &own
	case *resource.Principal:
		own := *r
		own.Grants = slices.DeleteFunc(slices.Clone(r.Grants), func(g resource.ClientGrant) bool { return !c.Scope.Sees(g.ClientID) })
		return &own
	}
	return r
}

func grantedClients(p *resource.Principal) []string {
	ids := make([]string, len(p.Grants))
	for i, g := range p.Grants {
		ids[i] = g.ClientID
	}
	return ids
}

// may says whether the caller has a permission. Routes ask for theirs; the
// rules ask where it depends on what is changed.
func (c Caller) may(permission string) bool { return c.May != nil && c.May(permission) }

// mayChange refuses changes of what belongs to no client by who does not
// reach every client.
func (c Caller) mayChange(info resource.KindInfo) error {
	if c.Scope.All || info.Level == resource.LevelClient && info.Kind != resource.KindClient {
		return nil
	}
	return refuse(CodeForbidden, "only who reaches every client may change a %s", info.Title)
}

func checkClient(id string) string {
	if len(id) > 64 {
		return "is longer than 64 characters"
	}
	for i := range len(id) {
		c := id[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' && c != '.' {
			return "may have letters, digits, '_', '-' and '.'"
		}
	}
	return ""
}
