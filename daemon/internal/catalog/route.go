package catalog

import (
	"slices"
	"strings"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

// Route is where a job goes as things stand now.
type Route struct {
	Endpoint     string // the key of holds and limits: the connection's id, or the target
	URL          string
	Subscription *resource.Subscription // nil for a task
	Connection   *resource.Connection   // nil for a direct target; its secrets are open
	Pool         *resource.DispatchPool
	// Account, if not nil, is the service account whose webhook credentials
	// go out: the connection, if there is one, has none of its own.
	Account *resource.ServiceAccount
	Replay  *flow.Replay // not nil: the job goes beneath live traffic, at the replay's rate
	Wait    string       // not empty: why the job must not go now
}

// Gone says that a subscription was deleted. One that can not be read (its
// key is missing, say) is not gone: its jobs wait until it is mended.
func (c *Catalog) Gone(subscriptionID string) bool {
	return c.Subscriptions[subscriptionID] == nil && !c.unreadable[subscriptionID]
}

// ReplayGone says that a replay was cancelled, or that nothing is known of it
// any more. One that can not be read is not gone: its jobs wait.
func (c *Catalog) ReplayGone(id flow.ID) bool {
	if rp := c.Replays[id]; rp != nil {
		return rp.Status == flow.WorkCancelled
	}
	return !c.unreadable[id.String()]
}

// LaneGone says that a lane goes nowhere any more, and why: its subscription was
// deleted, or its replay cancelled or forgotten.
func (c *Catalog) LaneGone(lane string) (flow.Reason, bool) {
	if _, task := flow.ParseTaskLane(lane); task {
		return "", false
	}
	replay, subscription, ok := flow.ParseReplayLane(lane)
	if !ok {
		return flow.ReasonSubscription, c.Gone(lane)
	}
	switch {
	case c.ReplayGone(replay):
		return flow.ReasonReplay, true
	case subscription != "" && c.Gone(subscription):
		return flow.ReasonSubscription, true
	}
	return "", false
}

// Route resolves a job. It is false when the job's subscription or connection
// is gone or can not be read.
func (c *Catalog) Route(j *flow.Job) (Route, bool) {
	r, known := c.route(j)
	if r.Wait == "" {
		r.Wait = c.held(j.ClientID)
	}
	return r, known
}

// held says why a client's jobs must not go now, or "".
func (c *Catalog) held(clientID string) string {
	if t := c.Clients[clientID]; t != nil && t.Status != resource.ClientActive {
		return "client " + t.Identifier + " is " + strings.ToLower(t.Status)
	}
	return ""
}

// HoldsClients says that there are clients whose jobs must not go now: then
// the jobs of one lane may differ in that.
func (c *Catalog) HoldsClients() bool { return c.holdsClients }

func (c *Catalog) route(j *flow.Job) (Route, bool) {
	if j.ReplayID != 0 {
		return c.routeReplay(j.ReplayID, j.SubscriptionID)
	}
	if j.SubscriptionID != "" {
		return c.RouteSubscription(j.SubscriptionID)
	}
	var r Route
	if j.Task == nil {
		return r, false
	}
	r.Pool = c.Pool(j.Task.PoolID)
	return c.finish(r, j.Task.ConnectionID, j.Task.TargetURL, j.Task.ServiceAccountID)
}

// RouteLane resolves the lane of a subscription or of a replay, whose jobs all
// go the same way. Jobs in the lane of a task do not; ask Route.
func (c *Catalog) RouteLane(lane string) (Route, bool) {
	if replay, subscription, ok := flow.ParseReplayLane(lane); ok {
		return c.routeReplay(replay, subscription)
	}
	return c.RouteSubscription(lane)
}

// routeReplay is the route of a replay's job: the subscription's as it is
// now, or the replay's own, beneath live traffic.
func (c *Catalog) routeReplay(id flow.ID, subscriptionID string) (r Route, known bool) {
	rp := c.Replays[id]
	switch {
	case subscriptionID != "":
		r, known = c.RouteSubscription(subscriptionID)
	case rp == nil:
		r.Pool = c.defaultPool
	default:
		r, known = c.finish(Route{Pool: c.Pool(rp.PoolID)}, rp.ConnectionID, rp.Target, "")
	}
	if rp == nil && c.unreadable[id.String()] {
		r.Wait = "replay " + id.String() + " can not be read"
	}
	if r.Replay = rp; rp != nil && rp.Status == flow.WorkPaused {
		r.Wait = "replay " + rp.ID.String() + " is paused"
	}
	return r, known
}

// RouteSubscription resolves a subscription by id.
func (c *Catalog) RouteSubscription(id string) (Route, bool) {
	s := c.Subscriptions[id]
	if s == nil {
		r := Route{Pool: c.defaultPool}
		if c.unreadable[id] {
			r.Wait = "subscription " + id + " can not be read"
		}
		return r, false
	}
	r := Route{Subscription: s, Pool: c.Pool(s.DispatchPoolID)}
	if s.DispatchPoolID == "" && s.DispatchPoolCode != "" {
		r.Pool = c.PoolByCode(s.DispatchPoolCode, s.ClientID) // it came later than the subscription
	}
	if s.Status == resource.SubscriptionPaused {
		r.Wait = "subscription " + s.Code + " is paused"
	}
	r, known := c.finish(r, s.ConnectionID, s.Target, s.ServiceAccountID)
	if a := r.Account; a != nil && s.ClientID != "" && !slices.Equal(a.ClientIDs, []string{s.ClientID}) {
		// Those who manage this client would get what is of others.
		r.Wait = "service account " + a.Code + " is of more than the subscription's client"
	}
	return r, known
}

func (c *Catalog) finish(r Route, connectionID, target, account string) (Route, bool) {
	r.Endpoint, r.URL = target, target
	if connectionID != "" {
		conn := c.Connections[connectionID]
		if conn == nil {
			if c.unreadable[connectionID] {
				r.Wait = "connection " + connectionID + " can not be read"
			}
			return r, false
		}
		// The URL is the connection's, whatever target stands beside it: what
		// its credentials open is there, and they go nowhere else.
		r.Connection, r.Endpoint, r.URL = conn, conn.ID, conn.URL
		if conn.Status == resource.ConnectionPaused {
			r.Wait = "connection " + conn.Code + " is paused"
		}
	}
	if a := c.ServiceAccounts[account]; a != nil && a.Webhook.Shows() && !r.Connection.Shows() {
		if r.Account = a; !a.IsActive() {
			r.Wait = "service account " + a.Code + " is not active"
		}
	} else if c.unreadable[account] {
		r.Wait = "service account " + account + " can not be read"
	}
	if r.Pool.Status == resource.PoolSuspended {
		r.Wait = "pool " + r.Pool.Code + " is suspended"
	}
	return r, r.URL != ""
}

// Showing is the connection with what is shown to the endpoint: as it is, or
// with the credentials of the service account. It is nil where there is
// neither.
func (r *Route) Showing() *resource.Connection {
	if r.Account == nil {
		return r.Connection
	}
	con := resource.Connection{Code: r.Account.Code}
	if r.Connection != nil {
		con = *r.Connection
	}
	con.Auth, con.Signing = r.Account.Webhook.Delivery()
	return &con
}
