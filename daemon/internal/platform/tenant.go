package platform

import (
	"context"
	"slices"
	"strings"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
)

// tenant is the client that something new of the caller belongs to, as reach
// says; a deleted one gets nothing new.
func (c Caller) tenant(cat *catalog.Catalog, asked string) (string, *Error) {
	id, refused := c.reach(cat, asked)
	if t := cat.Clients[id]; refused == nil && t != nil && t.Status == resource.ClientDeleted {
		return "", noSuchClient()
	}
	return id, refused
}

// reach is the client that the caller asks for by id or identifier, or its
// only one. It is the id of a client that is there, or empty for anchor level.
func (c Caller) reach(cat *catalog.Catalog, asked string) (string, *Error) {
	if asked == "" {
		switch {
		case c.Scope.All:
			return "", nil
		case len(c.Scope.Clients) == 1:
			asked = c.Scope.Clients[0]
		case len(c.Scope.Clients) == 0:
			return "", refuse(CodeForbidden, "clientId: you are bound to no client")
		default:
			return "", invalidField("clientId", "is required: you are bound to several clients", "one of your clients")
		}
	}
	t := cat.Client(asked)
	// Whoever is bound does not learn which other clients there are.
	if !c.Scope.All && (t == nil || !slices.Contains(c.Scope.Clients, t.ID)) {
		return "", refuse(CodeForbidden, "clientId: you are not bound to this client")
	}
	if t == nil {
		return "", noSuchClient()
	}
	return t.ID, nil
}

func noSuchClient() *Error {
	return invalidField("clientId", "names no client, neither by id nor by identifier", "create the client first")
}

// publishes refuses events and jobs of a client that is not active.
func publishes(cat *catalog.Catalog, client string) *Error {
	if t := cat.Clients[client]; t != nil && t.Status != resource.ClientActive {
		return refuse(CodeForbidden, "clientId: the client is %s; nothing of it is accepted until it is active", strings.ToLower(t.Status))
	}
	return nil
}

// owner is the client that a new resource of the caller belongs to.
func (d *draft) owner(info resource.KindInfo, asked string) (string, error) {
	if err := d.caller.mayChange(info); err != nil {
		return "", err
	}
	if info.Level != resource.LevelClient || info.Kind == resource.KindClient {
		return "", nil // a client belongs to itself; see draft.add
	}
	client, refused := d.caller.tenant(d.cat, asked)
	if refused != nil {
		return "", refused
	}
	return client, nil
}

// ClientID is the id of the client that goes by a name, which is its id or its
// identifier. What names no client comes back as it is, and fits nothing.
func (p *Platform) ClientID(ctx context.Context, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	cat, err := p.cache.Get(ctx)
	if err != nil {
		return "", err
	}
	return clientID(cat, name), nil
}

func clientID(cat *catalog.Catalog, name string) string {
	if t := cat.Client(name); t != nil {
		return t.ID
	}
	return name
}
