package work

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

func (a *commands) eventsPublishCommand() *cli.Command {
	return &cli.Command{
		Name: "publish", Usage: "publish events", ArgsUsage: "[FILE…]",
		Description: app.Example("A file holds one event, a list of events, or one event after another (JSON lines); - is standard input. "+
			"Without files the flags are the event. A repeated --dedup is accepted once.",
			"fcctl events publish --type shop:sales:order:placed --data '{\"total\": 120}' --group order-7",
			"fcctl events publish events/*.json"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "type", Usage: "the `TYPE`, application:subdomain:aggregate:event"},
			&cli.StringFlag{Name: "data", Usage: "the data: `JSON`, @file, or - for standard input"},
			&cli.StringFlag{Name: "source", Usage: "the `SOURCE`, where it happened"},
			&cli.StringFlag{Name: "subject", Usage: "the `SUBJECT`, what it is about"},
			&cli.StringFlag{Name: "group", Usage: "the message `GROUP`, within which order is kept"},
			&cli.StringFlag{Name: "correlation", Usage: "the correlation `ID`"},
			&cli.StringFlag{Name: "dedup", Usage: "the deduplication `ID`"},
			&cli.StringFlag{Name: "client", Usage: "the `CLIENT` it belongs to"},
		},
		Action: a.eventsPublish,
	}
}

func (a *commands) eventsPublish(c *cli.Context) error {
	events, err := a.eventsOf(c)
	if err != nil {
		return err
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	if len(events) == 1 {
		p, err := cl.Events.Publish(c.Context, events[0])
		if err != nil {
			return err
		}
		return a.Data(c, p, func() (string, error) {
			if p.Duplicate {
				a.Say("It was published before.")
			}
			return p.ID + "\n", nil
		})
	}
	results, err := cl.Events.PublishBatch(c.Context, events)
	if len(results) > 0 {
		if derr := a.Data(c, results, func() (string, error) { return view.Published(results, a.Ink()), nil }); derr != nil {
			return derr
		}
	}
	if err != nil {
		if len(results) > 0 {
			return fault.New(fault.Partly, "the rest again", "%w", err)
		}
		return err
	}
	bad := 0
	for _, r := range results {
		if !r.OK() {
			bad++
		}
	}
	if bad > 0 {
		return fault.New(fault.Partly, "", "%d of %d events were not accepted", bad, len(results))
	}
	return nil
}

// eventsOf reads the events of the files, or the one of the flags.
func (a *commands) eventsOf(c *cli.Context) ([]client.NewEvent, error) {
	if c.NArg() > 0 {
		if c.String("type") != "" || c.String("data") != "" {
			return nil, fault.Usage("an event is either in files or in --type and --data", "one of the two")
		}
		var all []client.NewEvent
		for _, path := range c.Args().Slice() {
			es, err := a.eventsIn(path)
			if err != nil {
				return nil, fmt.Errorf("read events of %s: %w", path, err)
			}
			all = append(all, es...)
		}
		if len(all) == 0 {
			return nil, fault.Usage("there are no events in these files", "fcctl events publish --help")
		}
		return all, nil
	}
	if c.String("type") == "" {
		return nil, fault.Usage("an event needs a --type", "fcctl events publish --type shop:sales:order:placed --data '{\"total\": 120}'")
	}
	data, err := a.dataOf(c.String("data"))
	if err != nil {
		return nil, err
	}
	return []client.NewEvent{{
		Type: c.String("type"), Source: c.String("source"), Subject: c.String("subject"), Data: data,
		MessageGroup: c.String("group"), CorrelationID: c.String("correlation"), DeduplicationID: c.String("dedup"), ClientID: c.String("client"),
	}}, nil
}

// maxInput bounds what is read from a file or standard input.
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

// dataOf reads --data.
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
	if !json.Valid(b) {
		return nil, fault.Usage("--data is not JSON", `--data '{"total": 120}', with quotes around a text: --data '"hello"'`)
	}
	return json.RawMessage(bytes.TrimSpace(b)), nil
}

// fileEvent is an event as the API takes it, with the data as it stands.
type fileEvent struct {
	client.NewEvent
	Data json.RawMessage `json:"data"`
	Time time.Time       `json:"time"`
}

// eventsIn reads one event, a list of events, or one after another.
func (a *commands) eventsIn(path string) ([]client.NewEvent, error) {
	b, err := a.read(path)
	if err != nil {
		return nil, err
	}
	var out []client.NewEvent
	d := json.NewDecoder(bytes.NewReader(b))
	for {
		var raw json.RawMessage
		err := d.Decode(&raw)
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, fmt.Errorf("after %d events: %w", len(out), err)
		}
		list := []json.RawMessage{raw}
		if raw[0] == '[' {
			if err := json.Unmarshal(raw, &list); err != nil {
				return nil, err
			}
		}
		for _, r := range list {
			var e fileEvent
			if err := json.Unmarshal(r, &e); err != nil {
				return nil, fmt.Errorf("event %d: %w", len(out)+1, err)
			}
			n := e.NewEvent
			n.Time = e.Time
			if len(e.Data) > 0 {
				n.Data = e.Data
			}
			out = append(out, n)
		}
	}
}
