package platform

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// MaxReplayIDs is how many events a replay may name by id.
const MaxReplayIDs = 1000

// DefaultReplayRate is in exchanges per second.
const DefaultReplayRate = 500

// ReplayRequest is a replay as a request writes it.
type ReplayRequest struct {
	Since         *time.Time      `json:"since,omitempty" doc:"Events accepted at this time or later"`
	Until         *time.Time      `json:"until,omitempty" doc:"Events accepted before this time"`
	Type          string          `json:"type,omitempty" doc:"Four segments, each a word or *"`
	ClientID      string          `json:"clientId,omitempty" doc:"Only events of this client"`
	EventIDs      []string        `json:"eventIds,omitempty" maxItems:"1000" doc:"These events, and no others"`
	FailedOnly    bool            `json:"failedOnly,omitempty" doc:"Only events of which a delivery is a dead letter, and only to the subscriptions where it is"`
	All           bool            `json:"all,omitempty" doc:"Every event there is; needed where nothing else selects"`
	Subscriptions []string        `json:"subscriptions,omitempty" doc:"Ids or codes; absent, all that match now"`
	Target        string          `json:"target,omitempty" doc:"A URL to send them to instead"`
	Connection    string          `json:"connection,omitempty" doc:"The id or code of a connection to send them to instead"`
	Pool          string          `json:"pool,omitempty" doc:"The id or code of the pool, with target or connection"`
	Ordered       bool            `json:"ordered,omitempty" doc:"With target or connection: keep the order within each message group"`
	Rate          json.RawMessage `json:"rate,omitempty" doc:"Exchanges per second, or a text such as 100/s; 0 is no limit, absent is 500"`
	DryRun        bool            `json:"dryRun,omitempty" doc:"Only count what it would send"`
}

// DecodeReplay reads a request.
func DecodeReplay(body []byte) (*ReplayRequest, error) {
	q := new(ReplayRequest)
	if err := unmarshalWork(body, q); err != nil {
		return nil, err
	}
	return q, nil
}

// unmarshalWork reads a request that has times.
func unmarshalWork(body []byte, into any) error {
	err := json.Unmarshal(body, into)
	var when *time.ParseError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &when):
		return invalidField("since, until", "must be RFC 3339 times", "2026-01-02T15:04:05Z")
	}
	return Malformed(err)
}

// replay checks a request and makes the replay, but for its id.
func (p *Platform) replay(ctx context.Context, c Caller, q *ReplayRequest) (*flow.Replay, error) {
	w, err := p.currentWorld(ctx)
	if err != nil {
		return nil, err
	}
	client, refused := c.tenant(w.cat, q.ClientID)
	if refused != nil {
		return nil, refused
	}
	r := &flow.Replay{
		CreatedBy: c.PrincipalID, CreatedAt: p.now(), Status: flow.WorkRunning, Since: moment(q.Since), Until: moment(q.Until),
		Type: q.Type, EventsOf: client, FailedOnly: q.FailedOnly, Target: q.Target, Ordered: q.Ordered,
	}
	if !c.Scope.All {
		r.ClientID = client // it may touch nothing else
	}
	ps := q.check()
	rate, problem := replayRate(q.Rate)
	if r.Rate = rate; problem != nil {
		ps = append(ps, *problem)
	}
	ps = append(ps, aim(p.draft(w, c), c, q, r)...)
	if len(ps) > 0 {
		return nil, Invalid("the replay can not be accepted", ps...)
	}
	if len(q.EventIDs) > 0 {
		return r, p.nameEvents(ctx, c, q.EventIDs, r)
	}
	return r, p.bound(ctx, r)
}

// check says what is wrong with a request by itself.
func (q *ReplayRequest) check() []resource.Problem {
	var ps []resource.Problem
	bad := func(field, detail, try string) {
		ps = append(ps, resource.Problem{Field: field, Detail: detail, Try: try})
	}
	if q.Type != "" {
		if p := resource.CheckPattern(q.Type); p != "" {
			bad("type", p, "orders:fulfillment:shipment:*")
		}
	}
	narrow := q.Since != nil || q.Until != nil || q.Type != "" || q.ClientID != "" || q.FailedOnly
	switch {
	case len(q.EventIDs) > MaxReplayIDs:
		bad("eventIds", fmt.Sprintf("names more than %d events", MaxReplayIDs), "since, until and type")
	case len(q.EventIDs) > 0 && (q.Since != nil || q.Until != nil || q.Type != "" || q.All):
		bad("eventIds", "names the events already; since, until, type and all go without it", "")
	case !narrow && len(q.EventIDs) == 0 && !q.All:
		bad("since", "or until, type, clientId, eventIds or failedOnly is required, so that nobody replays everything by mistake", `"since": "2026-01-02T15:04:05Z", or "all": true`)
	}
	if q.Since != nil && q.Until != nil && !q.Since.Before(*q.Until) {
		bad("until", "must be after since", "")
	}
	elsewhere := q.Target != "" || q.Connection != ""
	if q.Target != "" {
		ps = resource.CheckURL(ps, "target", q.Target)
	}
	switch {
	case q.Target != "" && q.Connection != "":
		bad("connection", "and target can not both be where it goes", "")
	case elsewhere && len(q.Subscriptions) > 0 && !q.FailedOnly:
		bad("subscriptions", "say where events go, and so does target or connection", "one of them; both only with failedOnly, to send what failed elsewhere")
	case !elsewhere && q.Pool != "":
		bad("pool", "is that of the subscriptions, unless there is a target or a connection", "")
	case !elsewhere && q.Ordered:
		bad("ordered", "is for a target or a connection; subscriptions have their mode", "")
	}
	return ps
}

// replayRate reads a rate in exchanges per second.
func replayRate(raw json.RawMessage) (float64, *resource.Problem) {
	bad := &resource.Problem{Field: "rate", Detail: "must be a number of exchanges per second, from 0 to 1000000, or a text such as 100/s", Try: `"100/s"`}
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || string(raw) == "null" {
		return DefaultReplayRate, nil
	}
	var perSecond float64
	var text string
	if json.Unmarshal(raw, &text) == nil {
		if !bytes.ContainsRune(raw, '/') {
			text += "/s"
		}
		rate, err := resource.ParseRate(text)
		if err != nil {
			return 0, bad
		}
		perSecond = rate.PerSecond()
	} else if json.Unmarshal(raw, &perSecond) != nil {
		return 0, bad
	}
	if perSecond < 0 || perSecond > 1e6 {
		return 0, bad
	}
	if perSecond > 0 && perSecond*3600 < 1-1e-9 { // 1/h may be a little less
		return 0, &resource.Problem{Field: "rate", Detail: "must be at least one exchange an hour, or 0 for no limit", Try: `"1/h"`}
	}
	return perSecond, nil
}

// aim resolves where a replay goes.
func aim(d *draft, c Caller, q *ReplayRequest, r *flow.Replay) []resource.Problem {
	var ps []resource.Problem
	find := func(kind resource.Kind, field, name string) resource.Resource {
		info, _ := resource.InfoOf(kind)
		var found resource.Resource
		if c.Scope.All {
			// A code of the events' client comes before one of another.
			for _, client := range slices.Compact([]string{r.EventsOf, ""}) {
				if got, err := d.lookup(c, info, name, client); err == nil {
					found = got
					break
				}
			}
		} else if found = d.resolve(kind, r.ClientID, name, ""); found == nil {
			found = d.resolve(kind, r.ClientID, "", name)
		}
		if found == nil {
			ps = append(ps, resource.Problem{Field: field, Detail: "names no " + info.Title + " that this replay may use"})
		}
		return found
	}
	for i, name := range q.Subscriptions {
		field := fmt.Sprintf("subscriptions[%d]", i)
		found := find(resource.KindSubscription, field, name)
		if found == nil {
			continue
		}
		s := found.(*resource.Subscription)
		switch {
		case r.ClientID != "" && s.ClientID != r.ClientID:
			ps = append(ps, resource.Problem{Field: field, Detail: "is a subscription of anchor level, which this client may not send to"})
		case s.Status == resource.SubscriptionArchived:
			ps = append(ps, resource.Problem{Field: field, Detail: "is archived, and matches nothing"})
		case !slices.Contains(r.Subscriptions, s.ID):
			r.Subscriptions = append(r.Subscriptions, s.ID)
		}
	}
	if q.Connection != "" {
		if found := find(resource.KindConnection, "connection", q.Connection); found != nil {
			r.ConnectionID = found.Base().ID
		}
	}
	if q.Pool != "" {
		if found := find(resource.KindDispatchPool, "pool", q.Pool); found != nil {
			r.PoolID = found.Base().ID
		}
	}
	return ps
}

// nameEvents puts events that were named into their order.
func (p *Platform) nameEvents(ctx context.Context, c Caller, ids []string, r *flow.Replay) error {
	positions := map[flow.ID]int64{}
	for i, text := range ids {
		gone := refuse(CodeNotFound, "eventIds[%d]: there is no event with this id", i)
		id, err := flow.ParseID(text)
		if err != nil {
			return gone
		}
		if _, twice := positions[id]; twice {
			continue
		}
		e, err := p.st.Event(ctx, c.Scope, id)
		switch {
		case errors.Is(err, store.ErrNotFound):
			return gone
		case err != nil:
			return fmt.Errorf("read event: %w", err)
		case r.EventsOf != "" && e.ClientID != r.EventsOf:
			return gone
		case len(e.Data) == 0:
			return refuse(CodeConflict, "eventIds[%d]: the data of this event has been expunged, so that it can not be sent again", i)
		}
		positions[id] = e.Position
		r.EventIDs = append(r.EventIDs, id)
	}
	slices.SortFunc(r.EventIDs, func(a, b flow.ID) int { return int(positions[a] - positions[b]) })
	return nil
}

// clockSlack is by how much the time at which an event was accepted may
// disagree with its position: requests wait for the store this long at most.
const clockSlack = 5 * time.Minute

// bound finds the positions between which the events must be, so that a replay
// of the last hour need not walk over a year, and ends.
func (p *Platform) bound(ctx context.Context, r *flow.Replay) error {
	stats, err := p.st.Stats(ctx)
	if err != nil {
		return fmt.Errorf("read the last position: %w", err)
	}
	r.To = stats.LastPosition
	if until := r.Until.Add(clockSlack); !r.Until.IsZero() && until.Before(r.CreatedAt) {
		last, err := p.st.ListEvents(ctx, store.Everything, store.EventQuery{Until: until, Limit: 1})
		if err != nil {
			return fmt.Errorf("look for the last event: %w", err)
		}
		r.To = 0
		if len(last.Events) > 0 {
			r.To = last.Events[0].Position
		}
	}
	q := store.ScanQuery{To: r.To, Limit: 1}
	if !r.Since.IsZero() {
		q.Since = r.Since.Add(-clockSlack)
	}
	first, err := p.st.Scan(ctx, store.Everything, q)
	switch {
	case err != nil:
		return fmt.Errorf("look for the first event: %w", err)
	case len(first.Events) > 0:
		r.From = first.Events[0].Position - 1
	case first.Done || r.To == 0:
		r.From, r.To = 0, 0
	}
	return nil
}
