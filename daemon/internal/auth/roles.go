package auth

import "slices"

// A RoleSource knows what roles permit. Permissions is called for each request
// and each of its roles, so it answers from memory; nil means that there is no
// such role. Callers do not change what it returns.
type RoleSource interface {
	Permissions(role string) []string
}

// Allows is true if one of the roles grants the permission.
func Allows(src RoleSource, roles []string, permission string) bool {
	for _, role := range roles {
		for _, grant := range src.Permissions(role) {
			if Grants(grant, permission) {
				return true
			}
		}
	}
	return false
}

// Grants is true if a granted permission covers a wanted one. Both have four
// segments; * in the granted one stands for any text in its segment, never for
// several segments. What is not well formed grants nothing and is granted by
// nothing.
func Grants(granted, wanted string) bool {
	for n := 1; ; n++ {
		g, gRest, gMore := cutSegment(granted)
		w, wRest, wMore := cutSegment(wanted)
		if g == "" || w == "" || g != "*" && g != w || gMore != wMore {
			return false
		}
		if !gMore {
			return n == permissionSegments
		}
		granted, wanted = gRest, wRest
	}
}

const permissionSegments = 4

func cutSegment(s string) (segment, rest string, more bool) {
	for i := range len(s) {
		if s[i] == ':' {
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

// Sources asks each source in turn; the first that knows the role answers. Put
// Builtin first, so that nobody redefines a built-in role.
type Sources []RoleSource

// Permissions implements RoleSource.
func (s Sources) Permissions(role string) []string {
	for _, src := range s {
		if p := src.Permissions(role); p != nil {
			return p
		}
	}
	return nil
}

// The names of the built-in roles.
const (
	RoleSuperAdmin         = "platform:super-admin"
	RoleAdmin              = "platform:admin"
	RoleIAMAdmin           = "platform:iam-admin"
	RoleMessagingAdmin     = "platform:messaging-admin"
	RoleViewer             = "platform:viewer"
	RoleDeveloper          = "platform:developer"
	RoleApplicationService = "platform:application-service"
)

// A BuiltinRole is one that comes with the program (source CODE).
type BuiltinRole struct {
	Name        string
	DisplayName string
	Description string
	Permissions []string
}

// Builtin is the RoleSource of the built-in roles.
var Builtin RoleSource = builtin{}

type builtin struct{}

// Permissions implements RoleSource.
func (builtin) Permissions(role string) []string {
	for i := range builtinRoles {
		if builtinRoles[i].Name == role {
			return builtinRoles[i].Permissions
		}
	}
	return nil
}

// BuiltinRoles lists the built-in roles.
func BuiltinRoles() []BuiltinRole {
	roles := slices.Clone(builtinRoles)
	for i := range roles {
		roles[i].Permissions = slices.Clone(roles[i].Permissions)
	}
	return roles
}

var builtinRoles = []BuiltinRole{
	{RoleSuperAdmin, "Super administrator", "May do everything, in every application.", []string{"*:*:*:*"}},
	{RoleAdmin, "Administrator", "May do everything on the platform.", []string{
		"platform:iam:*:*", "platform:admin:*:*", "platform:messaging:*:*", "platform:router:*:*",
	}},
	{RoleIAMAdmin, "Identity administrator", "Manages users, roles and service accounts.", []string{
		"platform:iam:*:*", "platform:admin:client:view", "platform:admin:application:view", "platform:admin:audit-log:view",
	}},
	{RoleMessagingAdmin, "Messaging administrator", "Manages events, subscriptions, deliveries and the router.", []string{
		"platform:messaging:*:*", "platform:router:*:*", "platform:admin:client:view", "platform:admin:application:view",
	}},
	// Raw payloads are view-raw, which a viewer does not have.
	{RoleViewer, "Viewer", "Sees everything, the data of events and jobs included, and changes nothing.", []string{"platform:*:*:view"}},
	{RoleDeveloper, "Developer", "Publishes, declares and repairs, and deletes nothing.", []string{
		"platform:messaging:*:view", "platform:messaging:*:view-raw", "platform:messaging:*:create",
		"platform:messaging:*:update", "platform:messaging:*:retry",
		"platform:router:*:view", "platform:admin:client:view", "platform:admin:application:view",
	}},
	// No iam permissions: an application that could write users or roles could
	// make itself an administrator.
	{RoleApplicationService, "Application service", "What an application needs to publish and to declare its own resources.", []string{
		"platform:messaging:event:create", "platform:messaging:event:view",
		"platform:messaging:dispatch-job:create", "platform:messaging:dispatch-job:view",
		"platform:messaging:event-type:*", "platform:messaging:subscription:*",
		"platform:messaging:connection:*", "platform:messaging:dispatch-pool:*",
		"platform:admin:audit-log:create", "platform:admin:application:view",
	}},
}

// Permissions lists every permission that the platform asks for, sorted.
func Permissions() []string {
	var all []string
	for _, c := range []struct {
		context             string
		aggregates, actions []string
	}{
		{"iam", []string{"user", "role", "service-account", "permission", "idp"},
			[]string{"view", "create", "update", "delete", "manage"}},
		{"admin", []string{"client", "application", "config", "audit-log"},
			[]string{"view", "create", "update", "delete", "manage"}},
		{"messaging", []string{"event", "event-type", "subscription", "connection", "dispatch-pool", "dispatch-job", "replay"},
			[]string{"view", "view-raw", "create", "update", "delete", "retry"}},
		{"router", []string{"stats", "pool", "breaker", "queue"},
			[]string{"view", "update"}},
	} {
		for _, aggregate := range c.aggregates {
			for _, action := range c.actions {
				all = append(all, "platform:"+c.context+":"+aggregate+":"+action)
			}
		}
	}
	slices.Sort(all)
	return all
}
