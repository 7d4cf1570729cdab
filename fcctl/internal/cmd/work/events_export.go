package work

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
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

func (a *commands) eventsExport(c *cli.Context) error {
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
	out := &lines{open: func() (io.Writer, error) { return a.Out, nil }}
	if name := c.String("out"); name != "" {
		out = toFile(name, c.IsSet("after"))
	}
	out.place = c.String("after")
	f := client.EventFilter{Type: c.String("type"), Source: c.String("source"), Subject: c.String("subject"), MessageGroup: c.String("group"),
		ClientID: c.String("client"), CorrelationID: c.String("correlation"), Since: since}
	end, over, err := a.export(c, cl, f, until, out)
	if err == nil && over || out.total() > 0 {
		err = errors.Join(err, out.flush())
	}
	return a.exported(out, end, over, errors.Join(err, out.close()))
}

// exported says how far an export came, and where it goes on.
func (a *commands) exported(out *lines, end string, over bool, failed error) error {
	goOn := ""
	if out.place != "" {
		goOn = "fcctl events export … --after " + out.place
	}
	count := view.Count(out.n, "event")
	if out.cut {
		count += ", and half of one that is to be removed"
	}
	switch {
	case failed != nil && out.n == 0 && !out.cut:
		return failed
	case failed != nil:
		message, code, _ := fault.Judge(failed)
		return fault.New(code, goOn, "%s; after %s", message, count)
	case !over:
		return fault.New(fault.Failed, goOn, "interrupted after %s", count)
	case end == "":
		a.Say("%s.", count)
	default:
		a.Say("%s. What comes later: --after %s", count, end)
	}
	return nil
}

// export takes events until it has all that were there when it began, which is
// over, and returns the place where it ended.
func (a *commands) export(c *cli.Context, cl *client.Client, f client.EventFilter, until time.Time, out *lines) (end string, over bool, err error) {
	end = out.place
	m := &meter{a: a, last: time.Now()}
	defer m.end()
	for got, err := range cl.Events.Listen(c.Context, f, end) {
		var refused *client.Error
		switch {
		case errors.As(err, &refused) && refused.Status < 500 && refused.Status != http.StatusTooManyRequests:
			return end, false, err
		case err != nil:
			message, _, _ := fault.Judge(err)
			m.end()
			a.Say("%s; trying again", message)
			continue
		case got.Sign == client.Current:
			return got.Place, true, nil
		case got.Sign == "" && !got.Reset && !until.IsZero() && !got.Item.CreatedAt.Before(until):
			return end, true, nil
		case got.Sign != "" || got.Reset:
			continue
		}
		var v any = got.Item
		if c.Bool("cloudevents") {
			v = cloudEventOf(&got.Item)
		}
		if err := out.add(v, got.Place); err != nil {
			return end, false, err
		}
		end = got.Place
		if n := out.total(); n%100 == 0 {
			m.show(fmt.Sprintf("%d events, up to %s", n, got.Item.CreatedAt.UTC().Format(time.DateTime)), time.Now())
		}
	}
	return end, false, nil
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
