package iam

import (
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/auth"
)

// builtinRoles are the roles that come with the program, as resources. They
// are no documents, and nothing that is one takes their names.
var builtinRoles = func() map[string]*resource.Role {
	roles := map[string]*resource.Role{}
	for _, b := range auth.BuiltinRoles() {
		roles[b.Name] = &resource.Role{
			Meta: resource.Meta{ID: "rol_" + b.Name[len("platform:"):], Source: SourceCode, Revision: 1},
			Name: b.Name, DisplayName: b.DisplayName, Description: b.Description, Permissions: b.Permissions,
		}
	}
	return roles
}()

// SourceCode is the Meta.Source of what is built in.
const SourceCode = "CODE"

// BuiltinRole is a built-in role of a name, or nil.
func BuiltinRole(name string) *resource.Role { return builtinRoles[name] }

// grants are the permissions of some roles together: those without a star are
// looked up, the others are tried in turn.
type grants struct {
	exact map[string]bool
	wild  []string
}

func (g *grants) add(permissions []string) {
	for _, p := range permissions {
		if hasStar(p) {
			g.wild = append(g.wild, p)
			continue
		}
		if g.exact == nil {
			g.exact = map[string]bool{}
		}
		g.exact[p] = true
	}
}

func (g *grants) allow(permission string) bool {
	if hasStar(permission) {
		return g.cover(permission)
	}
	if g.exact[permission] && auth.Grants(permission, permission) {
		return true
	}
	for _, w := range g.wild {
		if auth.Grants(w, permission) {
			return true
		}
	}
	return false
}

// cover says whether all that a permission with stars stands for is granted
// by one that is as wide. It does not piece several together.
func (g *grants) cover(permission string) bool {
	for _, w := range g.wild {
		if auth.Grants(w, permission) {
			return true
		}
	}
	return false
}

func hasStar(s string) bool {
	for i := range len(s) {
		if s[i] == '*' {
			return true
		}
	}
	return false
}
