package api

import (
	"context"
	"net/http"
	"strconv"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
)

// letterRoutes are the rows about dead letters.
func (s *server) letterRoutes() []route {
	const (
		get, post = http.MethodGet, http.MethodPost

		see   = "platform:messaging:dispatch-job:view"
		retry = "platform:messaging:dispatch-job:retry"
		edit  = "platform:messaging:dispatch-job:update"
		all   = "/api/dead-letters"
		tasks = "/api/dead-letter-tasks"
		tag   = "dead-letters"
	)
	return []route{
		{get, all, see, "listDeadLetters", tag, "List dead letters, newest first", nil, s.listOf("deadLetters", JobView{}), 0, through(s, s.listLetters)},
		{get, all + "/{id}", see, "getDeadLetter", tag, "One dead letter with its payload and attempts", nil, letterView{}, 0, through(s, s.getLetter)},
		{post, all + "/{id}/retry", retry, "retryDeadLetter", tag, "Send one again", nil, JobView{}, 0, through(s, s.retryJob)},
		{post, all + "/{id}/discard", edit, "discardDeadLetter", tag, "Give one up: CANCELLED, and what waits behind it goes", discardDoc{}, JobView{}, 0, through(s, s.discardLetter)},
		{post, all + "/retry", retry, "retryDeadLetters", tag, "Send those again that fit, in the background", platform.LetterRequest{}, letterTaskView{}, http.StatusAccepted, through(s, s.letterTask(flow.LettersRetry))},
		{post, all + "/discard", edit, "discardDeadLetters", tag, "Give those up that fit, in the background", platform.LetterRequest{}, letterTaskView{}, http.StatusAccepted, through(s, s.letterTask(flow.LettersDiscard))},
		{get, tasks, see, "listDeadLetterTasks", tag, "List the tasks of the two, newest first", nil, s.listOf("deadLetterTasks", letterTaskView{}), 0, through(s, s.listLetterTasks)},
		{get, tasks + "/{id}", see, "getDeadLetterTask", tag, "One task and how far it is", nil, letterTaskView{}, 0, through(s, s.getLetterTask)},
		{post, tasks + "/{id}/cancel", edit, "cancelDeadLetterTask", tag, "Stop a task; what it did stays done", nil, letterTaskView{}, 0, through(s, s.cancelLetterTask)},
	}
}

type lettersQuery struct {
	JobsQuery
	Reason string `query:"reason" doc:"The code: RETRIES_EXHAUSTED, CONFIGURATION, GONE, MAX_AGE, EXPIRES_AT or ROUTER_LOST"`
}

type lettersAnswer struct {
	DeadLetters []*JobView `json:"deadLetters"`
	NextCursor  string     `json:"nextCursor"`
	HasMore     bool       `json:"hasMore"`
	Partial     bool       `json:"partial,omitempty"`
}

func (s *server) listLetters(ctx context.Context, c *call, in *lettersQuery) (*result, error) {
	q, known, err := s.readJobs(ctx, c, &in.JobsQuery, "deadLetters")
	if err != nil {
		return nil, err
	}
	if !known {
		return ok(lettersAnswer{DeadLetters: []*JobView{}}), nil
	}
	for _, status := range q.Status {
		if !status.DeadLetter() {
			return nil, badField("status", "must be FAILED or EXPIRED: no other job is a dead letter", "FAILED")
		}
	}
	if len(q.Status) == 0 {
		q.Status = []flow.Status{flow.Failed, flow.Expired}
	}
	q.Reason = flow.Reason(in.Reason)
	views, next, partial, err := s.pageOfJobs(ctx, c, q, in.limit())
	if err != nil {
		return nil, err
	}
	answer := lettersAnswer{DeadLetters: views, Partial: partial}
	if next != 0 {
		answer.HasMore, answer.NextCursor = true, seal("deadLetters", strconv.FormatUint(next, 10))
	}
	return ok(answer), nil
}

type letterView struct {
	*JobView
	Attempts []attemptView `json:"attempts" doc:"The first 3 and the last 20, by number"`
}

func (s *server) getLetter(ctx context.Context, c *call, in *idInput) (*result, error) {
	d, err := s.p.Letter(ctx, c.Caller, in.ID)
	if err != nil {
		return nil, err
	}
	v, err := s.viewJob(ctx, &d.Job, d.Event)
	if err != nil {
		return nil, err
	}
	v.Payload = d.Payload
	v.block(d.BlockedSince)
	return ok(letterView{v, viewAttempts(d.Attempts)}), nil
}

type discardDoc struct {
	Note string `json:"note" doc:"Why it is given up"`
}

func (s *server) discardLetter(ctx context.Context, c *call, in *idBodyInput) (*result, error) {
	if _, err := s.p.Discard(ctx, c.Caller, in.ID, in.RawBody); err != nil {
		return nil, err
	}
	return s.getJob(ctx, c, &idInput{in.ID})
}

// letterTaskView is a task that retries or discards.
type letterTaskView struct {
	ID             string          `json:"id"`
	Status         flow.WorkStatus `json:"status" enum:"RUNNING,CANCELLED,COMPLETED"`
	Act            flow.LetterAct  `json:"act" enum:"RETRY,DISCARD"`
	Note           string          `json:"note,omitempty"`
	SubscriptionID string          `json:"subscriptionId,omitempty"`
	ClientID       string          `json:"clientId,omitempty"`
	LetterStatus   []string        `json:"letterStatus,omitempty"`
	Reason         string          `json:"reason,omitempty"`
	MessageGroup   string          `json:"messageGroup,omitempty"`
	ReplayID       string          `json:"replayId,omitempty"`
	Since          stamp           `json:"since,omitzero"`
	Until          stamp           `json:"until,omitzero"`
	Examined       int64           `json:"examined" doc:"Dead letters that were looked at"`
	Done           int64           `json:"done" doc:"Of these, those it acted on"`
	CreatedBy      string          `json:"createdBy,omitempty"`
	CreatedAt      stamp           `json:"createdAt"`
	EndedAt        stamp           `json:"endedAt,omitzero"`
}

func letterTaskOf(d *platform.LetterTaskDetail) letterTaskView {
	v := letterTaskView{
		ID: d.ID.String(), Status: d.State, Act: d.Act, Note: d.Note, SubscriptionID: d.SubscriptionID, ClientID: d.LettersOf,
		Reason: string(d.Reason), MessageGroup: d.MessageGroup, Since: stamp(d.Since), Until: stamp(d.Until),
		Examined: d.Progress.Examined, Done: d.Progress.Created, CreatedBy: d.CreatedBy, CreatedAt: stamp(d.CreatedAt), EndedAt: stamp(d.EndedAt),
	}
	if d.ReplayID != 0 {
		v.ReplayID = flow.ReplayID(d.ReplayID)
	}
	for _, status := range d.Status {
		v.LetterStatus = append(v.LetterStatus, status.String())
	}
	return v
}

type createTaskInput struct {
	BodyInput
	IdempotencyKey string `header:"Idempotency-Key" doc:"A repeat answers with the task that is there"`
}

func (s *server) letterTask(act flow.LetterAct) func(context.Context, *call, *createTaskInput) (*result, error) {
	return func(ctx context.Context, c *call, in *createTaskInput) (*result, error) {
		d, err := s.p.CreateLetterTask(ctx, c.Caller, act, in.RawBody, in.IdempotencyKey)
		if err != nil {
			return nil, err
		}
		return &result{Status: http.StatusAccepted, Body: letterTaskOf(&d)}, nil
	}
}

func (s *server) listLetterTasks(ctx context.Context, c *call, in *WorksQuery) (*result, error) {
	q, err := in.read("deadLetterTasks")
	if err != nil {
		return nil, err
	}
	page, next, err := s.p.LetterTasks(ctx, c.Caller, q)
	if err != nil {
		return nil, err
	}
	views := make([]letterTaskView, len(page))
	for i := range page {
		views[i] = letterTaskOf(&page[i])
	}
	return pageOf("deadLetterTasks", views, next), nil
}

func (s *server) getLetterTask(ctx context.Context, c *call, in *idInput) (*result, error) {
	d, err := s.p.LetterTask(ctx, c.Caller, in.ID)
	if err != nil {
		return nil, err
	}
	return ok(letterTaskOf(&d)), nil
}

func (s *server) cancelLetterTask(ctx context.Context, c *call, in *idInput) (*result, error) {
	d, err := s.p.CancelLetterTask(ctx, c.Caller, in.ID)
	if err != nil {
		return nil, err
	}
	return ok(letterTaskOf(&d)), nil
}
