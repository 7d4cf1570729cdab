package admin

import (
	"strings"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

func (a *commands) getCommand() *cli.Command {
	return &cli.Command{
		Name: "get", Usage: "list resources of a kind, or show one", ArgsUsage: "KIND [CODE]",
		Description: app.Example("The kinds are "+strings.Join(app.KindNames(), ", ")+".",
			"fcctl get subscriptions", "fcctl get subscription big-orders", "fcctl get connections --managed-by orders -o json"),
		Flags:  listFlags(),
		Action: a.get,
	}
}

func listFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "client", Usage: "only of this `CLIENT`"},
		&cli.StringFlag{Name: "status", Usage: "only in this `STATUS`"},
		&cli.StringFlag{Name: "managed-by", Usage: "only what this `MANIFEST` owns"},
	}
}

func (a *commands) get(c *cli.Context) error {
	if err := app.Arguments(c, 1, 2, "a kind: "+strings.Join(app.KindNames(), ", ")); err != nil {
		return err
	}
	info, err := app.KindOf(c.Args().First())
	if err != nil {
		return err
	}
	if c.NArg() == 1 {
		return a.list(c, info)
	}
	return a.show(c, info, c.Args().Get(1), "fcctl get "+c.Args().First())
}

// list lists a kind.
func (a *commands) list(c *cli.Context, info resource.KindInfo) error {
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	f := client.ResourceFilter{ClientID: c.String("client"), Status: strings.ToUpper(c.String("status")), ManagedBy: c.String("managed-by"), PageSize: 200}
	return app.List(a.App, c, cl.Resources(info.Kind).List(c.Context, f), app.Listing[resource.Resource]{
		What: info.Title + "s", Table: func(rs []resource.Resource) string { return view.Resources(rs, a.Ink()) },
	})
}

// show shows one resource. Command is what to type before another code.
func (a *commands) show(c *cli.Context, info resource.KindInfo, code, command string) error {
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	r, err := cl.Resources(info.Kind).Get(c.Context, code)
	if client.StatusOf(err) == 404 {
		return a.NoSuch(c, cl, info, code, command)
	}
	if err != nil {
		return err
	}
	return a.Data(c, r, func() (string, error) { return view.Resource(r, a.Ink()) })
}
