package platform

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
)

// Federated is somebody for whom an identity provider vouches: what its ID
// token says of them, once that is verified.
type Federated struct {
	Domain  string // of the auth config that they come in by
	Issuer  string // of that config
	Subject string // who they are there, for good
	Email   string // empty: the provider did not say
	// Unverified says that the provider does not vouch for the email.
	Unverified bool
	Name       string
	Roles      []string // as the provider calls them
}

// The operations that the audit shows of people who come in by a provider.
const (
	opCreateByIdp = "CREATE_BY_IDP"
	opUpdateByIdp = "UPDATE_BY_IDP"
)

// AdmitFederated is who a provider vouches for. Whoever comes for the first
// time is bound to their identity there, and made where the auth config lets
// newcomers in. The roles that the provider gives are those of its last word:
// what it says no more is taken away, what people gave by hand stays. All of it
// is one commit with its audit entries.
func (p *Platform) AdmitFederated(ctx context.Context, requestID string, f Federated) (*resource.Principal, error) {
	f.Email = strings.ToLower(strings.TrimSpace(f.Email))
	c := System()
	c.RequestID = requestID
	var who *resource.Principal
	bound := false
	_, err := p.change(ctx, c, false, func(d *draft) error {
		config := d.dir.AuthConfig(f.Domain)
		if config == nil || config.AuthProvider != resource.IdpOIDC || config.OIDCIssuerURL != f.Issuer {
			return refuse(CodeForbidden, "people of this email domain do not sign in through this provider any more")
		}
		before, err := d.federated(f)
		if err != nil {
			return err
		}
		if before == nil {
			who, bound = nil, false
			who, err = d.newcomer(config, f)
			return err
		}
		if !before.IsActive() {
			return refuse(CodeForbidden, "your account is not active; ask an administrator")
		}
		next := *before
		bound = next.IdpIssuer != f.Issuer || next.IdpSubject != f.Subject
		next.IdpType, next.IdpIssuer, next.IdpSubject = resource.IdpOIDC, f.Issuer, f.Subject
		next.Roles = d.rolesByIdp(next.Roles, f)
		d.update(before, &next, opUpdateByIdp)
		who = &next
		return nil
	})
	if err != nil {
		return nil, err
	}
	if bound && p.sessions != nil {
		// Whoever signed in as them before the provider had a say may be
		// somebody else.
		if _, err := p.sessions.EndAll(ctx, who.ID, ""); err != nil {
			return nil, err
		}
	}
	return who, nil
}

// federated is the person that an identity is of, or nil for a newcomer. The
// issuer and the subject say who it is; the email only the first time, and
// never beyond the domain for which the provider speaks.
func (d *draft) federated(f Federated) (*resource.Principal, error) {
	if f.Issuer == "" || f.Subject == "" {
		return nil, refuse(CodeForbidden, "the provider does not say who you are")
	}
	if f.Email != "" && iam.EmailDomain(f.Email) != strings.ToLower(f.Domain) {
		return nil, refuse(CodeForbidden, "the provider says that your email is of another domain than the one that you sign in for")
	}
	if s := d.dir.ByIdentity(f.Issuer, f.Subject); s != nil {
		if iam.EmailDomain(s.Email) != strings.ToLower(f.Domain) {
			return nil, refuse(CodeForbidden, "the person of this identity belongs to another email domain; sign in for that one")
		}
		return s.Person, nil
	}
	switch {
	case f.Email == "":
		return nil, refuse(CodeForbidden, "the provider does not say your email; its administrator has to put the claim email into ID tokens")
	case f.Unverified:
		return nil, refuse(CodeForbidden, "the provider has not verified your email; verify it there, then sign in again")
	}
	s := d.dir.ByEmail(f.Email)
	if s == nil {
		return nil, nil
	}
	if s.Person.IdpIssuer == f.Issuer && s.Person.IdpSubject != "" {
		return nil, refuse(CodeForbidden, "another account of the provider is bound to your email; an administrator can undo that (DELETE /api/principals/{id}/identity)")
	}
	return s.Person, nil
}

// newcomer drafts a person as the auth config of their domain wants them.
func (d *draft) newcomer(config *resource.ClientAuthConfig, f Federated) (*resource.Principal, error) {
	if config.CreateUsers != nil && !*config.CreateUsers {
		return nil, refuse(CodeForbidden, "there is no account for your email; ask an administrator to make one")
	}
	who := &resource.Principal{Email: f.Email, Name: personName(f.Name), IdpType: resource.IdpOIDC, IdpIssuer: f.Issuer, IdpSubject: f.Subject}
	if err := d.preparePrincipal(who); err != nil {
		return nil, err
	}
	if home := who.Meta.ClientID; home != "" {
		if _, there := d.client(home); !there {
			return nil, refuse(CodeForbidden, "the client of your email domain is not there any more; ask an administrator")
		}
	}
	who.Roles = d.rolesByIdp(nil, f)
	who.Source = "IDP"
	d.add(who, opCreateByIdp)
	return who, nil
}

// personName is a name as providers write it, made fit to be kept.
func personName(s string) string {
	s = strings.ToValidUTF8(s, "")
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return -1
		}
		return r
	}, s))
	for len(s) > 200 {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}

// rolesByIdp are the roles of somebody after their provider's last word.
func (d *draft) rolesByIdp(had []resource.RoleAssignment, f Federated) []resource.RoleAssignment {
	var given []string
	for _, m := range d.dir.RoleMappings(f.Domain) {
		if slices.Contains(f.Roles, m.IdpRoleName) && d.role(m.RoleName) != nil && !slices.Contains(given, m.RoleName) {
			given = append(given, m.RoleName)
		}
	}
	roles := slices.DeleteFunc(slices.Clone(had), func(r resource.RoleAssignment) bool {
		return r.Source == resource.AssignedByIdp && !slices.Contains(given, r.Role)
	})
	for _, name := range given {
		if !slices.ContainsFunc(roles, func(r resource.RoleAssignment) bool { return r.Role == name }) {
			roles = append(roles, resource.RoleAssignment{Role: name, Source: resource.AssignedByIdp, AssignedAt: d.now})
		}
	}
	return roles
}

// ForgetIdentity unbinds a person from their account at a provider: the next
// time that they sign in there they are known by their email again. Their
// sessions end.
func (p *Platform) ForgetIdentity(ctx context.Context, c Caller, name string) error {
	r, err := p.alterPrincipal(ctx, c, name, "FORGET_IDENTITY", 0,
		func(_ *draft, u *resource.Principal) error {
			u.IdpIssuer, u.IdpSubject = "", ""
			return nil
		},
		func(*draft, *resource.ServiceAccount) error {
			return refuse(CodeConflict, "a service account signs in through no provider")
		})
	if err != nil || p.sessions == nil {
		return err
	}
	// Whoever is in by that account may be somebody else.
	_, err = p.sessions.EndAll(ctx, r.Base().ID, "")
	return err
}
