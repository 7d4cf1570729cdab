package admin

import (
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

// clientCommands are what only clients have.
func (a *commands) clientCommands() []*cli.Command {
	const one = "/api/clients/{1}"
	of := func(r request) request {
		r.kind = resource.KindClient
		if r.args == "" {
			r.args, r.needs, r.least, r.most = "IDENTIFIER", "the identifier of a client", 1, 1
		}
		return r
	}
	reason := []cli.Flag{&cli.StringFlag{Name: "reason", Usage: "why, kept with the status: `TEXT`"}}
	why := func(c *cli.Context, _ string) (any, error) { return map[string]any{"reason": c.String("reason")}, nil }
	return append(a.commandsOf(
		of(request{name: "suspend", usage: "accept nothing of it and let its jobs wait", try: []string{"fcctl clients suspend acme --reason 'unpaid since May'"}, flags: reason, body: why,
			method: "POST", path: one + "/suspend", says: "client {1}: is SUSPENDED"}),
		of(request{name: "activate", usage: "let it go on; what waited goes", try: []string{"fcctl clients activate acme"}, flags: reason, body: why,
			method: "POST", path: one + "/activate", says: "client {1}: is ACTIVE"}),
		of(request{name: "note", usage: "write something down about it", args: "IDENTIFIER TEXT", needs: "the identifier of a client and a text", least: 2, most: 2,
			try:    []string{"fcctl clients note acme 'prefers mornings' --category support"},
			flags:  []cli.Flag{&cli.StringFlag{Name: "category", Value: "general", Usage: "what it is about: `CATEGORY`"}},
			method: "POST", path: one + "/notes", says: "client {1}: the note is kept",
			body: func(c *cli.Context, _ string) (any, error) {
				return map[string]any{"category": c.String("category"), "text": c.Args().Get(1)}, nil
			}}),
		request{name: "search", usage: "find clients by a part of their name or identifier", args: "TEXT", needs: "a text", least: 1, most: 1, try: []string{"fcctl clients search acm"},
			method: "GET", path: "/api/clients/search", prepare: firstAs("q"), list: "clients", what: "clients",
			columns: []view.Column{{Head: "IDENTIFIER", Member: "identifier"}, {Head: "NAME", Member: "name"}, {Head: "STATUS", Member: "status"}, {Head: "ID", Member: "id"}}},
	),
		app.Group("applications", "look at the applications that a client has, and change them", app.Example("", "fcctl clients applications list acme", "fcctl clients applications enable acme shop"),
			a.commandsOf(
				of(request{name: "list", usage: "list the applications, and which of them it has", try: []string{"fcctl clients applications list acme"}, method: "GET", path: one + "/applications", list: "applications", what: "applications",
					columns: []view.Column{{Head: "CODE", Member: "code"}, {Head: "NAME", Member: "name"}, {Head: "ENABLED", Member: "enabledForClient"}}}),
				of(request{name: "set", usage: "let it have these and no others", args: "IDENTIFIER [APPLICATION…]", needs: "the identifier of a client and applications", least: 1, most: -1,
					try: []string{"fcctl clients applications set acme shop crm"}, method: "PUT", path: one + "/applications", body: rest("enabledApplicationIds"), says: "client {1}: has {2…} and no others"}),
				of(request{name: "enable", usage: "let it have applications", args: "IDENTIFIER APPLICATION…", needs: "the identifier of a client and applications", least: 2, most: -1, each: true,
					try: []string{"fcctl clients applications enable acme shop"}, method: "POST", path: one + "/applications/{2}/enable", says: "client {1}: has {2…}"}),
				of(request{name: "disable", usage: "take applications from it", args: "IDENTIFIER APPLICATION…", needs: "the identifier of a client and applications", least: 2, most: -1, each: true,
					try: []string{"fcctl clients applications disable acme shop"}, method: "POST", path: one + "/applications/{2}/disable", says: "client {1}: does not have {2…}"}),
			)...))
}

// applicationCommands are what only applications have.
func (a *commands) applicationCommands() []*cli.Command {
	const one = "/api/applications/{1}"
	of := func(r request) request {
		r.kind = resource.KindApplication
		if r.args == "" {
			r.args, r.needs, r.least, r.most = "CODE", "the code of an application", 1, 1
		}
		return r
	}
	return a.commandsOf(
		of(request{name: "clients", usage: "list how each client has it", try: []string{"fcctl applications clients shop"}, method: "GET", path: one + "/clients", list: "clientConfigs", what: "clients that have it",
			columns: []view.Column{{Head: "CLIENT", Member: "clientName"}, {Head: "ENABLED", Member: "enabled"}, {Head: "URL", Member: "effectiveBaseUrl"}, {Head: "ID", Member: "clientId"}}}),
		of(request{name: "configure", usage: "change how a client has it", args: "CODE CLIENT", needs: "the code of an application and a client", least: 2, most: 2, flags: fieldFlags(),
			try:    []string{"fcctl applications configure shop acme --set baseUrlOverride=https://shop.acme.example.com", "fcctl applications configure shop acme --set enabled:=false"},
			method: "PUT", path: one + "/clients/{2}", says: "application {1}: is changed for {2}",
			body: func(c *cli.Context, _ string) (any, error) { return a.fieldsOf(c) }}),
		of(request{name: "service-account", usage: "show its service account", try: []string{"fcctl applications service-account shop"}, method: "GET", path: one + "/service-account", facts: true}),
		of(request{name: "provision", usage: "make its service account, with an OAuth client", about: "The secret of the OAuth client is shown now and never again.", try: []string{"fcctl applications provision shop", "fcctl applications provision shop -o json"},
			method: "POST", path: one + "/service-account", says: "application {1}: has a service account"}),
	)
}
