package platform

import (
	"context"
	"fmt"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// The states of an item's answer.
const (
	ItemSuccess    = "SUCCESS"
	ItemBadRequest = "BAD_REQUEST"
	ItemForbidden  = "FORBIDDEN"
)

// Published is the answer for one event: as stored, or why not.
type Published struct {
	Event     flow.Event
	Duplicate bool
	Refused   *Error // nil when it is stored
	// Warnings are what was accepted all the same.
	Warnings []string
}

// Publish stores the drafts that are good and answers for each, in order.
// What comes back without an error is durable. One bad draft hurts no other.
func (p *Platform) Publish(ctx context.Context, c Caller, drafts []EventDraft) ([]Published, error) {
	cat, err := p.cache.Get(ctx)
	if err != nil {
		return nil, err
	}
	now := p.now()
	inForce := p.inForce(cat)
	answers := make([]Published, len(drafts))
	events := make([]flow.Event, 0, len(drafts))
	for i := range drafts {
		d := &drafts[i]
		if len(d.Problems) > 0 {
			answers[i].Refused = Invalid("the event can not be accepted", d.Problems...)
			continue
		}
		e := d.Event
		client, refused := c.tenant(cat, e.ClientID)
		if refused != nil {
			answers[i].Refused = refused
			continue
		}
		if refused := publishes(cat, client); refused != nil {
			answers[i].Refused = refused
			continue
		}
		e.ClientID = client
		if answers[i].Warnings, answers[i].Refused = p.checkData(inForce, &e); answers[i].Refused != nil {
			continue
		}
		e.CreatedAt = now
		if e.Time.IsZero() {
			e.Time = now
		}
		events = append(events, e)
	}
	if len(events) == 0 {
		return answers, nil
	}
	if err := p.afford(cat, len(events), func(i int) string { return events[i].ClientID }); err != nil {
		return nil, err
	}
	stored, err := p.st.Append(ctx, events, now)
	if err != nil {
		return nil, fmt.Errorf("append events: %w", err)
	}
	if len(stored) != len(events) {
		return nil, fmt.Errorf("append events: the store answered for %d of %d", len(stored), len(events))
	}
	for i := range answers {
		if a := &answers[i]; a.Refused == nil {
			a.Event, a.Duplicate = stored[0].Event, stored[0].Duplicate
			stored = stored[1:]
		}
	}
	return answers, nil
}

// Event returns one event with its data.
func (p *Platform) Event(ctx context.Context, c Caller, id string) (flow.Event, error) {
	n, err := flow.ParseID(id)
	if err != nil {
		return flow.Event{}, refuse(CodeNotFound, "there is no event with this id")
	}
	e, err := p.st.Event(ctx, c.Scope, n)
	return e, missing(err, "event")
}

// Events lists events, newest first.
func (p *Platform) Events(ctx context.Context, c Caller, q store.EventQuery) (store.EventPage, error) {
	page, err := p.st.ListEvents(ctx, c.Scope, q)
	if err != nil {
		return page, fmt.Errorf("list events: %w", err)
	}
	return page, nil
}
