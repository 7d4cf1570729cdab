package router

import (
	"context"
	"encoding/json"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/router/courier"
)

// Trial is an exchange that was made to be looked at.
type Trial = courier.Trial

// trialSource is the source of the events that trials send.
const trialSource = "flowcatalyst"

// Try sends an event to a connection that nobody published, as a delivery would
// be sent and under the same rules, and tells what was seen. It makes no job,
// takes no slot and counts on no breaker. Whether the connection is paused or
// held makes no difference.
func (r *Router) Try(ctx context.Context, c *resource.Connection, eventType string, data json.RawMessage) Trial {
	now := r.Now()
	ev := &flow.Event{ID: r.trialIDs.New(now), Type: eventType, Source: trialSource, Time: now, Data: data, ClientID: c.ClientID}
	j := &flow.Job{ID: r.trialIDs.New(now), EventID: ev.ID, ClientID: c.ClientID, Attempts: 1, Policy: flow.DefaultPolicy(), LastAttemptAt: now}
	route := catalog.Route{Endpoint: c.ID, URL: c.URL, Connection: c}
	return r.courier.Try(ctx, &courier.Order{Job: j, Event: ev, Route: route, Known: true, Started: time.Now()})
}
