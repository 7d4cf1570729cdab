package api

import (
	"context"
	"net/http"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// expungeRoutes are the rows about erasing what is kept of a person or client.
func (s *server) expungeRoutes() []route {
	const (
		get, post = http.MethodGet, http.MethodPost

		erase = "platform:messaging:event:delete"
		see   = "platform:messaging:event:view"
		all   = "/api/expunges"
		tag   = "expunges"
	)
	return []route{
		{post, "/api/events/expunge", erase, "expungeEvents", tag, "Erase what events and jobs carry of a subject, message group or client, in the background", platform.ExpungeRequest{}, expungeView{}, http.StatusAccepted, through(s, s.createExpunge)},
		{get, all, see, "listExpunges", tag, "List expunges, which are their own receipts, newest first", nil, s.listOf("expunges", expungeView{}), 0, through(s, s.listExpunges)},
		{get, all + "/{id}", see, "getExpunge", tag, "One expunge: what it erased, for whom, why and when", nil, expungeView{}, 0, through(s, s.getExpunge)},
		{post, all + "/{id}/cancel", erase, "cancelExpunge", tag, "Stop an expunge; what it erased is gone", nil, expungeView{}, 0, through(s, s.cancelExpunge)},
	}
}

// expungeView is an expunge, or the receipt for one.
type expungeView struct {
	ID                string          `json:"id"`
	Status            flow.WorkStatus `json:"status" enum:"RUNNING,CANCELLED,COMPLETED"`
	Reason            string          `json:"reason"`
	ClientID          string          `json:"clientId,omitempty"`
	Subject           string          `json:"subject,omitempty" doc:"While it runs; the receipt keeps only its print"`
	SubjectPrint      string          `json:"subjectPrint,omitempty" doc:"SHA-256 of \"expunge\", the id and the subject, with zero bytes between"`
	MessageGroup      string          `json:"messageGroup,omitempty" doc:"As subject"`
	MessageGroupPrint string          `json:"messageGroupPrint,omitempty"`
	Type              string          `json:"type,omitempty"`
	Source            string          `json:"source,omitempty"`
	Before            stamp           `json:"before,omitzero"`
	CancelOpen        bool            `json:"cancelOpen"`
	Examined          int64           `json:"examined" doc:"Events and jobs that were looked at"`
	Erased            store.Erased    `json:"erased"`
	CreatedBy         string          `json:"createdBy,omitempty"`
	CreatedAt         stamp           `json:"createdAt"`
	EndedAt           stamp           `json:"endedAt,omitzero"`
}

func expungeOf(d *platform.ExpungeDetail) expungeView {
	return expungeView{
		ID: d.ID.String(), Status: d.Status, Reason: d.Reason, ClientID: d.DataOf, Subject: d.Subject, SubjectPrint: d.SubjectPrint,
		MessageGroup: d.MessageGroup, MessageGroupPrint: d.GroupPrint, Type: d.Type, Source: d.Source, Before: stamp(d.Before),
		CancelOpen: d.CancelOpen, Examined: d.Progress.Examined, Erased: d.Progress.Erased,
		CreatedBy: d.CreatedBy, CreatedAt: stamp(d.CreatedAt), EndedAt: stamp(d.EndedAt),
	}
}

// expungePreview is the answer to a dry run.
type expungePreview struct {
	DryRun   bool `json:"dryRun"`
	Events   int  `json:"events" doc:"That fit"`
	Jobs     int  `json:"jobs" doc:"Without an event, that fit"`
	Open     int  `json:"open" doc:"Of both, those that are kept unless cancelOpen is true: a delivery needs them"`
	Examined int  `json:"examined"`
	Partial  bool `json:"partial" doc:"It stopped looking before the end: there may be more"`
}

func (s *server) createExpunge(ctx context.Context, c *call, in *createTaskInput) (*result, error) {
	q, err := platform.DecodeExpunge(in.RawBody)
	if err != nil {
		return nil, err
	}
	if q.DryRun {
		p, err := s.p.PreviewExpunge(ctx, c.Caller, q)
		if err != nil {
			return nil, err
		}
		return ok(expungePreview{DryRun: true, Events: p.Events, Jobs: p.Tasks, Open: p.Open, Examined: p.Examined, Partial: p.Partial}), nil
	}
	d, err := s.p.CreateExpunge(ctx, c.Caller, q, in.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	return &result{Status: http.StatusAccepted, Body: expungeOf(&d)}, nil
}

type expungesQuery struct {
	WorksQuery
	Subject string `query:"subject" doc:"Only those that were about this subject"`
}

func (s *server) listExpunges(ctx context.Context, c *call, in *expungesQuery) (*result, error) {
	q, err := in.read("expunges")
	if err != nil {
		return nil, err
	}
	page, next, err := s.p.Expunges(ctx, c.Caller, q, in.Subject)
	if err != nil {
		return nil, err
	}
	views := make([]expungeView, len(page))
	for i := range page {
		views[i] = expungeOf(&page[i])
	}
	return pageOf("expunges", views, next), nil
}

func (s *server) getExpunge(ctx context.Context, c *call, in *idInput) (*result, error) {
	d, err := s.p.Expunge(ctx, c.Caller, in.ID)
	if err != nil {
		return nil, err
	}
	return ok(expungeOf(&d)), nil
}

func (s *server) cancelExpunge(ctx context.Context, c *call, in *idInput) (*result, error) {
	d, err := s.p.CancelExpunge(ctx, c.Caller, in.ID)
	if err != nil {
		return nil, err
	}
	return ok(expungeOf(&d)), nil
}
