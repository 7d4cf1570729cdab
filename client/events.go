package client

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// Events publishes events and reads them back.
type Events struct{ c *Client }

// KeyValue is one pair of context data or metadata.
type KeyValue struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// NewEvent is an event to publish. Type and Data are enough.
type NewEvent struct {
	// Type is application:subdomain:aggregate:event.
	Type string `json:"type"`
	// Source says where it happened: "/shop".
	Source  string `json:"source,omitempty"`
	Subject string `json:"subject,omitempty"`
	// Time is when it happened; the server's clock if zero.
	Time time.Time `json:"time,omitzero"`
	// Data is anything that encodes to JSON. A json.RawMessage goes as it is.
	Data any `json:"data,omitempty"`
	// MessageGroup is the key within which ordered subscriptions keep order.
	MessageGroup  string `json:"messageGroup,omitempty"`
	CorrelationID string `json:"correlationId,omitempty"`
	CausationID   string `json:"causationId,omitempty"`
	// DeduplicationID makes a repetition harmless; it is generated if empty.
	DeduplicationID string `json:"deduplicationId,omitempty"`
	// ClientID is the tenant; empty is the caller's only one, or anchor level.
	ClientID    string     `json:"clientId,omitempty"`
	ContextData []KeyValue `json:"contextData,omitempty"`
	// Traceparent continues a trace (W3C Trace Context).
	Traceparent string `json:"traceparent,omitempty"`
}

// Event is an event as the server keeps it.
type Event struct {
	ID              string          `json:"id"`
	Type            string          `json:"type"`
	Source          string          `json:"source"`
	Subject         string          `json:"subject,omitempty"`
	Time            time.Time       `json:"time"`
	Data            json.RawMessage `json:"data,omitempty"`
	DataContentType string          `json:"dataContentType,omitempty"`
	SpecVersion     string          `json:"specVersion,omitempty"`
	MessageGroup    string          `json:"messageGroup,omitempty"`
	CorrelationID   string          `json:"correlationId,omitempty"`
	CausationID     string          `json:"causationId,omitempty"`
	DeduplicationID string          `json:"deduplicationId,omitempty"`
	ClientID        string          `json:"clientId,omitempty"`
	ContextData     []KeyValue      `json:"contextData,omitempty"`
	Traceparent     string          `json:"traceparent,omitempty"`
	CreatedAt       time.Time       `json:"createdAt,omitzero"`
	// Expunged says that the data was erased for good.
	Expunged bool `json:"expunged,omitempty"`
}

// Published is the answer to a publish.
type Published struct {
	Event
	// Duplicate says that an event with this deduplication id was there
	// already; Event is that one.
	Duplicate bool `json:"duplicate"`
}

// Publish publishes one event. When it returns without an error, the event is
// on disk.
func (e *Events) Publish(ctx context.Context, n NewEvent) (*Published, error) {
	if n.DeduplicationID == "" {
		n.DeduplicationID = newKey()
	}
	p := new(Published)
	if _, err := e.c.do(ctx, call{method: http.MethodPost, path: "/api/events", body: n, key: newKey()}, p); err != nil {
		return nil, fmt.Errorf("publish an event: %w", err)
	}
	return p, nil
}

// MaxBatch is how many items the server takes in one request.
const MaxBatch = 1000

// BatchResult is what became of one item of a batch.
type BatchResult struct {
	ID     string `json:"id,omitempty"`
	Status string `json:"status"` // see the Batch constants
	// Duplicate says that an item with this deduplication id or idempotency
	// key was there already; ID is that one.
	Duplicate bool     `json:"duplicate,omitempty"`
	Error     string   `json:"error,omitempty"`
	Warnings  []string `json:"warnings,omitempty"`
}

// The statuses of a batch's items.
const (
	BatchSuccess       = "SUCCESS"
	BatchBadRequest    = "BAD_REQUEST"
	BatchUnauthorized  = "UNAUTHORIZED"
	BatchForbidden     = "FORBIDDEN"
	BatchInternalError = "INTERNAL_ERROR"
)

// OK says that the item was accepted.
func (r BatchResult) OK() bool { return r.Status == BatchSuccess }

// PublishBatch publishes many events, in requests of at most MaxBatch. The
// results are in the order of the events: one bad event does not fail the
// others, so look at each. With an error, the results are those of the
// requests before the one that failed.
func (e *Events) PublishBatch(ctx context.Context, events []NewEvent) ([]BatchResult, error) {
	results := make([]BatchResult, 0, len(events))
	for len(results) < len(events) {
		part := append([]NewEvent(nil), events[len(results):min(len(events), len(results)+MaxBatch)]...)
		for i := range part {
			if part[i].DeduplicationID == "" {
				part[i].DeduplicationID = newKey()
			}
		}
		got, err := batch(ctx, e.c, "/api/events/batch", part, len(part))
		if err != nil {
			return results, fmt.Errorf("publish events %d to %d: %w", len(results)+1, len(results)+len(part), err)
		}
		results = append(results, got...)
	}
	return results, nil
}

func batch(ctx context.Context, c *Client, path string, items any, n int) ([]BatchResult, error) {
	var answer struct {
		Results []BatchResult `json:"results"`
	}
	body := map[string]any{"items": items}
	if _, err := c.do(ctx, call{method: http.MethodPost, path: path, body: body, key: newKey()}, &answer); err != nil {
		return nil, err
	}
	if len(answer.Results) != n {
		return nil, fmt.Errorf("the server answered for %d of %d items", len(answer.Results), n)
	}
	return answer.Results, nil
}

// EventFilter narrows a list of events; what is empty does not.
type EventFilter struct {
	Type, ClientID, CorrelationID, MessageGroup, Subject, Source string
	Since, Until                                                 time.Time
	// PageSize is how many come with one request; 0 leaves it to the server.
	PageSize int
	// Heads leaves out the data of events in Follow and Listen, and what else
	// does not name them.
	Heads bool
}

func (f EventFilter) values(cursor string) url.Values {
	q := query{}
	q.text("type", f.Type)
	q.text("clientId", f.ClientID)
	q.text("correlationId", f.CorrelationID)
	q.text("messageGroup", f.MessageGroup)
	q.text("subject", f.Subject)
	q.text("source", f.Source)
	q.time("since", f.Since)
	q.time("until", f.Until)
	return q.page(cursor, f.PageSize)
}

// Page returns one page of events, newest first. The cursor is empty for the
// first page.
func (e *Events) Page(ctx context.Context, f EventFilter, cursor string) (*Page[Event], error) {
	return list(ctx, e.c, "/api/events", f.values(cursor), decode[Event], "events", "items")
}

// List walks all events, newest first.
func (e *Events) List(ctx context.Context, f EventFilter) iter.Seq2[Event, error] {
	return all(func(cursor string) (*Page[Event], error) { return e.Page(ctx, f, cursor) })
}

// Get returns one event.
func (e *Events) Get(ctx context.Context, id string) (*Event, error) {
	v := new(Event)
	if _, err := e.c.do(ctx, call{method: http.MethodGet, path: "/api/events/" + url.PathEscape(id)}, v); err != nil {
		return nil, err
	}
	return v, nil
}

// Explanation says which subscriptions an event went to, and why not to the
// others.
type Explanation struct {
	EventID       string    `json:"eventId"`
	Subscriptions []Verdict `json:"subscriptions"`
}

// Verdict is what one subscription says to one event.
type Verdict struct {
	SubscriptionID string `json:"subscriptionId"`
	Code           string `json:"code"`
	Matched        bool   `json:"matched"`
	// Clause is what said no: "status", "client", "pattern" or "filter".
	Clause string `json:"clause,omitempty"`
	Detail string `json:"detail,omitempty"`
	// Value is what the clause saw.
	Value string `json:"value,omitempty"`
}

// Explain says which subscriptions matched an event and which clause of the
// others said no. A subscription, by id or code, narrows it to that one.
func (e *Events) Explain(ctx context.Context, id, subscription string) (*Explanation, error) {
	q := query{}
	q.text("subscriptionId", subscription)
	x := new(Explanation)
	k := call{method: http.MethodGet, path: "/api/events/" + url.PathEscape(id) + "/explain", query: url.Values(q)}
	if _, err := e.c.do(ctx, k, x); err != nil {
		return nil, err
	}
	return x, nil
}
