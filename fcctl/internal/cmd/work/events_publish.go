package work

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/assign"
	"github.com/flowcatalyst/fc/fcctl/internal/eventfile"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/urfave/cli/v2"
)

func (a *commands) eventsPublishCommand() *cli.Command {
	return &cli.Command{
		Name: "publish", Usage: "publish events", ArgsUsage: "[FILE…]",
		Description: app.Example("A file holds one event, a list of events, or one event after another (JSON lines), of any length; - is standard input. "+
			"Without files the flags are the event; with files they fill in what an event does not say. A repeated --dedup is accepted once.\n\n"+
			"With --dedup-prefix the same files can be published again and again, and nothing is accepted twice: an event without a "+
			"deduplication id gets PREFIX:DIGEST:COUNT, of its text and of how many of the same text there were. A line that is mended or taken out "+
			"changes nothing for the others.\n\n"+
			"With --dry-run nothing is published. That each event can be read, that its type is one and is declared, and that its data fits the "+
			"schema in force is checked; limits, permissions, clients and deduplication are not. The exit code is 1 if an event would be refused.",
			"fcctl events publish --type shop:sales:order:placed --data '{\"total\": 120}' --group order-7",
			"fcctl events publish --type shop:sales:order:placed --set total=120 --set customer.name=Ada --context-data region=eu",
			"fcctl events publish --type shop:sales:order:placed --set total=1 --repeat 500 --rate 100/s",
			"fcctl events publish events/*.json",
			"fcctl events publish -f orders.jsonl --dry-run",
			"fcctl events publish -f orders.jsonl --dedup-prefix import-7 --rate 500/s"),
		Flags: append([]cli.Flag{
			&cli.StringSliceFlag{Name: "file", Aliases: []string{"f"}, Usage: "events in `FILE`, - for standard input; as an argument, and may be repeated"},
			&cli.StringFlag{Name: "type", Usage: "the `TYPE`, application:subdomain:aggregate:event"},
			&cli.StringFlag{Name: "data", Usage: "the data: `JSON`, @file, or - for standard input"},
		}, append(append(setFlags(), attributeFlags()...),
			&cli.StringFlag{Name: "dedup", Usage: "the deduplication `ID`"},
			&cli.StringFlag{Name: "dedup-prefix", Usage: "begin the deduplication ids of events that have none with `PREFIX`", DefaultText: "another one each time"},
			&cli.StringFlag{Name: "rate", Usage: "publish at most so many: `N/s`, N/m or N/h", DefaultText: "no limit"},
			&cli.IntFlag{Name: "repeat", Value: 1, Usage: "publish the event of the flags `N` times"},
			&cli.BoolFlag{Name: "dry-run", Usage: "publish nothing, and say of each event what its type's schema says of it", DisableDefaultText: true},
		)...),
		Action: a.eventsPublish,
	}
}

// setFlags put values into data.
func setFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringSliceFlag{Name: "set", Usage: "put a value into the data: `NAME=VALUE`, a.b=1 for what lies deeper; numbers, true, false and null are what they look like, all else is text"},
		&cli.StringSliceFlag{Name: "set-string", Usage: "the same as text: `NAME=TEXT`"},
		&cli.StringSliceFlag{Name: "set-json", Usage: "the same as JSON: `NAME=JSON`"},
	}
}

// attributeFlags are what is said of an event besides its type and data.
func attributeFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "source", Usage: "the `SOURCE`, where it happened"},
		&cli.StringFlag{Name: "subject", Usage: "the `SUBJECT`, what it is about"},
		&cli.StringFlag{Name: "group", Usage: "the message `GROUP`, within which order is kept"},
		&cli.StringFlag{Name: "correlation", Usage: "the correlation `ID`"},
		&cli.StringFlag{Name: "client", Usage: "the `CLIENT` it belongs to"},
		&cli.StringSliceFlag{Name: "context-data", Usage: "a pair of context data, `KEY=VALUE`; may be repeated"},
	}
}

// assigned puts the values of the set flags into a document: texts after
// guesses, and JSON last.
func assigned(c *cli.Context, doc any) (any, error) {
	for _, f := range []struct {
		name string
		kind assign.Kind
	}{{"set", assign.Guess}, {"set-string", assign.Text}, {"set-json", assign.JSON}} {
		for _, s := range c.StringSlice(f.name) {
			var err error
			if doc, err = assign.Set(doc, s, f.kind); err != nil {
				return nil, fault.Usage(fmt.Sprintf("--%s: %v", f.name, err), "--set total=120 --set customer.name=Ada")
			}
		}
	}
	return doc, nil
}

// anySet says that there are values to put into data.
func anySet(c *cli.Context) bool {
	return c.IsSet("set") || c.IsSet("set-string") || c.IsSet("set-json")
}

// attributes fills in what an event does not say itself.
func attributes(c *cli.Context, e *client.NewEvent) error {
	for name, field := range map[string]*string{"source": &e.Source, "subject": &e.Subject, "group": &e.MessageGroup, "correlation": &e.CorrelationID, "client": &e.ClientID} {
		if *field == "" {
			*field = c.String(name)
		}
	}
	if len(e.ContextData) > 0 {
		return nil
	}
	for _, pair := range c.StringSlice("context-data") {
		k, v, ok := strings.Cut(pair, "=")
		if !ok || k == "" {
			return fault.Usage(fmt.Sprintf("--context-data %s is no pair", pair), "--context-data region=eu")
		}
		e.ContextData = append(e.ContextData, client.KeyValue{Key: k, Value: v})
	}
	return nil
}

// source is an event to publish, and where it stands.
type source struct {
	eventfile.Item
	file string
	key  string // of the deduplication id that it gets
}

func (a *commands) eventsPublish(c *cli.Context) error {
	p := publisher{a: a, c: c, prefix: c.String("dedup-prefix"), most: client.MaxBatch}
	if c.IsSet("rate") {
		r, err := resource.ParseRate(c.String("rate"))
		if err != nil || r == 0 {
			return fault.Usage(fmt.Sprintf("--rate %s is no rate", c.String("rate")), "--rate 100/s")
		}
		p.slow(r.PerSecond())
	}
	events, err := a.toPublish(c)
	if err != nil {
		return err
	}
	if p.cl, err = a.Connect(c); err != nil {
		return err
	}
	if c.Bool("dry-run") {
		return (&checker{a: a, c: c, cl: p.cl}).run(c.Context, events)
	}
	return p.run(c.Context, events)
}

func noEvents() error {
	return fault.Usage("there are no events in these files", "fcctl events publish --help")
}

// toPublish is what the files hold, or the event of the flags.
func (a *commands) toPublish(c *cli.Context) (iter.Seq2[source, error], error) {
	files := append(c.StringSlice("file"), c.Args().Slice()...)
	if len(files) == 0 {
		return a.flagEvents(c)
	}
	switch {
	case c.String("type") != "" || c.String("data") != "" || anySet(c):
		return nil, fault.Usage("an event is either in files or in --type, --data and --set", "one of the two")
	case c.IsSet("dedup"):
		return nil, fault.Usage("--dedup is for the event of the flags", "--dedup-prefix, from which each event of a file gets an id of its own")
	case c.IsSet("repeat"):
		return nil, fault.Usage("--repeat is for the event of the flags", "fcctl events publish --help")
	}
	if err := attributes(c, new(client.NewEvent)); err != nil {
		return nil, err
	}
	return func(yield func(source, error) bool) {
		for _, path := range files {
			if !a.eventsOf(c, path, yield) {
				return
			}
		}
	}, nil
}

// eventsOf yields the events of one file.
func (a *commands) eventsOf(c *cli.Context, path string, yield func(source, error) bool) bool {
	in := a.In
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return yield(source{}, fmt.Errorf("read events: %w", err))
		}
		defer f.Close()
		in = f
	}
	for it, err := range eventfile.Read(in) {
		if err != nil {
			yield(source{}, fmt.Errorf("read events of %s: %w", path, err))
			return false
		}
		_ = attributes(c, &it.Event) // which was tried before
		if !yield(source{Item: it, file: path}, nil) {
			return false
		}
	}
	return true
}

// flagEvents is the event of the flags, as often as is asked for.
func (a *commands) flagEvents(c *cli.Context) (iter.Seq2[source, error], error) {
	times := c.Int("repeat")
	switch {
	case c.String("type") == "":
		return nil, fault.Usage("an event needs a --type", "fcctl events publish --type shop:sales:order:placed --data '{\"total\": 120}'")
	case times < 1:
		return nil, fault.Usage(fmt.Sprintf("--repeat %d is less than once", times), "--repeat 10")
	case times > 1 && c.IsSet("dedup"):
		return nil, fault.Usage("with one --dedup for all, --repeat would publish once", "--dedup-prefix "+c.String("dedup"))
	}
	e := client.NewEvent{Type: c.String("type"), DeduplicationID: c.String("dedup")}
	if err := attributes(c, &e); err != nil {
		return nil, err
	}
	doc, err := a.dataOf(c.String("data"))
	if err != nil {
		return nil, err
	}
	if doc, err = assigned(c, doc); err != nil {
		return nil, err
	}
	if doc != nil {
		e.Data = doc
	}
	text, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("read the event of the flags: %w", err)
	}
	return func(yield func(source, error) bool) {
		for range times {
			if !yield(source{Item: eventfile.Item{Event: e, Digest: eventfile.Digest(text)}}, nil) {
				return
			}
		}
	}, nil
}

// maxInput bounds what is read at once from a file or standard input.
const maxInput = 256 << 20

func (a *commands) read(path string) ([]byte, error) {
	in := a.In
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	b, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	if err == nil && len(b) > maxInput {
		err = fmt.Errorf("more than %d MiB", maxInput>>20)
	}
	return b, err
}

// dataOf reads --data: a document, or JSON as it stands where nothing is put
// into it.
func (a *commands) dataOf(s string) (any, error) {
	if s == "" {
		return nil, nil
	}
	b := []byte(s)
	if s == "-" || s[0] == '@' {
		var err error
		if b, err = a.read(string(bytes.TrimPrefix(b, []byte("@")))); err != nil {
			return nil, fmt.Errorf("read --data: %w", err)
		}
	}
	var doc any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if !json.Valid(b) || d.Decode(&doc) != nil {
		return nil, fault.Usage("--data is not JSON", `--data '{"total": 120}', with quotes around a text: --data '"hello"'`)
	}
	return doc, nil
}
