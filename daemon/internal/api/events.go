package api

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

type eventsQuery struct {
	Paging
	TypesQuery
	ClientID      []string  `query:"clientId,explode" doc:"One or more, repeated or separated by commas"`
	ClientIDs     []string  `query:"clientIds,explode" doc:"The same as clientId"`
	CorrelationID string    `query:"correlationId"`
	MessageGroup  string    `query:"messageGroup"`
	Subject       string    `query:"subject"`
	Source        string    `query:"source"`
	Since         time.Time `query:"since" doc:"Accepted at this time or later"`
	Until         time.Time `query:"until" doc:"Accepted before this time"`
}

type eventsAnswer struct {
	Events     []json.RawMessage `json:"events"`
	NextCursor string            `json:"nextCursor"`
	HasMore    bool              `json:"hasMore"`
	Partial    bool              `json:"partial,omitempty"`
}

func (s *server) listEvents(ctx context.Context, c *call, in *eventsQuery) (*result, error) {
	before, err := unsealNumber("events", in.Cursor)
	if err != nil {
		return nil, err
	}
	types, err := in.filter()
	if err != nil {
		return nil, err
	}
	clients, err := s.p.ClientIDs(ctx, words(in.ClientID, in.ClientIDs))
	if err != nil {
		return nil, err
	}
	q := store.EventQuery{
		Before: int64(before), Type: types, Clients: clients, CorrelationID: in.CorrelationID,
		MessageGroup: in.MessageGroup, Subject: in.Subject, Source: in.Source, Since: in.Since, Until: in.Until,
		Search: &store.Search{Patience: searchPatience},
	}
	answer := eventsAnswer{Events: []json.RawMessage{}}
	next, err := gather(in.limit(), s.pageBytes, func(limit int) (step, error) {
		q.Limit = limit
		page, err := s.p.Events(ctx, c.Caller, q)
		if err != nil {
			return step{}, err
		}
		q.Before, answer.Partial = page.Next, page.Partial
		done := step{next: uint64(page.Next), partial: page.Partial}
		for i := range page.Events {
			e := &page.Events[i]
			answer.Events = append(answer.Events, readEvent(e))
			done.items++
			done.bytes += len(e.Data)
			if done.bytes >= s.pageBytes && i < len(page.Events)-1 {
				done.next = uint64(e.Position) // the rest is for the next page
				break
			}
		}
		return done, nil
	})
	if err != nil {
		return nil, err
	}
	if next != 0 {
		answer.HasMore, answer.NextCursor = true, seal("events", strconv.FormatUint(next, 10))
	}
	if in.bare() {
		return ok(answer.Events), nil
	}
	return ok(answer), nil
}

type idInput struct {
	ID string `path:"id"`
}

func (s *server) getEvent(ctx context.Context, c *call, in *idInput) (*result, error) {
	e, err := s.p.Event(ctx, c.Caller, in.ID)
	if err != nil {
		return nil, err
	}
	return ok(readEvent(&e)), nil
}

type explainInput struct {
	ID           string `path:"id"`
	Subscription string `query:"subscriptionId" doc:"Its id or code; all of them if absent"`
}

type explainAnswer struct {
	EventID       string    `json:"eventId"`
	Subscriptions []verdict `json:"subscriptions"`
}

type verdict struct {
	SubscriptionID string `json:"subscriptionId"`
	Code           string `json:"code"`
	Matched        bool   `json:"matched"`
	Clause         string `json:"clause,omitempty" enum:"client,status,pattern,filter" doc:"What said no"`
	Detail         string `json:"detail,omitempty"`
	Value          string `json:"value,omitempty" doc:"What the clause saw"`
}

func (s *server) explainEvent(ctx context.Context, c *call, in *explainInput) (*result, error) {
	e, all, err := s.p.Explain(ctx, c.Caller, in.ID, in.Subscription)
	if err != nil {
		return nil, err
	}
	answer := explainAnswer{EventID: e.ID.String(), Subscriptions: make([]verdict, len(all))}
	for i, x := range all {
		answer.Subscriptions[i] = verdict{
			SubscriptionID: x.Subscription.ID, Code: x.Subscription.Code,
			Matched: x.Matched, Clause: x.Clause, Detail: x.Detail, Value: x.Value,
		}
	}
	return ok(answer), nil
}

// EventDoc documents an event, which appendEvent writes.
type EventDoc struct {
	ID              string              `json:"id"`
	Type            string              `json:"type" doc:"application:subdomain:aggregate:event"`
	Source          string              `json:"source,omitempty"`
	Subject         string              `json:"subject,omitempty"`
	Time            time.Time           `json:"time,omitempty" doc:"When it happened; the server's clock if absent"`
	Data            any                 `json:"data,omitempty"`
	DataContentType string              `json:"dataContentType,omitempty"`
	SpecVersion     string              `json:"specVersion,omitempty"`
	MessageGroup    string              `json:"messageGroup,omitempty" doc:"The key within which ordered subscriptions keep order"`
	CorrelationID   string              `json:"correlationId,omitempty"`
	CausationID     string              `json:"causationId,omitempty"`
	DeduplicationID string              `json:"deduplicationId,omitempty" doc:"Unique per client; a repeat answers with the stored event"`
	ClientID        string              `json:"clientId,omitempty" doc:"The tenant; the caller's only one if absent"`
	ContextData     []resource.KeyValue `json:"contextData,omitempty"`
	Traceparent     string              `json:"traceparent,omitempty"`
	CreatedAt       time.Time           `json:"createdAt,omitempty" readOnly:"true"`
}

type publishedDoc struct {
	EventDoc
	Event            EventDoc `json:"event"`
	Duplicate        bool     `json:"duplicate"`
	IsDuplicate      bool     `json:"isDuplicate"`
	DispatchJobCount int      `json:"dispatchJobCount" doc:"Always 0: jobs are made afterwards"`
}

type eventBatchDoc struct {
	Items []EventDoc `json:"items" maxItems:"1000" doc:"Events, or {id, messageGroup, payload: event}; also accepted as events"`
}
