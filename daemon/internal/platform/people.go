package platform

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
)

var (
	personKind, _  = resource.InfoOf(resource.KindPrincipal)
	accountKind, _ = resource.InfoOf(resource.KindServiceAccount)
)

// principal finds a person, or a service account as a principal.
func (w *world) principal(c Caller, name, action string) (resource.KindInfo, resource.Resource, error) {
	r, err := w.lookup(c, personKind, name, "")
	if err == nil || !strings.HasPrefix(name, "prn_") {
		return personKind, r, err
	}
	account, missing := w.lookup(c, accountKind, "sac_"+strings.TrimPrefix(name, "prn_"), "")
	if missing != nil || !c.may(accountKind.May("view")) {
		return personKind, nil, err
	}
	if permission := accountKind.May(action); !c.may(permission) {
		return accountKind, nil, refuse(CodeForbidden, "this is a service account, for which you need the permission %s", permission)
	}
	return accountKind, account, nil
}

// Principal returns a person or a service account by the id of the principal,
// or a person by email.
func (p *Platform) Principal(ctx context.Context, c Caller, name string) (resource.Resource, error) {
	w, err := p.currentWorld(ctx)
	if err != nil {
		return nil, err
	}
	_, r, err := w.principal(c, name, "view")
	if err != nil {
		return nil, err
	}
	return c.view(r), nil
}

// PrincipalQuery filters principals; empty fields filter nothing.
type PrincipalQuery struct {
	Type, Scope, ClientID, Email, Text string
	Active                             *bool
	Roles                              []string // any of them
	AfterID                            string
	Page, Limit                        int
}

// Principals lists people by email, and service accounts after them by code.
func (p *Platform) Principals(ctx context.Context, c Caller, q PrincipalQuery) (ListPage, error) {
	w, err := p.currentWorld(ctx)
	if err != nil {
		return ListPage{}, err
	}
	q.ClientID = clientID(w.cat, q.ClientID)
	var fitting []resource.Resource
	take := func(kind resource.Kind) {
		for _, r := range w.sorted[kind] {
			if c.sees(r) && q.fits(w, r) {
				fitting = append(fitting, c.view(r))
			}
		}
	}
	if q.Type == "" || q.Type == "USER" {
		take(resource.KindPrincipal)
	}
	if (q.Type == "" || q.Type == "SERVICE") && c.may(accountKind.May("view")) {
		take(resource.KindServiceAccount)
	}
	page := ListPage{Total: len(fitting)}
	if at := slices.IndexFunc(fitting, func(r resource.Resource) bool { return r.Base().ID == q.AfterID }); at >= 0 {
		fitting = fitting[at+1:]
	} else {
		fitting = fitting[min(q.Page*q.Limit, len(fitting)):]
	}
	page.More = len(fitting) > q.Limit
	page.Resources = fitting[:min(q.Limit, len(fitting))]
	return page, nil
}

func (q PrincipalQuery) fits(w *world, r resource.Resource) bool {
	var name, email, scope string
	var active bool
	var roles, clients []string
	switch r := r.(type) {
	case *resource.Principal:
		name, email, scope, active, roles = r.Name, r.Email, r.Scope, r.IsActive(), r.RoleNames()
		clients = append(grantedClients(r), r.Meta.ClientID)
	case *resource.ServiceAccount:
		name, active, roles, clients = r.Name, r.IsActive(), r.Roles, r.ClientIDs
		if s := w.dir.Subject(r.PrincipalID()); s != nil {
			scope = string(s.Scope)
		}
	}
	text := strings.ToLower(q.Text)
	return (q.Scope == "" || strings.EqualFold(q.Scope, scope)) &&
		(q.ClientID == "" || slices.Contains(clients, q.ClientID)) &&
		(q.Email == "" || strings.EqualFold(q.Email, email)) &&
		(q.Active == nil || *q.Active == active) &&
		(text == "" || strings.Contains(strings.ToLower(name), text) || strings.Contains(strings.ToLower(email), text)) &&
		(len(q.Roles) == 0 || slices.ContainsFunc(q.Roles, func(role string) bool { return slices.Contains(roles, role) }))
}

// alterPrincipal changes a person by one function and a service account by
// another.
func (p *Platform) alterPrincipal(ctx context.Context, c Caller, name, operation string, ifRevision int64,
	person func(*draft, *resource.Principal) error, account func(*draft, *resource.ServiceAccount) error) (resource.Resource, error) {
	w, err := p.currentWorld(ctx)
	if err != nil {
		return nil, err
	}
	info, r, err := w.principal(c, name, "update")
	if err != nil {
		return nil, err
	}
	ch, err := p.alter(ctx, c, info, r.Base().ID, "", ifRevision, operation, func(d *draft, before resource.Resource) (resource.Resource, error) {
		if a, is := before.(*resource.ServiceAccount); is {
			next := *a
			next.Roles, next.ClientIDs = slices.Clone(a.Roles), slices.Clone(a.ClientIDs)
			return &next, account(d, &next)
		}
		next := *before.(*resource.Principal)
		next.Roles, next.Grants, next.Applications = slices.Clone(next.Roles), slices.Clone(next.Grants), slices.Clone(next.Applications)
		return &next, person(d, &next)
	})
	if err != nil {
		return nil, err
	}
	return c.view(ch.Resource), nil
}

// SetPrincipalActive lets somebody in, or shuts them out.
func (p *Platform) SetPrincipalActive(ctx context.Context, c Caller, name string, active bool) (resource.Resource, error) {
	operation := "ACTIVATE"
	if !active {
		operation = "DEACTIVATE"
	}
	return p.alterPrincipal(ctx, c, name, operation, 0,
		func(_ *draft, u *resource.Principal) error { u.Active = &active; return nil },
		func(_ *draft, a *resource.ServiceAccount) error { a.Active = &active; return nil })
}

// PrincipalPatch is what an update of a principal may say. What is nil stays.
type PrincipalPatch struct {
	Name, FirstName, LastName *string
	Active                    *bool
	Scope, ClientID           *string
}

// UpdatePrincipal lays a patch over a principal. Only who reaches every client
// changes a scope.
func (p *Platform) UpdatePrincipal(ctx context.Context, c Caller, name string, patch PrincipalPatch, ifRevision int64) (resource.Resource, error) {
	if patch.Name == nil && (patch.FirstName != nil || patch.LastName != nil) {
		var parts []string
		for _, part := range []*string{patch.FirstName, patch.LastName} {
			if part != nil && strings.TrimSpace(*part) != "" {
				parts = append(parts, strings.TrimSpace(*part))
			}
		}
		whole := strings.Join(parts, " ")
		patch.Name = &whole
	}
	return p.alterPrincipal(ctx, c, name, "UPDATE", ifRevision,
		func(d *draft, u *resource.Principal) error {
			if patch.Name != nil {
				u.Name = *patch.Name
			}
			if patch.Active != nil {
				u.Active = patch.Active
			}
			if patch.Scope != nil {
				u.Scope = *patch.Scope
			}
			if patch.ClientID != nil {
				u.Meta.ClientID = *patch.ClientID
				if *patch.ClientID != "" && u.Scope != resource.ScopeClient {
					return invalidField("clientId", "is for people of the scope CLIENT; others are granted clients", resource.ScopeClient)
				}
			}
			return nil
		},
		func(_ *draft, a *resource.ServiceAccount) error {
			if patch.Scope != nil || patch.ClientID != nil {
				return invalidField("scope", "and clientId of a service account follow from its clientIds", "PUT /api/service-accounts/{id}")
			}
			if patch.Name != nil {
				a.Name = *patch.Name
			}
			if patch.Active != nil {
				a.Active = patch.Active
			}
			return nil
		})
}

// SetRoles gives a principal these roles and no others. Roles that a provider
// or a sync gave are kept as theirs where they are named.
func (p *Platform) SetRoles(ctx context.Context, c Caller, name string, roles []string) (after resource.Resource, added, removed []string, err error) {
	roles = slices.Clone(roles)
	slices.Sort(roles)
	roles = slices.Compact(roles)
	differ := func(had []string) {
		added, removed = addedTo(roles, had), addedTo(had, roles)
	}
	after, err = p.alterPrincipal(ctx, c, name, "SET_ROLES", 0,
		func(_ *draft, u *resource.Principal) error {
			differ(u.RoleNames())
			u.Roles = slices.DeleteFunc(u.Roles, func(r resource.RoleAssignment) bool { return slices.Contains(removed, r.Role) })
			for _, r := range added {
				u.Roles = append(u.Roles, resource.RoleAssignment{Role: r, Source: resource.AssignedManually})
			}
			return nil
		},
		func(_ *draft, a *resource.ServiceAccount) error {
			differ(a.Roles)
			a.Roles = roles
			return nil
		})
	return after, added, removed, err
}

func addedTo(now, before []string) []string {
	if d := added(now, before); d != nil {
		return d
	}
	return []string{}
}

// AssignRole gives a principal one more role; having it already is no error.
func (p *Platform) AssignRole(ctx context.Context, c Caller, name, role string) (resource.Resource, error) {
	if role == "" {
		return nil, invalidField("role", "is required", "platform:viewer")
	}
	return p.alterPrincipal(ctx, c, name, "ASSIGN_ROLE", 0,
		func(_ *draft, u *resource.Principal) error {
			if !slices.Contains(u.RoleNames(), role) {
				u.Roles = append(u.Roles, resource.RoleAssignment{Role: role, Source: resource.AssignedManually})
			}
			return nil
		},
		func(_ *draft, a *resource.ServiceAccount) error {
			if !slices.Contains(a.Roles, role) {
				a.Roles = append(a.Roles, role)
			}
			return nil
		})
}

// RemoveRole takes a role from a principal.
func (p *Platform) RemoveRole(ctx context.Context, c Caller, name, role string) (resource.Resource, error) {
	gone := refuse(CodeNotFound, "the principal does not have this role")
	return p.alterPrincipal(ctx, c, name, "REMOVE_ROLE", 0,
		func(_ *draft, u *resource.Principal) error {
			if !slices.Contains(u.RoleNames(), role) {
				return gone
			}
			u.Roles = slices.DeleteFunc(u.Roles, func(r resource.RoleAssignment) bool { return r.Role == role })
			return nil
		},
		func(_ *draft, a *resource.ServiceAccount) error {
			if !slices.Contains(a.Roles, role) {
				return gone
			}
			a.Roles = dropped(a.Roles, role)
			return nil
		})
}

// Grant lets a principal reach a client, until a time if one is given.
func (p *Platform) Grant(ctx context.Context, c Caller, name, client string, until time.Time) (resource.Resource, string, error) {
	id := ""
	find := func(d *draft) error {
		var refused *Error
		if client == "" {
			return invalidField("clientId", "is required", "")
		}
		if id, refused = c.tenant(d.cat, client); refused != nil {
			return refused
		}
		return nil
	}
	if !until.IsZero() && !until.After(p.now()) {
		return nil, "", invalidField("expiresAt", "is over already", "a time to come")
	}
	r, err := p.alterPrincipal(ctx, c, name, "GRANT_CLIENT", 0,
		func(d *draft, u *resource.Principal) error {
			if err := find(d); err != nil {
				return err
			}
			grant := resource.ClientGrant{ClientID: id, Source: resource.AssignedManually, ExpiresAt: until}
			if at := slices.Index(grantedClients(u), id); at >= 0 {
				if u.Grants[at].ExpiresAt.Equal(until) {
					return nil
				}
				u.Grants[at] = grant
				return nil
			}
			u.Grants = append(u.Grants, grant)
			return nil
		},
		func(d *draft, a *resource.ServiceAccount) error {
			if err := find(d); err != nil {
				return err
			}
			if !slices.Contains(a.ClientIDs, id) && !slices.Contains(a.ClientIDs, "*") {
				a.ClientIDs = append(a.ClientIDs, id)
			}
			return nil
		})
	return r, id, err
}

// Revoke takes a granted client from a principal.
func (p *Platform) Revoke(ctx context.Context, c Caller, name, client string) error {
	gone := refuse(CodeNotFound, "the principal was not granted this client")
	_, err := p.alterPrincipal(ctx, c, name, "REVOKE_CLIENT", 0,
		func(d *draft, u *resource.Principal) error {
			id, _ := d.client(client)
			at := slices.Index(grantedClients(u), id)
			if at < 0 || !c.Scope.All && !c.Scope.Sees(id) {
				return gone
			}
			u.Grants = slices.Delete(u.Grants, at, at+1)
			return nil
		},
		func(d *draft, a *resource.ServiceAccount) error {
			id, _ := d.client(client)
			if !slices.Contains(a.ClientIDs, id) {
				return gone
			}
			a.ClientIDs = dropped(a.ClientIDs, id)
			return nil
		})
	return err
}

// SetApplications says which applications somebody may open.
func (p *Platform) SetApplications(ctx context.Context, c Caller, name string, applications []string) (after resource.Resource, added, removed int, err error) {
	after, err = p.alterPrincipal(ctx, c, name, "SET_APPLICATIONS", 0,
		func(d *draft, u *resource.Principal) error {
			var ids []string
			for _, a := range applications {
				app := d.application(a)
				if app == nil {
					return invalidField("applicationIds", "names an application that is not there", "")
				}
				if !slices.Contains(ids, app.ID) {
					ids = append(ids, app.ID)
				}
			}
			added, removed = len(addedTo(ids, u.Applications)), len(addedTo(u.Applications, ids))
			u.Applications = ids
			return nil
		},
		func(*draft, *resource.ServiceAccount) error {
			return refuse(CodeConflict, "a service account opens no applications")
		})
	return after, added, removed, err
}

// Applications are all applications by code.
func (p *Platform) Applications(ctx context.Context) ([]*resource.Application, error) {
	w, err := p.currentWorld(ctx)
	if err != nil {
		return nil, err
	}
	return w.applications(), nil
}

// DeletePrincipal deletes a person or a service account.
func (p *Platform) DeletePrincipal(ctx context.Context, c Caller, name string, ifRevision int64) error {
	w, err := p.currentWorld(ctx)
	if err != nil {
		return err
	}
	info, r, err := w.principal(c, name, "delete")
	if err != nil {
		return err
	}
	return p.Delete(ctx, c, info, r.Base().ID, "", ifRevision)
}

// CreateUser makes a person. A password, if the body has one, is set in the
// same commit.
func (p *Platform) CreateUser(ctx context.Context, c Caller, body []byte) (Changed, error) {
	f, err := readFields(resource.KindPrincipal, body)
	if err != nil {
		return Changed{}, err
	}
	var password *string
	if raw, given := f["password"]; given {
		if err := json.Unmarshal(raw, &password); err != nil {
			return Changed{}, invalidField("password", "must be a text", "")
		}
	}
	lax := string(f["enforcePasswordComplexity"]) == "false"
	delete(f, "password")
	hash := ""
	if password != nil {
		if hash, err = p.hash(ctx, NewPassword{Password: *password, Lax: lax}); err != nil {
			return Changed{}, err
		}
	}
	return p.create(ctx, c, personKind, f, func(d *draft, r resource.Resource) error {
		// A provider says who somebody is there; fields are read in any case.
		u := r.(*resource.Principal)
		u.IdpIssuer, u.IdpSubject = "", ""
		if hash == "" {
			return nil
		}
		return d.setPassword(r.(*resource.Principal), hash, NewPassword{Password: *password, Lax: lax, Operation: "SET_PASSWORD"})
	})
}

// EmailDomain is what a new person of an email domain would be.
type EmailDomain struct {
	Domain           string
	Anchor           bool
	Config           *resource.ClientAuthConfig // nil: none
	Scope            string
	AllowedClientIDs []string
	EmailExists      bool
}

// CheckEmailDomain says what somebody of an email domain would be. An address
// is taken for its domain, and for whether somebody has it whom the caller sees.
func (p *Platform) CheckEmailDomain(ctx context.Context, c Caller, domain string) (EmailDomain, error) {
	w, err := p.currentWorld(ctx)
	if err != nil {
		return EmailDomain{}, err
	}
	e := EmailDomain{Domain: strings.ToLower(strings.TrimSpace(domain)), Scope: resource.ScopeClient, AllowedClientIDs: []string{}}
	if strings.Contains(e.Domain, "@") {
		if s := w.dir.ByEmail(e.Domain); s != nil && s.Person != nil && c.sees(s.Person) {
			e.EmailExists = true
		}
		e.Domain = iam.EmailDomain(e.Domain)
	}
	if e.Domain == "" {
		return e, invalidField("domain", "is required", "example.com")
	}
	e.Anchor, e.Config = w.dir.Anchor(e.Domain), w.dir.AuthConfig(e.Domain)
	switch {
	case e.Anchor:
		e.Scope = resource.ScopeAnchor
	case e.Config != nil:
		e.Scope = e.Config.ConfigType
		for _, id := range append(append([]string{e.Config.PrimaryClientID}, e.Config.AdditionalClientIDs...), e.Config.GrantedClientIDs...) {
			if id != "" && (c.Scope.All || c.Scope.Sees(id)) {
				e.AllowedClientIDs = append(e.AllowedClientIDs, id)
			}
		}
	}
	return e, nil
}
