package api

import (
	"math"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/api/monitor"
	"github.com/flowcatalyst/fc/daemon/internal/router"
	"github.com/flowcatalyst/fc/daemon/internal/router/rolling"
	"github.com/flowcatalyst/fc/daemon/internal/store"
	"github.com/flowcatalyst/fc/daemon/internal/telemetry"
)

// The shapes of what is monitored. Pools have the names in snake case that
// existing dashboards read.
type (
	latencyView struct {
		AvgMs       float64 `json:"avgMs"`
		MinMs       float64 `json:"minMs"`
		MaxMs       float64 `json:"maxMs"`
		P50Ms       float64 `json:"p50Ms" doc:"Right within a tenth, as the other percentiles"`
		P95Ms       float64 `json:"p95Ms"`
		P99Ms       float64 `json:"p99Ms"`
		SampleCount uint64  `json:"sampleCount"`
	}
	// PeriodView is exported so that its fields are documented where it is
	// embedded.
	PeriodView struct {
		TotalSuccess     uint64      `json:"totalSuccess"`
		TotalFailure     uint64      `json:"totalFailure" doc:"Neither delivered nor put off by the receiver"`
		TotalRateLimited uint64      `json:"totalRateLimited" doc:"Answered 429"`
		TotalDeferred    uint64      `json:"totalDeferred" doc:"Answered with ack:false"`
		SuccessRate      float64     `json:"successRate" doc:"From 0 to 1, of those that succeeded or failed; 1 without any"`
		ThroughputPerSec float64     `json:"throughputPerSec"`
		ProcessingTime   latencyView `json:"processingTime"`
	}
	metricsView struct {
		PeriodView
		Last5Min  windowView `json:"last5Min"`
		Last30Min windowView `json:"last30Min"`
	}
	// windowView is a period with the names that existing clients read too.
	windowView struct {
		PeriodView
		SuccessCount       uint64 `json:"successCount" doc:"The same as totalSuccess"`
		FailureCount       uint64 `json:"failureCount" doc:"The same as totalFailure"`
		RateLimitedCount   uint64 `json:"rateLimitedCount" doc:"The same as totalRateLimited"`
		WindowStart        stamp  `json:"windowStart"`
		WindowDurationSecs int    `json:"windowDurationSecs"`
	}
	poolStatsView struct {
		PoolCode           string        `json:"pool_code"`
		PoolID             string        `json:"pool_id"`
		ClientID           string        `json:"client_id,omitempty"`
		Status             string        `json:"status"`
		Concurrency        int           `json:"concurrency" doc:"Exchanges at once, now"`
		ActiveWorkers      int           `json:"active_workers"`
		QueueSize          int           `json:"queue_size" doc:"Messages in memory that wait for a slot"`
		QueueCapacity      int           `json:"queue_capacity"`
		MessageGroupCount  int           `json:"message_group_count"`
		EndpointCount      int           `json:"endpoint_count"`
		RateLimitPerMinute *float64      `json:"rate_limit_per_minute" doc:"null is no limit"`
		IsRateLimited      bool          `json:"is_rate_limited" doc:"Messages wait for the rate limit now"`
		GivenBack          uint64        `json:"given_back" doc:"Messages that would have waited too long for the rate limit and went back to the store"`
		Adaptive           *adaptiveView `json:"adaptive,omitempty" doc:"Of a pool that finds its concurrency by itself"`
		Metrics            metricsView   `json:"metrics"`
	}
	adaptiveView struct {
		Limit    int     `json:"limit"`
		Min      int     `json:"min"`
		Max      int     `json:"max"`
		Gradient float64 `json:"gradient" doc:"Below 1 while answers take longer than usual"`
		UsualMs  float64 `json:"usualMs" doc:"What answers take at rest"`
		TookMs   float64 `json:"tookMs" doc:"What they take of late"`
	}
	poolStatsAnswer struct {
		Pools                     []poolStatsView `json:"pools"`
		TotalPools                int             `json:"totalPools"`
		TotalActiveWorkers        int             `json:"totalActiveWorkers"`
		TotalQueueSize            int             `json:"totalQueueSize"`
		AggregateSuccessRate      float64         `json:"aggregateSuccessRate" doc:"Of the last 5 minutes"`
		AggregateThroughputPerSec float64         `json:"aggregateThroughputPerSec"`
	}
	endpointView struct {
		Endpoint           string      `json:"endpoint" doc:"The connection's id, or the target"`
		ConnectionCode     string      `json:"connectionCode,omitempty"`
		URL                string      `json:"url"`
		ClientID           string      `json:"clientId,omitempty"`
		Active             int         `json:"active"`
		Waiting            int         `json:"waiting"`
		MaxConcurrency     int         `json:"maxConcurrency,omitempty"`
		RateLimitPerMinute float64     `json:"rateLimitPerMinute,omitempty"`
		SlowStart          int         `json:"slowStart,omitempty" doc:"Exchanges at once that the endpoint gets now: few at first, one more for each success, half for each failure"`
		Breaker            string      `json:"breaker" enum:"CLOSED,OPEN,HALF_OPEN"`
		Holds              []holdView  `json:"holds"`
		Metrics            metricsView `json:"metrics"`
	}
	holdView struct {
		Reason string `json:"reason" enum:"BREAKER,RETRY_AFTER,PAUSED"`
		Until  stamp  `json:"until,omitzero"`
		Since  stamp  `json:"since,omitzero"`
		Window int    `json:"window,omitempty"`
		Detail string `json:"detail,omitempty"`
	}
	endpointsAnswer struct {
		Endpoints []endpointView `json:"endpoints" doc:"The busiest first"`
		Total     int            `json:"total"`
	}
	breakerView struct {
		Name           string     `json:"name" doc:"The endpoint; reset it under this name"`
		Target         string     `json:"target" doc:"Its URL"`
		ConnectionCode string     `json:"connectionCode,omitempty"`
		State          string     `json:"state" enum:"CLOSED,OPEN,HALF_OPEN"`
		SuccessCount   uint64     `json:"successCount" doc:"In the last 5 minutes"`
		FailureCount   uint64     `json:"failureCount"`
		LastFailure    *stamp     `json:"lastFailure" nullable:"true" doc:"When it opened"`
		ResetAt        *stamp     `json:"resetAt" nullable:"true" doc:"When the next probe goes"`
		Trips          int        `json:"trips" doc:"How often it opened in a row"`
		Window         int        `json:"window,omitempty" doc:"How many deliveries may be out; absent is any number"`
		Why            string     `json:"why,omitempty" doc:"What opened it"`
		LastError      string     `json:"lastError,omitempty" doc:"The endpoint's last failure in this router"`
		Story          string     `json:"story" doc:"What it does now, and what comes next"`
		Holds          []holdView `json:"holds,omitempty" doc:"What else keeps the endpoint from getting anything"`
	}
	breakersAnswer struct {
		Breakers      []breakerView `json:"breakers"`
		TotalClosed   int           `json:"totalClosed"`
		TotalOpen     int           `json:"totalOpen"`
		TotalHalfOpen int           `json:"totalHalfOpen"`
	}
	queueView struct {
		Name             string  `json:"name"`
		Pending          int64   `json:"pending"`
		InFlight         int64   `json:"inFlight"`
		DeadLetters      int64   `json:"deadLetters"`
		OldestAgeSeconds float64 `json:"oldestAgeSeconds"`
	}
	queuesAnswer struct {
		Queues   []queueView `json:"queues"`
		Problems []string    `json:"problems,omitempty"`
	}
	flightView struct {
		MessageID      string `json:"messageId"`
		JobID          string `json:"jobId,omitempty"`
		EventID        string `json:"eventId,omitempty"`
		ClientID       string `json:"clientId,omitempty"`
		SubscriptionID string `json:"subscriptionId,omitempty"`
		MessageGroup   string `json:"messageGroup,omitempty"`
		State          string `json:"state" enum:"RECEIVED,WAITING,STARTED"`
		Attempt        int    `json:"attempt"`
		PoolID         string `json:"poolId,omitempty"`
		PoolCode       string `json:"poolCode,omitempty"`
		Endpoint       string `json:"endpoint,omitempty"`
		ConnectionCode string `json:"connectionCode,omitempty"`
		TargetURL      string `json:"targetUrl"`
		ReceivedAt     stamp  `json:"receivedAt"`
		StartedAt      stamp  `json:"startedAt,omitzero" doc:"When its exchange began"`
		ElapsedMs      int64  `json:"elapsedMs" doc:"Since it was received"`
	}
	flightsAnswer struct {
		Messages       []flightView   `json:"messages" doc:"The oldest first"`
		TotalInFlight  int            `json:"totalInFlight"`
		ByPool         map[string]int `json:"byPool"`
		ByMessageGroup map[string]int `json:"byMessageGroup"`
	}
	warningView struct {
		ID           string `json:"id"`
		Category     string `json:"category"`
		Severity     string `json:"severity" enum:"INFO,WARN,ERROR,CRITICAL"`
		Message      string `json:"message"`
		Source       string `json:"source"`
		ClientID     string `json:"clientId,omitempty"`
		Count        int    `json:"count"`
		CreatedAt    stamp  `json:"createdAt"`
		LastAt       stamp  `json:"lastAt"`
		Acknowledged bool   `json:"acknowledged"`
	}
	warningCountsView struct {
		Total          int `json:"total"`
		Unacknowledged int `json:"unacknowledged"`
	}
	warningsAnswer struct {
		Warnings            []warningView `json:"warnings" doc:"The newest first"`
		Total               int           `json:"total"`
		TotalUnacknowledged int           `json:"totalUnacknowledged"`
	}
	consumerView struct {
		Queue               string `json:"queue"`
		Healthy             bool   `json:"healthy"`
		LastPollAt          stamp  `json:"lastPollAt,omitzero" doc:"When the queue answered last"`
		LastMessageAt       stamp  `json:"lastMessageAt,omitzero"`
		ConsecutiveFailures int    `json:"consecutiveFailures"`
		Error               string `json:"error,omitempty"`
		Full                bool   `json:"full" doc:"Nothing is taken now: as much is in memory as may be, or outcomes can not be written"`
	}
	consumersAnswer struct {
		Healthy   bool           `json:"healthy"`
		Consumers []consumerView `json:"consumers"`
	}
	memberView struct {
		InstanceID string `json:"instanceId"`
		Role       string `json:"role"`
		Healthy    bool   `json:"healthy"`
		LastSeen   stamp  `json:"lastSeen"`
	}
	standbyAnswer struct {
		InstanceID     string       `json:"instanceId"`
		Role           string       `json:"role" enum:"ACTIVE"`
		IsLeader       bool         `json:"isLeader"`
		LeaderID       string       `json:"leaderId"`
		LastHeartbeat  stamp        `json:"lastHeartbeat"`
		StandbyEnabled bool         `json:"standbyEnabled" doc:"Always false: every router is active, and none waits for another to fail"`
		ClusterMembers []memberView `json:"clusterMembers" doc:"Only this router: routers do not need to know of each other"`
	}
	// snapshotView is everything at a glance, once or as a stream.
	snapshotView struct {
		At        stamp             `json:"at"`
		Instance  string            `json:"instance"`
		InFlight  *int              `json:"inFlight,omitempty" doc:"As the other figures of the whole process, absent for who is bound to clients"`
		Waiting   *int              `json:"waiting,omitempty"`
		Active    *int              `json:"active,omitempty"`
		Unwritten *int64            `json:"unwritten,omitempty" doc:"Outcomes that the store does not take; above 0 nothing new starts"`
		Pools     poolStatsAnswer   `json:"pools"`
		Endpoints endpointsAnswer   `json:"endpoints" doc:"The 100 busiest"`
		Breakers  *breakersAnswer   `json:"breakers,omitempty" doc:"Those that are not closed, at most 100; the totals are of all. Only with platform:router:breaker:view"`
		Queues    []queueView       `json:"queues,omitzero" doc:"Only with platform:router:queue:view, and for who is bound to no clients"`
		Consumer  consumerView      `json:"consumer"`
		Warnings  warningCountsView `json:"warnings"`
		Problems  []string          `json:"problems,omitempty" doc:"What can not be seen now, and why"`
	}
)

// millis is a duration as the wire has it: milliseconds, to the microsecond.
func millis(d time.Duration) float64 { return math.Round(float64(d)/1e3) / 1e3 }

// rounded is a rate to the thousandth.
func rounded(f float64) float64 { return math.Round(f*1e3) / 1e3 }

func viewPeriod(f *rolling.Figures) PeriodView {
	l := &f.Latency
	return PeriodView{
		TotalSuccess: f.Success, TotalFailure: f.Failure, TotalRateLimited: f.Limited, TotalDeferred: f.Deferred,
		SuccessRate: rounded(f.SuccessRate()), ThroughputPerSec: rounded(f.PerSecond),
		ProcessingTime: latencyView{millis(l.Avg), millis(l.Min), millis(l.Max), millis(l.P50), millis(l.P95), millis(l.P99), l.Samples},
	}
}

func viewReport(r *rolling.Report) metricsView {
	return metricsView{viewPeriod(&r.Total), viewWindow(&r.Last5Min, 5*time.Minute), viewWindow(&r.Last30Min, 30*time.Minute)}
}

func viewWindow(f *rolling.Figures, long time.Duration) windowView {
	return windowView{viewPeriod(f), f.Success, f.Failure, f.Limited, stamp(time.Now().Add(-long)), int(long.Seconds())}
}

func viewPools(pools []router.PoolState, sees func(string) bool) poolStatsAnswer {
	a := poolStatsAnswer{Pools: []poolStatsView{}}
	var sum rolling.Figures
	for i := range pools {
		p := &pools[i]
		if !sees(p.ClientID) {
			continue
		}
		v := poolStatsView{
			PoolCode: p.Code, PoolID: p.ID, ClientID: p.ClientID, Status: p.Status, Concurrency: p.Slots, ActiveWorkers: p.Running,
			QueueSize: p.Waiting, QueueCapacity: p.Capacity, MessageGroupCount: p.Groups, EndpointCount: p.Endpoints,
			IsRateLimited: p.RateLimited, GivenBack: p.GivenBack, Metrics: viewReport(&p.Report),
		}
		if a := p.Adaptive; a != nil {
			v.Adaptive = &adaptiveView{a.Limit, a.Min, a.Max, rounded(a.Gradient), millis(a.Usual), millis(a.Took)}
		}
		if p.PerMinute > 0 {
			v.RateLimitPerMinute = &p.PerMinute
		}
		a.Pools = append(a.Pools, v)
		a.TotalPools++
		a.TotalActiveWorkers += p.Running
		a.TotalQueueSize += p.Waiting
		sum.Success += p.Last5Min.Success
		sum.Failure += p.Last5Min.Failure
		sum.PerSecond += p.Last5Min.PerSecond
	}
	a.AggregateSuccessRate, a.AggregateThroughputPerSec = rounded(sum.SuccessRate()), rounded(sum.PerSecond)
	return a
}

func viewEndpoints(m *monitor.Moment, sees func(string) bool, limit int) endpointsAnswer {
	a := endpointsAnswer{Endpoints: []endpointView{}}
	for i := range m.Endpoints {
		e := &m.Endpoints[i]
		if !sees(e.ClientID) {
			continue
		}
		if a.Total++; a.Total > limit {
			continue
		}
		b := m.Breaker(e)
		v := endpointView{
			Endpoint: e.Endpoint, ConnectionCode: e.ConnectionCode, URL: e.URL, ClientID: e.ClientID, Active: e.Running, Waiting: e.Waiting,
			MaxConcurrency: e.Limit, RateLimitPerMinute: e.PerMinute, SlowStart: e.Breaker.Steps, Breaker: string(b.State), Holds: []holdView{}, Metrics: viewReport(&e.Report),
		}
		for _, h := range m.Holds[e.Endpoint] {
			v.Holds = append(v.Holds, holdView{h.Reason, stamp(h.Until), stamp(h.Since), h.Window, h.Detail})
		}
		a.Endpoints = append(a.Endpoints, v)
	}
	return a
}

func viewBreaker(b *monitor.Breaker, now time.Time) breakerView {
	e := b.Endpoint
	v := breakerView{
		Name: e.Endpoint, Target: e.URL, ConnectionCode: e.ConnectionCode, State: string(b.State),
		SuccessCount: e.Last5Min.Success, FailureCount: e.Last5Min.Failure, Trips: b.Trips, Window: b.Window, Why: b.Why, LastError: b.LastError, Story: b.Story(now),
	}
	if !b.Since.IsZero() {
		since := stamp(b.Since)
		v.LastFailure = &since
	}
	if b.State == monitor.Open {
		until := stamp(b.Until)
		v.ResetAt = &until
	}
	for _, h := range b.Held {
		v.Holds = append(v.Holds, holdView{h.Reason, stamp(h.Until), stamp(h.Since), h.Window, h.Detail})
	}
	return v
}

// viewBreakers counts all breakers and shows up to limit of them, of closed ones
// only if they are wanted.
func viewBreakers(m *monitor.Moment, sees func(string) bool, limit int, closed bool) breakersAnswer {
	a := breakersAnswer{Breakers: []breakerView{}}
	for _, b := range m.Breakers() {
		if !sees(b.Endpoint.ClientID) {
			continue
		}
		switch b.State {
		case monitor.Open:
			a.TotalOpen++
		case monitor.HalfOpen:
			a.TotalHalfOpen++
		default:
			if a.TotalClosed++; !closed {
				continue
			}
		}
		if len(a.Breakers) < limit {
			a.Breakers = append(a.Breakers, viewBreaker(&b, m.At))
		}
	}
	return a
}

func viewQueues(m *monitor.Moment) []queueView {
	if m.Queue == nil {
		return []queueView{}
	}
	q := m.Queue
	return []queueView{{q.Name, q.Pending, q.InFlight, q.Stats.DeadLetters, rounded(q.OldestAge.Seconds())}}
}

// quiet is for how long a queue may say nothing: it is asked at least every
// ten seconds.
const quiet = 45 * time.Second

// viewConsumer leaves the error, which is the process's, out unless whole.
func viewConsumer(m *monitor.Moment, whole bool) consumerView {
	c := &m.Consumer
	v := consumerView{
		Queue: c.Queue, Healthy: c.Failures == 0 && (c.Full && m.Unwritten == 0 || !c.Asked.IsZero() && m.At.Sub(c.Asked) < quiet),
		LastPollAt: stamp(c.Asked), LastMessageAt: stamp(c.Got), ConsecutiveFailures: c.Failures, Full: c.Full,
	}
	if whole {
		v.Error = c.Error
	}
	return v
}

func viewFlight(f *router.Flight, now time.Time) flightView {
	v := flightView{
		MessageID: f.MessageID, ClientID: f.ClientID, SubscriptionID: f.SubscriptionID, MessageGroup: f.MessageGroup, State: f.Place,
		Attempt: f.Attempt, PoolID: f.PoolID, PoolCode: f.PoolCode, Endpoint: f.Endpoint, ConnectionCode: f.ConnectionCode,
		TargetURL: f.TargetURL, ReceivedAt: stamp(f.Received), StartedAt: stamp(f.Started), ElapsedMs: now.Sub(f.Received).Milliseconds(),
	}
	if f.JobID != 0 {
		v.JobID = f.JobID.String()
	}
	if f.EventID != 0 {
		v.EventID = f.EventID.String()
	}
	return v
}

func viewWarning(w *telemetry.Standing) warningView {
	return warningView{w.ID, w.Category, string(w.Severity), w.Message, w.Source, w.ClientID, w.Count, stamp(w.First), stamp(w.At), w.Acknowledged}
}

func viewWarnings(ws []telemetry.Standing, sees func(string) bool, keep func(*telemetry.Standing) bool) warningsAnswer {
	a := warningsAnswer{Warnings: []warningView{}}
	for i := range ws {
		w := &ws[i]
		if !sees(w.ClientID) || !keep(w) {
			continue
		}
		a.Warnings = append(a.Warnings, viewWarning(w))
		a.Total++
		if !w.Acknowledged {
			a.TotalUnacknowledged++
		}
	}
	return a
}

// inSnapshot is how many endpoints, and how many breakers, a snapshot shows.
const inSnapshot = 100

// viewSnapshot shows a caller the parts that they may see, and what is of the
// whole process only to who is bound to no clients.
func viewSnapshot(m *monitor.Moment, ws []telemetry.Standing, scope store.Scope, may func(permission string) bool) snapshotView {
	sees := scope.Sees
	v := snapshotView{
		At: stamp(m.At), Instance: m.Instance, Pools: viewPools(m.Pools, sees), Endpoints: viewEndpoints(m, sees, inSnapshot),
		Consumer: viewConsumer(m, scope.All),
	}
	if may(seeBreakers) {
		b := viewBreakers(m, sees, inSnapshot, false)
		v.Breakers = &b
	}
	if scope.All {
		v.InFlight, v.Waiting, v.Active, v.Unwritten, v.Problems = &m.InHand, &m.Waiting, &m.Running, &m.Unwritten, m.Problems
		if may(seeQueues) {
			v.Queues = viewQueues(m)
		}
	}
	for i := range ws {
		if sees(ws[i].ClientID) {
			v.Warnings.Total++
			if !ws[i].Acknowledged {
				v.Warnings.Unacknowledged++
			}
		}
	}
	return v
}
