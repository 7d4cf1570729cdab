package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// groupRoutes are the rows about blocked groups.
func (s *server) groupRoutes() []route {
	const (
		get, post = http.MethodGet, http.MethodPost

		see   = "platform:messaging:dispatch-job:view"
		retry = "platform:messaging:dispatch-job:retry"
		edit  = "platform:messaging:dispatch-job:update"
		one   = "/api/groups/{orderKey}"
		tag   = "groups"
	)
	return []route{
		{get, "/api/groups", see, "listBlockedGroups", tag, "List groups that a dead letter blocks, longest first", nil, s.listOf("groups", groupView{}), 0, through(s, s.listGroups)},
		{post, one + "/retry", retry, "retryGroup", tag, "Send the dead letter again; the others keep waiting for it", nil, JobView{}, 0, through(s, s.groupAct((*platform.Platform).RetryGroup))},
		{post, one + "/skip", edit, "skipGroup", tag, "Give the dead letter up; the next goes", nil, JobView{}, 0, through(s, s.groupAct((*platform.Platform).SkipGroup))},
		{post, one + "/cancel-waiting", edit, "cancelWaitingOfGroup", tag, "Cancel all that wait behind the first, which stays", nil, cancelledWaiting{}, 0, through(s, s.cancelWaiting)},
	}
}

type groupsQuery struct {
	Paging
	SubscriptionID string `query:"subscriptionId" doc:"Its id or code"`
	ClientID       string `query:"clientId"`
}

type groupView struct {
	OrderKey         string   `json:"orderKey"`
	SubscriptionID   string   `json:"subscriptionId,omitempty"`
	SubscriptionCode string   `json:"subscriptionCode,omitempty"`
	ClientID         string   `json:"clientId,omitempty"`
	MessageGroup     string   `json:"messageGroup"`
	ReplayID         string   `json:"replayId,omitempty"`
	BlockedSince     stamp    `json:"blockedSince"`
	Waiting          int      `json:"waiting" doc:"Jobs behind the dead letter, counted up to 1000"`
	Head             *JobView `json:"head" doc:"The dead letter"`
}

type groupsAnswer struct {
	Groups     []groupView `json:"groups"`
	NextCursor string      `json:"nextCursor"`
	HasMore    bool        `json:"hasMore"`
	Partial    bool        `json:"partial,omitempty"`
}

func (s *server) listGroups(ctx context.Context, c *call, in *groupsQuery) (*result, error) {
	client, err := s.p.ClientID(ctx, in.ClientID)
	if err != nil {
		return nil, err
	}
	q := store.GateQuery{ClientID: client, Limit: in.limit()}
	after, err := unseal("groups", in.Cursor, 1)
	if err != nil {
		return nil, err
	}
	if after != nil {
		q.After = after[0]
	}
	if in.SubscriptionID != "" {
		if q.SubscriptionID, err = s.p.SubscriptionID(ctx, c.Caller, in.SubscriptionID); err != nil {
			return nil, err
		}
	}
	groups, next, partial, err := s.p.Groups(ctx, c.Caller, q)
	if errors.Is(err, store.ErrCursor) {
		return nil, badField("cursor", "is not a cursor of this list", "nextCursor of the page before")
	}
	if err != nil {
		return nil, err
	}
	cat, err := s.p.Routes(ctx)
	if err != nil {
		return nil, err
	}
	answer := groupsAnswer{Groups: make([]groupView, len(groups)), Partial: partial}
	for i := range groups {
		g := &groups[i]
		v := groupView{OrderKey: g.Key.String(), SubscriptionID: g.SubscriptionID, ClientID: g.ClientID, MessageGroup: g.MessageGroup,
			BlockedSince: stamp(g.BlockedSince), Waiting: g.Waiting, Head: jobOf(cat, &g.Head.Job, g.Head.Event)}
		v.Head.block(g.BlockedSince)
		if sub := cat.Subscriptions[g.SubscriptionID]; sub != nil {
			v.SubscriptionCode = sub.Code
		}
		if g.ReplayID != 0 {
			v.ReplayID = flow.ReplayID(g.ReplayID)
		}
		answer.Groups[i] = v
	}
	if next != "" {
		answer.HasMore, answer.NextCursor = true, seal("groups", next)
	}
	return ok(answer), nil
}

type orderKeyInput struct {
	OrderKey string `path:"orderKey" doc:"32 hexadecimal digits"`
}

func (s *server) groupAct(do func(*platform.Platform, context.Context, platform.Caller, string) (flow.Job, error)) func(context.Context, *call, *orderKeyInput) (*result, error) {
	return func(ctx context.Context, c *call, in *orderKeyInput) (*result, error) {
		j, err := do(s.p, ctx, c.Caller, in.OrderKey)
		if err != nil {
			return nil, err
		}
		v, err := s.showJob(ctx, c, j.ID.String())
		if err != nil {
			return nil, err
		}
		return ok(v), nil
	}
}

type cancelledWaiting struct {
	Cancelled int  `json:"cancelled" doc:"How many were cancelled"`
	More      bool `json:"more" doc:"There are more; asking again goes on"`
}

func (s *server) cancelWaiting(ctx context.Context, c *call, in *orderKeyInput) (*result, error) {
	n, more, err := s.p.CancelWaiting(ctx, c.Caller, in.OrderKey)
	if err != nil {
		return nil, err
	}
	return ok(cancelledWaiting{n, more}), nil
}
