package admin

import (
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

// accountCommands are what only service accounts have.
func (a *commands) accountCommands() []*cli.Command {
	const one = "/api/service-accounts/{1}"
	of := func(r request) request {
		r.kind = resource.KindServiceAccount
		if r.args == "" {
			r.args, r.needs, r.least, r.most = "CODE", "the code of a service account", 1, 1
		}
		return r
	}
	return append(a.commandsOf(of(request{
		name: "rotate-secret", usage: "give its webhook credentials a new signing secret", about: "The secret is shown now and never again. The old one signs no more.",
		try: []string{"fcctl service-accounts rotate-secret billing --yes"}, method: "POST", path: one + "/regenerate-secret", says: "{1}: has a new signing secret",
		sure: "Replace the signing secret of {1} at once?",
	})),
		app.Group("tokens", "make tokens for programs, and end them", app.Example("", "fcctl service-accounts tokens create billing --name ci --expires 90d", "fcctl service-accounts tokens list billing"),
			a.commandsOf(
				of(request{name: "list", usage: "list its tokens; what they are is not kept", try: []string{"fcctl service-accounts tokens list billing"}, method: "GET", path: one + "/tokens", list: "tokens", what: "tokens",
					columns: []view.Column{{Head: "ID", Member: "id"}, {Head: "NAME", Member: "name"}, {Head: "BEGINS", Member: "prefix"}, {Head: "MADE", Member: "createdAt"}, {Head: "ENDS", Member: "expiresAt"}}}),
				of(request{name: "create", usage: "make one more token", about: "The token is shown now and never again.", try: []string{"fcctl service-accounts tokens create billing --name ci --expires 90d", "fcctl service-accounts tokens create billing -o json"},
					flags: []cli.Flag{
						&cli.StringFlag{Name: "name", Usage: "what it is for: `NAME`"},
						&cli.StringFlag{Name: "expires", Usage: "its end: a `TIME`, or 30m, 1h, 90d from now", DefaultText: "none"},
					},
					method: "POST", path: one + "/tokens", says: "{1}: has one more token",
					body: func(c *cli.Context, _ string) (any, error) {
						body := map[string]any{}
						if c.IsSet("name") {
							body["name"] = c.String("name")
						}
						end, err := ahead(c, "expires")
						if !end.IsZero() {
							body["expiresInSeconds"] = time.Until(end).Round(time.Second).Seconds()
						}
						return body, err
					}}),
				of(request{name: "revoke", usage: "end tokens at once", args: "CODE TOKEN-ID…", needs: "the code of a service account and the ids of tokens", least: 2, most: -1, each: true,
					try: []string{"fcctl service-accounts tokens revoke billing 0HZXEQ5Y8JY50"}, method: "DELETE", path: one + "/tokens/{2}", says: "{1}: ended {2…}"}),
				of(request{name: "replace", usage: "end all its tokens and make a new one", about: "The token is shown now and never again.", try: []string{"fcctl service-accounts tokens replace billing --yes"},
					method: "POST", path: one + "/regenerate-token", says: "{1}: has one token", sure: "End all tokens of {1} at once?"}),
			)...),
		app.Group("roles", "look at its roles and change them", app.Example("", "fcctl service-accounts roles set billing platform:viewer"),
			a.commandsOf(
				of(request{name: "list", usage: "list its roles", try: []string{"fcctl service-accounts roles list billing"}, method: "GET", path: one + "/roles", list: "roles", what: "roles",
					columns: []view.Column{{Head: "ROLE", Member: "roleName"}}}),
				of(request{name: "set", usage: "give it these roles and no others", args: "CODE [ROLE…]", needs: "the code of a service account and roles", least: 1, most: -1,
					try: []string{"fcctl service-accounts roles set billing platform:viewer"}, method: "PUT", path: one + "/roles", body: rest("roles"), says: "{1}: has the roles {2…} and no others"}),
			)...),
	)
}

// oauthCommands are what only OAuth clients have.
func (a *commands) oauthCommands() []*cli.Command {
	const one = "/api/oauth-clients/{1}"
	of := func(r request) request {
		r.kind, r.method, r.args, r.needs, r.least, r.most = resource.KindOAuthClient, "POST", "CLIENT-ID", "a client_id", 1, 1
		return r
	}
	return a.commandsOf(
		of(request{name: "rotate-secret", usage: "give it a new secret; the old one is good for another day", about: "The secret is shown now and never again.",
			try: []string{"fcctl oauth-clients rotate-secret bi", "fcctl oauth-clients rotate-secret bi -o json"}, path: one + "/rotate-secret", says: "{1}: has a new secret; the old one is good for another day"}),
		of(request{name: "replace-secret", usage: "give it a new secret; the old one is good no more", about: "The secret is shown now and never again.",
			try: []string{"fcctl oauth-clients replace-secret bi --yes"}, path: one + "/regenerate-secret", says: "{1}: has a new secret; the old one is good no more", sure: "Replace the secret of {1} at once?"}),
		of(request{name: "activate", usage: "let it get tokens", try: []string{"fcctl oauth-clients activate bi"}, path: one + "/activate", says: "{1}: is active"}),
		of(request{name: "deactivate", usage: "let it get no more tokens", try: []string{"fcctl oauth-clients deactivate bi"}, path: one + "/deactivate", says: "{1}: is not active"}),
	)
}
