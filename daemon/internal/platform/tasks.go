package platform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// wireTask is a task as a request writes it. Pointers tell absent from zero.
type wireTask struct {
	ExternalID         string              `json:"externalId"`
	IdempotencyKey     string              `json:"idempotencyKey"`
	Code               string              `json:"code"`
	Source             string              `json:"source"`
	Subject            string              `json:"subject"`
	CorrelationID      string              `json:"correlationId"`
	EventID            string              `json:"eventId"`
	ClientID           string              `json:"clientId"`
	TargetURL          string              `json:"targetUrl"`
	ConnectionID       string              `json:"connectionId"`
	ConnectionCode     string              `json:"connectionCode"`
	DispatchPoolID     string              `json:"dispatchPoolId"`
	DispatchPoolCode   string              `json:"dispatchPoolCode"`
	ServiceAccountID   string              `json:"serviceAccountId"`
	Payload            json.RawMessage     `json:"payload"`
	PayloadContentType string              `json:"payloadContentType"`
	DataOnly           *bool               `json:"dataOnly"`
	MessageGroup       string              `json:"messageGroup"`
	Mode               string              `json:"mode"`
	Sequence           *int                `json:"sequence"`
	Headers            map[string]string   `json:"headers"`
	Metadata           map[string]string   `json:"metadata"`
	TimeoutSeconds     *int                `json:"timeoutSeconds"`
	MaxRetries         *int                `json:"maxRetries"`
	RetryStrategy      string              `json:"retryStrategy"`
	RetrySchedule      []resource.Duration `json:"retrySchedule"`
	MaxAgeSeconds      *int                `json:"maxAgeSeconds"`
	DelaySeconds       *int                `json:"delaySeconds"`
	ScheduledFor       *time.Time          `json:"scheduledFor"`
	ExpiresAt          *time.Time          `json:"expiresAt"`
}

// TaskDraft is one task of a request as it was read.
type TaskDraft struct {
	ItemID   string
	wire     wireTask
	Problems []resource.Problem
}

// DecodeTask reads a task, or {id, messageGroup?, payload: task}. The
// idempotency key of a request counts where the task names none.
func DecodeTask(body []byte, idempotencyKey string) TaskDraft {
	var d TaskDraft
	var item struct {
		ID           json.RawMessage `json:"id"`
		MessageGroup string          `json:"messageGroup"`
		Code         *string         `json:"code"`
		TargetURL    *string         `json:"targetUrl"`
		ConnectionID *string         `json:"connectionId"`
		Connection   *string         `json:"connectionCode"`
		Payload      json.RawMessage `json:"payload"`
	}
	var err error
	if err = json.Unmarshal(body, &item); err == nil {
		wrapped := item.Code == nil && item.TargetURL == nil && item.ConnectionID == nil && item.Connection == nil
		if inner, _ := unquoted(item.Payload); wrapped && len(inner) > 0 && inner[0] == '{' {
			d.ItemID = plainText(item.ID)
			d.wire.IdempotencyKey = d.ItemID
			d.wire.MessageGroup = item.MessageGroup
			err = json.Unmarshal(inner, &d.wire)
		} else {
			err = json.Unmarshal(body, &d.wire)
		}
	}
	if err != nil {
		var when *time.ParseError
		if errors.As(err, &when) {
			d.Problems = []resource.Problem{{Field: "scheduledFor, expiresAt", Detail: "must be RFC 3339 times", Try: "2026-01-02T15:04:05Z"}}
		} else {
			d.Problems = Malformed(err).fields()
		}
		return d
	}
	if d.wire.IdempotencyKey == "" {
		d.wire.IdempotencyKey = idempotencyKey
	}
	return d
}

// Created is the answer for one task.
type Created struct {
	Job       flow.Job
	Duplicate bool
	Warnings  []string
	Refused   *Error
}

// CreateTasks makes jobs without an event and answers for each, in order.
func (p *Platform) CreateTasks(ctx context.Context, c Caller, drafts []TaskDraft) ([]Created, error) {
	w, err := p.currentWorld(ctx)
	if err != nil {
		return nil, err
	}
	d := p.draft(w, c)
	answers := make([]Created, len(drafts))
	jobs := make([]flow.Job, 0, len(drafts))
	at := make([]int, 0, len(drafts))
	for i := range drafts {
		job, warnings, refused := d.task(&drafts[i])
		if refused != nil {
			answers[i].Refused = refused
			continue
		}
		answers[i].Warnings = warnings
		jobs = append(jobs, job)
		at = append(at, i)
	}
	if len(jobs) == 0 {
		return answers, nil
	}
	if err := p.afford(d.cat, len(jobs), func(i int) string { return jobs[i].ClientID }); err != nil {
		return nil, err
	}
	stored, err := p.st.InsertTasks(ctx, jobs, d.now)
	if err != nil {
		return nil, fmt.Errorf("insert tasks: %w", err)
	}
	if len(stored) != len(jobs) {
		return nil, fmt.Errorf("insert tasks: the store answered for %d of %d", len(stored), len(jobs))
	}
	for i, s := range stored {
		answers[at[i]].Job, answers[at[i]].Duplicate = s.Job, s.Duplicate
	}
	return answers, nil
}

// task checks a draft against the world and makes its job.
func (d *draft) task(t *TaskDraft) (flow.Job, []string, *Error) {
	bad := func(ps []resource.Problem) (flow.Job, []string, *Error) {
		return flow.Job{}, nil, Invalid("the dispatch job can not be accepted", ps...)
	}
	if len(t.Problems) > 0 {
		return bad(t.Problems)
	}
	w := &t.wire
	client, refused := d.caller.tenant(d.cat, w.ClientID)
	if refused == nil {
		refused = publishes(d.cat, client)
	}
	if refused != nil {
		return flow.Job{}, nil, refused
	}
	ps := w.check()

	task := &flow.Task{
		ExternalID: w.ExternalID, IdempotencyKey: w.IdempotencyKey, Code: w.Code, Source: w.Source, Subject: w.Subject,
		CorrelationID: w.CorrelationID, EventID: w.EventID, TargetURL: w.TargetURL, ServiceAccountID: w.ServiceAccountID,
		Payload: payloadText(w.Payload), PayloadContentType: w.PayloadContentType, DataOnly: w.DataOnly == nil || *w.DataOnly,
		Sequence: 99, Headers: w.Headers, Metadata: w.Metadata,
	}
	if task.PayloadContentType == "" {
		task.PayloadContentType = "application/json"
	}
	if w.Sequence != nil {
		task.Sequence = *w.Sequence
	}
	var warnings []string
	if w.ConnectionID != "" || w.ConnectionCode != "" {
		if r := d.resolve(resource.KindConnection, client, w.ConnectionID, w.ConnectionCode); r != nil {
			task.ConnectionID = r.Base().ID
			warnings = unusedTarget(warnings, "targetUrl", w.TargetURL, r.(*resource.Connection))
		} else {
			ps = append(ps, resource.Problem{Field: refField("connection", w.ConnectionID), Detail: "names no connection of this client or of anchor level", Try: "create the connection first"})
		}
	}
	// One that is not there is kept as it came: existing clients name theirs
	// of before.
	if a := d.account(w.ServiceAccountID); a != nil {
		if d.caller.sees(a) {
			if a.Webhook.Shows() {
				if errors.As(d.mayLend(a), &refused) {
					return flow.Job{}, nil, refused
				}
			}
			task.ServiceAccountID = a.ID
		} else {
			ps = append(ps, resource.Problem{Field: "serviceAccountId", Detail: "names no service account of yours", Try: "a service account of your clients"})
		}
	}
	if w.DispatchPoolID != "" || w.DispatchPoolCode != "" {
		r := d.resolve(resource.KindDispatchPool, client, w.DispatchPoolID, w.DispatchPoolCode)
		if r == nil && w.DispatchPoolID != "" { // older clients write the code here
			r = d.resolve(resource.KindDispatchPool, client, "", w.DispatchPoolID)
		}
		if r != nil {
			task.PoolID = r.Base().ID
		} else {
			warnings = append(warnings, refField("dispatchPool", w.DispatchPoolID)+" names no pool of this client or of anchor level; "+resource.DefaultPool+" takes its place")
		}
	}
	if len(ps) > 0 {
		return bad(ps)
	}

	mode, _ := flow.ParseMode(first(w.Mode, resource.ModeImmediate))
	job := flow.Job{
		ClientID: client, MessageGroup: w.MessageGroup, Mode: mode, Policy: w.policy(), Status: flow.Pending,
		Due: d.now, CreatedAt: d.now, Task: task,
	}
	job.Lane = flow.TaskLane(task.ConnectionID, task.TargetURL)
	job.OrderKey = flow.NewOrderKey(mode, job.Lane, client, job.MessageGroup, 0)
	switch {
	case w.ScheduledFor != nil:
		job.Due = w.ScheduledFor.UTC().Truncate(time.Millisecond)
	case w.DelaySeconds != nil:
		job.Due = d.now.Add(time.Duration(*w.DelaySeconds) * time.Second)
	}
	if w.ExpiresAt != nil {
		job.ExpiresAt = w.ExpiresAt.UTC().Truncate(time.Millisecond)
	}
	return job, warnings, nil
}

// payloadText is the body to deliver: a text as it is, a document as JSON.
func payloadText(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	return string(raw)
}

func (w *wireTask) policy() flow.Policy {
	p := flow.DefaultPolicy()
	set := func(to *time.Duration, seconds *int) {
		if seconds != nil {
			*to = time.Duration(*seconds) * time.Second
		}
	}
	set(&p.Timeout, w.TimeoutSeconds)
	set(&p.MaxAge, w.MaxAgeSeconds)
	if w.MaxRetries != nil {
		p.MaxRetries = *w.MaxRetries
	}
	p.Strategy, _ = flow.ParseStrategy(first(w.RetryStrategy, resource.StrategySchedule))
	for _, delay := range w.RetrySchedule {
		p.Schedule = append(p.Schedule, time.Duration(delay))
	}
	return p
}

// check says what is wrong with a task by itself.
func (w *wireTask) check() []resource.Problem {
	var ps []resource.Problem
	bad := func(field, detail, try string) {
		ps = append(ps, resource.Problem{Field: field, Detail: detail, Try: try})
	}
	for _, f := range []struct{ field, value string }{
		{"code", w.Code}, {"source", w.Source}, {"subject", w.Subject}, {"correlationId", w.CorrelationID}, {"eventId", w.EventID},
		{"messageGroup", w.MessageGroup}, {"idempotencyKey", w.IdempotencyKey}, {"externalId", w.ExternalID},
		{"serviceAccountId", w.ServiceAccountID}, {"payloadContentType", w.PayloadContentType},
	} {
		if p := checkText(f.value, maxText); p != "" {
			bad(f.field, p, "")
		}
	}
	if w.Code == "" {
		bad("code", "is required", "orders:invoice:send")
	}
	switch {
	case w.TargetURL != "":
		ps = resource.CheckURL(ps, "targetUrl", w.TargetURL)
	case w.ConnectionID == "" && w.ConnectionCode == "":
		bad("targetUrl", "is required where there is no connection", "https://hooks.example.com/orders")
	}
	if len(w.Payload) > MaxData {
		bad("payload", fmt.Sprintf("is larger than %d bytes", MaxData), "")
	}
	if _, ok := flow.ParseMode(first(w.Mode, resource.ModeImmediate)); !ok {
		bad("mode", "must be one of IMMEDIATE, NEXT_ON_ERROR, BLOCK_ON_ERROR", resource.ModeImmediate)
	}
	if _, ok := flow.ParseStrategy(first(w.RetryStrategy, resource.StrategySchedule)); !ok {
		bad("retryStrategy", "must be one of SCHEDULE, FIXED_DELAY, EXPONENTIAL_BACKOFF, IMMEDIATE", resource.StrategySchedule)
	}
	for _, f := range []struct {
		field     string
		value     *int
		low, high int
	}{
		{"timeoutSeconds", w.TimeoutSeconds, 1, 900}, {"maxRetries", w.MaxRetries, 1, 1000},
		{"maxAgeSeconds", w.MaxAgeSeconds, 1, 365 * 86400}, {"delaySeconds", w.DelaySeconds, 0, 30 * 86400},
		{"sequence", w.Sequence, math.MinInt32, math.MaxInt32},
	} {
		if f.value != nil && (*f.value < f.low || *f.value > f.high) {
			bad(f.field, fmt.Sprintf("must be from %d to %d", f.low, f.high), "")
		}
	}
	// The same header rules as for a connection.
	probe := resource.Connection{Code: "task", URL: "https://hooks.example.com", Headers: w.Headers}
	probe.Defaults()
	for _, p := range probe.Validate() {
		bad("headers", p.Detail, p.Try)
	}
	if len(w.Headers) > maxContext || len(w.Metadata) > maxContext {
		bad("headers, metadata", fmt.Sprintf("must not have more than %d members", maxContext), "")
	}
	return ps
}

// Jobs lists jobs, newest first.
func (p *Platform) Jobs(ctx context.Context, c Caller, q store.JobQuery) (store.JobPage, error) {
	page, err := p.st.ListJobs(ctx, c.Scope, q)
	if err != nil {
		return page, fmt.Errorf("list jobs: %w", err)
	}
	return page, nil
}
