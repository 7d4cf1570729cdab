package app

import (
	"fmt"
	"slices"
	"strings"

	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/urfave/cli/v2"
)

// Arrange puts flags where urfave/cli expects them: fcctl's own before the
// command, a command's before its arguments. People type them anywhere. What
// is unknown is refused here, with the nearest name.
func Arrange(app *cli.App, args []string) ([]string, error) {
	var global, path, flags, rest []string
	var current *cli.Command
	var help bool
	commands := app.Commands
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			rest = append(rest, args[i+1:]...)
			break
		}
		if len(arg) > 1 && arg[0] == '-' && !number(arg) {
			name, value, hasValue := strings.Cut(strings.TrimLeft(arg, "-"), "=")
			flag, isGlobal := lookup(app, current, name)
			if flag == nil {
				return nil, unknownFlag(app, current, path, arg, name)
			}
			out := []string{arg}
			if w, is := flag.(WatchFlag); is && !hasValue && i+1 < len(args) && w.wants(args[i+1]) {
				i++
				out[0] += "=" + args[i]
			}
			if TakesValue(flag) && !hasValue {
				if i+1 == len(args) {
					return nil, fault.Usage(fmt.Sprintf("%s needs a value", arg), strings.Join(append([]string{"fcctl"}, append(path, "--help")...), " "))
				}
				i++
				value, hasValue = args[i], true
				out = append(out, value)
			}
			if hasValue && value == "" {
				return nil, emptyFlag(path, arg)
			}
			if isGlobal {
				global = append(global, out...)
			} else {
				flags = append(flags, out...)
			}
			continue
		}
		if len(commands) > 0 && len(rest) == 0 {
			if next := find(commands, arg); next != nil {
				current, commands, path = next, next.Subcommands, append(path, arg)
				continue
			}
			if arg == "help" || arg == "h" {
				help = true // `fcctl help jobs list` is `fcctl jobs list --help`
				continue
			}
			return nil, unknownCommand(path, arg, commands)
		}
		if arg == "help" && current != nil && len(rest) == 0 && i == len(args)-1 {
			help = true // `fcctl jobs list help`; what is called help stands after --
			continue
		}
		rest = append(rest, arg)
	}
	if help {
		flags = append(flags, "--help")
	}
	if slices.Contains(rest, "") {
		command := strings.Join(append([]string{"fcctl"}, path...), " ")
		return nil, fault.Usage("an argument is empty; is the variable set that it was made of?", command+" --help")
	}
	out := append(append(global, path...), flags...)
	if len(rest) > 0 {
		out = append(append(out, "--"), rest...)
	}
	return out, nil
}

// number says that an argument with a dash is a negative number.
func number(s string) bool { return len(s) > 1 && s[1] >= '0' && s[1] <= '9' }

func find(commands []*cli.Command, name string) *cli.Command {
	for _, c := range commands {
		if c.HasName(name) {
			return c
		}
	}
	return nil
}

// lookup finds a flag of the command, of help, or of fcctl itself.
func lookup(app *cli.App, current *cli.Command, name string) (flag cli.Flag, global bool) {
	if current != nil {
		for _, f := range current.Flags {
			if slices.Contains(f.Names(), name) {
				return f, false
			}
		}
	}
	if slices.Contains(cli.HelpFlag.Names(), name) {
		return cli.HelpFlag, current == nil
	}
	if current == nil && slices.Contains(cli.VersionFlag.Names(), name) {
		return cli.VersionFlag, true
	}
	for _, f := range app.Flags {
		if slices.Contains(f.Names(), name) {
			return f, true
		}
	}
	return nil, false
}

// TakesValue says that a flag has a value after it.
func TakesValue(f cli.Flag) bool {
	d, ok := f.(cli.DocGenerationFlag)
	return !ok || d.TakesValue()
}

// emptyFlag refuses a flag that is there and says nothing, which a variable
// that is not set leaves behind. Taken for a flag that is not there, it would
// choose all instead of some. No flag of fcctl means something when empty.
func emptyFlag(path []string, arg string) error {
	shown, _, _ := strings.Cut(arg, "=")
	command := strings.Join(append([]string{"fcctl"}, path...), " ")
	return fault.Usage(fmt.Sprintf("%s is empty; is the variable set that it was made of?", shown), command+" without "+shown+", if nothing is meant")
}

func unknownFlag(app *cli.App, current *cli.Command, path []string, arg, name string) error {
	var names []string
	add := func(fs []cli.Flag) {
		for _, f := range fs {
			names = append(names, f.Names()...)
		}
	}
	if current != nil {
		add(current.Flags)
	}
	add(app.Flags)
	command := strings.Join(append([]string{"fcctl"}, path...), " ")
	try := command + " --help"
	if n := fault.Nearest(name, names); n != "" {
		try = "--" + n
		if len(n) == 1 {
			try = "-" + n
		}
	}
	shown, _, _ := strings.Cut(arg, "=") // its value may be a secret
	if len(path) == 0 {
		return fault.Usage(fmt.Sprintf("there is no flag %s", shown), try)
	}
	return fault.Usage(fmt.Sprintf("%s has no flag %s", strings.Join(path, " "), shown), try)
}

func unknownCommand(path []string, arg string, commands []*cli.Command) error {
	var names []string
	for _, c := range commands {
		names = append(names, c.Names()...)
	}
	command := strings.Join(append([]string{"fcctl"}, path...), " ")
	try := command + " --help"
	if n := fault.Nearest(arg, names); n != "" {
		try = command + " " + n
	}
	if len(path) == 0 {
		return fault.Usage(fmt.Sprintf("there is no command %q", arg), try)
	}
	return fault.Usage(fmt.Sprintf("%s has no command %q", strings.Join(path, " "), arg), try)
}
