package api

import (
	"context"
	"net/http"
	"runtime"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// statisticsRoutes are the rows of sums.
func (s *server) statisticsRoutes() []route {
	return []route{
		{http.MethodGet, "/api/statistics", "platform:messaging:event:view", "statistics", "system", "What happened by the hour: counted as it happened, whatever has been removed since", nil, statisticsAnswer{}, 0, through(s, s.statistics)},
		{http.MethodGet, "/api/monitoring/dashboard", "platform:router:stats:view", "dashboard", "monitoring", "A few numbers for a first page", nil, dashboardAnswer{}, 0, through(s, s.dashboard)},
	}
}

type statisticsQuery struct {
	Since    time.Time `query:"since" doc:"From the hour that begins then; a day ago if absent"`
	Until    time.Time `query:"until" doc:"Up to the hour that begins then; now if absent"`
	ClientID string    `query:"clientId" doc:"Of one client, by id or identifier"`
}

type hourView struct {
	Hour stamp `json:"hour" doc:"When it begins"`
	counts
}

type counts struct {
	Events    int64 `json:"events" doc:"Accepted"`
	Jobs      int64 `json:"jobs" doc:"Created"`
	Completed int64 `json:"completed"`
	Failed    int64 `json:"failed"`
	Cancelled int64 `json:"cancelled"`
	Expired   int64 `json:"expired"`
}

func (c *counts) add(r *store.Rollup) {
	switch r.Count {
	case store.CountEvents:
		c.Events += r.N
	case store.CountJobs:
		c.Jobs += r.N
	case store.CountCompleted:
		c.Completed += r.N
	case store.CountFailed:
		c.Failed += r.N
	case store.CountCancelled:
		c.Cancelled += r.N
	case store.CountExpired:
		c.Expired += r.N
	}
}

type statisticsAnswer struct {
	Total         counts            `json:"total" doc:"Of the hours that are listed"`
	Hours         []hourView        `json:"hours" doc:"Those in which something happened"`
	Types         map[string]int64  `json:"types" doc:"Events by type"`
	Subscriptions map[string]counts `json:"subscriptions" doc:"Jobs by the id of their subscription; jobs without one under the empty key"`
}

func (s *server) statistics(ctx context.Context, c *call, in *statisticsQuery) (*result, error) {
	if in.Since.IsZero() {
		in.Since = time.Now().Add(-24 * time.Hour)
	}
	client, err := s.p.ClientID(ctx, in.ClientID)
	if err != nil {
		return nil, err
	}
	if !in.Until.IsZero() && in.Until.Sub(in.Since) > 366*24*time.Hour || in.Until.IsZero() && time.Since(in.Since) > 366*24*time.Hour {
		return nil, badField("since", "is more than a year before until", "a shorter span")
	}
	rows, err := s.p.Rollups(ctx, c.Caller, store.RollupQuery{Since: in.Since, Until: in.Until, ClientID: client})
	if err != nil {
		return nil, err
	}
	answer := statisticsAnswer{Hours: []hourView{}, Types: map[string]int64{}, Subscriptions: map[string]counts{}}
	for i := range rows {
		r := &rows[i]
		if n := len(answer.Hours); n == 0 || !time.Time(answer.Hours[n-1].Hour).Equal(r.Hour) {
			answer.Hours = append(answer.Hours, hourView{Hour: stamp(r.Hour)})
		}
		answer.Hours[len(answer.Hours)-1].add(r)
		answer.Total.add(r)
		if r.Count == store.CountEvents {
			answer.Types[r.Name] += r.N
			continue
		}
		of := answer.Subscriptions[r.Name]
		of.add(r)
		answer.Subscriptions[r.Name] = of
	}
	return ok(answer), nil
}

type (
	dashboardAnswer struct {
		ActivePools         int64      `json:"activePools"`
		ActiveSubscriptions int64      `json:"activeSubscriptions"`
		EventsLastHour      int64      `json:"eventsLastHour" doc:"Of this hour and a part of the one before, to within that"`
		TotalEvents         int64      `json:"totalEvents"`
		TotalJobs           int64      `json:"totalJobs"`
		Health              healthView `json:"health"`
	}
	healthView struct {
		Status          string  `json:"status" enum:"UP,DOWN"`
		CPUUsagePercent float64 `json:"cpuUsagePercent" doc:"Of one core, since the process began"`
		MemoryUsedMB    int64   `json:"memoryUsedMb"`
		UptimeSeconds   int64   `json:"uptimeSeconds"`
	}
)

// began is when the process did, near enough.
var began = time.Now()

func (s *server) dashboard(ctx context.Context, c *call, _ *struct{}) (*result, error) {
	d, err := s.p.Dashboard(ctx, c.Caller)
	if err != nil {
		return nil, err
	}
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	up := time.Since(began)
	health := healthView{Status: "UP", MemoryUsedMB: int64(mem.Sys >> 20), UptimeSeconds: int64(up.Seconds()), CPUUsagePercent: 100 * cpuTime().Seconds() / max(up.Seconds(), 1)}
	if s.p.Health(ctx) != nil {
		health.Status = "DOWN"
	}
	return ok(dashboardAnswer{d.ActivePools, d.ActiveSubscriptions, d.EventsLastHour, d.Events, d.Jobs, health}), nil
}
