package client

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// Replays send events again.
type Replays struct{ c *Client }

// NewReplay says which events to send again, and where to. Of what selects
// events at least one must be there, or All.
type NewReplay struct {
	// Since and Until bound when the events were accepted.
	Since time.Time `json:"since,omitzero"`
	Until time.Time `json:"until,omitzero"`
	// Type is a pattern of four segments: "shop:sales:*:*".
	Type     string   `json:"type,omitempty"`
	ClientID string   `json:"clientId,omitempty"`
	EventIDs []string `json:"eventIds,omitempty"` // at most 1000
	// FailedOnly takes events of which a delivery is a dead letter, and sends
	// them only to the subscriptions where it is.
	FailedOnly bool `json:"failedOnly,omitempty"`
	// All takes every event, where nothing else selects.
	All bool `json:"all,omitempty"`
	// Subscriptions, by id or code, bound where it goes; none is all that
	// match now.
	Subscriptions []string `json:"subscriptions,omitempty"`
	// Target is a URL, and Connection the id or code of a connection, to send
	// them to instead. Pool is whose slots that takes; Ordered keeps the order
	// within each message group.
	Target     string `json:"target,omitempty"`
	Connection string `json:"connection,omitempty"`
	Pool       string `json:"pool,omitempty"`
	Ordered    bool   `json:"ordered,omitempty"`
	// Rate is in exchanges per second; nil is 500, and 0 no limit.
	Rate *float64 `json:"rate,omitempty"`
}

// Replay is a replay and how far it is.
type Replay struct {
	ID             string         `json:"id"`
	Status         string         `json:"status"` // see the Work constants
	ClientID       string         `json:"clientId,omitempty"`
	Since          time.Time      `json:"since,omitzero"`
	Until          time.Time      `json:"until,omitzero"`
	Type           string         `json:"type,omitempty"`
	EventIDs       []string       `json:"eventIds,omitempty"` // not in lists
	EventCount     int            `json:"eventCount,omitempty"`
	FailedOnly     bool           `json:"failedOnly,omitempty"`
	Subscriptions  []ReplayTarget `json:"subscriptions,omitempty"`
	Target         string         `json:"target,omitempty"`
	ConnectionID   string         `json:"connectionId,omitempty"`
	DispatchPoolID string         `json:"dispatchPoolId,omitempty"`
	Ordered        bool           `json:"ordered,omitempty"`
	Rate           float64        `json:"rate"`
	Progress       Progress       `json:"progress"`
	CreatedBy      string         `json:"createdBy,omitempty"`
	CreatedAt      time.Time      `json:"createdAt"`
	EndedAt        time.Time      `json:"endedAt,omitzero"`
}

// ReplayTarget is a subscription by both its names.
type ReplayTarget struct {
	SubscriptionID string `json:"subscriptionId"`
	Code           string `json:"code,omitempty"`
}

// Progress is how far a replay is. Open jobs are those that have not ended.
type Progress struct {
	Percent   float64 `json:"percent"` // of what is looked through
	Examined  int64   `json:"examined"`
	Created   int64   `json:"created"`
	Open      int64   `json:"open"`
	Completed int64   `json:"completed"`
	Failed    int64   `json:"failed"`
	Cancelled int64   `json:"cancelled"`
	Expired   int64   `json:"expired"`
}

// The states of replays and of tasks over dead letters; the last two are
// final.
const (
	WorkRunning   = "RUNNING"
	WorkPaused    = "PAUSED"
	WorkCancelled = "CANCELLED"
	WorkCompleted = "COMPLETED"
)

// Over says that a replay has ended.
func (r *Replay) Over() bool { return r.Status == WorkCancelled || r.Status == WorkCompleted }

// ReplayPreview is what a replay would send.
type ReplayPreview struct {
	Events          int             `json:"events"`   // that fit
	Expunged        int             `json:"expunged"` // of these, whose data is gone
	Jobs            int             `json:"jobs"`
	Examined        int             `json:"examined"`
	PerSubscription []PreviewTarget `json:"perSubscription"`
	Sample          []Event         `json:"sample"` // the first, without their data
	// Partial says that the server stopped looking before the end.
	Partial bool `json:"partial"`
}

// PreviewTarget is what one subscription would get; without an id it is the
// replay's own target.
type PreviewTarget struct {
	SubscriptionID string `json:"subscriptionId,omitempty"`
	Code           string `json:"code,omitempty"`
	Status         string `json:"status,omitempty"`
	Jobs           int    `json:"jobs"`
}

// Create starts a replay.
func (r *Replays) Create(ctx context.Context, n NewReplay) (*Replay, error) {
	v := new(Replay)
	if _, err := r.c.do(ctx, call{method: http.MethodPost, path: "/api/replays", body: n, key: newKey()}, v); err != nil {
		return nil, fmt.Errorf("start a replay: %w", err)
	}
	return v, nil
}

// Preview counts what a replay would send, and starts none.
func (r *Replays) Preview(ctx context.Context, n NewReplay) (*ReplayPreview, error) {
	body := struct {
		NewReplay
		DryRun bool `json:"dryRun"`
	}{n, true}
	v := new(ReplayPreview)
	if _, err := r.c.do(ctx, call{method: http.MethodPost, path: "/api/replays", body: body, key: newKey()}, v); err != nil {
		return nil, fmt.Errorf("preview a replay: %w", err)
	}
	return v, nil
}

// WorkFilter narrows a list of replays or of tasks over dead letters; what is
// empty does not.
type WorkFilter struct {
	Status, ClientID string
	PageSize         int
}

func (f WorkFilter) values(cursor string) url.Values {
	q := query{}
	q.text("status", f.Status)
	q.text("clientId", f.ClientID)
	return q.page(cursor, f.PageSize)
}

// Page returns one page of replays, newest first.
func (r *Replays) Page(ctx context.Context, f WorkFilter, cursor string) (*Page[Replay], error) {
	return list(ctx, r.c, "/api/replays", f.values(cursor), decode[Replay], "replays")
}

// List walks all replays, newest first.
func (r *Replays) List(ctx context.Context, f WorkFilter) iter.Seq2[Replay, error] {
	return all(func(cursor string) (*Page[Replay], error) { return r.Page(ctx, f, cursor) })
}

// Get returns one replay.
func (r *Replays) Get(ctx context.Context, id string) (*Replay, error) {
	return see[Replay](ctx, r.c, "/api/replays", id)
}

// Pause makes a replay send nothing until it is resumed. What is under way
// ends. Pausing twice is not an error.
func (r *Replays) Pause(ctx context.Context, id string) (*Replay, error) {
	return post[Replay](ctx, r.c, "/api/replays", id, "pause", nil)
}

// Resume lets a paused replay go on.
func (r *Replays) Resume(ctx context.Context, id string) (*Replay, error) {
	return post[Replay](ctx, r.c, "/api/replays", id, "resume", nil)
}

// Cancel ends a replay and cancels its open jobs.
func (r *Replays) Cancel(ctx context.Context, id string) (*Replay, error) {
	return post[Replay](ctx, r.c, "/api/replays", id, "cancel", nil)
}

// SetRate changes how many exchanges per second a replay starts; 0 is no
// limit.
func (r *Replays) SetRate(ctx context.Context, id string, perSecond float64) error {
	_, err := r.c.do(ctx, call{method: http.MethodPut, path: pathOf("/api/replays", id, ""), body: map[string]float64{"rate": perSecond}}, nil)
	return err
}

// pathOf is the path of one thing of a collection, or of a verb on it.
func pathOf(collection, id, verb string) string {
	p := collection + "/" + url.PathEscape(id)
	if verb != "" {
		p += "/" + verb
	}
	return p
}

// see reads one thing of a collection.
func see[T any](ctx context.Context, c *Client, collection, id string) (*T, error) {
	v := new(T)
	if _, err := c.do(ctx, call{method: http.MethodGet, path: pathOf(collection, id, "")}, v); err != nil {
		return nil, err
	}
	return v, nil
}

// post does something to one thing of a collection. All such verbs may be
// repeated.
func post[T any](ctx context.Context, c *Client, collection, id, verb string, body any) (*T, error) {
	v := new(T)
	if _, err := c.do(ctx, call{method: http.MethodPost, path: pathOf(collection, id, verb), body: body, key: newKey()}, v); err != nil {
		return nil, err
	}
	return v, nil
}
