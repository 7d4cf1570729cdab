package admin

import (
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/urfave/cli/v2"
)

// eventTypeCommands are what only event types have.
func (a *commands) eventTypeCommands() []*cli.Command {
	const one, code = "/api/event-types/{1}", "shop:sales:order:placed"
	of := func(r request) request {
		r.kind, r.method = resource.KindEventType, "POST"
		if r.args == "" {
			r.args, r.needs, r.least, r.most = "CODE", "the code of an event type", 1, 1
		}
		return r
	}
	version := func(verb, usage, says string) request {
		return of(request{name: verb, usage: usage, args: "CODE VERSION", needs: "the code of an event type and a version", least: 2, most: 2,
			try: []string{"fcctl event-types schemas " + verb + " " + code + " 2"}, path: one + "/versions/{2}/" + verb, says: "event type {1}: version {2} is " + says})
	}
	file := &cli.StringFlag{Name: "file", Aliases: []string{"f"}, Value: "-", Usage: "JSON in `FILE`, - for standard input"}
	return append(a.commandsOf(
		of(request{name: "archive", usage: "make it ARCHIVED", try: []string{"fcctl event-types archive " + code}, path: one + "/archive", says: "event type {1}: is ARCHIVED"}),
		of(request{name: "validate", usage: "hold data against a schema without publishing it", try: []string{"fcctl event-types validate " + code + " -f order.json"},
			flags: []cli.Flag{file, &cli.StringFlag{Name: "version", Usage: "this `VERSION`", DefaultText: "the one in force"}}, path: one + "/validate", facts: true, verdict: valid,
			about: "The exit code is 1 if the data does not fit.",
			body: func(c *cli.Context, _ string) (any, error) {
				data, err := a.jsonIn(c)
				body := map[string]any{"data": data}
				if v := c.String("version"); v != "" {
					body["version"] = v
				}
				return body, err
			}}),
	),
		app.Group("schemas", "add schemas to an event type, and say which are in force", app.Example("", "fcctl event-types schemas add "+code+" -f placed.json", "fcctl event-types schemas finalise "+code+" 2"),
			a.commandsOf(
				of(request{name: "add", usage: "add a schema as the next version", try: []string{"fcctl event-types schemas add " + code + " -f placed.json"},
					flags: []cli.Flag{file, &cli.StringFlag{Name: "version", Usage: "call it `VERSION`", DefaultText: "the next number"}}, path: one + "/versions", says: "event type {1}: has one more schema",
					body: func(c *cli.Context, _ string) (any, error) {
						schema, err := a.jsonIn(c)
						body := map[string]any{"schema": schema}
						if v := c.String("version"); v != "" {
							body["version"] = v
						}
						return body, err
					}}),
				version("finalise", "let it change no more; the newest of these is in force", "FINALISED"),
				version("deprecate", "check nothing against it any more", "DEPRECATED"),
			)...))
}

// valid fails for data that does not fit its schema; why is shown already.
func valid(answer json.RawMessage) error {
	var v struct {
		Valid bool `json:"valid"`
	}
	if err := json.Unmarshal(answer, &v); err != nil {
		return fmt.Errorf("read the verdict: %w", err)
	}
	if !v.Valid {
		return fault.Exit(fault.Failed)
	}
	return nil
}

// jsonIn reads the JSON document that a command was given.
func (a *commands) jsonIn(c *cli.Context) (json.RawMessage, error) {
	in, name := a.In, c.String("file")
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fault.New(fault.Failed, "", "read the JSON: %w", err)
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxFields+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the JSON: %w", err)
	case len(b) > maxFields:
		return nil, fault.Usage("the JSON is larger than 1 MiB", c.Command.HelpName+" --help")
	case !json.Valid(b):
		return nil, fault.Usage("what was given is no JSON", c.Command.HelpName+" -f FILE")
	}
	return b, nil
}
