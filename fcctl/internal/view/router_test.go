package view

import (
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/internal/golden"
)

func watched() *client.Snapshot {
	figures := func(ok, bad uint64, per, ms float64) client.Metrics {
		f := client.Figures{TotalSuccess: ok, TotalFailure: bad, SuccessRate: float64(ok) / float64(ok+bad), ThroughputPerSec: per,
			ProcessingTime: client.Latency{AvgMs: ms, MinMs: ms / 2, MaxMs: ms * 20, P50Ms: ms, P95Ms: 3 * ms, P99Ms: 12 * ms, SampleCount: ok + bad}}
		return client.Metrics{Figures: f, Last5Min: f, Last30Min: f}
	}
	perMinute := 30000.0
	s := &client.Snapshot{
		At: noon, Instance: "host-1-abc", InFlight: 61, Active: 41, Waiting: 20,
		Pools: client.PoolsStats{TotalPools: 3, AggregateSuccessRate: 0.9876, AggregateThroughputPerSec: 512.4, Pools: []client.PoolStats{
			{PoolCode: "DEFAULT-POOL", Status: "ACTIVE", Concurrency: 20},
			{PoolCode: "adaptive", Status: "ACTIVE", Concurrency: 34, ActiveWorkers: 33, EndpointCount: 12, Metrics: figures(9000, 40, 30.1, 7.25),
				Adaptive: &client.AdaptiveState{Limit: 34, Min: 4, Max: 100, Gradient: 0.93}},
			{PoolCode: "priority", Status: "SUSPENDED", Concurrency: 20, ActiveWorkers: 8, QueueSize: 20, EndpointCount: 3, RateLimitPerMinute: &perMinute, IsRateLimited: true, Metrics: figures(100, 300, 482.3, 1234)},
		}},
		Endpoints: client.EndpointsStats{Total: 2, Endpoints: []client.EndpointStats{
			{Endpoint: "con_1", ConnectionCode: "warehouse", URL: "https://hooks.example.com/w", Active: 8, Waiting: 20, Breaker: "CLOSED", Metrics: figures(300, 0, 1, 0.42),
				Holds: []client.EndpointHold{{Reason: "RETRY_AFTER", Until: noon.Add(time.Minute)}}},
			{Endpoint: "https://dead.example.com", URL: "https://dead.example.com", Breaker: "OPEN", Metrics: figures(1, 99, 0.3, 30000)},
		}},
		Breakers: client.Breakers{TotalClosed: 1, TotalOpen: 1, TotalHalfOpen: 1, Breakers: []client.Breaker{
			{Name: "https://dead.example.com", Target: "https://dead.example.com", State: "OPEN", Trips: 3, ResetAt: noon.Add(14 * time.Second), LastFailure: noon.Add(-time.Minute), FailureCount: 99, SuccessCount: 1, Why: "10 failures in a row, the last: connection refused",
				Story: "open for the 3rd time in a row; nothing is sent for another 14s, then one delivery probes"},
			{Name: "con_2", Target: "https://hooks.example.com/p", ConnectionCode: "partner", State: "HALF_OPEN", Trips: 1, Window: 1},
		}},
		Queues:   []client.QueueStats{{Name: "default", Pending: 40, InFlight: 61, DeadLetters: 2, OldestAgeSeconds: 12.3}},
		Consumer: client.ConsumerHealth{Healthy: true},
	}
	s.Warnings.Total, s.Warnings.Unacknowledged = 3, 1
	return s
}

func TestRouter(t *testing.T) {
	t.Parallel()
	s := watched()
	golden.String(t, "router-stats.golden", RouterStats(s, Ink{}))
	s.Consumer.Healthy, s.Unwritten, s.Problems = false, 3, []string{"the queue can not be asked: it is away"}
	s.Pools.Pools, s.Endpoints.Endpoints, s.Breakers.Breakers, s.Queues = nil, nil, nil, nil
	golden.String(t, "router-stats-ill.golden", RouterStats(s, Ink{}))
	golden.String(t, "breaker.golden", Breaker(&watched().Breakers.Breakers[0], Ink{}))
	golden.String(t, "in-flight.golden", InFlight([]client.InFlight{
		{MessageID: "6H0JJ5MVDVE3W.1", JobID: "6H0JJ5MVDVE3W", State: "STARTED", Attempt: 2, PoolCode: "priority", ConnectionCode: "warehouse", MessageGroup: "order-7", ElapsedMs: 1234},
		{MessageID: "m-2", State: "RECEIVED", TargetURL: "https://hooks.example.com", ElapsedMs: 3},
	}, Ink{}))
	golden.String(t, "warnings.golden", Warnings([]client.Warning{
		{ID: "mf3-2", Severity: "ERROR", Category: "GONE", Source: "sub_1", Count: 1, LastAt: noon, Message: "job 6H0JJ5MVDVE3W: 410 Gone"},
		{ID: "mf3-1", Severity: "WARN", Category: "CONFIGURATION", Source: "sub_2", Count: 12, LastAt: noon, Acknowledged: true, Message: "job 6H0JJ5MVDVE3X: 404 Not Found"},
	}, Ink{}))
}

func TestNumbersHaveThreeDigitsThatSaySomething(t *testing.T) {
	t.Parallel()
	for f, want := range map[float64]string{0: "0", 0.004: "0", 0.3: "0.3", 1: "1", 9.876: "9.88", 10: "10", 98.76: "98.8", 100: "100", 1234.5: "1234"} {
		if got := number(f); got != want {
			t.Errorf("%v: %s, not %s", f, got, want)
		}
	}
}
