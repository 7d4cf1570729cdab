package api

import (
	"context"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

// JobView is a job as the wire has it.
type JobView struct {
	ID                 string            `json:"id"`
	ExternalID         string            `json:"externalId,omitempty"`
	Kind               string            `json:"kind" enum:"EVENT,TASK"`
	Code               string            `json:"code" doc:"Of an event, its type"`
	Application        string            `json:"application,omitempty"`
	Subdomain          string            `json:"subdomain,omitempty"`
	Aggregate          string            `json:"aggregate,omitempty"`
	Source             string            `json:"source"`
	Subject            string            `json:"subject,omitempty"`
	TargetURL          string            `json:"targetUrl" doc:"Where it goes as things stand now"`
	Protocol           string            `json:"protocol" enum:"HTTP_WEBHOOK"`
	Payload            string            `json:"payload,omitempty" doc:"Only where one job is asked for"`
	PayloadContentType string            `json:"payloadContentType,omitempty"`
	DataOnly           bool              `json:"dataOnly"`
	EventID            string            `json:"eventId,omitempty"`
	CorrelationID      string            `json:"correlationId,omitempty"`
	ClientID           string            `json:"clientId,omitempty"`
	SubscriptionID     string            `json:"subscriptionId,omitempty"`
	SubscriptionCode   string            `json:"subscriptionCode,omitempty"`
	ServiceAccountID   string            `json:"serviceAccountId,omitempty"`
	ConnectionID       string            `json:"connectionId,omitempty"`
	DispatchPoolID     string            `json:"dispatchPoolId,omitempty"`
	MessageGroup       string            `json:"messageGroup,omitempty"`
	OrderKey           string            `json:"orderKey,omitempty"`
	Mode               string            `json:"mode"`
	Sequence           int               `json:"sequence"`
	TimeoutSeconds     int               `json:"timeoutSeconds"`
	MaxRetries         int               `json:"maxRetries"`
	RetryStrategy      string            `json:"retryStrategy"`
	Status             string            `json:"status" enum:"PENDING,QUEUED,PROCESSING,COMPLETED,FAILED,CANCELLED,EXPIRED"`
	Reason             string            `json:"reason,omitempty" doc:"Why it ended as it did"`
	Waiting            bool              `json:"waiting" doc:"Another job of its order key goes first"`
	WaitsFor           string            `json:"waitsFor,omitempty" doc:"What holds it, if a person does"`
	Blocked            bool              `json:"blocked" doc:"A dead letter that its order key waits for"`
	BlockedSince       stamp             `json:"blockedSince,omitzero"`
	CancelAsked        bool              `json:"cancelAsked,omitempty"`
	Due                stamp             `json:"due,omitzero" doc:"When it may go next"`
	AttemptCount       int               `json:"attemptCount"`
	Spent              int               `json:"spent" doc:"Attempts that count against maxRetries"`
	LastError          string            `json:"lastError,omitempty"`
	Metadata           map[string]string `json:"metadata,omitempty"`
	Headers            map[string]string `json:"headers,omitempty"`
	IdempotencyKey     string            `json:"idempotencyKey,omitempty"`
	ReplayID           string            `json:"replayId,omitempty"`
	CreatedAt          stamp             `json:"createdAt"`
	UpdatedAt          stamp             `json:"updatedAt"`
	QueuedAt           stamp             `json:"queuedAt,omitzero"`
	LastAttemptAt      stamp             `json:"lastAttemptAt,omitzero"`
	CompletedAt        stamp             `json:"completedAt,omitzero"`
	ScheduledFor       stamp             `json:"scheduledFor,omitzero"`
	ExpiresAt          stamp             `json:"expiresAt,omitzero"`
	DurationMillis     int64             `json:"durationMillis,omitempty"`
	IsCompleted        bool              `json:"isCompleted"`
	IsTerminal         bool              `json:"isTerminal"`
	Duplicate          bool              `json:"duplicate,omitempty" doc:"The idempotency key was used before; this is that job"`
	Warnings           []string          `json:"warnings,omitempty"`
}

// viewJob shows a job with where it goes now. Event may be nil.
func (s *server) viewJob(ctx context.Context, j *flow.Job, e *flow.Event) (*JobView, error) {
	cat, err := s.p.Routes(ctx)
	if err != nil {
		return nil, err
	}
	return jobOf(cat, j, e), nil
}

// block says since when the job has blocked its order key; zero is never.
func (v *JobView) block(since time.Time) {
	v.Blocked, v.BlockedSince = !since.IsZero(), stamp(since)
}

func jobOf(cat *catalog.Catalog, j *flow.Job, e *flow.Event) *JobView {
	v := &JobView{
		ID: j.ID.String(), Kind: j.Kind(), Protocol: "HTTP_WEBHOOK", PayloadContentType: "application/json",
		EventID: j.EventID.String(), ClientID: j.ClientID, SubscriptionID: j.SubscriptionID,
		MessageGroup: j.MessageGroup, OrderKey: j.OrderKey.String(), Mode: j.Mode.String(), Sequence: 99,
		TimeoutSeconds: int(j.Policy.Timeout / time.Second), MaxRetries: j.Policy.MaxRetries, RetryStrategy: j.Policy.Strategy.String(),
		Status: j.Status.String(), Reason: string(j.Reason), Waiting: j.Waiting, CancelAsked: j.CancelAsked,
		AttemptCount: j.Attempts, Spent: j.Spent, LastError: j.LastError,
		CreatedAt: stamp(j.CreatedAt), QueuedAt: stamp(j.QueuedAt), LastAttemptAt: stamp(j.LastAttemptAt),
		CompletedAt: stamp(j.CompletedAt), ExpiresAt: stamp(j.ExpiresAt), DurationMillis: j.Duration.Milliseconds(),
		IsCompleted: j.Status == flow.Completed, IsTerminal: j.Status.Final(),
	}
	if j.ReplayID != 0 {
		v.ReplayID = flow.ReplayID(j.ReplayID)
	}
	updated := j.CreatedAt
	for _, t := range []time.Time{j.QueuedAt, j.LastAttemptAt, j.CompletedAt} {
		if t.After(updated) {
			updated = t
		}
	}
	v.UpdatedAt = stamp(updated)
	if j.Status == flow.Pending {
		v.Due = stamp(j.Due)
	}
	if j.Due.After(j.CreatedAt) && j.Status == flow.Pending {
		v.ScheduledFor = stamp(j.Due)
	}
	if r, ok := cat.Route(j); ok {
		v.TargetURL, v.DispatchPoolID = r.URL, r.Pool.ID
		if r.Connection != nil {
			v.ConnectionID = r.Connection.ID
		}
		if r.Subscription != nil {
			v.SubscriptionCode, v.DataOnly = r.Subscription.Code, r.Subscription.DataOnly
		}
		if !j.Status.Final() {
			v.WaitsFor = r.Wait
		}
	}
	if e != nil {
		v.Code, v.Source, v.Subject, v.CorrelationID = e.Type, e.Source, e.Subject, e.CorrelationID
	}
	if t := j.Task; t != nil {
		v.ExternalID, v.Code, v.Source, v.Subject, v.CorrelationID = t.ExternalID, t.Code, t.Source, t.Subject, t.CorrelationID
		v.ServiceAccountID, v.PayloadContentType, v.DataOnly, v.Sequence = t.ServiceAccountID, t.PayloadContentType, t.DataOnly, t.Sequence
		v.Metadata, v.Headers, v.IdempotencyKey = t.Metadata, t.Headers, t.IdempotencyKey
		if v.EventID == "" {
			v.EventID = t.EventID
		}
		if v.TargetURL == "" {
			v.TargetURL = t.TargetURL
		}
	}
	if parts := strings.Split(v.Code, ":"); len(parts) == 4 {
		v.Application, v.Subdomain, v.Aggregate = parts[0], parts[1], parts[2]
	}
	return v
}

// taskDoc documents the request for a job without an event.
type taskDoc struct {
	Code               string            `json:"code"`
	Source             string            `json:"source,omitempty"`
	Subject            string            `json:"subject,omitempty"`
	TargetURL          string            `json:"targetUrl,omitempty" doc:"Required where there is no connection"`
	ConnectionID       string            `json:"connectionId,omitempty"`
	ConnectionCode     string            `json:"connectionCode,omitempty"`
	DispatchPoolID     string            `json:"dispatchPoolId,omitempty"`
	DispatchPoolCode   string            `json:"dispatchPoolCode,omitempty" doc:"An unknown pool falls back to DEFAULT-POOL, with a warning"`
	Payload            any               `json:"payload" doc:"The body to deliver: a text, or JSON"`
	PayloadContentType string            `json:"payloadContentType,omitempty"`
	DataOnly           bool              `json:"dataOnly,omitempty" doc:"true if absent"`
	ClientID           string            `json:"clientId,omitempty"`
	CorrelationID      string            `json:"correlationId,omitempty"`
	EventID            string            `json:"eventId,omitempty"`
	MessageGroup       string            `json:"messageGroup,omitempty"`
	Mode               string            `json:"mode,omitempty" enum:"IMMEDIATE,NEXT_ON_ERROR,BLOCK_ON_ERROR"`
	TimeoutSeconds     int               `json:"timeoutSeconds,omitempty"`
	MaxRetries         int               `json:"maxRetries,omitempty"`
	MaxAgeSeconds      int               `json:"maxAgeSeconds,omitempty"`
	RetryStrategy      string            `json:"retryStrategy,omitempty" enum:"SCHEDULE,FIXED_DELAY,EXPONENTIAL_BACKOFF,IMMEDIATE"`
	RetrySchedule      []string          `json:"retrySchedule,omitempty"`
	DelaySeconds       int               `json:"delaySeconds,omitempty"`
	ScheduledFor       time.Time         `json:"scheduledFor,omitempty"`
	ExpiresAt          time.Time         `json:"expiresAt,omitempty"`
	Headers            map[string]string `json:"headers,omitempty"`
	Metadata           map[string]string `json:"metadata,omitempty"`
	ExternalID         string            `json:"externalId,omitempty"`
	IdempotencyKey     string            `json:"idempotencyKey,omitempty" doc:"Unique per client; absent, the Idempotency-Key header"`
}

type taskBatchDoc struct {
	Items []taskDoc `json:"items" maxItems:"1000" doc:"Also accepted as jobs"`
}
