package app

import (
	"fmt"
	"strings"

	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/urfave/cli/v2"
)

// Refuse lets every command say what is wrong with a flag's value in a
// sentence; urfave/cli would print the whole help before it.
func Refuse(commands []*cli.Command) {
	for _, cmd := range commands {
		cmd.OnUsageError = func(c *cli.Context, err error, _ bool) error {
			return fault.Usage(strings.TrimSuffix(err.Error(), ": parse error"), c.Command.HelpName+" --help")
		}
		Refuse(cmd.Subcommands)
	}
}

// Group makes a command that only holds others.
func Group(name, about, description string, commands ...*cli.Command) *cli.Command {
	return &cli.Command{
		Name: name, Usage: about, Description: description, Subcommands: commands,
		Action: func(c *cli.Context) error {
			c.App.Writer = c.App.ErrWriter // help that nobody asked for is talk
			if err := cli.ShowSubcommandHelp(c); err != nil {
				return err
			}
			path := c.Command.HelpName
			return fault.Usage(strings.TrimPrefix(path, "fcctl ")+" needs to know what to do", path+" "+commands[0].Name)
		},
	}
}

// Example is a command's description: sentences, then lines to type.
func Example(about string, lines ...string) string {
	s := about
	if s != "" {
		s += "\n\n"
	}
	s += "Examples:"
	for _, l := range lines {
		s += "\n  " + l
	}
	return s
}

// Arguments checks how many a command got; names are for people.
func Arguments(c *cli.Context, least, most int, names string) error {
	n := c.NArg()
	help := c.Command.HelpName + " --help"
	name := strings.TrimPrefix(c.Command.HelpName, "fcctl ")
	switch {
	case n < least:
		return fault.Usage(fmt.Sprintf("%s needs %s", name, names), help)
	case most >= 0 && n > most:
		return fault.Usage(fmt.Sprintf("%s has an argument too many: %q", name, c.Args().Get(most)), help)
	}
	return nil
}
