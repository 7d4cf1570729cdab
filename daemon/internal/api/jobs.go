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

type jobsQuery struct {
	Paging
	Status         []string  `query:"status,explode" doc:"One or more, repeated or separated by commas"`
	SubscriptionID string    `query:"subscriptionId" doc:"Its id or code"`
	EventID        string    `query:"eventId"`
	ClientID       string    `query:"clientId"`
	CorrelationID  string    `query:"correlationId"`
	MessageGroup   string    `query:"messageGroup"`
	OrderKey       string    `query:"orderKey"`
	Since          time.Time `query:"since" doc:"Created at this time or later"`
	Until          time.Time `query:"until" doc:"Created before this time"`
}

type jobsAnswer struct {
	DispatchJobs []*JobView `json:"dispatchJobs"`
	NextCursor   string     `json:"nextCursor"`
	HasMore      bool       `json:"hasMore"`
	Partial      bool       `json:"partial,omitempty"`
}

func (s *server) listJobs(ctx context.Context, c *call, in *jobsQuery) (*result, error) {
	before, err := unsealNumber("jobs", in.Cursor)
	if err != nil {
		return nil, err
	}
	q := store.JobQuery{Before: flow.ID(before), ClientID: in.ClientID, CorrelationID: in.CorrelationID,
		MessageGroup: in.MessageGroup, Since: in.Since, Until: in.Until}
	for _, list := range in.Status {
		for name := range strings.SplitSeq(list, ",") {
			status, known := flow.ParseStatus(strings.ToUpper(strings.TrimSpace(name)))
			if !known {
				return nil, badField("status", "must be PENDING, QUEUED, PROCESSING, COMPLETED, FAILED, CANCELLED or EXPIRED", "FAILED")
			}
			q.Status = append(q.Status, status)
		}
	}
	if in.EventID != "" {
		if q.EventID, err = flow.ParseID(in.EventID); err != nil {
			return ok(jobsAnswer{DispatchJobs: []*JobView{}}), nil // ids are opaque: one that is not ours names nothing
		}
	}
	if in.OrderKey != "" {
		var known bool
		if q.OrderKey, known = flow.ParseOrderKey(in.OrderKey); !known {
			return nil, badField("orderKey", "must be 32 hexadecimal digits, as orderKey of a job", "")
		}
	}
	if in.SubscriptionID != "" {
		if q.SubscriptionID, err = s.p.SubscriptionID(ctx, c.Caller, in.SubscriptionID); err != nil {
			return nil, err
		}
	}
	cat, err := s.p.Routes(ctx)
	if err != nil {
		return nil, err
	}
	answer := jobsAnswer{DispatchJobs: []*JobView{}}
	// Payloads of tasks come with their jobs and are dropped at each step.
	next, err := gather(in.limit(), s.pageBytes, func(limit int) (step, error) {
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
			answer.DispatchJobs = append(answer.DispatchJobs, v)
		}
		q.Before, answer.Partial = page.Next, page.Partial
		return step{items: len(page.Jobs), next: uint64(page.Next), partial: page.Partial}, nil
	})
	if err != nil {
		return nil, err
	}
	if next != 0 {
		answer.HasMore, answer.NextCursor = true, seal("jobs", strconv.FormatUint(next, 10))
	}
	return ok(answer), nil
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
