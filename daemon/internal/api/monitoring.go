package api

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/api/monitor"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/router"
	"github.com/flowcatalyst/fc/daemon/internal/telemetry"
)

// maxAsked is how many messages may be asked after at once.
const maxAsked = 5000

// errNoRouter answers where there is nothing to monitor.
func errNoRouter() error {
	return newProblem(http.StatusNotFound, string(platform.CodeNotFound), "no router runs in this process; the listener of one that does answers this")
}

// watched lets a handler look at the router.
func watched[I any](s *server, do func(ctx context.Context, m *monitor.Monitor, c *call, in *I) (*result, error)) func(route) {
	return through(s, func(ctx context.Context, c *call, in *I) (*result, error) {
		if s.o.Monitor == nil {
			return nil, errNoRouter()
		}
		return do(ctx, s.o.Monitor, c, in)
	})
}

func (s *server) overview(ctx context.Context, m *monitor.Monitor, c *call, _ *struct{}) (*result, error) {
	now := m.Look(ctx)
	return live(viewSnapshot(&now, m.Warnings().List(), c.Scope, s.may(&c.caller))), nil
}

// live is an answer that is old at once.
func live(body any) *result {
	return &result{Status: http.StatusOK, CacheControl: "no-store", Body: body}
}

func (s *server) routerHealth(ctx context.Context, m *monitor.Monitor, c *call, _ *struct{}) (*result, error) {
	report := m.Health(ctx)
	if !c.Scope.All {
		for i := range report.Components {
			report.Components[i].Error = ""
		}
	}
	res := live(report)
	if report.Status != "UP" {
		res.Status = http.StatusServiceUnavailable
	}
	return res, nil
}

// doorHealth is for probes, who are told no more than at the platform.
func (s *server) doorHealth(ctx context.Context, m *monitor.Monitor, _ *call, _ *struct{}) (*result, error) {
	report := m.Health(ctx)
	res := live(healthAnswer{report.Status})
	if report.Status != "UP" {
		res.Status = http.StatusServiceUnavailable
	}
	return res, nil
}

func (s *server) poolStats(ctx context.Context, m *monitor.Monitor, c *call, _ *struct{}) (*result, error) {
	now := m.Look(ctx)
	return live(viewPools(now.Pools, c.Scope.Sees)), nil
}

type partQuery struct {
	Limit int `query:"limit" minimum:"0" maximum:"10000" doc:"0 or absent is 1000"`
}

func (q *partQuery) limit() int {
	if q.Limit == 0 {
		return 1000
	}
	return q.Limit
}

func (s *server) endpointStats(ctx context.Context, m *monitor.Monitor, c *call, in *partQuery) (*result, error) {
	now := m.Look(ctx)
	return live(viewEndpoints(&now, c.Scope.Sees, in.limit())), nil
}

func (s *server) queueStats(ctx context.Context, m *monitor.Monitor, c *call, _ *struct{}) (*result, error) {
	if !c.Scope.All {
		return live(queuesAnswer{Queues: []queueView{}}), nil // all clients share them
	}
	now := m.Look(ctx)
	a := queuesAnswer{Queues: viewQueues(&now)}
	if now.Queue == nil {
		a.Problems = now.Problems
	}
	return live(a), nil
}

func (s *server) breakers(ctx context.Context, m *monitor.Monitor, c *call, in *partQuery) (*result, error) {
	now := m.Look(ctx)
	return live(viewBreakers(&now, c.Scope.Sees, in.limit(), true)), nil
}

type nameInput struct {
	Name string `path:"name" doc:"The endpoint (a connection's id or a URL, percent-encoded), or the connection's code"`
}

func (s *server) resetBreaker(ctx context.Context, m *monitor.Monitor, c *call, in *nameInput) (*result, error) {
	now := m.Look(ctx)
	bs := now.Find(in.Name, c.Scope.Sees)
	switch len(bs) {
	case 0:
		return nil, newProblem(http.StatusNotFound, string(platform.CodeNotFound), "the router knows no such endpoint; GET /monitoring/circuit-breakers lists those it met of late")
	case 1:
	default:
		ids := make([]string, len(bs))
		for i := range bs {
			ids[i] = bs[i].Endpoint.Endpoint
		}
		return nil, newProblem(http.StatusConflict, string(platform.CodeConflict), "several connections have this code; nothing was reset. Try: the id of the one that is meant: "+strings.Join(ids, ", "))
	}
	b := bs[0]
	endpoint := b.Endpoint.Endpoint
	if err := m.Reset(ctx, endpoint); err != nil {
		return nil, err
	}
	s.log.Info("breaker reset", "endpoint", endpoint, "connection", b.Endpoint.ConnectionCode, "was", b.State, "by", c.PrincipalID, "request_id", c.RequestID)
	now = m.Look(ctx)
	if after := now.Find(endpoint, c.Scope.Sees); len(after) == 1 {
		b = after[0]
	} else {
		b = monitor.Breaker{Endpoint: b.Endpoint, State: monitor.Closed}
	}
	return live(viewBreaker(&b, now.At)), nil
}

type flightsQuery struct {
	Limit        int    `query:"limit" minimum:"0" maximum:"1000" doc:"0 or absent is 100"`
	MessageID    string `query:"messageId" doc:"Of a message or a job"`
	PoolCode     string `query:"poolCode"`
	Endpoint     string `query:"endpoint" doc:"A connection's id or code, or a target"`
	ClientID     string `query:"clientId"`
	MessageGroup string `query:"messageGroup"`
	State        string `query:"state" enum:"RECEIVED,WAITING,STARTED"`
}

func (q *flightsQuery) fits(f *router.Flight) bool {
	return (q.MessageID == "" || q.MessageID == f.MessageID || q.MessageID == f.JobID.String()) &&
		(q.PoolCode == "" || q.PoolCode == f.PoolCode) &&
		(q.Endpoint == "" || q.Endpoint == f.Endpoint || q.Endpoint == f.ConnectionCode || q.Endpoint == f.TargetURL) &&
		(q.ClientID == "" || q.ClientID == f.ClientID) &&
		(q.MessageGroup == "" || q.MessageGroup == f.MessageGroup) &&
		(q.State == "" || q.State == f.Place)
}

// maxGroups is how many message groups an answer counts by name.
const maxGroups = 1000

func (s *server) flights(ctx context.Context, m *monitor.Monitor, c *call, in *flightsQuery) (*result, error) {
	a := flightsAnswer{Messages: []flightView{}, ByPool: map[string]int{}, ByMessageGroup: map[string]int{}}
	limit := in.Limit
	if limit == 0 {
		limit = 100
	}
	var err error
	if in.ClientID, err = s.p.ClientID(ctx, in.ClientID); err != nil {
		return nil, err
	}
	fs, all := m.Router().Flights(ctx, func(f *router.Flight) bool {
		if !c.Scope.Sees(f.ClientID) || !in.fits(f) {
			return false
		}
		a.ByPool[f.PoolCode]++
		if _, known := a.ByMessageGroup[f.MessageGroup]; f.MessageGroup != "" && (known || len(a.ByMessageGroup) < maxGroups) {
			a.ByMessageGroup[f.MessageGroup]++
		}
		return true
	}, limit)
	a.TotalInFlight = all
	now := m.Now()
	for i := range fs {
		a.Messages = append(a.Messages, viewFlight(&fs[i], now))
	}
	return live(a), nil
}

type checkQuery struct {
	MessageID string `query:"messageId" required:"true" doc:"Of a message or a job"`
}

type checkAnswer struct {
	MessageID  string `json:"messageId"`
	InPipeline bool   `json:"inPipeline" doc:"The router has it in its hands"`
}

func (s *server) checkFlight(_ context.Context, m *monitor.Monitor, c *call, in *checkQuery) (*result, error) {
	if in.MessageID == "" {
		return nil, badField("messageId", "is required", "")
	}
	return live(checkAnswer{in.MessageID, m.Router().InHand([]string{in.MessageID}, c.Scope.Sees)[in.MessageID]}), nil
}

type checkBatchDoc struct {
	MessageIDs []string `json:"messageIds"`
}

func (s *server) checkFlights(_ context.Context, m *monitor.Monitor, c *call, in *BodyInput) (*result, error) {
	var req checkBatchDoc
	if err := json.Unmarshal(in.RawBody, &req); err != nil {
		return nil, platform.Malformed(err)
	}
	if n := len(req.MessageIDs); n > maxAsked {
		return nil, badField("messageIds", fmt.Sprintf("has %d ids; at most %d may be asked after at once", n, maxAsked), "several requests")
	}
	return live(m.Router().InHand(req.MessageIDs, c.Scope.Sees)), nil
}

type warningsQuery struct {
	Severity     string `query:"severity" enum:"INFO,WARN,ERROR,CRITICAL"`
	Category     string `query:"category"`
	Acknowledged string `query:"acknowledged" enum:"true,false"`
}

func (s *server) warnings(_ context.Context, m *monitor.Monitor, c *call, in *warningsQuery) (*result, error) {
	return live(viewWarnings(m.Warnings().List(), c.Scope.Sees, func(w *telemetry.Standing) bool {
		return (in.Severity == "" || in.Severity == string(w.Severity)) &&
			(in.Category == "" || strings.EqualFold(in.Category, w.Category)) &&
			(in.Acknowledged == "" || (in.Acknowledged == "true") == w.Acknowledged)
	})), nil
}

type warningInput struct {
	ID string `path:"id"`
}

func (s *server) acknowledge(_ context.Context, m *monitor.Monitor, c *call, in *warningInput) (*result, error) {
	w, found := m.Warnings().Get(in.ID)
	if found && c.Scope.Sees(w.ClientID) {
		if w, found = m.Warnings().Acknowledge(in.ID); found {
			return live(viewWarning(&w)), nil
		}
	}
	return nil, newProblem(http.StatusNotFound, string(platform.CodeNotFound), "there is no such warning; it may have expired")
}

func (s *server) consumers(ctx context.Context, m *monitor.Monitor, c *call, _ *struct{}) (*result, error) {
	now := m.Look(ctx)
	v := viewConsumer(&now, c.Scope.All)
	return live(consumersAnswer{v.Healthy, []consumerView{v}}), nil
}

func (s *server) standby(ctx context.Context, m *monitor.Monitor, _ *call, _ *struct{}) (*result, error) {
	now := m.Look(ctx)
	at, id := stamp(now.At), now.Instance
	return live(standbyAnswer{
		InstanceID: id, Role: "ACTIVE", IsLeader: true, LeaderID: id, LastHeartbeat: at,
		ClusterMembers: []memberView{{id, "ACTIVE", true, at}},
	}), nil
}

type poolInput struct {
	Code     string `path:"code" doc:"The pool's code, or its id"`
	ClientID string `query:"clientId" doc:"Whose, where several clients have a pool of this code"`
	BodyInput
}

// poolTuningDoc is what a pool may be changed in from here.
type poolTuningDoc struct {
	Concurrency            *int   `json:"concurrency,omitempty" doc:"Exchanges at once"`
	RateLimitPerMinute     *int   `json:"rateLimitPerMinute,omitempty" doc:"0 is no limit; also rate_limit_per_minute"`
	ConcurrencyMode        string `json:"concurrencyMode,omitempty" enum:"FIXED,ADAPTIVE"`
	AdaptiveMinConcurrency *int   `json:"adaptiveMinConcurrency,omitempty"`
	AdaptiveMaxConcurrency *int   `json:"adaptiveMaxConcurrency,omitempty"`
}

// tunable are the fields that a pool may be changed in, by all their names.
var tunable = map[string]string{
	"concurrency": "concurrency", "rateLimitPerMinute": "rateLimit", "rate_limit_per_minute": "rateLimit", "rateLimit": "rateLimit",
	"maxConcurrency": "concurrency", "concurrencyMode": "concurrencyMode",
	"adaptiveMinConcurrency": "adaptiveMinConcurrency", "adaptiveMaxConcurrency": "adaptiveMaxConcurrency",
}

func (s *server) tunePool(ctx context.Context, _ *monitor.Monitor, c *call, in *poolInput) (*result, error) {
	var asked map[string]json.RawMessage
	if err := json.Unmarshal(in.RawBody, &asked); err != nil {
		return nil, platform.Malformed(err)
	}
	change := map[string]json.RawMessage{}
	for _, name := range slices.Sorted(maps.Keys(asked)) {
		field, known := tunable[name]
		if !known {
			continue // as everywhere: what is not known is no mistake
		}
		if string(asked[name]) == "null" && field == "rateLimit" {
			asked[name] = json.RawMessage("0")
		}
		change[field] = asked[name]
	}
	if len(change) == 0 {
		return nil, badField("concurrency", "nothing to change was given", "concurrency or rateLimitPerMinute")
	}
	body, err := json.Marshal(change)
	if err != nil {
		return nil, err
	}
	info, _ := resource.InfoOf(resource.KindDispatchPool)
	ch, err := s.p.Update(ctx, c.Caller, info, in.Code, in.ClientID, body, 0)
	if err != nil {
		return nil, err
	}
	return shown(http.StatusOK, ch), nil
}
