package app

import (
	"fmt"
	"slices"
	"strings"

	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

// readers are the last words of commands that only show something, and so can
// be asked for certain columns or again and again.
var readers = map[string]bool{
	"list": true, "get": true, "attempts": true, "tasks": true, "pools": true, "endpoints": true, "breakers": true, "queues": true, "in-flight": true, "warnings": true,
	"stats": true, "statistics": true, "peek": true, "grants": true, "available": true, "search": true, "clients": true, "explain": true,
}

// pages are the last words of commands that show a page, which has no columns
// of its own and can be shown again and again.
var pages = map[string]bool{"describe": true}

// Readable gives the commands that show something the flags that shape a
// table, and --watch.
func (a *App) Readable(commands []*cli.Command) {
	for _, cmd := range commands {
		a.Readable(cmd.Subcommands)
		if !readers[cmd.Name] && !pages[cmd.Name] || isGroup(cmd) {
			continue
		}
		do := cmd.Action
		if show := cmd.Action; readers[cmd.Name] {
			cmd.Flags = append(cmd.Flags[:len(cmd.Flags):len(cmd.Flags)],
				&cli.StringFlag{Name: "columns", Usage: "only these `COLUMNS` of the table, with commas between them; help lists them"},
				&cli.StringFlag{Name: "sort-by", Usage: "order what is shown by this `COLUMN`; with a dash before it the other way round"},
				&cli.BoolFlag{Name: "no-headers", Usage: "leave out the head of the table", DisableDefaultText: true},
			)
			do = func(c *cli.Context) error {
				if err := a.lay(c); err != nil {
					return err
				}
				return show(c)
			}
			cmd.Action = do
		}
		if watches(cmd) {
			continue // in its own way
		}
		cmd.Flags = append(cmd.Flags[:len(cmd.Flags):len(cmd.Flags)], newWatchFlag())
		cmd.Action = func(c *cli.Context) error {
			often, err := every(c)
			if err != nil {
				return err
			}
			if often == 0 {
				return do(c)
			}
			return a.watch(c, often, do)
		}
	}
}

// isGroup says that a command only holds others.
// `router pools` and `router warnings` show something and hold others as well.
func isGroup(cmd *cli.Command) bool {
	return len(cmd.Subcommands) > 0 && cmd.Name != "pools" && cmd.Name != "warnings"
}

// watches says that a command has a --watch already.
func watches(cmd *cli.Command) bool {
	return slices.ContainsFunc(cmd.Flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), "watch") })
}

// lay reads the flags that shape a table.
func (a *App) lay(c *cli.Context) error {
	a.whole = c.String("output") == "wide"
	l := &view.Layout{SortBy: c.String("sort-by"), NoHeaders: c.Bool("no-headers")}
	for name := range strings.SplitSeq(c.String("columns"), ",") {
		if name = strings.TrimSpace(name); name != "" {
			l.Columns = append(l.Columns, name)
		}
	}
	if len(l.Columns) == 0 && l.SortBy == "" && !l.NoHeaders {
		return nil
	}
	if o := c.String("output"); !ForPeople(c) {
		return fault.Usage("--columns, --sort-by and --no-headers are for tables, not for -o "+o, "-o table")
	}
	a.layout = l
	return nil
}

// laidOut says whether what was asked of the tables could be done. Text that
// is empty has no table.
func (a *App) laidOut(text string) error {
	switch {
	case a.layout == nil || text == "" && !a.layout.Used():
		return nil
	case !a.layout.Used():
		return fault.Usage("this shows no table, which --columns, --sort-by and --no-headers are for", "-o json")
	}
	if name := a.layout.Missing(); name != "" {
		var names []string
		for _, h := range a.layout.Heads() {
			names = append(names, strings.ReplaceAll(strings.ToLower(h), " ", "-"))
		}
		try := "--columns " + strings.Join(names, ",")
		if name == "help" {
			return fault.Usage("the columns are "+strings.Join(names, ", "), try)
		}
		if n := fault.Nearest(name, names); n != "" {
			return fault.Usage(fmt.Sprintf("there is no column %q among %s", name, strings.Join(names, ", ")), n)
		}
		return fault.Usage(fmt.Sprintf("there is no column %q", name), try)
	}
	return nil
}
