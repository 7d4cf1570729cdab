package api

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// JobsQuery are the filters of jobs.
type JobsQuery struct {
	Paging
	Status         []string `query:"status,explode" doc:"One or more, repeated or separated by commas"`
	Statuses       []string `query:"statuses,explode" doc:"The same as status"`
	Codes          []string `query:"codes,explode" doc:"Types of events and codes of jobs without one: one or more, repeated or separated by commas"`
	SubscriptionID string   `query:"subscriptionId" doc:"Its id or code"`
	EventID        string   `query:"eventId"`
	TypesQuery
	Source        string    `query:"source"`
	ClientID      []string  `query:"clientId,explode" doc:"One or more, repeated or separated by commas"`
	ClientIDs     []string  `query:"clientIds,explode" doc:"The same as clientId"`
	CorrelationID string    `query:"correlationId"`
	MessageGroup  string    `query:"messageGroup"`
	OrderKey      string    `query:"orderKey"`
	ReplayID      string    `query:"replayId" doc:"Only those of this replay"`
	Since         time.Time `query:"since" doc:"Created at this time or later"`
	Until         time.Time `query:"until" doc:"Created before this time"`
}

type jobsAnswer struct {
	DispatchJobs []*JobView `json:"dispatchJobs"`
	NextCursor   string     `json:"nextCursor"`
	HasMore      bool       `json:"hasMore"`
	Partial      bool       `json:"partial,omitempty"`
}

func (s *server) listJobs(ctx context.Context, c *call, in *JobsQuery) (*result, error) {
	q, known, err := s.readJobs(ctx, c, in, "jobs")
	if err != nil {
		return nil, err
	}
	if !known {
		if in.bare() {
			return ok([]*JobView{}), nil
		}
		return ok(jobsAnswer{DispatchJobs: []*JobView{}}), nil
	}
	views, next, partial, err := s.pageOfJobs(ctx, c, q, in.limit())
	if err != nil {
		return nil, err
	}
	if in.bare() {
		return ok(views), nil
	}
	answer := jobsAnswer{DispatchJobs: views, Partial: partial}
	if next != 0 {
		answer.HasMore, answer.NextCursor = true, seal("jobs", strconv.FormatUint(next, 10))
	}
	return ok(answer), nil
}

// readJobs reads the filters of a list of jobs. Known is false where they name
// something that is not ours, so that the list is empty.
func (s *server) readJobs(ctx context.Context, c *call, in *JobsQuery, list string) (q store.JobQuery, known bool, err error) {
	before, err := unsealNumber(list, in.Cursor)
	if err != nil {
		return q, false, err
	}
	types, err := in.filter()
	if err != nil {
		return q, false, err
	}
	clients, err := s.p.ClientIDs(ctx, words(in.ClientID, in.ClientIDs))
	if err != nil {
		return q, false, err
	}
	q = store.JobQuery{Before: flow.ID(before), Clients: clients, Type: types, Source: in.Source, CorrelationID: in.CorrelationID,
		MessageGroup: in.MessageGroup, Since: in.Since, Until: in.Until}
	q.Type.Patterns = append(q.Type.Patterns, words(in.Codes)...)
	for _, name := range words(in.Status, in.Statuses) {
		status, known := flow.ParseStatus(strings.ToUpper(name))
		if !known {
			return q, false, badField("status", "must be PENDING, QUEUED, PROCESSING, COMPLETED, FAILED, CANCELLED or EXPIRED", "FAILED")
		}
		q.Status = append(q.Status, status)
	}
	if in.EventID != "" {
		if q.EventID, err = flow.ParseID(in.EventID); err != nil {
			return q, false, nil // ids are opaque: one that is not ours names nothing
		}
	}
	if in.ReplayID != "" {
		if q.ReplayID, err = flow.ParseReplayID(in.ReplayID); err != nil {
			return q, false, nil
		}
	}
	if in.OrderKey != "" {
		if q.OrderKey, known = flow.ParseOrderKey(in.OrderKey); !known {
			return q, false, badField("orderKey", "must be 32 hexadecimal digits, as orderKey of a job", "")
		}
	}
	if in.SubscriptionID != "" {
		if q.SubscriptionID, err = s.p.SubscriptionID(ctx, c.Caller, in.SubscriptionID); err != nil {
			return q, false, err
		}
	}
	return q, true, nil
}

// pageOfJobs gathers a page of jobs for a list of them.
func (s *server) pageOfJobs(ctx context.Context, c *call, q store.JobQuery, limit int) (views []*JobView, next uint64, partial bool, err error) {
	cat, err := s.p.Routes(ctx)
	if err != nil {
		return nil, 0, false, err
	}
	views = []*JobView{}
	q.Search = &store.Search{Patience: searchPatience}
	// Payloads of tasks come with their jobs and are dropped at each step.
	next, err = gather(limit, s.pageBytes, func(limit int) (step, error) {
		q.Limit = limit
		page, err := s.p.Jobs(ctx, c.Caller, q)
		if err != nil {
			return step{}, err
		}
		blocking, err := s.p.Blocking(ctx, c.Caller, page.Jobs)
		if err != nil {
			return step{}, err
		}
		for i := range page.Jobs {
			v := jobOf(cat, &page.Jobs[i].Job, page.Jobs[i].Event)
			v.block(blocking[page.Jobs[i].Job.ID])
			views = append(views, v)
		}
		q.Before, partial = page.Next, page.Partial
		return step{items: len(page.Jobs), next: uint64(page.Next), partial: page.Partial}, nil
	})
	return views, next, partial, err
}

// showJob reads a job again and shows it whole.
func (s *server) showJob(ctx context.Context, c *call, id string) (*JobView, error) {
	d, err := s.p.Job(ctx, c.Caller, id)
	if err != nil {
		return nil, err
	}
	v, err := s.viewJob(ctx, &d.Job, d.Event)
	if err != nil {
		return nil, err
	}
	v.Payload = d.Payload
	v.block(d.BlockedSince)
	return v, nil
}

func (s *server) getJob(ctx context.Context, c *call, in *idInput) (*result, error) {
	v, err := s.showJob(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	return ok(v), nil
}

func (s *server) retryJob(ctx context.Context, c *call, in *idInput) (*result, error) {
	if _, err := s.p.Retry(ctx, c.Caller, in.ID); err != nil {
		return nil, err
	}
	return s.getJob(ctx, c, in)
}

func (s *server) skipJob(ctx context.Context, c *call, in *idInput) (*result, error) {
	if _, err := s.p.Skip(ctx, c.Caller, in.ID); err != nil {
		return nil, err
	}
	return s.getJob(ctx, c, in)
}

type cancelledView struct {
	*JobView
	Outcome platform.CancelOutcome `json:"outcome" enum:"CANCELLED,MARKED,ALREADY_FINAL" doc:"MARKED: an exchange runs; if it succeeds the job is COMPLETED, otherwise CANCELLED"`
}

func (s *server) cancelJob(ctx context.Context, c *call, in *idInput) (*result, error) {
	_, outcome, err := s.p.Cancel(ctx, c.Caller, in.ID)
	if err != nil {
		return nil, err
	}
	v, err := s.showJob(ctx, c, in.ID)
	if err != nil {
		return nil, fmt.Errorf("show cancelled job: %w", err)
	}
	return ok(cancelledView{v, outcome}), nil
}
