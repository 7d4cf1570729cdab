package work

import (
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/flowcatalyst/fc/fcctl/internal/app"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
	"github.com/urfave/cli/v2"
)

func (a *commands) statisticsCommand() *cli.Command {
	return &cli.Command{
		Name: "statistics", Usage: "show what happened by the hour",
		Description: app.Example("Counted as it happened, whatever has been removed since. -o json has it by type and by subscription too.",
			"fcctl statistics", "fcctl statistics --since 7d --client acme -o json"),
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "since", Usage: "from this `TIME`: 2026-01-02T15:04:05Z, or 30m, 1h, 7d ago", DefaultText: "a day ago"},
			&cli.StringFlag{Name: "until", Usage: "up to this `TIME`", DefaultText: "now"},
			&cli.StringFlag{Name: "client", Usage: "only of this `CLIENT`"},
		},
		Action: a.statistics,
	}
}

func (a *commands) statistics(c *cli.Context) error {
	if err := app.Arguments(c, 0, 0, ""); err != nil {
		return err
	}
	since, until, err := app.Span(c)
	if err != nil {
		return err
	}
	q := url.Values{}
	for name, at := range map[string]time.Time{"since": since, "until": until} {
		if !at.IsZero() {
			q.Set(name, at.UTC().Format(time.RFC3339))
		}
	}
	if v := c.String("client"); v != "" {
		q.Set("clientId", v)
	}
	cl, err := a.Connect(c)
	if err != nil {
		return err
	}
	raw, err := cl.Call(c.Context, "GET", "/api/statistics", q, nil)
	if err != nil {
		return err
	}
	var s struct {
		Total json.RawMessage   `json:"total"`
		Hours []json.RawMessage `json:"hours"`
	}
	if err := json.Unmarshal(raw, &s); err != nil {
		return fmt.Errorf("read the statistics: %w", err)
	}
	defer a.Nothing(len(s.Hours), false, "events and jobs in that time")
	return a.Data(c, raw, func() (string, error) {
		if len(s.Hours) == 0 {
			return "", nil
		}
		return view.Rows(append(s.Hours, s.Total), []view.Column{
			{Head: "HOUR", Member: "hour"}, {Head: "EVENTS", Member: "events"}, {Head: "JOBS", Member: "jobs"}, {Head: "COMPLETED", Member: "completed"},
			{Head: "FAILED", Member: "failed"}, {Head: "CANCELLED", Member: "cancelled"}, {Head: "EXPIRED", Member: "expired"},
		}, a.Ink())
	})
}
