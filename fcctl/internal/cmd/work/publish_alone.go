package work

import (
	"context"
	"errors"
	"net/http"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/fcctl/internal/view"
)

// answer is what became of an event that was published alone.
type answer struct {
	of  source
	got *client.Published
	err error
}

// publishAlone publishes the only event that there is, or that has come so far.
func (p *publisher) publishAlone(ctx context.Context) *answer {
	s := p.batch[0]
	e := s.Event
	if e.DeduplicationID == "" && p.prefix != "" {
		e.DeduplicationID = p.prefix + ":" + s.key
	}
	got, err := p.cl.Events.Publish(ctx, e)
	return &answer{s, got, err}
}

// sendSoFar publishes what has come while no more comes. The first event goes
// alone: if it stays so, its answer is shown as that of any one event, however
// slow the pipe was. What is written line by line has no such difference.
func (p *publisher) sendSoFar(ctx context.Context) error {
	if o := p.c.String("output"); p.numbered != 1 || len(p.batch) != 1 || o == "jsonl" {
		return p.send(ctx)
	}
	if p.prefix == "" {
		p.prefix = "fcctl-" + random() // more may come, and be told to come again
	}
	p.alone = p.publishAlone(ctx)
	if s := client.StatusOf(p.alone.err); p.alone.err != nil && s != http.StatusBadRequest && s != http.StatusForbidden {
		err := p.alone.err
		p.alone = nil
		return err
	}
	p.batch, p.size = p.batch[:0], 0
	return nil
}

// settle counts the answer to the first event as that of one of several.
func (p *publisher) settle() error {
	if p.alone == nil {
		return nil
	}
	of, got, err := p.alone.of, p.alone.got, p.alone.err
	p.alone = nil
	o := view.Outcome{Number: 1, File: of.file, Line: of.Line}
	var refused *client.Error
	switch {
	case errors.As(err, &refused):
		o.Status, o.Error = client.BatchBadRequest, refused.Error()
		if refused.Status == http.StatusForbidden {
			o.Status = client.BatchForbidden
		}
	default:
		o.Status, o.ID, o.Duplicate = client.BatchSuccess, got.ID, got.Duplicate
	}
	return p.keep(o)
}

// showAlone shows the id of the only event there was.
func (p *publisher) showAlone() error {
	got, err := p.alone.got, p.alone.err
	if err != nil {
		return err
	}
	return p.a.Data(p.c, got, func() (string, error) {
		if got.Duplicate {
			p.a.Say("It was published before.")
		}
		return got.ID + "\n", nil
	})
}
