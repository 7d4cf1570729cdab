package work

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/fault"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

func (a *commands) eventsExportCommand() *cli.Command {
	return &cli.Command{
		Name: "export", Usage: "write all events that fit, one line of JSON each, in the order in which they were accepted",
		Description: app.Example("It ends with what was there when it began, and says the place where it ended: --after goes on from there, "+
			"after an interrupt as well as tomorrow. `fcctl events publish` reads what it writes.",
			"fcctl events export --since 24h", "fcctl events export --type 'shop:*:*:*' --out orders.jsonl",
			"fcctl events export --cloudevents | gzip > events.gz"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "type", Usage: "only this `TYPE`; a segment may be *"},
			&cli.StringFlag{Name: "source", Usage: "only from this `SOURCE`"},
			&cli.StringFlag{Name: "subject", Usage: "only about this `SUBJECT`"},
			&cli.StringFlag{Name: "group", Usage: "only of this message `GROUP`"},
			&cli.StringFlag{Name: "client", Usage: "only of this `CLIENT`"},
			&cli.StringFlag{Name: "correlation", Usage: "only with this correlation `ID`"},
			&cli.StringFlag{Name: "since", Usage: "begin with what was accepted at this `TIME`: 2026-01-02T15:04:05Z, or 30m, 1h, 7d ago", DefaultText: "the first that is kept"},
			&cli.StringFlag{Name: "until", Usage: "end before what was accepted at this `TIME`", DefaultText: "now"},
			&cli.StringFlag{Name: "after", Usage: "go on after this `PLACE`, which an export has said"},
			&cli.StringFlag{Name: "out", Usage: "write to `FILE`, which is written anew, or with --after goes on", DefaultText: "standard output"},
			&cli.BoolFlag{Name: "cloudevents", Usage: "write CloudEvents 1.0, which have no place for context data", DisableDefaultText: true},
		},
		Action: a.eventsExport,
	}
}

// exported is how far an export is.
type exported struct {
	n     int
	place string
	over  bool
}

func (a *commands) eventsExport(c *cli.Context) (err error) {
	if err := app.Arguments(c, 0, 0, ""); err != nil {
		return err
	}
	if o := c.String("output"); !app.ForPeople(c) && o != "json" && o != "jsonl" {
		return fault.Usage("an export is lines of JSON, not "+o, "-o jsonl")
	}
	since, until, err := app.Span(c)
	if err != nil {
		return err
	}
	if since.IsZero() {
		since = time.Unix(1, 0) // before the first
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	out := io.Writer(a.Out)
	if name := c.String("out"); name != "" {
		how := os.O_CREATE | os.O_WRONLY | os.O_TRUNC
		if c.IsSet("after") {
			how = os.O_CREATE | os.O_WRONLY | os.O_APPEND
		}
		f, oerr := os.OpenFile(name, how, 0o600)
		if oerr != nil {
			return fmt.Errorf("open the export: %w", oerr)
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		out = f
	}
	f := client.EventFilter{Type: c.String("type"), Source: c.String("source"), Subject: c.String("subject"), MessageGroup: c.String("group"),
		ClientID: c.String("client"), CorrelationID: c.String("correlation"), Since: since}
	b := bufio.NewWriterSize(out, 64<<10)
	x, failed := a.export(c, cl, f, until, b)
	if err := b.Flush(); err != nil {
		return fmt.Errorf("write the export: %w", err)
	}
	goOn := "fcctl events export … --after " + x.place
	switch {
	case failed != nil && x.n == 0:
		return failed
	case failed != nil:
		message, code, _ := fault.Judge(failed)
		return fault.New(code, goOn, "%s; after %s", message, view.Count(x.n, "event"))
	case !x.over:
		return fault.New(fault.Failed, goOn, "interrupted after %s", view.Count(x.n, "event"))
	case x.place == "":
		a.Say("0 events.")
	default:
		a.Say("%s. What comes later: --after %s", view.Count(x.n, "event"), x.place)
	}
	return nil
}

// export writes events until all are written that were there when it began.
func (a *commands) export(c *cli.Context, cl *client.Client, f client.EventFilter, until time.Time, out io.Writer) (x exported, err error) {
	x.place = c.String("after")
	began := time.Now()
	m := &meter{a: a, last: began}
	defer m.end()
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	for got, err := range cl.Events.Listen(c.Context, f, x.place) {
		var refused *client.Error
		switch {
		case errors.As(err, &refused) && refused.Status < 500 && refused.Status != http.StatusTooManyRequests:
			return x, err
		case err != nil:
			message, _, _ := fault.Judge(err)
			m.end()
			a.Say("%s; trying again", message)
			continue
		case got.Sign == client.Current, got.Sign == "" && !got.Reset && !until.IsZero() && !got.Item.CreatedAt.Before(until):
			if got.Sign == client.Current {
				x.place = got.Place
			}
			x.over = true
			return x, nil
		case got.Sign != "" || got.Reset:
			continue
		}
		var v any = got.Item
		if c.Bool("cloudevents") {
			v = cloudEventOf(&got.Item)
		}
		if err := e.Encode(v); err != nil {
			return x, fmt.Errorf("write the export: %w", err)
		}
		x.n, x.place = x.n+1, got.Place
		now := time.Now()
		if x.n%100 == 0 {
			m.show(fmt.Sprintf("%d events, up to %s", x.n, got.Item.CreatedAt.UTC().Format(time.DateTime)), now)
		}
	}
	return x, nil
}

// cloudEvent is an event in CloudEvents' JSON format; the members after data
// are extension attributes, in the names under which the API takes them.
type cloudEvent struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Subject         string          `json:"subject,omitempty"`
	Time            time.Time       `json:"time,omitzero"`
	DataContentType string          `json:"datacontenttype,omitempty"`
	Data            json.RawMessage `json:"data,omitempty"`
	MessageGroup    string          `json:"messagegroup,omitempty"`
	CorrelationID   string          `json:"correlationid,omitempty"`
	CausationID     string          `json:"causationid,omitempty"`
	DeduplicationID string          `json:"deduplicationid,omitempty"`
	ClientID        string          `json:"clientid,omitempty"`
	Traceparent     string          `json:"traceparent,omitempty"`
}

func cloudEventOf(e *client.Event) cloudEvent {
	return cloudEvent{"1.0", e.ID, e.Source, e.Type, e.Subject, e.Time, e.DataContentType, e.Data,
		e.MessageGroup, e.CorrelationID, e.CausationID, e.DeduplicationID, e.ClientID, e.Traceparent}
}
