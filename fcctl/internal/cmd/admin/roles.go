package admin

import (
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

// roleCommands are what only roles have.
func (a *commands) roleCommands() []*cli.Command {
	return a.commandsOf(
		request{name: "grant", usage: "add permissions to a role", args: "ROLE PERMISSION…", needs: "a role and permissions", least: 2, most: -1, each: true, kind: resource.KindRole,
			try: []string{"fcctl roles grant shop:clerk shop:sales:order:view"}, method: "POST", path: "/api/roles/{1}/permissions", body: item("permission"), says: "{1}: may {2…}"},
		request{name: "revoke", usage: "take permissions from a role", args: "ROLE PERMISSION…", needs: "a role and permissions", least: 2, most: -1, each: true, kind: resource.KindRole,
			try: []string{"fcctl roles revoke shop:clerk shop:sales:order:view"}, method: "DELETE", path: "/api/roles/{1}/permissions/{2}", says: "{1}: may not {2…}"},
	)
}

func (a *commands) permissionsCommand() *cli.Command {
	return app.Group("permissions", "see what can be allowed", app.Example("", "fcctl permissions list", "fcctl permissions get platform:iam:user:view"),
		a.commandsOf(
			request{name: "list", usage: "list the permissions of the platform, and those that roles have", try: []string{"fcctl permissions list --limit 0"},
				method: "GET", path: "/api/roles/permissions", list: "permissions", what: "permissions", columns: []view.Column{{Head: "PERMISSION", Member: "permission"}, {Head: "DESCRIPTION", Member: "description"}}},
			request{name: "get", usage: "show one permission", args: "PERMISSION", needs: "a permission", least: 1, most: 1, try: []string{"fcctl permissions get platform:iam:user:view"},
				method: "GET", path: "/api/roles/permissions/{1}", facts: true},
		)...)
}
