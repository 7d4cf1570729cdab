package api

import (
	"context"
	"math"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// replayRoutes are the rows about replays.
func (s *server) replayRoutes() []route {
	const (
		get, post = http.MethodGet, http.MethodPost

		see    = "platform:messaging:replay:view"
		make   = "platform:messaging:replay:create"
		change = "platform:messaging:replay:update"
		one    = "/api/replays/{id}"
		tag    = "replays"
	)
	return []route{
		{post, "/api/replays", make, "createReplay", tag, "Send events again; with dryRun, count what it would send and answer 200", platform.ReplayRequest{}, replayView{}, http.StatusCreated, s.alsoOK(previewView{}, through(s, s.createReplay))},
		{get, "/api/replays", see, "listReplays", tag, "List replays, newest first", nil, s.listOf("replays", replayView{}), 0, through(s, s.listReplays)},
		{get, one, see, "getReplay", tag, "One replay and how far it is", nil, replayView{}, 0, through(s, s.getReplay)},
		{http.MethodPut, one, change, "updateReplay", tag, "Change how fast it goes", replayRateDoc{}, nil, http.StatusNoContent, through(s, s.updateReplay)},
		{post, one + "/pause", change, "pauseReplay", tag, "Make no more jobs and hand none out", nil, replayView{}, 0, through(s, s.moveReplay(flow.WorkPaused))},
		{post, one + "/resume", change, "resumeReplay", tag, "Go on", nil, replayView{}, 0, through(s, s.moveReplay(flow.WorkRunning))},
		{post, one + "/cancel", change, "cancelReplay", tag, "End it; its open jobs are cancelled", nil, replayView{}, 0, through(s, s.moveReplay(flow.WorkCancelled))},
	}
}

// alsoOK documents what else a POST answers with 200.
func (s *server) alsoOK(of any, add func(route)) func(route) {
	return func(rt route) {
		add(rt)
		s.huma.OpenAPI().Paths[rt.path].Post.Responses["200"] = &huma.Response{
			Description: http.StatusText(http.StatusOK), Content: map[string]*huma.MediaType{"application/json": {Schema: s.schema(of)}},
		}
	}
}

// workProgress is how far a replay or a dead-letter task is.
type workProgress struct {
	Percent   float64 `json:"percent" doc:"Of what is looked through"`
	Examined  int64   `json:"examined" doc:"Rows that were looked at"`
	Created   int64   `json:"created" doc:"Jobs that were made, or dead letters that were acted on"`
	Open      int64   `json:"open" doc:"Jobs that are not final"`
	Completed int64   `json:"completed"`
	Failed    int64   `json:"failed"`
	Cancelled int64   `json:"cancelled"`
	Expired   int64   `json:"expired"`
}

func progressOf(p store.Progress, percent float64) workProgress {
	return workProgress{
		Percent: math.Floor(percent*10) / 10, Examined: p.Examined, Created: p.Created, Open: p.Open(),
		Completed: p.Completed, Failed: p.Failed, Cancelled: p.Cancelled, Expired: p.Expired,
	}
}

type replayView struct {
	ID            string          `json:"id"`
	Status        flow.WorkStatus `json:"status" enum:"RUNNING,PAUSED,CANCELLED,COMPLETED"`
	ClientID      string          `json:"clientId,omitempty" doc:"Whose events; absent, everybody's"`
	Since         stamp           `json:"since,omitzero"`
	Until         stamp           `json:"until,omitzero"`
	Type          string          `json:"type,omitempty"`
	EventIDs      []flow.ID       `json:"eventIds,omitempty" doc:"Not in lists"`
	EventCount    int             `json:"eventCount,omitempty" doc:"Of eventIds"`
	FailedOnly    bool            `json:"failedOnly,omitempty"`
	Subscriptions []replayTarget  `json:"subscriptions,omitempty" doc:"Absent, all that match"`
	Target        string          `json:"target,omitempty"`
	ConnectionID  string          `json:"connectionId,omitempty"`
	PoolID        string          `json:"dispatchPoolId,omitempty"`
	Ordered       bool            `json:"ordered,omitempty"`
	Rate          float64         `json:"rate" doc:"Exchanges per second; 0 is no limit"`
	Progress      workProgress    `json:"progress"`
	CreatedBy     string          `json:"createdBy,omitempty"`
	CreatedAt     stamp           `json:"createdAt"`
	EndedAt       stamp           `json:"endedAt,omitzero"`
}

// replayTarget is a subscription by both its names.
type replayTarget struct {
	SubscriptionID string `json:"subscriptionId"`
	Code           string `json:"code,omitempty"`
}

func replayOf(cat *catalog.Catalog, d *platform.ReplayDetail) *replayView {
	v := &replayView{
		ID: flow.ReplayID(d.ID), Status: d.Status, ClientID: d.EventsOf, Since: stamp(d.Since), Until: stamp(d.Until), Type: d.Type,
		EventIDs: d.EventIDs, EventCount: len(d.EventIDs), FailedOnly: d.FailedOnly, Target: d.Target, ConnectionID: d.ConnectionID,
		PoolID: d.PoolID, Ordered: d.Ordered, Rate: d.Rate, CreatedBy: d.CreatedBy, CreatedAt: stamp(d.CreatedAt), EndedAt: stamp(d.EndedAt),
	}
	for _, id := range d.Subscriptions {
		t := replayTarget{SubscriptionID: id}
		if sub := cat.Subscriptions[id]; sub != nil {
			t.Code = sub.Code
		}
		v.Subscriptions = append(v.Subscriptions, t)
	}
	v.Progress = progressOf(d.Progress, d.Percent())
	return v
}

func (s *server) showReplay(ctx context.Context, status int, d platform.ReplayDetail) (*result, error) {
	cat, err := s.p.Routes(ctx)
	if err != nil {
		return nil, err
	}
	return &result{Status: status, Body: replayOf(cat, &d)}, nil
}

// previewView is the answer to a dry run.
type previewView struct {
	DryRun          bool            `json:"dryRun"`
	Events          int             `json:"events" doc:"That fit"`
	Expunged        int             `json:"expunged" doc:"Of these, events whose data is gone; they can not be sent"`
	Jobs            int             `json:"jobs" doc:"That would be made"`
	Examined        int             `json:"examined"`
	PerSubscription []previewTarget `json:"perSubscription"`
	Sample          []EventDoc      `json:"sample" doc:"The first events that would go, without their data"`
	Partial         bool            `json:"partial" doc:"It stopped looking before the end: there are more"`
}

type previewTarget struct {
	SubscriptionID string `json:"subscriptionId,omitempty" doc:"Absent, the replay's own target"`
	Code           string `json:"code,omitempty"`
	Status         string `json:"status,omitempty" doc:"A PAUSED one gets them when it is resumed"`
	Jobs           int    `json:"jobs"`
}

type createReplayInput struct {
	BodyInput
	IdempotencyKey string `header:"Idempotency-Key" doc:"A repeat answers 200 with the replay that is there"`
}

func (s *server) createReplay(ctx context.Context, c *call, in *createReplayInput) (*result, error) {
	q, err := platform.DecodeReplay(in.RawBody)
	if err != nil {
		return nil, err
	}
	if q.DryRun {
		return s.previewReplay(ctx, c, q)
	}
	d, duplicate, err := s.p.CreateReplay(ctx, c.Caller, q, in.IdempotencyKey)
	if err != nil {
		return nil, err
	}
	if duplicate {
		return s.showReplay(ctx, http.StatusOK, d)
	}
	return s.showReplay(ctx, http.StatusCreated, d)
}

func (s *server) previewReplay(ctx context.Context, c *call, q *platform.ReplayRequest) (*result, error) {
	p, err := s.p.PreviewReplay(ctx, c.Caller, q)
	if err != nil {
		return nil, err
	}
	v := previewView{DryRun: true, Events: p.Events, Expunged: p.Expunged, Jobs: p.Jobs, Examined: p.Examined, Partial: p.Partial,
		PerSubscription: []previewTarget{}, Sample: []EventDoc{}}
	for _, t := range p.Targets {
		row := previewTarget{Jobs: t.Jobs}
		if t.Subscription != nil {
			row.SubscriptionID, row.Code, row.Status = t.Subscription.ID, t.Subscription.Code, t.Subscription.Status
		}
		v.PerSubscription = append(v.PerSubscription, row)
	}
	for i := range p.Sample {
		e := &p.Sample[i]
		v.Sample = append(v.Sample, EventDoc{
			ID: e.ID.String(), Type: e.Type, Source: e.Source, Subject: e.Subject, Time: e.Time, MessageGroup: e.MessageGroup,
			CorrelationID: e.CorrelationID, ClientID: e.ClientID, CreatedAt: e.CreatedAt,
		})
	}
	return ok(v), nil
}

// WorksQuery is exported because it is embedded: others are not read.
type WorksQuery struct {
	Paging
	Status   string `query:"status" enum:"RUNNING,PAUSED,CANCELLED,COMPLETED"`
	ClientID string `query:"clientId"`
}

func (q *WorksQuery) read(list string) (platform.WorkQuery, error) {
	before, err := unsealNumber(list, q.Cursor)
	return platform.WorkQuery{Before: flow.ID(before), Limit: q.limit(), Status: flow.WorkStatus(q.Status), ClientID: q.ClientID}, err
}

// pageOf is the answer of a list of work.
func pageOf[T any](list string, items []T, next flow.ID) *result {
	cursor := ""
	if next != 0 {
		cursor = seal(list, strconv.FormatUint(uint64(next), 10))
	}
	return ok(map[string]any{list: items, "nextCursor": cursor, "hasMore": next != 0})
}

func (s *server) listReplays(ctx context.Context, c *call, in *WorksQuery) (*result, error) {
	q, err := in.read("replays")
	if err != nil {
		return nil, err
	}
	page, next, err := s.p.Replays(ctx, c.Caller, q)
	if err != nil {
		return nil, err
	}
	cat, err := s.p.Routes(ctx)
	if err != nil {
		return nil, err
	}
	views := make([]*replayView, len(page))
	for i := range page {
		views[i] = replayOf(cat, &page[i])
		views[i].EventIDs = nil
	}
	return pageOf("replays", views, next), nil
}

func (s *server) getReplay(ctx context.Context, c *call, in *idInput) (*result, error) {
	d, err := s.p.Replay(ctx, c.Caller, in.ID)
	if err != nil {
		return nil, err
	}
	return s.showReplay(ctx, http.StatusOK, d)
}

func (s *server) moveReplay(status flow.WorkStatus) func(context.Context, *call, *idInput) (*result, error) {
	return func(ctx context.Context, c *call, in *idInput) (*result, error) {
		d, err := s.p.SetReplayStatus(ctx, c.Caller, in.ID, status)
		if err != nil {
			return nil, err
		}
		return s.showReplay(ctx, http.StatusOK, d)
	}
}

type replayRateDoc struct {
	Rate any `json:"rate" doc:"Exchanges per second, or a text such as 100/s; 0 is no limit"`
}

type idBodyInput struct {
	ID string `path:"id"`
	BodyInput
}

func (s *server) updateReplay(ctx context.Context, c *call, in *idBodyInput) (*result, error) {
	if _, err := s.p.SetReplayRate(ctx, c.Caller, in.ID, in.RawBody); err != nil {
		return nil, err
	}
	return &result{Status: http.StatusNoContent}, nil
}
