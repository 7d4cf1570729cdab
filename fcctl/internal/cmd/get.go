package cmd

import (
	"fmt"
	"strings"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

func (a *App) getCommand() *cli.Command {
	return &cli.Command{
		Name: "get", Usage: "list resources of a kind, or show one", ArgsUsage: "KIND [CODE]",
		Description: example("The kinds are "+strings.Join(kindNames(), ", ")+".",
			"fcctl get subscriptions", "fcctl get subscription big-orders", "fcctl get connections --managed-by orders -o json"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "client", Usage: "only of this `CLIENT`"},
			&cli.StringFlag{Name: "status", Usage: "only in this `STATUS`"},
			&cli.StringFlag{Name: "managed-by", Usage: "only what this `MANIFEST` owns"},
		},
		Action: a.get,
	}
}

func kindNames() []string {
	var names []string
	for _, i := range resource.Kinds {
		names = append(names, i.Collection)
	}
	return names
}

// kindOf finds a kind by what a person typed.
func kindOf(typed string) (resource.KindInfo, error) {
	info, ok := resource.ParseKind(typed)
	if ok {
		return info, nil
	}
	var names []string
	for _, i := range resource.Kinds {
		names = append(names, i.Collection, strings.ReplaceAll(string(i.Kind), "_", "-"))
	}
	try := "one of " + strings.Join(kindNames(), ", ")
	if typed == "events" || typed == "jobs" {
		try = fmt.Sprintf("fcctl %s list", typed)
	} else if n := nearest(typed, names); n != "" {
		try = "fcctl get " + n
	}
	return info, usage(fmt.Sprintf("there is no kind %q", typed), try)
}

func (a *App) get(c *cli.Context) error {
	if err := arguments(c, 1, 2, "a kind: "+strings.Join(kindNames(), ", ")); err != nil {
		return err
	}
	info, err := kindOf(c.Args().First())
	if err != nil {
		return err
	}
	cl, err := a.connect(c)
	if err != nil {
		return err
	}
	if c.NArg() == 2 {
		r, err := a.getOne(c, cl, info, c.Args().Get(1))
		if err != nil {
			return err
		}
		return a.data(c, r, func() (string, error) { return view.Resource(r, a.ink()) })
	}
	rs := []resource.Resource{}
	f := client.ResourceFilter{ClientID: c.String("client"), Status: strings.ToUpper(c.String("status")), ManagedBy: c.String("managed-by"), PageSize: 200}
	for r, err := range cl.Resources(info.Kind).List(c.Context, f) {
		if err != nil {
			return err
		}
		rs = append(rs, r)
	}
	defer a.nothing(len(rs), false, info.Title+"s")
	return a.data(c, rs, func() (string, error) {
		if len(rs) == 0 {
			return "", nil
		}
		return view.Resources(rs, a.ink()), nil
	})
}

// getOne finds a resource by code or id.
func (a *App) getOne(c *cli.Context, cl *client.Client, info resource.KindInfo, code string) (resource.Resource, error) {
	r, err := cl.Resources(info.Kind).Get(c.Context, code)
	if err == nil || client.StatusOf(err) != 404 {
		return r, err
	}
	return nil, a.noSuch(c, cl, info, code, "fcctl get "+c.Args().First())
}

// noSuch says that a resource is not there. A code may be misspelt: command
// is what to type before the nearest one.
func (a *App) noSuch(c *cli.Context, cl *client.Client, info resource.KindInfo, code, command string) error {
	var codes []string
	for r, err := range cl.Resources(info.Kind).List(c.Context, client.ResourceFilter{PageSize: 200}) {
		if err != nil || len(codes) == 1000 {
			break // only a suggestion depends on it
		}
		codes = append(codes, r.Key())
	}
	try := "fcctl get " + info.Collection
	if n := nearest(code, codes); n != "" {
		try = command + " " + n
	}
	return fail(exitNotFound, try, "there is no %s %q", info.Title, code)
}
