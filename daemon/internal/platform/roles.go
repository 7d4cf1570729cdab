package platform

import (
	"context"
	"slices"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/auth"
)

var roleKind, _ = resource.InfoOf(resource.KindRole)

// GrantPermission adds a permission to a role; having it already is no error.
func (p *Platform) GrantPermission(ctx context.Context, c Caller, name, permission string) (Changed, error) {
	if permission == "" {
		return Changed{}, invalidField("permission", "is required", "shop:sales:order:view")
	}
	return p.editRole(ctx, c, name, "GRANT_PERMISSION", func(r *resource.Role) error {
		if !slices.Contains(r.Permissions, permission) {
			r.Permissions = append(r.Permissions, permission)
		}
		return nil
	})
}

// RevokePermission takes a permission from a role.
func (p *Platform) RevokePermission(ctx context.Context, c Caller, name, permission string) (Changed, error) {
	return p.editRole(ctx, c, name, "REVOKE_PERMISSION", func(r *resource.Role) error {
		if !slices.Contains(r.Permissions, permission) {
			return refuse(CodeNotFound, "the role does not have this permission")
		}
		r.Permissions = dropped(r.Permissions, permission)
		return nil
	})
}

func (p *Platform) editRole(ctx context.Context, c Caller, name, operation string, do func(*resource.Role) error) (Changed, error) {
	return p.edit(ctx, c, roleKind, name, "", 0, operation, func(before resource.Resource) (resource.Resource, error) {
		r := *before.(*resource.Role)
		r.Permissions = slices.Clone(r.Permissions)
		return &r, do(&r)
	})
}

// Roles are the roles that fit, by name. A nil filter takes all.
func (p *Platform) Roles(ctx context.Context, fits func(*resource.Role) bool) ([]*resource.Role, error) {
	w, err := p.currentWorld(ctx)
	if err != nil {
		return nil, err
	}
	roles := []*resource.Role{}
	for _, r := range w.sorted[resource.KindRole] {
		if role := r.(*resource.Role); fits == nil || fits(role) {
			roles = append(roles, role)
		}
	}
	return roles, nil
}

// KnownPermissions are the permissions that the platform asks for and those
// that roles of applications have, sorted.
func (p *Platform) KnownPermissions(ctx context.Context) ([]string, error) {
	known := auth.Permissions()
	_, err := p.Roles(ctx, func(r *resource.Role) bool {
		if r.Source != "CODE" {
			known = append(known, r.Permissions...)
		}
		return false
	})
	slices.Sort(known)
	return slices.Compact(known), err
}

// RolesOf are the roles of an application, which is named by id or code.
func (p *Platform) RolesOf(ctx context.Context, application string) ([]*resource.Role, error) {
	code := application
	if application != resource.PlatformApplication {
		w, err := p.currentWorld(ctx)
		if err != nil {
			return nil, err
		}
		r, err := w.lookup(System(), applicationKind, application, "") // everybody sees applications
		if err != nil {
			return nil, err
		}
		code = r.Key()
	}
	return p.Roles(ctx, func(r *resource.Role) bool { app, _ := r.Segments(); return app == code })
}
