package client

import (
	"context"
	"iter"
	"net/url"
	"time"
)

// Groups are message groups that a dead letter blocks, in subscriptions of
// mode BLOCK_ON_ERROR.
type Groups struct{ c *Client }

// Group is one blocked group.
type Group struct {
	OrderKey         string    `json:"orderKey"`
	SubscriptionID   string    `json:"subscriptionId,omitempty"`
	SubscriptionCode string    `json:"subscriptionCode,omitempty"`
	ClientID         string    `json:"clientId,omitempty"`
	MessageGroup     string    `json:"messageGroup"`
	ReplayID         string    `json:"replayId,omitempty"`
	BlockedSince     time.Time `json:"blockedSince"`
	Waiting          int       `json:"waiting"` // behind the head, counted up to 1000
	Head             Job       `json:"head"`    // the dead letter
}

// GroupFilter narrows a list of blocked groups; what is empty does not.
type GroupFilter struct {
	SubscriptionID, ClientID string
	PageSize                 int
}

func (f GroupFilter) values(cursor string) url.Values {
	q := query{}
	q.text("subscriptionId", f.SubscriptionID)
	q.text("clientId", f.ClientID)
	return q.page(cursor, f.PageSize)
}

// Page returns one page of blocked groups, longest blocked first.
func (g *Groups) Page(ctx context.Context, f GroupFilter, cursor string) (*Page[Group], error) {
	return list(ctx, g.c, "/api/groups", f.values(cursor), decode[Group], "groups")
}

// List walks all blocked groups, longest blocked first.
func (g *Groups) List(ctx context.Context, f GroupFilter) iter.Seq2[Group, error] {
	return all(func(cursor string) (*Page[Group], error) { return g.Page(ctx, f, cursor) })
}

// Retry sends the dead letter that blocks a group again, and returns it. The
// others keep waiting for it.
func (g *Groups) Retry(ctx context.Context, orderKey string) (*Job, error) {
	return post[Job](ctx, g.c, "/api/groups", orderKey, "retry", nil)
}

// Skip gives the dead letter that blocks a group up, and returns it. The next
// goes.
func (g *Groups) Skip(ctx context.Context, orderKey string) (*Job, error) {
	return post[Job](ctx, g.c, "/api/groups", orderKey, "skip", nil)
}

// CancelWaiting cancels all that wait behind the first of a group, which
// stays, and returns how many.
func (g *Groups) CancelWaiting(ctx context.Context, orderKey string) (int, error) {
	for total := 0; ; {
		got, err := post[struct {
			Cancelled int  `json:"cancelled"`
			More      bool `json:"more"`
		}](ctx, g.c, "/api/groups", orderKey, "cancel-waiting", nil)
		if err != nil {
			return total, err
		}
		if total += got.Cancelled; !got.More {
			return total, nil
		}
	}
}
