package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
)

// principalRoutes are all rows about people, and about service accounts as
// principals.
func (s *server) principalRoutes() []route {
	const (
		get, post, put, del = http.MethodGet, http.MethodPost, http.MethodPut, http.MethodDelete
		all, one            = "/api/principals", "/api/principals/{id}"
		tag                 = "principals"
		see, make           = "platform:iam:user:view", "platform:iam:user:create"
		edit, remove        = "platform:iam:user:update", "platform:iam:user:delete"
	)
	return []route{
		{get, all, see, "listPrincipals", tag, "List people by email, and service accounts after them", nil, s.listOf("principals", principalView{}), 0, through(s, s.listPrincipals)},
		{post, all, make, "createPrincipal", tag, "Make a person", userDoc{}, principalView{}, http.StatusCreated, through(s, s.createUser)},
		{post, all + "/users", make, "createUser", tag, "Make a person: the same as POST /api/principals", userDoc{}, principalView{}, http.StatusCreated, through(s, s.createUser)},
		{get, all + "/check-email-domain", see, "checkEmailDomain", tag, "What a new person of an email domain would be", nil, domainAnswer{}, 0, through(s, s.checkDomain)},
		{get, one, see, "getPrincipal", tag, "One, by id or email", nil, principalView{}, 0, through(s, s.getPrincipal)},
		{put, one, edit, "updatePrincipal", tag, "Change the fields that are given", updatePrincipalDoc{}, principalView{}, 0, through(s, s.updatePrincipal)},
		{del, one, remove, "deletePrincipal", tag, "Delete", nil, nil, http.StatusNoContent, through(s, s.deletePrincipal)},
		{post, one + "/activate", edit, "activatePrincipal", tag, "Let somebody in", nil, saidView{}, 0, through(s, s.principalActive(true))},
		{post, one + "/deactivate", edit, "deactivatePrincipal", tag, "Shut somebody out; what they hold is refused from the next request", nil, saidView{}, 0, through(s, s.principalActive(false))},
		{post, one + "/reset-password", edit, "setPrincipalPassword", tag, "Give somebody a new password and end their sessions", newPasswordDoc{}, saidView{}, 0, through(s, s.setPassword)},
		{post, one + "/send-password-reset", edit, "sendPasswordReset", tag, "Send somebody the link of a password reset", nil, saidView{}, 0, through(s, s.sendReset)},
		{del, one + "/identity", edit, "forgetIdentity", tag, "Unbind somebody from their account at an identity provider; the next time they are known by their email", nil, nil, http.StatusNoContent, through(s, s.forgetIdentity)},
		{get, one + "/roles", see, "listPrincipalRoles", tag, "The roles of somebody", nil, rolesAnswer{}, 0, through(s, s.principalRoles)},
		{put, one + "/roles", edit, "setPrincipalRoles", tag, "Give somebody these roles and no others", rolesDoc{}, setRolesAnswer{}, 0, through(s, s.setRoles)},
		{post, one + "/roles", edit, "assignRole", tag, "Give somebody one more role", assignRoleDoc{}, principalView{}, 0, through(s, s.assignRole)},
		{del, one + "/roles/{role}", edit, "removeRole", tag, "Take a role from somebody", nil, principalView{}, 0, through(s, s.removeRole)},
		{get, one + "/client-access", see, "listClientAccess", tag, "The clients that somebody was granted", nil, grantsAnswer{}, 0, through(s, s.clientAccess)},
		{post, one + "/client-access", edit, "grantClientAccess", tag, "Let somebody reach a client", grantClientDoc{}, grantView{}, http.StatusCreated, through(s, s.grantAccess)},
		{del, one + "/client-access/{clientId}", edit, "revokeClientAccess", tag, "Take a granted client from somebody", nil, nil, http.StatusNoContent, through(s, s.revokeAccess)},
		{get, one + "/application-access", see, "listApplicationAccess", tag, "The applications that somebody may open", nil, accessAnswer{}, 0, through(s, s.applicationAccess)},
		{put, one + "/application-access", edit, "setApplicationAccess", tag, "Let somebody open these applications and no others", setAccessDoc{}, setAccessAnswer{}, 0, through(s, s.setApplicationAccess)},
		{get, one + "/available-applications", see, "listAvailableApplications", tag, "The applications that somebody could be let open", nil, availableAnswer{}, 0, through(s, s.availableApplications)},
	}
}

// principalView is a person, or a service account, as answers show it.
type principalView struct {
	ID               string                    `json:"id"`
	Type             string                    `json:"type" enum:"USER,SERVICE"`
	Scope            string                    `json:"scope" enum:"ANCHOR,PARTNER,CLIENT"`
	ClientID         string                    `json:"clientId,omitempty" doc:"The home client, of scope CLIENT"`
	Email            string                    `json:"email,omitempty"`
	Name             string                    `json:"name"`
	Active           bool                      `json:"active"`
	IdpType          string                    `json:"idpType,omitempty" enum:"INTERNAL,OIDC"`
	IsAnchorUser     bool                      `json:"isAnchorUser"`
	Roles            []string                  `json:"roles"`
	RoleAssignments  []resource.RoleAssignment `json:"roleAssignments"`
	GrantedClientIDs []string                  `json:"grantedClientIds"`
	ClientGrants     []resource.ClientGrant    `json:"clientGrants"`
	ApplicationIDs   []string                  `json:"applicationIds"`
	ServiceAccountID string                    `json:"serviceAccountId,omitempty" doc:"Of the type SERVICE"`
	Code             string                    `json:"code,omitempty" doc:"Of the type SERVICE"`
	ManagedBy        string                    `json:"managedBy,omitempty"`
	Source           string                    `json:"source,omitempty"`
	Revision         int64                     `json:"revision"`
	CreatedBy        string                    `json:"createdBy,omitempty"`
	CreatedAt        stamp                     `json:"createdAt"`
	UpdatedAt        stamp                     `json:"updatedAt"`
}

func viewPrincipal(r resource.Resource) principalView {
	m := r.Base()
	v := principalView{ID: m.ID, ManagedBy: m.ManagedBy, Source: m.Source, Revision: m.Revision, CreatedBy: m.CreatedBy,
		CreatedAt: stamp(m.CreatedAt), UpdatedAt: stamp(m.UpdatedAt), RoleAssignments: rolesAssigned(r),
		GrantedClientIDs: []string{}, ClientGrants: []resource.ClientGrant{}, ApplicationIDs: []string{}, Roles: []string{}}
	for _, a := range v.RoleAssignments {
		v.Roles = append(v.Roles, a.Role)
	}
	switch r := r.(type) {
	case *resource.Principal:
		v.Type, v.Scope, v.ClientID, v.Email, v.Name, v.Active, v.IdpType = "USER", r.Scope, m.ClientID, r.Email, r.Name, r.IsActive(), r.IdpType
		v.ClientGrants = append(v.ClientGrants, r.Grants...)
		v.ApplicationIDs = append(v.ApplicationIDs, r.Applications...)
	case *resource.ServiceAccount:
		v.ID, v.ServiceAccountID, v.Code, v.Type, v.Name, v.Active = r.PrincipalID(), r.ID, r.Code, "SERVICE", r.Name, r.IsActive()
		switch {
		case len(r.ClientIDs) == 1 && r.ClientIDs[0] == "*":
			v.Scope = resource.ScopeAnchor
		case len(r.ClientIDs) == 1:
			v.Scope, v.ClientID = resource.ScopeClient, r.ClientIDs[0]
		default:
			v.Scope = resource.ScopePartner
			for _, id := range r.ClientIDs {
				v.ClientGrants = append(v.ClientGrants, resource.ClientGrant{ClientID: id, GrantedAt: m.CreatedAt})
			}
		}
	}
	for _, g := range v.ClientGrants {
		v.GrantedClientIDs = append(v.GrantedClientIDs, g.ClientID)
	}
	v.IsAnchorUser = v.Scope == resource.ScopeAnchor
	return v
}

func rolesAssigned(r resource.Resource) []resource.RoleAssignment {
	assigned := []resource.RoleAssignment{}
	switch r := r.(type) {
	case *resource.Principal:
		assigned = append(assigned, r.Roles...)
	case *resource.ServiceAccount:
		for _, role := range r.Roles {
			assigned = append(assigned, resource.RoleAssignment{Role: role, Source: resource.AssignedManually, AssignedAt: r.UpdatedAt})
		}
	}
	return assigned
}

func shownPrincipal(status int, r resource.Resource) *result {
	return &result{Status: status, ETag: etag(r), Body: viewPrincipal(r)}
}

type principalsQuery struct {
	ResourcesQuery
	Type      string   `query:"type" doc:"USER or SERVICE"`
	Scope     string   `query:"scope" doc:"ANCHOR, PARTNER or CLIENT"`
	SnakeID   string   `query:"client_id" doc:"The same as clientId"`
	Email     string   `query:"email"`
	Text      string   `query:"q" doc:"A part of the name or the email"`
	Active    string   `query:"active" enum:"true,false"`
	WithRoles []string `query:"roles" doc:"Any of these"`
}

func (s *server) listPrincipals(ctx context.Context, c *call, in *principalsQuery) (*result, error) {
	q := platform.PrincipalQuery{Type: strings.ToUpper(in.Type), Scope: in.Scope, ClientID: in.ClientID, Email: in.Email, Text: in.Text, Roles: in.WithRoles,
		Page: in.page(), Limit: in.size()}
	if q.ClientID == "" {
		q.ClientID = in.SnakeID
	}
	if in.Active != "" {
		active := in.Active == "true"
		q.Active = &active
	}
	after, err := unseal("principals", in.Cursor, 1)
	if err != nil {
		return nil, err
	}
	if after != nil {
		q.AfterID = after[0]
	}
	page, err := s.p.Principals(ctx, c.Caller, q)
	if err != nil {
		return nil, err
	}
	views, next := make([]principalView, len(page.Resources)), ""
	for i, r := range page.Resources {
		views[i] = viewPrincipal(r)
		if page.More {
			next = seal("principals", r.Base().ID)
		}
	}
	return ok(map[string]any{"principals": views, "nextCursor": next, "hasMore": page.More, "total": page.Total}), nil
}

type userDoc struct {
	Email                     string   `json:"email"`
	Name                      string   `json:"name,omitempty"`
	Password                  string   `json:"password,omitempty" format:"password" doc:"Absent: they set one by a reset, or sign in with a provider"`
	EnforcePasswordComplexity *bool    `json:"enforcePasswordComplexity,omitempty" doc:"false: 8 characters will do"`
	ClientID                  string   `json:"clientId,omitempty" doc:"Their client, by id or identifier. The scope follows from the email domain, unless it is given"`
	Scope                     string   `json:"scope,omitempty" enum:"ANCHOR,PARTNER,CLIENT"`
	Roles                     []string `json:"roles,omitempty"`
	Active                    *bool    `json:"active,omitempty"`
}

func (s *server) createUser(ctx context.Context, c *call, in *BodyInput) (*result, error) {
	ch, err := s.p.CreateUser(ctx, c.Caller, in.RawBody)
	if err != nil {
		return nil, err
	}
	return shownPrincipal(http.StatusCreated, ch.Resource), nil
}

func (s *server) getPrincipal(ctx context.Context, c *call, in *ResourceInput) (*result, error) {
	r, err := s.p.Principal(ctx, c.Caller, in.ID)
	if err != nil {
		return nil, err
	}
	return shownPrincipal(http.StatusOK, r), nil
}

type updatePrincipalDoc struct {
	Name      *string `json:"name,omitempty"`
	FirstName *string `json:"firstName,omitempty" doc:"With lastName, instead of name"`
	LastName  *string `json:"lastName,omitempty"`
	Active    *bool   `json:"active,omitempty"`
	Scope     *string `json:"scope,omitempty" enum:"ANCHOR,PARTNER,CLIENT"`
	ClientID  *string `json:"clientId,omitempty" doc:"The home client, of scope CLIENT"`
}

func (s *server) updatePrincipal(ctx context.Context, c *call, in *updateInput) (*result, error) {
	revision, err := ifMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	var d updatePrincipalDoc
	if err := in.into(&d); err != nil {
		return nil, err
	}
	r, err := s.p.UpdatePrincipal(ctx, c.Caller, in.ID, platform.PrincipalPatch(d), revision)
	if err != nil {
		return nil, err
	}
	return shownPrincipal(http.StatusOK, r), nil
}

func (s *server) deletePrincipal(ctx context.Context, c *call, in *ConditionalInput) (*result, error) {
	revision, err := ifMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	if err := s.p.DeletePrincipal(ctx, c.Caller, in.ID, revision); err != nil {
		return nil, err
	}
	return &result{Status: http.StatusNoContent}, nil
}

func (s *server) principalActive(active bool) func(context.Context, *call, *ResourceInput) (*result, error) {
	says := "the principal is active"
	if !active {
		says = "the principal is not active"
	}
	return func(ctx context.Context, c *call, in *ResourceInput) (*result, error) {
		r, err := s.p.SetPrincipalActive(ctx, c.Caller, in.ID, active)
		if err != nil {
			return nil, err
		}
		return &result{Status: http.StatusOK, ETag: etag(r), Body: saidView{says}}, nil
	}
}

type newPasswordDoc struct {
	NewPassword               string `json:"newPassword" format:"password"`
	EnforcePasswordComplexity *bool  `json:"enforcePasswordComplexity,omitempty" doc:"false: 8 characters will do"`
}

func (s *server) setPassword(ctx context.Context, c *call, in *actionInput) (*result, error) {
	var d newPasswordDoc
	if err := in.into(&d); err != nil {
		return nil, err
	}
	if d.NewPassword == "" {
		return nil, badField("newPassword", "is required", "")
	}
	lax := d.EnforcePasswordComplexity != nil && !*d.EnforcePasswordComplexity
	if err := s.p.SetPassword(ctx, c.Caller, in.ID, platform.NewPassword{Password: d.NewPassword, Lax: lax}); err != nil {
		return nil, err
	}
	return ok(saidView{"the password is set, and the sessions of its owner have ended"}), nil
}
