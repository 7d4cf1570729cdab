package platform

import (
	"context"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
)

// Rehash keeps a better hash of a password that was just right, unless there
// is a new password by now. It is no event: the password is the same.
func (p *Platform) Rehash(ctx context.Context, principalID, old, password string) error {
	hash, err := p.passwords.Hash(ctx, password)
	if err != nil {
		return err
	}
	c := System()
	_, err = p.change(ctx, c, false, func(d *draft) error {
		r, err := d.lookup(c, personKind, principalID, "")
		if err != nil {
			return err
		}
		now, err := d.dir.Credential(principalID)
		if err != nil || now.PasswordHash != old {
			return err
		}
		return d.credential(r, "REHASH_PASSWORD", func(c *iam.Credential) { c.PasswordHash = hash })
	})
	return err
}

// MakeAdministrator gives somebody every role and client, whether or not they
// are there already, and a password. Unless again it refuses where there is an
// administrator, and ends the sessions of who becomes the first. Again is for
// fcd dev, whose users go on with the tokens of the run before; where the
// provider of their domain lets them in, they get no password.
func (p *Platform) MakeAdministrator(ctx context.Context, email, name, password string, again bool) (*resource.Principal, error) {
	n := NewPassword{Password: password, Operation: "BOOTSTRAP"}
	hash, err := p.hash(ctx, n)
	if err != nil {
		return nil, err
	}
	var who *resource.Principal
	_, err = p.change(ctx, System(), false, func(d *draft) error {
		if d.dir.HasAdministrator() && !again {
			return refuse(CodeConflict, "there is an administrator already; sign in, or ask them")
		}
		yes := true
		who = &resource.Principal{Email: strings.ToLower(strings.TrimSpace(email)), Name: name}
		var before resource.Resource
		if s := d.dir.ByEmail(email); s != nil {
			before = s.Person
			changed := *s.Person
			who = &changed
		}
		who.Scope, who.Active, who.IdpType = resource.ScopeAnchor, &yes, resource.IdpInternal
		if !hasRole(who, auth.RoleSuperAdmin) {
			who.Roles = append(who.Roles[:len(who.Roles):len(who.Roles)], resource.RoleAssignment{Role: auth.RoleSuperAdmin, Source: resource.AssignedManually, AssignedAt: d.now})
		}
		if before == nil {
			who.Source = "CODE"
			d.add(who, n.Operation)
		} else {
			d.update(before, who, n.Operation)
		}
		if again && d.dir.Provider(who) != resource.IdpInternal {
			return nil
		}
		return d.setPassword(who, hash, n)
	})
	if err == nil && p.sessions != nil && !again {
		_, err = p.sessions.EndAll(ctx, who.ID, "")
	}
	if err != nil {
		return nil, err
	}
	return who, nil
}

func hasRole(p *resource.Principal, role string) bool {
	for _, r := range p.Roles {
		if r.Role == role {
			return true
		}
	}
	return false
}

// Directory is who may do what as things stand now.
func (p *Platform) Directory(ctx context.Context) (*iam.Directory, error) {
	return p.directory.Get(ctx)
}

// endSessions ends the sessions of whoever a change took away or made
// inactive, so that they do not come back with them. Nothing of theirs is
// good any more in any case, so what fails here is only logged.
func (p *Platform) endSessions(ctx context.Context, d *draft) {
	if p.sessions == nil {
		return
	}
	for _, c := range d.order {
		id := ""
		switch before := c.before.(type) {
		case *resource.Principal:
			after, _ := c.after.(*resource.Principal)
			if before.IsActive() && (after == nil || !after.IsActive()) {
				id = before.ID
			}
		case *resource.ServiceAccount:
			after, _ := c.after.(*resource.ServiceAccount)
			if before.IsActive() && (after == nil || !after.IsActive()) {
				id = before.PrincipalID()
			}
		}
		if id == "" {
			continue
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		if _, err := p.sessions.EndAll(ctx, id, ""); err != nil {
			p.log.Warn("the sessions of a principal that is not active any more are still kept", "principal", id, "error", err)
		}
		cancel()
	}
}
