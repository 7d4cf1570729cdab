package auth

import (
	"slices"
	"strings"
	"testing"
)

func TestGrants(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		granted, wanted string
		want            bool
	}{
		{"platform:messaging:event:view", "platform:messaging:event:view", true},
		{"platform:messaging:event:view", "platform:messaging:event:view-raw", false},
		{"platform:messaging:event:view-raw", "platform:messaging:event:view", false},
		{"platform:messaging:*:view", "platform:messaging:event:view", true},
		{"platform:messaging:*:view", "platform:iam:user:view", false},
		{"*:*:*:*", "shop:stock:article:sell", true},
		{"platform:*:*:*", "shop:stock:article:sell", false},
		{"*:*:*:view", "platform:iam:user:view", true},
		{"*:*:*", "platform:iam:user:view", false},
		{"*", "platform:iam:user:view", false},
		{"*:*:*:*:*", "platform:iam:user:view", false},
		{"*:*:*:*", "platform:iam:user", false},
		{"*:*:*:*", "platform:iam:user:view:more", false},
		{"*:*:*:*", "platform::user:view", false},
		{"*:*:*:*", "platform:iam:user:", false},
		{"*:*:*:*", "", false},
		{"", "", false},
		{":::", ":::", false},
		{"platform:iam:user:view", "platform:iam:user:*", false},
		{"platform:iam:us*:view", "platform:iam:user:view", false},
		{"platform:iam:user:view ", "platform:iam:user:view", false},
	} {
		if got := Grants(c.granted, c.wanted); got != c.want {
			t.Errorf("%q grants %q: %v, want %v", c.granted, c.wanted, got, c.want)
		}
	}
}

func TestWhatTheBuiltInRolesAllow(t *testing.T) {
	t.Parallel()
	// Per role: one permission of each kind that it has, and that it must not
	// have.
	for role, c := range map[string]struct{ yes, no []string }{
		RoleSuperAdmin: {[]string{"platform:iam:user:delete", "shop:stock:article:sell"}, nil},
		RoleAdmin:      {[]string{"platform:iam:user:delete", "platform:router:pool:update", "platform:admin:config:update"}, []string{"shop:stock:article:sell"}},
		RoleIAMAdmin:   {[]string{"platform:iam:role:create", "platform:admin:client:view"}, []string{"platform:messaging:event:view", "platform:admin:client:create"}},
		RoleMessagingAdmin: {[]string{"platform:messaging:subscription:delete", "platform:messaging:event:view-raw", "platform:router:breaker:update"},
			[]string{"platform:iam:user:view", "platform:admin:config:view"}},
		RoleViewer: {[]string{"platform:messaging:event:view", "platform:iam:user:view", "platform:router:stats:view"},
			[]string{"platform:messaging:event:view-raw", "platform:messaging:event:create", "shop:stock:article:view"}},
		RoleDeveloper: {[]string{"platform:messaging:event:create", "platform:messaging:dispatch-job:retry", "platform:messaging:event:view-raw"},
			[]string{"platform:messaging:subscription:delete", "platform:iam:user:view", "platform:router:pool:update"}},
		RoleApplicationService: {[]string{"platform:messaging:event:create", "platform:messaging:subscription:delete", "platform:admin:audit-log:create"},
			[]string{"platform:iam:user:create", "platform:iam:role:update", "platform:messaging:event:view-raw", "platform:messaging:dispatch-job:retry"}},
		"platform:unknown": {nil, Permissions()},
	} {
		for _, p := range c.yes {
			if !Allows(Builtin, []string{"other", role}, p) {
				t.Errorf("%s may not %s", role, p)
			}
		}
		for _, p := range c.no {
			if Allows(Builtin, []string{role, "other"}, p) {
				t.Errorf("%s may %s", role, p)
			}
		}
	}
	if Allows(Builtin, nil, "platform:messaging:event:view") {
		t.Error("no role allows something")
	}
}

func TestEveryPermissionOfABuiltInRoleIsOneThatWeAskFor(t *testing.T) {
	t.Parallel()
	all := Permissions()
	if !slices.IsSorted(all) || len(slices.Compact(slices.Clone(all))) != len(all) {
		t.Error("the permissions are not sorted and unique")
	}
	for _, role := range BuiltinRoles() {
		if role.Description == "" || role.DisplayName == "" || !strings.HasPrefix(role.Name, "platform:") {
			t.Errorf("%+v is not described", role)
		}
		for _, grant := range role.Permissions {
			if !slices.ContainsFunc(all, func(p string) bool { return Grants(grant, p) }) {
				t.Errorf("%s grants %s, which nothing asks for", role.Name, grant)
			}
		}
	}
	BuiltinRoles()[0].Permissions[0] = "changed"
	if Builtin.Permissions(RoleSuperAdmin)[0] == "changed" {
		t.Error("a caller can change the built-in roles")
	}
}

type mapRoles map[string][]string

func (m mapRoles) Permissions(role string) []string { return m[role] }

func TestNobodyRedefinesABuiltInRole(t *testing.T) {
	t.Parallel()
	src := Sources{Builtin, mapRoles{
		RoleViewer:   {"*:*:*:*"},
		"shop:clerk": {"shop:stock:article:sell"},
	}}
	if Allows(src, []string{RoleViewer}, "platform:iam:user:delete") {
		t.Error("a stored role of the same name replaced the built-in one")
	}
	if !Allows(src, []string{"shop:clerk"}, "shop:stock:article:sell") {
		t.Error("a stored role does not count")
	}
}

func BenchmarkAllows(b *testing.B) {
	roles := []string{RoleApplicationService}
	b.ReportAllocs()
	for b.Loop() {
		Allows(Builtin, roles, "platform:admin:application:view")
	}
}
