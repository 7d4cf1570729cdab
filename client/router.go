package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// Router watches the router and steers it: through the platform, or at the
// router's own address.
type Router struct{ c *Client }

// InFlightFilter narrows a list of messages; what is empty does not.
type InFlightFilter struct {
	MessageID, PoolCode, Endpoint, ClientID, MessageGroup, State string
	Limit                                                        int // 0 is 100
}

// PoolTuning changes a pool; nil leaves as it is.
type PoolTuning struct {
	Concurrency        *int `json:"concurrency,omitempty"`
	RateLimitPerMinute *int `json:"rateLimitPerMinute,omitempty"` // 0 is no limit
	// ConcurrencyMode is FIXED or ADAPTIVE; empty leaves as it is. The bounds
	// are those of ADAPTIVE.
	ConcurrencyMode string `json:"concurrencyMode,omitempty"`
	MinConcurrency  *int   `json:"adaptiveMinConcurrency,omitempty"`
	MaxConcurrency  *int   `json:"adaptiveMaxConcurrency,omitempty"`
}

func got[T any](ctx context.Context, r *Router, path string, q url.Values) (*T, error) {
	v := new(T)
	if _, err := r.c.do(ctx, call{method: http.MethodGet, path: "/monitoring" + path, query: q}, v); err != nil {
		return nil, err
	}
	return v, nil
}

func (r *Router) post(ctx context.Context, path string, body, out any) error {
	_, err := r.c.do(ctx, call{method: http.MethodPost, path: "/monitoring" + path, body: body, key: newKey()}, out)
	return err
}

// Snapshot returns everything at a glance.
func (r *Router) Snapshot(ctx context.Context) (*Snapshot, error) {
	return got[Snapshot](ctx, r, "", nil)
}

// Health returns how every part of the router's process is. One that is down is
// no error.
func (r *Router) Health(ctx context.Context) (*Health, error) {
	v := new(Health)
	if _, err := r.c.do(ctx, call{method: http.MethodGet, path: "/monitoring/health", also: http.StatusServiceUnavailable}, v); err != nil {
		return nil, err
	}
	if v.Status == "" {
		return nil, fmt.Errorf("GET /monitoring/health: the answer says nothing of health; is %s a FlowCatalyst platform?", r.c.base)
	}
	return v, nil
}

// Pools returns the pools at work.
func (r *Router) Pools(ctx context.Context) (*PoolsStats, error) {
	return got[PoolsStats](ctx, r, "/pool-stats", nil)
}

// Endpoints returns up to limit endpoints that were met of late, the busiest
// first; 0 is 1000.
func (r *Router) Endpoints(ctx context.Context, limit int) (*EndpointsStats, error) {
	return got[EndpointsStats](ctx, r, "/endpoints", limited(limit))
}

func limited(n int) url.Values {
	if n <= 0 {
		return nil
	}
	return url.Values{"limit": {strconv.Itoa(n)}}
}

// Breakers returns up to limit breakers, those that are not closed first; 0
// is 1000.
func (r *Router) Breakers(ctx context.Context, limit int) (*Breakers, error) {
	return got[Breakers](ctx, r, "/circuit-breakers", limited(limit))
}

// ResetBreaker closes a breaker in every router. It is named by its endpoint
// or the connection's code.
func (r *Router) ResetBreaker(ctx context.Context, name string) (*Breaker, error) {
	v := new(Breaker)
	if err := r.post(ctx, "/circuit-breakers/"+url.PathEscape(name)+"/reset", nil, v); err != nil {
		return nil, err
	}
	return v, nil
}

// Queues returns what the router's queues hold.
func (r *Router) Queues(ctx context.Context) ([]QueueStats, error) {
	v, err := got[struct {
		Queues []QueueStats `json:"queues"`
	}](ctx, r, "/queues", nil)
	if err != nil {
		return nil, err
	}
	return v.Queues, nil
}

// InFlight returns what the router has in its hands.
func (r *Router) InFlight(ctx context.Context, f InFlightFilter) (*InFlightMessages, error) {
	q := query{}
	q.text("messageId", f.MessageID)
	q.text("poolCode", f.PoolCode)
	q.text("endpoint", f.Endpoint)
	q.text("clientId", f.ClientID)
	q.text("messageGroup", f.MessageGroup)
	q.text("state", f.State)
	return got[InFlightMessages](ctx, r, "/in-flight-messages", q.page("", f.Limit))
}

// maxAsked is how many messages can be asked after in one request.
const maxAsked = 5000

// AreInFlight says of each id, of a message or a job, whether the router has it
// in its hands now.
func (r *Router) AreInFlight(ctx context.Context, ids ...string) (map[string]bool, error) {
	all := make(map[string]bool, len(ids))
	for len(ids) > 0 {
		n := min(len(ids), maxAsked)
		if err := r.post(ctx, "/in-flight-messages/check-batch", map[string][]string{"messageIds": ids[:n]}, &all); err != nil {
			return nil, fmt.Errorf("ask after %d messages: %w", n, err)
		}
		ids = ids[n:]
	}
	return all, nil
}

// Warnings returns what people should look at, the newest first.
func (r *Router) Warnings(ctx context.Context) ([]Warning, error) {
	v, err := got[struct {
		Warnings []Warning `json:"warnings"`
	}](ctx, r, "/warnings", nil)
	if err != nil {
		return nil, err
	}
	return v.Warnings, nil
}

// Acknowledge says that somebody knows of a warning. Doing so twice is no
// error.
func (r *Router) Acknowledge(ctx context.Context, id string) (*Warning, error) {
	v := new(Warning)
	if err := r.post(ctx, "/warnings/"+url.PathEscape(id)+"/acknowledge", nil, v); err != nil {
		return nil, err
	}
	return v, nil
}

// TunePool changes a pool, by code or id: for good, and in every router within
// a second.
func (r *Router) TunePool(ctx context.Context, code string, t PoolTuning) error {
	_, err := r.c.do(ctx, call{method: http.MethodPut, path: "/monitoring/pools/" + url.PathEscape(code), body: t}, nil)
	return err
}
