package platform

import (
	"fmt"
	"slices"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
)

// role is a role as the draft has it, built in or not.
func (d *draft) role(name string) *resource.Role {
	r, _ := d.find(worldKey{resource.KindRole, "", name}).(*resource.Role)
	return r
}

func (d *draft) application(name string) *resource.Application {
	if a, is := d.get(name).(*resource.Application); is {
		return a
	}
	a, _ := d.find(worldKey{resource.KindApplication, "", name}).(*resource.Application)
	return a
}

func (d *draft) account(name string) *resource.ServiceAccount {
	if a, is := d.get(name).(*resource.ServiceAccount); is {
		return a
	}
	a, _ := d.find(worldKey{resource.KindServiceAccount, "", name}).(*resource.ServiceAccount)
	return a
}

// client is the id of the client of a name, if there is one that has not been
// deleted.
func (d *draft) client(name string) (string, bool) {
	t, _ := d.find(worldKey{resource.KindClient, "", name}).(*resource.Client)
	if t == nil {
		t, _ = d.get(name).(*resource.Client)
	}
	if t == nil || t.Status == resource.ClientDeleted {
		return name, false
	}
	return t.ID, true
}

func noSuchRole(field string) resource.Problem {
	return resource.Problem{Field: field, Detail: "names no role", Try: auth.RoleViewer}
}

// nameClients puts ids where identifiers may stand, and says which name
// nothing. What was there before may since have been deleted.
func (d *draft) nameClients(r resource.Resource, field string, ids []string, before []string) {
	for i, name := range ids {
		id, there := d.client(name)
		if !there && name != auth.EveryClient && !slices.Contains(before, name) {
			d.problem(r, resource.Problem{Field: fmt.Sprintf(field, i), Detail: "names no client, neither by id nor by identifier", Try: "create the client first"})
		}
		ids[i] = id
	}
}

func (d *draft) clientRules(before resource.Resource, c *resource.Client) {
	old, _ := before.(*resource.Client)
	if old == nil || old.Status != c.Status {
		c.StatusChangedAt = d.now
	}
	if old != nil && old.Status != c.Status && old.StatusReason == c.StatusReason {
		c.StatusReason = "" // it was of the state before
	}
	for i := range c.Notes {
		if n := &c.Notes[i]; n.AddedAt.IsZero() {
			n.AddedAt, n.AddedBy = d.now, d.caller.PrincipalID
		}
	}
}

func (d *draft) applicationRules(a *resource.Application) {
	if a.Code == resource.PlatformApplication {
		d.problem(a, resource.Problem{Field: "code", Detail: "is the platform's own", Try: "shop"})
	}
	for i := range a.Clients {
		id, there := d.client(a.Clients[i].ClientID)
		if !there && d.get(a.ID) == nil {
			d.problem(a, resource.Problem{Field: fmt.Sprintf("clients[%d].clientId", i), Detail: "names no client, neither by id nor by identifier", Try: "create the client first"})
		}
		a.Clients[i].ClientID = id
	}
}

func (d *draft) roleRules(r *resource.Role) {
	app, _ := r.Segments()
	if app != "" && app != resource.PlatformApplication && d.application(app) == nil {
		d.problem(r, resource.Problem{Field: "name", Detail: "begins with the code of an application that is not there", Try: "create the application first"})
	}
}

func (d *draft) accountRules(a *resource.ServiceAccount) {
	var before []string
	if c := d.changes[a.ID]; c != nil && c.before != nil {
		before = c.before.(*resource.ServiceAccount).ClientIDs
	}
	a.ClientIDs = slices.Clone(a.ClientIDs)
	d.nameClients(a, "clientIds[%d]", a.ClientIDs, before)
	a.Meta.ClientID = ""
	if len(a.ClientIDs) == 1 && a.ClientIDs[0] != auth.EveryClient {
		a.Meta.ClientID = a.ClientIDs[0] // whose audit entries are the client's
	}
	for i, name := range a.Roles {
		if d.role(name) == nil {
			d.problem(a, noSuchRole(fmt.Sprintf("roles[%d]", i)))
		}
	}
	if a.ApplicationID != "" {
		if app := d.application(a.ApplicationID); app != nil {
			a.ApplicationID = app.ID
		} else {
			d.problem(a, noSuchApplication("applicationId"))
		}
	}
}

func noSuchApplication(field string) resource.Problem {
	return resource.Problem{Field: field, Detail: "names no application", Try: "create the application first"}
}

func (d *draft) principalRules(before resource.Resource, p *resource.Principal) {
	old, _ := before.(*resource.Principal)
	var had []string
	if old != nil {
		had = append(grantedClients(old), old.Meta.ClientID)
	}
	if p.Scope != resource.ScopeClient {
		p.Meta.ClientID = ""
	}
	if p.Meta.ClientID != "" {
		home := []string{p.Meta.ClientID}
		d.nameClients(p, "clientId", home, had)
		p.Meta.ClientID = home[0]
	}
	p.Grants = slices.Clone(p.Grants)
	granted := grantedClients(p)
	d.nameClients(p, "clientGrants[%d].clientId", granted, had)
	for i := range p.Grants {
		g := &p.Grants[i]
		if g.ClientID = granted[i]; g.GrantedAt.IsZero() {
			g.GrantedAt, g.GrantedBy = d.now, d.caller.PrincipalID
		}
		if g.Source == "" {
			g.Source = resource.AssignedManually
		}
	}
	p.Roles = slices.Clone(p.Roles)
	for i := range p.Roles {
		r := &p.Roles[i]
		if r.AssignedAt.IsZero() {
			r.AssignedAt = d.now
		}
		kept := old != nil && slices.Contains(old.RoleNames(), r.Role)
		if d.role(r.Role) == nil && !kept {
			d.problem(p, noSuchRole(fmt.Sprintf("roles[%d]", i)))
		}
	}
	for i, id := range p.Applications {
		if d.application(id) == nil && (old == nil || !slices.Contains(old.Applications, id)) {
			d.problem(p, noSuchApplication(fmt.Sprintf("applicationIds[%d]", i)))
		}
	}
}

func (d *draft) oauthRules(c *resource.OAuthClient) {
	if iam.ReservedOAuthID(c.OAuthID) {
		d.problem(c, resource.Problem{Field: "clientId", Detail: "is the platform's own", Try: "shop-web"})
	}
	c.ApplicationIDs = slices.Clone(c.ApplicationIDs)
	for i, name := range c.ApplicationIDs {
		if app := d.application(name); app != nil {
			c.ApplicationIDs[i] = app.ID
		} else {
			d.problem(c, noSuchApplication(fmt.Sprintf("applicationIds[%d]", i)))
		}
	}
	if c.ServiceAccountID != "" {
		if a := d.account(c.ServiceAccountID); a != nil {
			c.ServiceAccountID = a.ID
		} else {
			d.problem(c, resource.Problem{Field: "serviceAccountId", Detail: "names no service account", Try: "create the service account first"})
		}
	}
	if c.Allows(resource.GrantClientCredentials) && c.ServiceAccountID == "" {
		d.warnings = append(d.warnings, "client credentials give no token before serviceAccountId says whom they speak for")
	}
}

func (d *draft) authConfigRules(c *resource.ClientAuthConfig) {
	var before []string
	if ch := d.changes[c.ID]; ch != nil && ch.before != nil {
		old := ch.before.(*resource.ClientAuthConfig)
		before = append(append([]string{old.PrimaryClientID}, old.AdditionalClientIDs...), old.GrantedClientIDs...)
		if old.OIDCIssuerURL != c.OIDCIssuerURL && !c.OIDCClientSecret.IsZero() && c.OIDCClientSecret.Equal(old.OIDCClientSecret) {
			// Whoever may not see it must not have it sent to a place of theirs.
			d.problem(c, resource.Problem{Field: "oidcClientSecret", Detail: "is the one of the issuer before, and is not sent to another", Try: "the secret that the new issuer gave you"})
		}
	}
	if c.PrimaryClientID != "" {
		primary := []string{c.PrimaryClientID}
		d.nameClients(c, "primaryClientId", primary, before)
		c.PrimaryClientID = primary[0]
	}
	c.AdditionalClientIDs, c.GrantedClientIDs = slices.Clone(c.AdditionalClientIDs), slices.Clone(c.GrantedClientIDs)
	d.nameClients(c, "additionalClientIds[%d]", c.AdditionalClientIDs, before)
	d.nameClients(c, "grantedClientIds[%d]", c.GrantedClientIDs, before)
}
