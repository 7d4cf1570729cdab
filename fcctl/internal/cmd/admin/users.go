package admin

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

// userCommands are what only people have.
func (a *commands) userCommands() []*cli.Command {
	const one = "/api/principals/{1}"
	who := func(r request) request {
		r.kind = resource.KindPrincipal
		if r.args == "" {
			r.args, r.needs, r.least, r.most = "EMAIL", "an email address", 1, 1
		}
		return r
	}
	roles := []view.Column{{Head: "ROLE", Member: "roleName"}, {Head: "FROM", Member: "assignmentSource"}, {Head: "SINCE", Member: "assignedAt"}}
	applications := []view.Column{{Head: "CODE", Member: "code"}, {Head: "NAME", Member: "name"}, {Head: "ID", Member: "id"}}
	all := a.commandsOf(
		request{
			name: "list", usage: "list people by email address", try: []string{"fcctl users list", "fcctl users list --client acme --role shop:clerk", "fcctl users list --search jo -o json"},
			method: "GET", path: "/api/principals",
			flags: []cli.Flag{
				&cli.StringFlag{Name: "client", Usage: "only of this `CLIENT`"},
				&cli.StringFlag{Name: "scope", Usage: "only of this `SCOPE`: ANCHOR, PARTNER or CLIENT"},
				&cli.StringFlag{Name: "role", Usage: "only who has this `ROLE`"},
				&cli.StringFlag{Name: "search", Usage: "only with this `TEXT` in the name or the address"},
				&cli.BoolFlag{Name: "active", Usage: "only who is active, or with --active=false only who is not", DefaultText: "either"},
			},
			query: map[string]string{"clientId": "client", "scope": "scope", "roles": "role", "q": "search", "active": "active"}, prepare: people,
			list: "principals", what: "people",
			columns: []view.Column{{Head: "EMAIL", Member: "email"}, {Head: "NAME", Member: "name"}, {Head: "SCOPE", Member: "scope"}, {Head: "CLIENT", Member: "clientId"},
				{Head: "ACTIVE", Member: "active"}, {Head: "ROLES", Member: "roles"}},
		},
		who(request{
			name: "activate", usage: "let somebody in", try: []string{"fcctl users activate jo@example.com"},
			method: "POST", path: one + "/activate", says: "{1}: is active",
		}),
		who(request{
			name: "deactivate", usage: "shut somebody out", about: "What they hold is refused from the next request; what they made stays.", try: []string{"fcctl users deactivate jo@example.com"},
			method: "POST", path: one + "/deactivate", says: "{1}: is not active",
		}),
		who(request{
			name: "grant", usage: "let somebody reach clients", args: "EMAIL CLIENT…", needs: "an email address and clients", least: 2, most: -1, each: true,
			try:    []string{"fcctl users grant jo@example.com acme globex", "fcctl users grant jo@example.com acme --until 2027-01-01T00:00:00Z"},
			flags:  []cli.Flag{&cli.StringFlag{Name: "until", Usage: "only until this `TIME`: 2026-01-02T15:04:05Z, or 30m, 1h, 7d from now", DefaultText: "no end"}},
			method: "POST", path: one + "/client-access", says: "{1}: may reach {2…}",
			body: func(c *cli.Context, client string) (any, error) {
				body := map[string]any{"clientId": client}
				until, err := ahead(c, "until")
				if !until.IsZero() {
					body["expiresAt"] = until.UTC().Format(time.RFC3339)
				}
				return body, err
			},
		}),
		who(request{
			name: "revoke", usage: "take granted clients from somebody", args: "EMAIL CLIENT…", needs: "an email address and clients", least: 2, most: -1, each: true,
			try: []string{"fcctl users revoke jo@example.com acme"}, method: "DELETE", path: one + "/client-access/{2}", says: "{1}: may not reach {2…}",
		}),
		who(request{
			name: "grants", usage: "list the clients that somebody was granted", try: []string{"fcctl users grants jo@example.com"},
			method: "GET", path: one + "/client-access", list: "grants", what: "granted clients",
			columns: []view.Column{{Head: "CLIENT", Member: "clientId"}, {Head: "FROM", Member: "grantSource"}, {Head: "BY", Member: "grantedBy"}, {Head: "SINCE", Member: "grantedAt"}, {Head: "UNTIL", Member: "expiresAt"}},
		}),
		who(request{
			name: "reset-password", usage: "give somebody a new password and end their sessions", about: "It asks for the password, or reads it from standard input.",
			try:    []string{"fcctl users reset-password jo@example.com", "fcctl users reset-password jo@example.com --password-stdin < password.txt"},
			flags:  []cli.Flag{&cli.BoolFlag{Name: "password-stdin", Usage: "read the password from standard input", DisableDefaultText: true}},
			method: "POST", path: one + "/reset-password", says: "{1}: has a new password, and the old sessions have ended",
			body: func(c *cli.Context, _ string) (any, error) {
				password, err := a.AskNewPassword("new password", c.Bool("password-stdin"), "fcctl users reset-password jo@example.com --password-stdin < password.txt")
				return map[string]any{"newPassword": password}, err
			},
		}),
		who(request{
			name: "send-reset", usage: "send somebody a link to choose a new password", about: "The server must be able to send mail.", try: []string{"fcctl users send-reset jo@example.com"},
			method: "POST", path: one + "/send-password-reset", says: "{1}: is sent a link to choose a new password",
		}),
		who(request{
			name: "forget-identity", usage: "unbind somebody from their account at an identity provider", about: "The next time they sign in there, they are known by their email.", try: []string{"fcctl users forget-identity jo@example.com"},
			method: "DELETE", path: one + "/identity", says: "{1}: is bound to no account at a provider",
		}),
		request{
			name: "check-domain", usage: "say what new people of an email domain would be", args: "DOMAIN", needs: "a domain", least: 1, most: 1,
			try: []string{"fcctl users check-domain example.com"}, method: "GET", path: "/api/principals/check-email-domain", facts: true,
			prepare: firstAs("domain"),
		},
	)
	return append(all, a.usersCreateCommand(), a.usersInviteCommand(),
		app.Group("roles", "look at somebody's roles and change them", app.Example("", "fcctl users roles list jo@example.com", "fcctl users roles add jo@example.com shop:clerk"),
			a.commandsOf(
				who(request{name: "list", usage: "list the roles of somebody", try: []string{"fcctl users roles list jo@example.com"}, method: "GET", path: one + "/roles", list: "roles", what: "roles", columns: roles}),
				who(request{name: "set", usage: "give somebody these roles and no others", args: "EMAIL [ROLE…]", needs: "an email address and roles", least: 1, most: -1,
					try: []string{"fcctl users roles set jo@example.com shop:clerk platform:viewer"}, method: "PUT", path: one + "/roles", body: rest("roles"), says: "{1}: has the roles {2…} and no others"}),
				who(request{name: "add", usage: "give somebody more roles", args: "EMAIL ROLE…", needs: "an email address and roles", least: 2, most: -1, each: true,
					try: []string{"fcctl users roles add jo@example.com shop:clerk"}, method: "POST", path: one + "/roles", body: item("role"), says: "{1}: has {2…}"}),
				who(request{name: "remove", usage: "take roles from somebody", args: "EMAIL ROLE…", needs: "an email address and roles", least: 2, most: -1, each: true,
					try: []string{"fcctl users roles remove jo@example.com shop:clerk"}, method: "DELETE", path: one + "/roles/{2}", says: "{1}: does not have {2…}"}),
			)...),
		app.Group("applications", "look at the applications that somebody may open", app.Example("", "fcctl users applications list jo@example.com"),
			a.commandsOf(
				who(request{name: "list", usage: "list those that somebody may open", try: []string{"fcctl users applications list jo@example.com"}, method: "GET", path: one + "/application-access", list: "applications", what: "applications",
					columns: []view.Column{{Head: "CODE", Member: "applicationCode"}, {Head: "NAME", Member: "applicationName"}, {Head: "ID", Member: "applicationId"}}}),
				who(request{name: "available", usage: "list those that somebody could be let open", try: []string{"fcctl users applications available jo@example.com"}, method: "GET", path: one + "/available-applications", list: "applications", what: "applications", columns: applications}),
				who(request{name: "set", usage: "let somebody open these and no others", args: "EMAIL [APPLICATION…]", needs: "an email address and applications", least: 1, most: -1,
					try: []string{"fcctl users applications set jo@example.com shop"}, method: "PUT", path: one + "/application-access", body: rest("applicationIds"), says: "{1}: may open {2…} and no others"}),
			)...),
	)
}

// personFlags say who a new person is.
func personFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "name", Usage: "the person's `NAME`", DefaultText: "the email address"},
		&cli.StringFlag{Name: "client", Usage: "their home `CLIENT`"},
		&cli.StringFlag{Name: "scope", Usage: "`SCOPE`: ANCHOR, PARTNER or CLIENT", DefaultText: "that of the email domain"},
		&cli.StringSliceFlag{Name: "role", Usage: "a `ROLE`; may be repeated"},
	}
}

func person(c *cli.Context) map[string]any {
	fields := map[string]any{}
	for flag, field := range map[string]string{"name": "name", "client": "clientId", "scope": "scope"} {
		if c.IsSet(flag) {
			fields[field] = c.String(flag)
		}
	}
	if c.IsSet("role") {
		fields["roles"] = c.StringSlice("role")
	}
	return fields
}

// usersCreateCommand is create with flags for what people have.
func (a *commands) usersCreateCommand() *cli.Command {
	info, _ := resource.InfoOf(resource.KindPrincipal)
	return &cli.Command{
		Name: "create", Usage: "make a person", ArgsUsage: "EMAIL",
		Description: app.Example("Without a password they sign in with their provider, or once somebody has given them one.",
			"fcctl users create jo@example.com --name Jo --client acme --role shop:clerk", "fcctl users create ops@example.com --scope ANCHOR --role platform:admin --password-stdin < password.txt"),
		Flags: append(append(personFlags(), &cli.BoolFlag{Name: "password-stdin", Usage: "read a password from standard input", DisableDefaultText: true}), fieldFlags()...),
		Action: func(c *cli.Context) error {
			if err := app.Arguments(c, 1, 1, "an email address"); err != nil {
				return err
			}
			fields := person(c)
			if c.Bool("password-stdin") {
				if c.String("file") == "-" {
					return fault.Usage("--password-stdin and -f - both read standard input", "the password in the file: {\"password\": \"…\"}")
				}
				password, err := a.AskSecret("password", true, "fcctl users create jo@example.com --password-stdin < password.txt")
				if err != nil {
					return err
				}
				fields["password"] = password
			}
			return a.make(c, info, c.Args().First(), fields)
		},
	}
}

// usersInviteCommand makes a person who chooses a password by a link.
func (a *commands) usersInviteCommand() *cli.Command {
	return &cli.Command{
		Name: "invite", Usage: "make a person and send them a link to choose a password", ArgsUsage: "EMAIL",
		Description: app.Example("The server must be able to send mail. A link that is lost is sent again by users send-reset.",
			"fcctl users invite ada@example.com --name Ada --client acme --role shop:clerk"),
		Flags: personFlags(),
		Action: func(c *cli.Context) error {
			if err := app.Arguments(c, 1, 1, "an email address"); err != nil {
				return err
			}
			cl, err := a.Connect(c)
			if err != nil {
				return err
			}
			email, fields := c.Args().First(), person(c)
			fields["email"] = email
			made, err := cl.Resources(resource.KindPrincipal).CreateFrom(c.Context, fields)
			if err != nil {
				return err
			}
			if _, err := cl.Call(c.Context, "POST", "/api/principals/"+url.PathEscape(email)+"/send-password-reset", nil, nil); err != nil {
				message, code, _ := fault.Judge(err)
				return fault.New(code, "fcctl users send-reset "+email, "%s is made, but was sent no link: %s", email, message)
			}
			return a.Data(c, made, func() (string, error) {
				return fmt.Sprintf("%s: is made, and is sent a link to choose a password\n", email), nil
			})
		},
	}
}

// ahead reads a time, or how long it is until it.
func ahead(c *cli.Context, name string) (time.Time, error) {
	s := c.String(name)
	if s == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	if d, err := resource.ParseDuration(s); err == nil && d > 0 {
		return time.Now().Add(time.Duration(d)), nil
	}
	return time.Time{}, fault.Usage(fmt.Sprintf("--%s %s is neither a time nor a duration", name, s), fmt.Sprintf("--%s 7d or --%s 2027-01-02T15:04:05Z", name, name))
}

// isEmail tells an email address from an id.
func isEmail(s string) bool { return strings.Contains(s, "@") }
