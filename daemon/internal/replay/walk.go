package replay

import (
	"context"
	"errors"
	"fmt"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// Store is the part of a store that a walk reads.
type Store interface {
	Event(ctx context.Context, sc store.Scope, id flow.ID) (flow.Event, error)
	Scan(ctx context.Context, sc store.Scope, q store.ScanQuery) (store.ScanPage, error)
	ListJobs(ctx context.Context, sc store.Scope, q store.JobQuery) (store.JobPage, error)
}

// Page is a stretch of the walk.
type Page struct {
	Items []Item
	// Next is where the walk goes on; Done says that nothing is left.
	Next int64
	Done bool
	// Examined is how many rows were looked at for it.
	Examined int
}

// Item is one selected event.
type Item struct {
	Event flow.Event
	// After is the cursor once the event is dealt with.
	After int64
	// Failed are the subscriptions in which it is a dead letter, if the replay
	// asks for these only.
	Failed []string
}

// Expunged says that the event's data is gone: it can not be sent again.
func (it *Item) Expunged() bool { return len(it.Event.Data) == 0 }

// Scope is what a replay or a letter task may touch: everything, or its
// client's.
func Scope(clientID string) store.Scope {
	if clientID == "" {
		return store.Everything
	}
	return store.Scope{Clients: []string{clientID}}
}

// Begin is the cursor of a walk that has not begun.
func Begin(r *flow.Replay) int64 { return r.From }

// End is the cursor of a walk that is over.
func End(r *flow.Replay) int64 {
	if len(r.EventIDs) > 0 {
		return int64(len(r.EventIDs))
	}
	return r.To
}

// Next returns the stretch after a cursor, of at most limit events.
func Next(ctx context.Context, st Store, r *flow.Replay, cursor int64, limit int) (Page, error) {
	var p Page
	var err error
	if len(r.EventIDs) > 0 {
		p, err = named(ctx, st, r, cursor, limit)
	} else {
		p, err = scanned(ctx, st, r, cursor, limit)
	}
	if err != nil || !r.FailedOnly {
		return p, err
	}
	kept := p.Items[:0]
	for _, it := range p.Items {
		if it.Failed, err = failed(ctx, st, r, it.Event.ID); err != nil {
			return Page{}, err
		}
		if len(it.Failed) > 0 {
			kept = append(kept, it)
		}
	}
	p.Items = kept
	return p, nil
}

// named walks a list of ids: its cursor counts them. An event that is gone is
// passed over.
func named(ctx context.Context, st Store, r *flow.Replay, cursor int64, limit int) (Page, error) {
	end := End(r)
	p := Page{Next: min(max(cursor, 0)+int64(limit), end)}
	for i := max(cursor, 0); i < p.Next; i++ {
		e, err := st.Event(ctx, Scope(r.ClientID), r.EventIDs[i])
		p.Examined++
		switch {
		case errors.Is(err, store.ErrNotFound):
		case err != nil:
			return Page{}, fmt.Errorf("read event %s: %w", r.EventIDs[i], err)
		default:
			p.Items = append(p.Items, Item{Event: e, After: i + 1})
		}
	}
	p.Done = p.Next >= end
	return p, nil
}

// scanned walks positions.
func scanned(ctx context.Context, st Store, r *flow.Replay, cursor int64, limit int) (Page, error) {
	q := store.ScanQuery{
		After: cursor, To: r.To, Limit: limit, Type: r.Type, ClientID: r.EventsOf,
		Since: r.Since, Until: r.Until, Data: true,
	}
	if r.FailedOnly {
		q.FailedIn, q.Failed = r.Subscriptions, len(r.Subscriptions) == 0
	}
	got, err := st.Scan(ctx, Scope(r.ClientID), q)
	if err != nil {
		return Page{}, fmt.Errorf("scan events: %w", err)
	}
	p := Page{Next: got.Next, Done: got.Done, Examined: got.Examined, Items: make([]Item, len(got.Events))}
	for i, e := range got.Events {
		p.Items[i] = Item{Event: e, After: e.Position}
	}
	if p.Done {
		p.Next = r.To
	}
	return p, nil
}

// failed lists the subscriptions in which an event is a dead letter. What
// became of it in replays does not count.
func failed(ctx context.Context, st Store, r *flow.Replay, event flow.ID) ([]string, error) {
	page, err := st.ListJobs(ctx, Scope(r.ClientID), store.JobQuery{
		EventID: event, Status: []flow.Status{flow.Failed, flow.Expired}, Limit: 1000,
	})
	if err != nil {
		return nil, fmt.Errorf("list dead letters of event %s: %w", event, err)
	}
	var subscriptions []string
	for i := range page.Jobs {
		j := &page.Jobs[i].Job
		if j.ReplayID == 0 && j.SubscriptionID != "" && wants(r, j.SubscriptionID) {
			subscriptions = append(subscriptions, j.SubscriptionID)
		}
	}
	return subscriptions, nil
}
