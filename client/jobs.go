package client

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
)

// Jobs are deliveries: one event for one subscription, or a task of its own.
type Jobs struct{ c *Client }

// Job is a delivery that is done, under way or waiting.
type Job struct {
	ID                 string          `json:"id"`
	ExternalID         string          `json:"externalId,omitempty"`
	Kind               string          `json:"kind"` // EVENT or TASK
	Code               string          `json:"code"` // the event's type
	Source             string          `json:"source,omitempty"`
	Subject            string          `json:"subject,omitempty"`
	TargetURL          string          `json:"targetUrl,omitempty"`
	Payload            string          `json:"payload,omitempty"`
	PayloadContentType string          `json:"payloadContentType,omitempty"`
	DataOnly           bool            `json:"dataOnly"`
	EventID            string          `json:"eventId,omitempty"`
	CorrelationID      string          `json:"correlationId,omitempty"`
	ClientID           string          `json:"clientId,omitempty"`
	SubscriptionID     string          `json:"subscriptionId,omitempty"`
	SubscriptionCode   string          `json:"subscriptionCode,omitempty"`
	ConnectionID       string          `json:"connectionId,omitempty"`
	DispatchPoolID     string          `json:"dispatchPoolId,omitempty"`
	MessageGroup       string          `json:"messageGroup,omitempty"`
	OrderKey           string          `json:"orderKey,omitempty"`
	Mode               string          `json:"mode,omitempty"`
	TimeoutSeconds     int             `json:"timeoutSeconds,omitempty"`
	MaxRetries         int             `json:"maxRetries,omitempty"`
	RetryStrategy      string          `json:"retryStrategy,omitempty"`
	Status             string          `json:"status"`
	Reason             string          `json:"reason,omitempty"` // why it ended as it did
	AttemptCount       int             `json:"attemptCount"`
	Spent              int             `json:"spent"` // attempts that count against MaxRetries
	LastError          string          `json:"lastError,omitempty"`
	Metadata           json.RawMessage `json:"metadata,omitempty"`
	IdempotencyKey     string          `json:"idempotencyKey,omitempty"`
	ReplayID           string          `json:"replayId,omitempty"`
	CreatedAt          time.Time       `json:"createdAt"`
	UpdatedAt          time.Time       `json:"updatedAt,omitzero"`
	QueuedAt           time.Time       `json:"queuedAt,omitzero"`
	LastAttemptAt      time.Time       `json:"lastAttemptAt,omitzero"`
	CompletedAt        time.Time       `json:"completedAt,omitzero"`
	ScheduledFor       time.Time       `json:"scheduledFor,omitzero"`
	ExpiresAt          time.Time       `json:"expiresAt,omitzero"`
	Due                time.Time       `json:"due,omitzero"` // when it may go next
	DurationMillis     int64           `json:"durationMillis,omitempty"`
	IsCompleted        bool            `json:"isCompleted"`
	IsTerminal         bool            `json:"isTerminal"`
	Waiting            bool            `json:"waiting"`            // behind another of its order key
	WaitsFor           string          `json:"waitsFor,omitempty"` // what holds it, if a person does
	Blocked            bool            `json:"blocked"`            // a dead letter that its order key waits for
	BlockedSince       time.Time       `json:"blockedSince,omitzero"`
}

// The states of a job; the last four are final.
const (
	JobPending    = "PENDING"
	JobQueued     = "QUEUED"
	JobProcessing = "PROCESSING"
	JobCompleted  = "COMPLETED"
	JobFailed     = "FAILED"
	JobCancelled  = "CANCELLED"
	JobExpired    = "EXPIRED"
)

// JobStates are all of them.
var JobStates = []string{JobPending, JobQueued, JobProcessing, JobCompleted, JobFailed, JobCancelled, JobExpired}

// Attempt is one exchange with a receiver.
type Attempt struct {
	AttemptNumber  int       `json:"attemptNumber"`
	AttemptedAt    time.Time `json:"attemptedAt"`
	CompletedAt    time.Time `json:"completedAt,omitzero"`
	DurationMillis float64   `json:"durationMillis"`
	// Where the time went. The first three are 0 on a connection that was
	// kept; FirstByteMillis is from the beginning of the attempt.
	DNSMillis       float64           `json:"dnsMillis,omitempty"`
	ConnectMillis   float64           `json:"connectMillis,omitempty"`
	TLSMillis       float64           `json:"tlsMillis,omitempty"`
	FirstByteMillis float64           `json:"firstByteMillis,omitempty"`
	Verdict         string            `json:"verdict,omitempty"` // what it means for the job, such as DELIVERED or RETRY
	ResponseCode    int               `json:"responseCode,omitempty"`
	ResponseHeaders map[string]string `json:"responseHeaders,omitempty"`
	ResponseBody    string            `json:"responseBody,omitempty"`
	Success         bool              `json:"success"`
	ErrorMessage    string            `json:"errorMessage,omitempty"`
	ErrorType       string            `json:"errorType,omitempty"`
	RouterInstance  string            `json:"routerInstance,omitempty"`
}

// NewJob is a task: a delivery without an event and a subscription.
type NewJob struct {
	Code           string `json:"code"`
	Source         string `json:"source,omitempty"`
	Subject        string `json:"subject,omitempty"`
	TargetURL      string `json:"targetUrl,omitempty"`
	ConnectionID   string `json:"connectionId,omitempty"` // instead of TargetURL
	ConnectionCode string `json:"connectionCode,omitempty"`
	// Payload is the body: a string as it is, anything else as JSON.
	Payload            any    `json:"payload"`
	PayloadContentType string `json:"payloadContentType,omitempty"`
	// DataOnly false wraps the payload into the envelope of an event; nil is
	// true, the payload alone.
	DataOnly         *bool               `json:"dataOnly,omitempty"`
	EventID          string              `json:"eventId,omitempty"`
	CorrelationID    string              `json:"correlationId,omitempty"`
	ClientID         string              `json:"clientId,omitempty"`
	DispatchPoolID   string              `json:"dispatchPoolId,omitempty"`
	DispatchPoolCode string              `json:"dispatchPoolCode,omitempty"`
	MessageGroup     string              `json:"messageGroup,omitempty"`
	Mode             string              `json:"mode,omitempty"`
	TimeoutSeconds   int                 `json:"timeoutSeconds,omitempty"`
	MaxRetries       int                 `json:"maxRetries,omitempty"`
	RetryStrategy    string              `json:"retryStrategy,omitempty"`
	RetrySchedule    []resource.Duration `json:"retrySchedule,omitempty"`
	ScheduledFor     time.Time           `json:"scheduledFor,omitzero"`
	ExpiresAt        time.Time           `json:"expiresAt,omitzero"`
	Metadata         map[string]string   `json:"metadata,omitempty"`
	Headers          map[string]string   `json:"headers,omitempty"`
	ExternalID       string              `json:"externalId,omitempty"`
	// IdempotencyKey makes a repetition harmless; it is generated if empty.
	IdempotencyKey string `json:"idempotencyKey,omitempty"`
}

// Create makes a task, which goes at once.
func (j *Jobs) Create(ctx context.Context, n NewJob) (*Job, error) {
	if n.IdempotencyKey == "" {
		n.IdempotencyKey = newKey()
	}
	v := new(Job)
	if _, err := j.c.do(ctx, call{method: http.MethodPost, path: "/api/dispatch-jobs", body: n, key: newKey()}, v); err != nil {
		return nil, fmt.Errorf("create a job: %w", err)
	}
	return v, nil
}

// CreateBatch makes many tasks, as Events.PublishBatch publishes events.
func (j *Jobs) CreateBatch(ctx context.Context, jobs []NewJob) ([]BatchResult, error) {
	results := make([]BatchResult, 0, len(jobs))
	for len(results) < len(jobs) {
		part := append([]NewJob(nil), jobs[len(results):min(len(jobs), len(results)+MaxBatch)]...)
		for i := range part {
			if part[i].IdempotencyKey == "" {
				part[i].IdempotencyKey = newKey()
			}
		}
		got, err := batch(ctx, j.c, "/api/dispatch-jobs/batch", part, len(part))
		if err != nil {
			return results, fmt.Errorf("create jobs %d to %d: %w", len(results)+1, len(results)+len(part), err)
		}
		results = append(results, got...)
	}
	return results, nil
}

// JobFilter narrows a list of jobs; what is empty does not.
type JobFilter struct {
	// Status lists the states that are wanted. A subscription is named by id
	// or code.
	Status                                                                             []string
	SubscriptionID, EventID, ClientID, CorrelationID, MessageGroup, OrderKey, ReplayID string
	Since, Until                                                                       time.Time
	// PageSize is how many come with one request; 0 leaves it to the server.
	PageSize int
}

func (f JobFilter) values(cursor string) url.Values {
	q := query{}
	q.text("status", f.Status...)
	q.text("subscriptionId", f.SubscriptionID)
	q.text("eventId", f.EventID)
	q.text("clientId", f.ClientID)
	q.text("correlationId", f.CorrelationID)
	q.text("messageGroup", f.MessageGroup)
	q.text("orderKey", f.OrderKey)
	q.text("replayId", f.ReplayID)
	q.time("since", f.Since)
	q.time("until", f.Until)
	return q.page(cursor, f.PageSize)
}

// Page returns one page of jobs, newest first. The cursor is empty for the
// first page.
func (j *Jobs) Page(ctx context.Context, f JobFilter, cursor string) (*Page[Job], error) {
	return list(ctx, j.c, "/api/dispatch-jobs", f.values(cursor), decode[Job], "dispatchJobs", "jobs", "items")
}

// List walks all jobs, newest first.
func (j *Jobs) List(ctx context.Context, f JobFilter) iter.Seq2[Job, error] {
	return all(func(cursor string) (*Page[Job], error) { return j.Page(ctx, f, cursor) })
}

// Get returns one job.
func (j *Jobs) Get(ctx context.Context, id string) (*Job, error) {
	v := new(Job)
	if _, err := j.c.do(ctx, call{method: http.MethodGet, path: jobPath(id, "")}, v); err != nil {
		return nil, err
	}
	return v, nil
}

// Attempts returns the exchanges of a job, oldest first. The server keeps the
// first 3 and the last 20.
func (j *Jobs) Attempts(ctx context.Context, id string) ([]Attempt, error) {
	var attempts []Attempt
	if _, err := j.c.do(ctx, call{method: http.MethodGet, path: jobPath(id, "attempts")}, &attempts); err != nil {
		return nil, err
	}
	return attempts, nil
}

// UnmarshalJSON reads an attempt. The server tells its duration twice, since
// existing clients take it for whole milliseconds.
func (a *Attempt) UnmarshalJSON(b []byte) error {
	type plain Attempt
	v := struct {
		*plain
		Micros int64 `json:"durationMicros"`
	}{plain: (*plain)(a)}
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	if v.Micros > 0 {
		a.DurationMillis = float64(v.Micros) / 1000
	}
	return nil
}

// Retry sends a dead letter again, and has a job that waits for its next attempt
// go at once. Retrying twice is not an error.
func (j *Jobs) Retry(ctx context.Context, id string) (*Job, error) {
	return act[Job](ctx, j.c, id, "retry")
}

// Skip lets the order key of a dead letter that blocks it go on; the dead
// letter is cancelled.
func (j *Jobs) Skip(ctx context.Context, id string) (*Job, error) {
	return act[Job](ctx, j.c, id, "skip")
}

// Cancelled is the answer to a cancel.
type Cancelled struct {
	Job
	Outcome string `json:"outcome"` // see the Cancel constants
}

// The outcomes of a cancel.
const (
	// CancelDone: the job will not be sent.
	CancelDone = "CANCELLED"
	// CancelMarked: an exchange is under way. If it succeeds the job is
	// COMPLETED, otherwise it is CANCELLED without another attempt.
	CancelMarked = "MARKED"
	// CancelTooLate: the job had ended already.
	CancelTooLate = "ALREADY_FINAL"
)

// Cancel stops a job; the outcome says how far that was possible.
func (j *Jobs) Cancel(ctx context.Context, id string) (*Cancelled, error) {
	return act[Cancelled](ctx, j.c, id, "cancel")
}

// act posts one of the verbs, all of which may be repeated.
func act[T any](ctx context.Context, c *Client, id, verb string) (*T, error) {
	v := new(T)
	if _, err := c.do(ctx, call{method: http.MethodPost, path: jobPath(id, verb), key: newKey()}, v); err != nil {
		return nil, err
	}
	return v, nil
}

func jobPath(id, verb string) string {
	p := "/api/dispatch-jobs/" + url.PathEscape(id)
	if verb != "" {
		p += "/" + verb
	}
	return p
}
