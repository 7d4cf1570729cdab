package resource

import (
	"fmt"
	"regexp"
	"strings"
)

// Role is a named set of permissions. Its name is application:role; those of
// the application "platform" are built in.
type Role struct {
	Meta
	Name          string   `json:"name"`
	DisplayName   string   `json:"displayName" hcl:"name,optional"`
	Description   string   `json:"description,omitempty" hcl:"description,optional"`
	Permissions   []string `json:"permissions"`                                 // application:context:aggregate:action, "*" for any one segment
	ClientManaged bool     `json:"clientManaged" hcl:"client_managed,optional"` // administrators of clients may assign it
}

// Kind implements Resource.
func (*Role) Kind() Kind { return KindRole }

// Key implements Resource.
func (r *Role) Key() string { return r.Name }

// Refs implements Resource.
func (r *Role) Refs() []Ref {
	app, _ := r.Segments()
	if app == "" || app == PlatformApplication {
		return nil
	}
	return []Ref{{Kind: KindApplication, Code: app, Field: "name"}}
}

// PlatformApplication is the application of the built-in roles. It always is
// there, and is no document.
const PlatformApplication = "platform"

// Segments are the application and the short name.
func (r *Role) Segments() (application, short string) {
	application, short, _ = strings.Cut(r.Name, ":")
	return application, short
}

// Defaults implements Resource.
func (r *Role) Defaults() {
	if r.DisplayName == "" {
		_, r.DisplayName = r.Segments()
	}
	if r.Permissions == nil {
		r.Permissions = []string{}
	}
}

var (
	rolePattern       = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,62}:[a-z0-9][a-z0-9_-]{0,62}$`)
	permissionPattern = regexp.MustCompile(`^(\*|[a-z0-9][a-z0-9_-]{0,62})(:(\*|[a-z0-9][a-z0-9_-]{0,62})){3}$`)
)

// Validate implements Resource.
func (r *Role) Validate() []Problem {
	var ps []Problem
	switch {
	case r.Name == "":
		ps = append(ps, Problem{"name", "is required", "shop:clerk"})
	case !rolePattern.MatchString(r.Name):
		ps = append(ps, Problem{"name", "must be application:role in lower-case letters, digits, '-' and '_'", "shop:clerk"})
	}
	ps = checkName(ps, r.DisplayName, r.Description)
	if len(r.Permissions) > 500 {
		ps = append(ps, Problem{"permissions", "has more than 500 permissions", ""})
	}
	for i, p := range r.Permissions {
		if !permissionPattern.MatchString(p) {
			ps = append(ps, Problem{fmt.Sprintf("permissions[%d]", i), "must be application:context:aggregate:action, each a word in lower case or *", "shop:sales:order:view"})
		}
	}
	return ps
}
