package app

import (
	"fmt"
	"strings"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/urfave/cli/v2"
)

// KindNames are the kinds as people type them.
func KindNames() []string {
	var names []string
	for _, i := range resource.Kinds {
		names = append(names, i.Collection)
	}
	return names
}

// KindOf finds a kind by what a person typed.
func KindOf(typed string) (resource.KindInfo, error) {
	info, ok := resource.ParseKind(typed)
	if ok {
		return info, nil
	}
	var names []string
	for _, i := range resource.Kinds {
		names = append(names, i.Collection, strings.ReplaceAll(string(i.Kind), "_", "-"))
	}
	try := "one of " + strings.Join(KindNames(), ", ")
	if typed == "events" || typed == "jobs" {
		try = fmt.Sprintf("fcctl %s list", typed)
	} else if n := fault.Nearest(typed, names); n != "" {
		try = "fcctl get " + n
	}
	return info, fault.Usage(fmt.Sprintf("there is no kind %q", typed), try)
}

// NoSuch says that a resource is not there. A code may be misspelt: command
// is what to type before the nearest one.
func (a *App) NoSuch(c *cli.Context, cl *client.Client, info resource.KindInfo, code, command string) error {
	var codes []string
	for r, err := range cl.Resources(info.Kind).List(c.Context, client.ResourceFilter{PageSize: 200}) {
		if err != nil || len(codes) == 1000 {
			break // only a suggestion depends on it
		}
		codes = append(codes, r.Key())
	}
	try := "fcctl get " + info.Collection
	if n := fault.Nearest(code, codes); n != "" {
		try = command + " " + n
	}
	return fault.New(fault.NotFound, try, "there is no %s %q", info.Title, code)
}
