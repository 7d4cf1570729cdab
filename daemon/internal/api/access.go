package api

import (
	"context"
	"net/http"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
)

// What somebody has: roles, clients and applications.

type assignedView struct {
	ID         string `json:"id"`
	RoleName   string `json:"roleName"`
	Source     string `json:"assignmentSource" doc:"MANUAL, IDP or SYNC"`
	AssignedAt stamp  `json:"assignedAt"`
}

type rolesAnswer struct {
	Roles []assignedView `json:"roles"`
}

func rolesOfPrincipal(r resource.Resource) []assignedView {
	views := []assignedView{}
	for _, a := range rolesAssigned(r) {
		views = append(views, assignedView{r.Base().ID + "/" + a.Role, a.Role, a.Source, stamp(a.AssignedAt)})
	}
	return views
}

func (s *server) principalRoles(ctx context.Context, c *call, in *ResourceInput) (*result, error) {
	r, err := s.p.Principal(ctx, c.Caller, in.ID)
	if err != nil {
		return nil, err
	}
	return ok(rolesAnswer{rolesOfPrincipal(r)}), nil
}

type rolesDoc struct {
	Roles []string `json:"roles" doc:"Names"`
}

type setRolesAnswer struct {
	Roles   []assignedView `json:"roles"`
	Added   []string       `json:"added"`
	Removed []string       `json:"removed"`
}

func (s *server) setRoles(ctx context.Context, c *call, in *actionInput) (*result, error) {
	return s.setRolesOf(ctx, c, in.ID, in.BodyInput)
}

func (s *server) setRolesOf(ctx context.Context, c *call, principal string, in BodyInput) (*result, error) {
	var d rolesDoc
	if err := in.into(&d); err != nil {
		return nil, err
	}
	if d.Roles == nil {
		return nil, badField("roles", "is required", "[] for none")
	}
	r, added, removed, err := s.p.SetRoles(ctx, c.Caller, principal, d.Roles)
	if err != nil {
		return nil, err
	}
	return &result{Status: http.StatusOK, ETag: etag(r), Body: setRolesAnswer{rolesOfPrincipal(r), added, removed}}, nil
}

type assignRoleDoc struct {
	Role string `json:"role" doc:"Its name"`
}

func (s *server) assignRole(ctx context.Context, c *call, in *actionInput) (*result, error) {
	var d assignRoleDoc
	if err := in.into(&d); err != nil {
		return nil, err
	}
	r, err := s.p.AssignRole(ctx, c.Caller, in.ID, d.Role)
	if err != nil {
		return nil, err
	}
	return shownPrincipal(http.StatusOK, r), nil
}

type principalRoleInput struct {
	ID   string `path:"id" doc:"The id, or the email"`
	Role string `path:"role" doc:"Its name"`
}

func (s *server) removeRole(ctx context.Context, c *call, in *principalRoleInput) (*result, error) {
	r, err := s.p.RemoveRole(ctx, c.Caller, in.ID, in.Role)
	if err != nil {
		return nil, err
	}
	return shownPrincipal(http.StatusOK, r), nil
}

type grantView struct {
	ID        string `json:"id"`
	ClientID  string `json:"clientId"`
	Source    string `json:"grantSource,omitempty"`
	GrantedBy string `json:"grantedBy,omitempty"`
	GrantedAt stamp  `json:"grantedAt"`
	ExpiresAt stamp  `json:"expiresAt,omitzero" doc:"Absent: it has no end"`
}

type grantsAnswer struct {
	Grants []grantView `json:"grants"`
}

func grantsOf(r resource.Resource) []grantView {
	p := viewPrincipal(r)
	grants := []grantView{}
	for _, g := range p.ClientGrants {
		grants = append(grants, grantView{p.ID + "/" + g.ClientID, g.ClientID, g.Source, g.GrantedBy, stamp(g.GrantedAt), stamp(g.ExpiresAt)})
	}
	return grants
}

func (s *server) clientAccess(ctx context.Context, c *call, in *ResourceInput) (*result, error) {
	r, err := s.p.Principal(ctx, c.Caller, in.ID)
	if err != nil {
		return nil, err
	}
	return ok(grantsAnswer{grantsOf(r)}), nil
}

type grantClientDoc struct {
	ClientID  string     `json:"clientId" doc:"Its id or identifier"`
	ExpiresAt *time.Time `json:"expiresAt,omitempty" doc:"Absent: it has no end"`
}

func (s *server) grantAccess(ctx context.Context, c *call, in *actionInput) (*result, error) {
	var d grantClientDoc
	if err := in.into(&d); err != nil {
		return nil, err
	}
	var until time.Time
	if d.ExpiresAt != nil {
		until = d.ExpiresAt.UTC().Truncate(time.Millisecond)
	}
	r, client, err := s.p.Grant(ctx, c.Caller, in.ID, d.ClientID, until)
	if err != nil {
		return nil, err
	}
	answer := grantView{ID: in.ID + "/" + client, ClientID: client, GrantedAt: stamp(r.Base().UpdatedAt)}
	for _, g := range grantsOf(r) {
		if g.ClientID == client {
			answer = g
		}
	}
	return &result{Status: http.StatusCreated, ETag: etag(r), Body: answer}, nil
}

type principalClientInput struct {
	ID       string `path:"id" doc:"The id, or the email"`
	ClientID string `path:"clientId" doc:"The id or the identifier of the client"`
}

func (s *server) revokeAccess(ctx context.Context, c *call, in *principalClientInput) (*result, error) {
	if err := s.p.Revoke(ctx, c.Caller, in.ID, in.ClientID); err != nil {
		return nil, err
	}
	return &result{Status: http.StatusNoContent}, nil
}

type accessView struct {
	ApplicationID   string `json:"applicationId"`
	ApplicationCode string `json:"applicationCode"`
	ApplicationName string `json:"applicationName"`
}

type accessAnswer struct {
	Applications []accessView `json:"applications"`
	Total        int          `json:"total"`
}

type setAccessDoc struct {
	ApplicationIDs []string `json:"applicationIds" doc:"Ids or codes"`
}

type setAccessAnswer struct {
	Applications []accessView `json:"applications"`
	Added        int          `json:"added"`
	Removed      int          `json:"removed"`
}

func (s *server) opened(ctx context.Context, r resource.Resource) ([]accessView, error) {
	apps, err := s.p.Applications(ctx)
	if err != nil {
		return nil, err
	}
	views := []accessView{}
	for _, id := range viewPrincipal(r).ApplicationIDs {
		for _, a := range apps {
			if a.ID == id {
				views = append(views, accessView{a.ID, a.Code, a.Name})
			}
		}
	}
	return views, nil
}

func (s *server) applicationAccess(ctx context.Context, c *call, in *ResourceInput) (*result, error) {
	r, err := s.p.Principal(ctx, c.Caller, in.ID)
	if err != nil {
		return nil, err
	}
	views, err := s.opened(ctx, r)
	if err != nil {
		return nil, err
	}
	return ok(accessAnswer{views, len(views)}), nil
}

func (s *server) setApplicationAccess(ctx context.Context, c *call, in *actionInput) (*result, error) {
	var d setAccessDoc
	if err := in.into(&d); err != nil {
		return nil, err
	}
	if d.ApplicationIDs == nil {
		return nil, badField("applicationIds", "is required", "[] for none")
	}
	r, added, removed, err := s.p.SetApplications(ctx, c.Caller, in.ID, d.ApplicationIDs)
	if err != nil {
		return nil, err
	}
	views, err := s.opened(ctx, r)
	if err != nil {
		return nil, err
	}
	return ok(setAccessAnswer{views, added, removed}), nil
}

type availableView struct {
	ID          string `json:"id"`
	Code        string `json:"code"`
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Type        string `json:"type"`
	Active      bool   `json:"active"`
}

type availableAnswer struct {
	Applications []availableView `json:"applications"`
	Total        int             `json:"total"`
}

// availableApplications are the active ones that a client of somebody has; who
// reaches every client could be let open all of them.
func (s *server) availableApplications(ctx context.Context, c *call, in *ResourceInput) (*result, error) {
	r, err := s.p.Principal(ctx, c.Caller, in.ID)
	if err != nil {
		return nil, err
	}
	apps, err := s.p.Applications(ctx)
	if err != nil {
		return nil, err
	}
	p := viewPrincipal(r)
	answer := availableAnswer{Applications: []availableView{}}
	for _, a := range apps {
		has := p.IsAnchorUser || p.ClientID != "" && a.Enabled(p.ClientID)
		for _, id := range p.GrantedClientIDs {
			has = has || a.Enabled(id)
		}
		if has && a.IsActive() {
			answer.Applications = append(answer.Applications, availableView{a.ID, a.Code, a.Name, a.Description, a.Type, true})
		}
	}
	answer.Total = len(answer.Applications)
	return ok(answer), nil
}

type domainInput struct {
	Domain string `query:"domain" required:"true" doc:"A domain, or an address of it"`
}

type domainAnswer struct {
	Domain           string   `json:"domain"`
	IsAnchorDomain   bool     `json:"isAnchorDomain"`
	HasAuthConfig    bool     `json:"hasAuthConfig"`
	AuthProvider     string   `json:"authProvider,omitempty"`
	DerivedScope     string   `json:"derivedScope"`
	RequiresClientID bool     `json:"requiresClientId"`
	AllowedClientIDs []string `json:"allowedClientIds"`
	EmailExists      bool     `json:"emailExists"`
	Info             string   `json:"info,omitempty"`
	Warning          string   `json:"warning,omitempty"`
}

func (s *server) checkDomain(ctx context.Context, c *call, in *domainInput) (*result, error) {
	e, err := s.p.CheckEmailDomain(ctx, c.Caller, in.Domain)
	if err != nil {
		return nil, err
	}
	return ok(viewDomain(e)), nil
}

func viewDomain(e platform.EmailDomain) domainAnswer {
	v := domainAnswer{Domain: e.Domain, IsAnchorDomain: e.Anchor, HasAuthConfig: e.Config != nil, DerivedScope: e.Scope,
		AllowedClientIDs: e.AllowedClientIDs, EmailExists: e.EmailExists}
	switch {
	case e.Anchor:
		v.Info = "people of this domain reach every client"
	case e.Config != nil:
		v.AuthProvider = e.Config.AuthProvider
		v.Info = "people of this domain are set up by a client auth config"
	default:
		v.RequiresClientID = true
		v.Info = "people of this domain belong to the client that they are made for"
	}
	if e.EmailExists {
		v.Warning = "somebody with this email exists already"
	}
	return v
}
