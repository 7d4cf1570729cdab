package client

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// DeadLetters are jobs that ended without delivery: FAILED or EXPIRED.
type DeadLetters struct{ c *Client }

// DeadLetter is one with its payload and attempts.
type DeadLetter struct {
	Job
	// Attempts are the first 3 and the last 20, oldest first.
	Attempts []Attempt `json:"attempts"`
}

// LetterFilter narrows dead letters; what is empty does not. A subscription is
// named by id or code.
type LetterFilter struct {
	Status         []string  `json:"status,omitempty"` // FAILED, EXPIRED
	SubscriptionID string    `json:"subscriptionId,omitempty"`
	ClientID       string    `json:"clientId,omitempty"`
	Reason         string    `json:"reason,omitempty"` // RETRIES_EXHAUSTED, …
	MessageGroup   string    `json:"messageGroup,omitempty"`
	ReplayID       string    `json:"replayId,omitempty"`
	Since          time.Time `json:"since,omitzero"` // of the jobs' creation
	Until          time.Time `json:"until,omitzero"`
	// All takes every dead letter, where nothing else narrows a task. A list
	// takes no notice of it.
	All bool `json:"all,omitempty"`
	// PageSize is how many of a list come with one request; 0 leaves it to
	// the server.
	PageSize int `json:"-"`
}

func (f LetterFilter) values(cursor string) url.Values {
	q := query{}
	q.text("status", f.Status...)
	q.text("subscriptionId", f.SubscriptionID)
	q.text("clientId", f.ClientID)
	q.text("reason", f.Reason)
	q.text("messageGroup", f.MessageGroup)
	q.text("replayId", f.ReplayID)
	q.time("since", f.Since)
	q.time("until", f.Until)
	return q.page(cursor, f.PageSize)
}

// Page returns one page of dead letters, newest first.
func (d *DeadLetters) Page(ctx context.Context, f LetterFilter, cursor string) (*Page[Job], error) {
	return list(ctx, d.c, "/api/dead-letters", f.values(cursor), decode[Job], "deadLetters")
}

// List walks all dead letters that fit, newest first.
func (d *DeadLetters) List(ctx context.Context, f LetterFilter) iter.Seq2[Job, error] {
	return all(func(cursor string) (*Page[Job], error) { return d.Page(ctx, f, cursor) })
}

// Get returns one dead letter. A job that is none is not found.
func (d *DeadLetters) Get(ctx context.Context, id string) (*DeadLetter, error) {
	return see[DeadLetter](ctx, d.c, "/api/dead-letters", id)
}

// Retry sends one dead letter again. Retrying twice is not an error.
func (d *DeadLetters) Retry(ctx context.Context, id string) (*Job, error) {
	return post[Job](ctx, d.c, "/api/dead-letters", id, "retry", nil)
}

// Discard gives one dead letter up; the note says why. What waits behind it
// goes.
func (d *DeadLetters) Discard(ctx context.Context, id, note string) (*Job, error) {
	return post[Job](ctx, d.c, "/api/dead-letters", id, "discard", map[string]string{"note": note})
}

// LetterTask retries or discards many dead letters in the background.
type LetterTask struct {
	ID             string    `json:"id"`
	Status         string    `json:"status"` // see the Work constants
	Act            string    `json:"act"`    // RETRY or DISCARD
	Note           string    `json:"note,omitempty"`
	SubscriptionID string    `json:"subscriptionId,omitempty"`
	ClientID       string    `json:"clientId,omitempty"`
	LetterStatus   []string  `json:"letterStatus,omitempty"`
	Reason         string    `json:"reason,omitempty"`
	MessageGroup   string    `json:"messageGroup,omitempty"`
	ReplayID       string    `json:"replayId,omitempty"`
	Since          time.Time `json:"since,omitzero"`
	Until          time.Time `json:"until,omitzero"`
	Examined       int64     `json:"examined"`
	Done           int64     `json:"done"` // that it acted on
	CreatedBy      string    `json:"createdBy,omitempty"`
	CreatedAt      time.Time `json:"createdAt"`
	EndedAt        time.Time `json:"endedAt,omitzero"`
}

// Over says that a task has ended.
func (t *LetterTask) Over() bool { return t.Status == WorkCancelled || t.Status == WorkCompleted }

// RetryAll starts to send those again that fit now.
func (d *DeadLetters) RetryAll(ctx context.Context, f LetterFilter) (*LetterTask, error) {
	return d.task(ctx, "retry", f)
}

// DiscardAll starts to give those up that fit now; the note says why.
func (d *DeadLetters) DiscardAll(ctx context.Context, f LetterFilter, note string) (*LetterTask, error) {
	return d.task(ctx, "discard", struct {
		LetterFilter
		Note string `json:"note"`
	}{f, note})
}

func (d *DeadLetters) task(ctx context.Context, verb string, body any) (*LetterTask, error) {
	t := new(LetterTask)
	if _, err := d.c.do(ctx, call{method: http.MethodPost, path: "/api/dead-letters/" + verb, body: body, key: newKey()}, t); err != nil {
		return nil, fmt.Errorf("%s dead letters: %w", verb, err)
	}
	return t, nil
}

// Tasks walks the tasks over dead letters, newest first.
func (d *DeadLetters) Tasks(ctx context.Context, f WorkFilter) iter.Seq2[LetterTask, error] {
	return all(func(cursor string) (*Page[LetterTask], error) {
		return list(ctx, d.c, "/api/dead-letter-tasks", f.values(cursor), decode[LetterTask], "deadLetterTasks")
	})
}

// Task returns one task.
func (d *DeadLetters) Task(ctx context.Context, id string) (*LetterTask, error) {
	return see[LetterTask](ctx, d.c, "/api/dead-letter-tasks", id)
}

// CancelTask stops a task. What it did stays done.
func (d *DeadLetters) CancelTask(ctx context.Context, id string) (*LetterTask, error) {
	return post[LetterTask](ctx, d.c, "/api/dead-letter-tasks", id, "cancel", nil)
}
