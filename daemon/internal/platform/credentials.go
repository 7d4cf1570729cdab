package platform

import (
	"fmt"
	"slices"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// hidden is a changed credential and whose it is.
type hidden struct {
	of         resource.Resource
	operation  string
	credential iam.Credential
}

// credential drafts a change of what a principal, a service account or an
// OAuth client is known by, to be written in the same commit as all else. The
// audit says that it happened and to whom, and never what: under the operation
// of the resource's own change if the draft has one, else under this one.
func (d *draft) credential(of resource.Resource, operation string, change func(*iam.Credential)) error {
	id := of.Base().ID
	for _, h := range d.hidden {
		if h.of.Base().ID == id {
			change(&h.credential)
			return nil
		}
	}
	c, err := d.dir.Credential(id)
	if err != nil {
		return err
	}
	change(&c)
	d.hidden = append(d.hidden, &hidden{of, operation, c})
	return nil
}

// writeHidden adds the changed credentials to a write, and takes those away
// whose owner goes.
func (p *Platform) writeHidden(d *draft, set *store.WriteSet) error {
	changed := map[string]bool{}
	for _, c := range d.order {
		id := c.subject().Base().ID
		changed[id] = true
		if c.after == nil {
			switch c.before.Kind() {
			case resource.KindPrincipal, resource.KindServiceAccount, resource.KindOAuthClient:
				set.Delete = append(set.Delete, store.DocumentKey{Kind: catalog.KindCredential, ID: id})
			}
		}
	}
	for _, h := range d.hidden {
		m := h.of.Base()
		if d.get(m.ID) == nil {
			continue // its owner goes in the same draft
		}
		body, err := h.credential.Encode()
		if err != nil {
			return fmt.Errorf("write credential of %s: %w", m.ID, err)
		}
		set.Put = append(set.Put, store.Document{Kind: catalog.KindCredential, ID: m.ID, Code: m.ID, Body: body, Revision: d.version + 1})
		if !changed[m.ID] {
			set.Audit = append(set.Audit, store.AuditEntry{
				ID: p.ids.New(d.now), EntityType: entityName(h.of), EntityID: m.ID, Operation: h.operation,
				PrincipalID: d.caller.PrincipalID, ClientID: m.ClientID, RequestID: d.caller.RequestID, PerformedAt: d.now,
			})
		}
	}
	return nil
}

// mayActFor refuses a caller that would gain something by being somebody
// else: whoever can set a person's password, change where their mail goes or
// make tokens of a service account can be them. So the caller must reach every
// client that they reach and have every permission that they have. Oneself is
// no exception: a token may have less than its subject, and must not get the
// rest by giving it a new password.
func (d *draft) mayActFor(of resource.Resource) error {
	id := of.Base().ID
	var named []string // whether or not it is active now
	switch r := of.(type) {
	case *resource.ServiceAccount:
		id, named = r.PrincipalID(), r.ClientIDs
	case *resource.Principal:
		for _, g := range r.Grants {
			named = append(named, g.ClientID)
		}
		if r.Meta.ClientID != "" {
			named = append(named, r.Meta.ClientID)
		}
	}
	s := d.dir.Subject(id)
	if s == nil {
		return nil // new in this draft, so that the rules check what it has
	}
	if d.caller.PrincipalID == s.ID {
		named = nil // what is suspended nobody reaches, and it comes back to the same hands
	}
	if !d.caller.Scope.All {
		for _, client := range slices.Concat(named, s.Clients(d.now)) {
			if client == auth.EveryClient || !d.caller.Scope.Sees(client) {
				return refuse(CodeForbidden, "only who reaches every client that they reach may do this")
			}
		}
	}
	return d.mayGrant(s.Roles)
}

// mayGrant refuses roles with permissions that the caller may not give.
func (d *draft) mayGrant(roles []string) error {
	for _, name := range roles {
		r := d.role(name)
		if r == nil {
			continue // it permits nothing
		}
		for _, permission := range r.Permissions {
			if !d.mayGive(permission, r) {
				return refuse(CodeForbidden, "the role %s has permissions that you do not have", name)
			}
		}
	}
	return nil
}
