// Package admin holds the commands that administer: the same verbs over every
// kind, and what only some kinds can do.
package admin

import (
	"slices"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/urfave/cli/v2"
)

type commands struct{ *app.App }

// Commands are the commands of this package.
func Commands(a *app.App) []*cli.Command {
	c := &commands{a}
	all := []*cli.Command{c.getCommand(), c.createCommand(), c.updateCommand(), c.deleteCommand()}
	for _, info := range resource.Kinds {
		all = append(all, c.kindCommand(info))
	}
	return append(all, c.permissionsCommand(), c.auditCommand(), c.expungesCommand())
}

// kindCommand holds the verbs of one kind: those that every kind has, unless it
// has one of its own by that name, and those that only it has.
func (a *commands) kindCommand(info resource.KindInfo) *cli.Command {
	code, set, own := "CODE", "--set name=TEXT", []*cli.Command(nil)
	switch info.Kind {
	case resource.KindClient:
		code, set, own = "acme", "--set name=Acme", a.clientCommands()
	case resource.KindApplication:
		code, set, own = "shop", "--set name=Shop", a.applicationCommands()
	case resource.KindRole:
		code, set, own = "shop:clerk", `--set 'permissions:=["shop:sales:order:view"]'`, a.roleCommands()
	case resource.KindServiceAccount:
		code, set, own = "billing", "--set name=Billing", a.accountCommands()
	case resource.KindOAuthClient:
		code, set, own = "bi", "--set clientName=BI --set clientType=PUBLIC", a.oauthCommands()
	case resource.KindAnchorDomain:
		code, set = "example.com", ""
	case resource.KindClientAuthConfig:
		code, set = "example.com", "--set configType=ANCHOR"
	case resource.KindIdpRoleMapping:
		code, set = "/Readers/platform:viewer", ""
	case resource.KindPrincipal:
		code, set, own = "jo@example.com", "--set name=Jo", a.userCommands()
	case resource.KindEventType:
		code, set, own = "shop:sales:order:placed", "--set name='Order placed'", a.eventTypeCommands()
	case resource.KindDispatchPool:
		code, set, own = "priority", "--set concurrency:=20", a.pauseCommands(info.Kind, "priority")
	case resource.KindConnection:
		code, set, own = "hooks", "--set url=https://hooks.example.com", append(a.pauseCommands(info.Kind, "hooks"), a.testCommand())
	case resource.KindSubscription:
		code, set, own = "big-orders", "-f big-orders.json", a.pauseCommands(info.Kind, "big-orders")
	}
	all := a.kindCommands(info.Kind, code, set)
	for _, c := range own {
		if i := slices.IndexFunc(all, func(d *cli.Command) bool { return d.Name == c.Name }); i >= 0 {
			all[i] = c
			continue
		}
		all = append(all, c)
	}
	name, many := nounOf(info), info.Title+"s"
	if info.Kind == resource.KindPrincipal {
		many = "people"
	}
	return app.Group(name, "manage "+many, app.Example("", "fcctl "+name+" list", "fcctl "+name+" get "+code), all...)
}
