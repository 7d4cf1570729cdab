package manifests

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/config"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/eventfile"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/flowcatalyst/fc/internal/match"
	"github.com/urfave/cli/v2"
)

func (a *commands) matchCommand() *cli.Command {
	return &cli.Command{
		Name: "match", Usage: "say which subscriptions of a manifest an event would go to, without a server",
		Description: app.Example("It decides as the server does. The exit code is 0 if at least one subscription matches and 1 if none does.",
			"fcctl match -f event.json", "fcctl match -f event.json -m orders/ --var hooks=https://hooks.example.com",
			"fcctl match -f - < event.json"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "file", Aliases: []string{"f"}, Usage: "the event in `FILE`, - for standard input: as it is published, as the API shows it, or a CloudEvent"},
			&cli.StringFlag{Name: "manifest", Aliases: []string{"m"}, Value: ".", Usage: "the manifest at `PATH`: a file or a directory of *.fc.hcl"},
			&cli.StringSliceFlag{Name: "var", Usage: "set a variable, `NAME=VALUE`; may be repeated. ps shows it: for a secret set FCCTL_VAR_name"},
			&cli.StringSliceFlag{Name: "var-file", Usage: "a `FILE` of variables, one name = value per line; may be repeated"},
		},
		Action: a.match,
	}
}

func (a *commands) match(c *cli.Context) error {
	if err := app.Arguments(c, 0, 0, ""); err != nil {
		return err
	}
	if c.String("file") == "" {
		return fault.Usage("match needs an event", "fcctl match -f event.json")
	}
	vars := map[string]string{}
	for _, v := range c.StringSlice("var") {
		name, value, ok := strings.Cut(v, "=")
		if !ok {
			return fault.Usage(fmt.Sprintf("--var %s has no value", name), fmt.Sprintf("--var %s=…", name))
		}
		vars[strings.TrimSpace(name)] = value
	}
	e, err := a.eventIn(c.String("file"))
	if err != nil {
		return fmt.Errorf("read the event of %s: %w", c.String("file"), err)
	}
	m, diags := config.LoadManifest(c.String("manifest"), config.ManifestOptions{Vars: vars, VarFiles: c.StringSlice("var-file"), Env: a.Env, Stdin: strings.NewReader("")})
	if err := a.show(diags); err != nil {
		return err
	}
	x := &client.Explanation{Subscriptions: []client.Verdict{}}
	matched := 0
	for _, r := range m.Resources {
		sub, is := r.(*resource.Subscription)
		if !is {
			continue
		}
		v := match.Explain(e, sub)
		if v.Matched {
			matched++
		}
		x.Subscriptions = append(x.Subscriptions, client.Verdict{SubscriptionID: sub.ID, Code: sub.Code, Matched: v.Matched, Clause: v.Clause, Detail: v.Detail, Value: v.Value})
	}
	if len(x.Subscriptions) == 0 {
		return fault.New(fault.Failed, "-m PATH, for where they are", "manifest %q has no subscriptions", m.Name)
	}
	if err := a.Data(c, x.Subscriptions, func() (string, error) { return view.Explanation(x, a.Ink()), nil }); err != nil {
		return err
	}
	if matched == 0 {
		return fault.Exit(fault.Failed)
	}
	return nil
}

// eventIn reads the one event of a file.
func (a *commands) eventIn(path string) (*match.Event, error) {
	in := io.Reader(a.In)
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	var e *match.Event
	for it, err := range eventfile.Read(in) {
		if err != nil {
			return nil, err
		}
		if e != nil {
			return nil, fmt.Errorf("there is a second event on line %d, and match looks at one", it.Line)
		}
		e = seen(&it.Event)
	}
	if e == nil {
		return nil, fmt.Errorf("there is no event")
	}
	if p := resource.CheckEventType(e.Type); p != "" {
		return nil, fmt.Errorf("type %s", p)
	}
	return e, nil
}

// seen is what subscriptions see of an event that is published.
func seen(n *client.NewEvent) *match.Event {
	e := &match.Event{Type: n.Type, Source: n.Source, Subject: n.Subject, Time: n.Time, ClientID: n.ClientID, MessageGroup: n.MessageGroup}
	if e.Source == "" {
		e.Source = "/" // as the server has it
	}
	if raw, is := n.Data.(json.RawMessage); is {
		e.Data = eventfile.Document(raw)
	}
	for _, kv := range n.ContextData {
		e.ContextData = append(e.ContextData, resource.KeyValue(kv))
	}
	return e
}
