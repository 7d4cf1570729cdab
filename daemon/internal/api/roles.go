package api

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
)

// roleRoutes are the rows about roles and permissions that not every kind has.
func (s *server) roleRoutes() []route {
	const (
		get       = http.MethodGet
		see, edit = "platform:iam:role:view", "platform:iam:role:update"
	)
	return []route{
		{get, "/api/roles/by-code/{code}", see, "getRoleByCode", "roles", "One, by its name", nil, roleView{}, 0, through(s, s.roleByCode)},
		{get, "/api/roles/by-application/{applicationId}", see, "listRolesOfApplication", "roles", "Those of an application", nil, []roleView{}, 0, through(s, s.rolesOf)},
		{get, "/api/roles/by-source/{source}", see, "listRolesBySource", "roles", "Those that are built in (CODE), made by people (DATABASE) or declared by applications (SDK)", nil, []roleView{}, 0, through(s, s.rolesBySource)},
		{get, "/api/roles/filters/applications", see, "listRoleApplications", "roles", "The applications that roles may be of", nil, optionsAnswer{}, 0, through(s, s.roleApplications)},
		{get, "/api/roles/permissions", see, "listPermissions", "roles", "The permissions of the platform, and those that roles have", nil, permissionsAnswer{}, 0, through(s, s.permissions)},
		{get, "/api/roles/permissions/{permission}", see, "getPermission", "roles", "One permission", nil, permissionView{}, 0, through(s, s.permission)},
		{http.MethodPost, "/api/roles/{id}/permissions", edit, "grantPermission", "roles", "Add a permission", grantPermissionDoc{}, roleView{}, 0, through(s, s.grantPermission)},
		{http.MethodDelete, "/api/roles/{id}/permissions/{permission}", edit, "revokePermission", "roles", "Take a permission away", nil, roleView{}, 0, through(s, s.revokePermission)},
	}
}

// roleView is a role with the halves of its name.
type roleView struct {
	*resource.Role
	ApplicationCode string `json:"applicationCode"`
	ShortName       string `json:"shortName"`
	CreatedAt       stamp  `json:"createdAt"`
	UpdatedAt       stamp  `json:"updatedAt"`
}

// builtinSince is when the built-in roles were made, for clients that want a
// time.
var builtinSince = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func viewRole(r *resource.Role) roleView {
	app, short := r.Segments()
	v := roleView{r, app, short, stamp(r.CreatedAt), stamp(r.UpdatedAt)}
	if r.CreatedAt.IsZero() {
		v.CreatedAt, v.UpdatedAt = stamp(builtinSince), stamp(builtinSince)
	}
	return v
}

func viewRoles(roles []*resource.Role) []roleView {
	views := make([]roleView, len(roles))
	for i, r := range roles {
		views[i] = viewRole(r)
	}
	return views
}

type rolesQuery struct {
	ResourcesQuery
	ApplicationCode string `query:"applicationCode"`
	Source          string `query:"source" doc:"CODE, DATABASE or SDK"`
	ClientManaged   string `query:"clientManaged" enum:"true,false"`
}

func (s *server) listRoles(ctx context.Context, c *call, in *rolesQuery) (*result, error) {
	info, _ := resource.InfoOf(resource.KindRole)
	return s.list(ctx, c, info, in.ResourcesQuery, func(v resource.Resource) bool {
		r := v.(*resource.Role)
		app, _ := r.Segments()
		return (in.ApplicationCode == "" || app == in.ApplicationCode) && (in.Source == "" || r.Source == in.Source) &&
			(in.ClientManaged == "" || r.ClientManaged == (in.ClientManaged == "true"))
	})
}

type codeInput struct {
	Code string `path:"code"`
}

func (s *server) roleByCode(ctx context.Context, c *call, in *codeInput) (*result, error) {
	return s.getByKey(ctx, c, resource.KindRole, in.Code)
}

type applicationInput struct {
	ApplicationID string `path:"applicationId" doc:"The id, or the code"`
}

func (s *server) rolesOf(ctx context.Context, _ *call, in *applicationInput) (*result, error) {
	roles, err := s.p.RolesOf(ctx, in.ApplicationID)
	if err != nil {
		return nil, err
	}
	return ok(viewRoles(roles)), nil
}

type sourceInput struct {
	Source string `path:"source"`
}

func (s *server) rolesBySource(ctx context.Context, _ *call, in *sourceInput) (*result, error) {
	source := strings.ToUpper(in.Source)
	if !slices.Contains([]string{"CODE", platform.RoleDatabase, platform.RoleSDK}, source) {
		return nil, badField("source", "must be CODE, DATABASE or SDK", platform.RoleDatabase)
	}
	roles, err := s.p.Roles(ctx, func(r *resource.Role) bool { return r.Source == source })
	if err != nil {
		return nil, err
	}
	return ok(viewRoles(roles)), nil
}

type optionView struct {
	ID   string `json:"id"`
	Code string `json:"code"`
	Name string `json:"name"`
}

type optionsAnswer struct {
	Options []optionView `json:"options"`
}

func (s *server) roleApplications(ctx context.Context, _ *call, _ *struct{}) (*result, error) {
	apps, err := s.p.Applications(ctx)
	if err != nil {
		return nil, err
	}
	answer := optionsAnswer{[]optionView{{resource.PlatformApplication, resource.PlatformApplication, "Platform"}}}
	for _, a := range apps {
		answer.Options = append(answer.Options, optionView{a.ID, a.Code, a.Name})
	}
	return ok(answer), nil
}

type permissionView struct {
	Permission  string `json:"permission"`
	Application string `json:"application"`
	Context     string `json:"context"`
	Aggregate   string `json:"aggregate"`
	Action      string `json:"action"`
	Description string `json:"description"`
}

type permissionsAnswer struct {
	Permissions []permissionView `json:"permissions"`
	Total       int              `json:"total"`
}

func viewPermission(p string) permissionView {
	parts := strings.SplitN(p, ":", 4)
	for len(parts) < 4 {
		parts = append(parts, "")
	}
	plain := func(segment, any string) string {
		if segment == "*" {
			return any
		}
		return strings.ReplaceAll(segment, "-", " ")
	}
	return permissionView{p, parts[0], parts[1], parts[2], parts[3],
		"May " + plain(parts[3], "do everything with") + " " + plain(parts[2], "everything") + " (" + plain(parts[0], "every application") + ", " + plain(parts[1], "every context") + ")"}
}

func (s *server) permissions(ctx context.Context, _ *call, _ *struct{}) (*result, error) {
	known, err := s.p.KnownPermissions(ctx)
	if err != nil {
		return nil, err
	}
	answer := permissionsAnswer{make([]permissionView, len(known)), len(known)}
	for i, p := range known {
		answer.Permissions[i] = viewPermission(p)
	}
	return ok(answer), nil
}

type permissionInput struct {
	Permission string `path:"permission"`
}

func (s *server) permission(ctx context.Context, _ *call, in *permissionInput) (*result, error) {
	known, err := s.p.KnownPermissions(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(known, in.Permission) {
		return nil, newProblem(http.StatusNotFound, "NOT_FOUND", "nothing asks for this permission, and no role has it")
	}
	return ok(viewPermission(in.Permission)), nil
}

type grantPermissionDoc struct {
	Permission string `json:"permission"`
}

func (s *server) grantPermission(ctx context.Context, c *call, in *actionInput) (*result, error) {
	var doc grantPermissionDoc
	if err := in.into(&doc); err != nil {
		return nil, err
	}
	ch, err := s.p.GrantPermission(ctx, c.Caller, in.ID, doc.Permission)
	if err != nil {
		return nil, err
	}
	return shown(http.StatusOK, ch), nil
}

type rolePermissionInput struct {
	ID         string `path:"id" doc:"The id, or the name"`
	Permission string `path:"permission"`
}

func (s *server) revokePermission(ctx context.Context, c *call, in *rolePermissionInput) (*result, error) {
	ch, err := s.p.RevokePermission(ctx, c.Caller, in.ID, in.Permission)
	if err != nil {
		return nil, err
	}
	return shown(http.StatusOK, ch), nil
}

// createRoleDoc is a role as requests give it.
type createRoleDoc struct {
	Name            string   `json:"name,omitempty" doc:"application:role, or instead of it the next two"`
	ApplicationCode string   `json:"applicationCode,omitempty"`
	RoleName        string   `json:"roleName,omitempty" doc:"Without the application"`
	DisplayName     string   `json:"displayName,omitempty"`
	Description     string   `json:"description,omitempty"`
	Permissions     []string `json:"permissions,omitempty"`
	ClientManaged   bool     `json:"clientManaged,omitempty" doc:"Administrators of clients may assign it"`
}
