package platform

import (
	"slices"
	"strings"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
)

// guard refuses changes by which the caller, or somebody of their choice,
// would get to be more than the caller is: permissions, clients and scopes
// are given only by who has them.
func (d *draft) guard(c *change) error {
	switch c.subject().(type) {
	case *resource.Role:
		return d.guardRole(c)
	case *resource.ServiceAccount:
		return d.guardAccount(c)
	case *resource.Principal:
		return d.guardPrincipal(c)
	case *resource.Subscription:
		return d.guardSubscription(c)
	case *resource.OAuthClient:
		// Who redirects an OAuth client's answers, or has its secret, has what
		// its service account has.
		for _, r := range []resource.Resource{c.before, c.after} {
			if o, is := r.(*resource.OAuthClient); is && o != nil && o.ServiceAccountID != "" {
				if a := d.account(o.ServiceAccountID); a != nil {
					if err := d.mayActFor(a); err != nil {
						return err
					}
				}
			}
		}
	case *resource.IdpRoleMapping:
		if m, is := c.after.(*resource.IdpRoleMapping); is {
			return d.mayGrant([]string{m.RoleName})
		}
	case *resource.ClientAuthConfig, *resource.AnchorDomain:
		return d.guardDomain(c)
	}
	return nil
}

// guardRole keeps the built-in roles, and permissions that the caller may not
// give.
func (d *draft) guardRole(c *change) error {
	r := c.subject().(*resource.Role)
	if app, _ := r.Segments(); app == resource.PlatformApplication {
		return refuse(CodeProtected, "roles of the platform are built in; make a role of an application with the permissions that you need")
	}
	if c.after == nil {
		return nil
	}
	var had []string
	if c.before != nil {
		had = c.before.(*resource.Role).Permissions
	}
	for _, p := range r.Permissions {
		if !slices.Contains(had, p) && !d.mayGive(p, nil) {
			return refuse(CodeForbidden, "the role would have permissions that you do not have")
		}
	}
	// Whoever has the role already is lifted by what makes it assignable.
	return nil
}

// guardAccount: who changes a service account can let it do anything that it
// may, so they must have what it has.
func (d *draft) guardAccount(c *change) error {
	if c.before != nil {
		if err := d.mayActFor(c.before); err != nil {
			return err
		}
	}
	a, is := c.after.(*resource.ServiceAccount)
	if !is {
		return nil
	}
	var before resource.ServiceAccount
	if c.before != nil {
		before = *c.before.(*resource.ServiceAccount)
	}
	if !slices.Equal(a.ClientIDs, before.ClientIDs) && !d.caller.reaches(a.ClientIDs) {
		return refuse(CodeForbidden, "clientIds: you do not reach every one of these clients")
	}
	return d.mayGrant(added(a.Roles, before.Roles))
}

// guardSubscription: who says where deliveries with a service account's
// credentials go gets to see them.
func (d *draft) guardSubscription(c *change) error {
	s, is := c.after.(*resource.Subscription)
	if !is || s.ServiceAccountID == "" {
		return nil
	}
	a := d.account(s.ServiceAccountID)
	if a == nil {
		return nil // the rules say so
	}
	if old, is := c.before.(*resource.Subscription); is && old.ServiceAccountID == a.ID && old.Target == s.Target &&
		old.ConnectionID == s.ConnectionID && old.ConnectionCode == s.ConnectionCode {
		return nil
	}
	return d.mayLend(a)
}

// mayLend refuses to let the caller have a service account's credentials sent
// somewhere: that is for the account itself, and for who manages it.
func (d *draft) mayLend(a *resource.ServiceAccount) error {
	if d.caller.PrincipalID == a.PrincipalID() {
		return nil
	}
	if permission := accountKind.May("update"); !d.caller.may(permission) {
		return refuse(CodeForbidden, "serviceAccountId: whoever says where the account's credentials go needs the permission %s", permission)
	}
	return d.mayActFor(a)
}

// lengthened are the clients of grants that are new or end later than before.
func lengthened(now, before []resource.ClientGrant) (ids []string) {
	for _, g := range now {
		stood := slices.ContainsFunc(before, func(b resource.ClientGrant) bool {
			return b.ClientID == g.ClientID && (b.ExpiresAt.IsZero() || !g.ExpiresAt.IsZero() && !g.ExpiresAt.After(b.ExpiresAt))
		})
		if !stood {
			ids = append(ids, g.ClientID)
		}
	}
	return ids
}

func added(now, before []string) []string {
	return slices.DeleteFunc(slices.Clone(now), func(s string) bool { return slices.Contains(before, s) })
}

// guardPrincipal is about people.
func (d *draft) guardPrincipal(c *change) error {
	old, _ := c.before.(*resource.Principal)
	p, _ := c.after.(*resource.Principal)
	self := old != nil && old.ID == d.caller.PrincipalID
	if self && (p == nil || !p.IsActive()) {
		return refuse(CodeConflict, "nobody deactivates or deletes themselves; ask another administrator")
	}
	if old != nil && p != nil {
		// Which applications somebody may open bounds nothing here.
		opened := *old
		if opened.Applications = p.Applications; same(&opened, p) {
			return nil
		}
	}
	if old != nil {
		if err := d.mayActFor(old); err != nil {
			return err
		}
	}
	if p == nil {
		return nil
	}
	scope := p.Scope
	if d.anchors()[iam.EmailDomain(p.Email)] {
		scope = resource.ScopeAnchor // whatever is asked for
	}
	if scope == resource.ScopeAnchor && !d.caller.Scope.All {
		return refuse(CodeForbidden, "only who reaches every client makes or changes people who do")
	}
	var before resource.Principal
	if old != nil {
		before = *old
		if before.Scope != p.Scope && !d.caller.Scope.All {
			return refuse(CodeForbidden, "scope: only who reaches every client changes it")
		}
	}
	if p.Meta.ClientID != before.Meta.ClientID && p.Meta.ClientID != "" && !d.caller.reaches([]string{p.Meta.ClientID}) {
		return refuse(CodeForbidden, "clientId: you are not bound to this client")
	}
	if ids := lengthened(p.Grants, before.Grants); len(ids) > 0 {
		switch {
		case !d.caller.reaches(ids):
			return refuse(CodeForbidden, "clientGrants: you do not reach every one of these clients")
		case self && !d.caller.Scope.All:
			return refuse(CodeForbidden, "clientGrants: nobody lengthens their own; ask another administrator")
		}
	}
	if old == nil && scope == resource.ScopePartner && !d.caller.reaches(grantedClients(p)) {
		return refuse(CodeForbidden, "a person of the scope PARTNER needs a client of yours, or an administrator of every client")
	}
	if old == nil {
		if err := d.guardNewcomer(p); err != nil {
			return err
		}
	}
	return d.mayGrant(added(p.RoleNames(), before.RoleNames()))
}

// guardNewcomer: what the auth config of an email domain gives its people, a
// new one gets as well.
func (d *draft) guardNewcomer(p *resource.Principal) error {
	config, _ := d.find(worldKey{resource.KindClientAuthConfig, "", iam.EmailDomain(p.Email)}).(*resource.ClientAuthConfig)
	if config == nil {
		return nil
	}
	gives := append(slices.Clone(config.AdditionalClientIDs), config.GrantedClientIDs...)
	if len(gives) > 0 && !d.caller.reaches(gives) {
		return refuse(CodeForbidden, "people of this email domain reach clients that you do not")
	}
	return nil
}

// guardDomain: who says where the people of a domain sign in can sign in as
// each of them, and have the roles that are mapped for them; an anchor domain
// lets what they have count everywhere.
func (d *draft) guardDomain(c *change) error {
	domain := c.subject().Key()
	var refused error
	if config, is := c.after.(*resource.ClientAuthConfig); is && config.AuthProvider == resource.IdpOIDC {
		d.all(resource.KindIdpRoleMapping, func(r resource.Resource) {
			if m := r.(*resource.IdpRoleMapping); refused == nil && (m.EmailDomain == "" || m.EmailDomain == domain) {
				refused = d.mayGrant([]string{m.RoleName})
			}
		})
	}
	d.all(resource.KindPrincipal, func(r resource.Resource) {
		p := r.(*resource.Principal)
		if refused == nil && iam.EmailDomain(p.Email) == domain {
			refused = d.mayActFor(p)
		}
	})
	return refused
}

// anchors are the anchor domains as the draft has them.
func (d *draft) anchors() map[string]bool {
	domains := map[string]bool{}
	d.all(resource.KindAnchorDomain, func(r resource.Resource) { domains[r.Key()] = true })
	return domains
}

// mayGive says whether the caller may let others have a permission, by a role
// or without one. The platform's own, and whatever is as wide, only who has it
// gives. What an application means by its permissions guards nothing here:
// those who manage permissions give them too, and so do administrators of
// clients where the role is meant for that.
func (d *draft) mayGive(permission string, by *resource.Role) bool {
	if d.caller.may(permission) {
		return true
	}
	app, _, _ := strings.Cut(permission, ":")
	if app == resource.PlatformApplication || app == "*" {
		return false
	}
	return by != nil && by.ClientManaged || d.caller.Scope.All && d.caller.may("platform:iam:permission:manage")
}

// keepAdministrator refuses to take away the last person who may do
// everything: nobody could make another.
func (d *draft) keepAdministrator() error {
	if !slices.ContainsFunc(d.order, func(c *change) bool {
		k := c.subject().Kind()
		return c.before != nil && (k == resource.KindPrincipal || k == resource.KindAnchorDomain)
	}) {
		return nil
	}
	if !d.dir.HasAdministrator() {
		return nil // there is none to keep
	}
	anchors, kept := d.anchors(), false
	d.all(resource.KindPrincipal, func(r resource.Resource) {
		p := r.(*resource.Principal)
		kept = kept || p.IsActive() && slices.Contains(p.RoleNames(), auth.RoleSuperAdmin) &&
			(p.Scope == resource.ScopeAnchor || anchors[iam.EmailDomain(p.Email)])
	})
	if !kept {
		return refuse(CodeConflict, "this would take away the last active administrator of everything; make another one first")
	}
	return nil
}
