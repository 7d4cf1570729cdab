package api

import (
	"errors"
	"net/http"

	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/telemetry"
)

// The permissions that parts of a snapshot need as well.
const (
	seeBreakers = "platform:router:breaker:view"
	seeQueues   = "platform:router:queue:view"
	seeStats    = "platform:router:stats:view"
)

// monitoringRoutes are the rows of the router. Two listeners have them: the
// platform's, and the router's own.
func (s *server) monitoringRoutes() []route {
	const (
		get  = http.MethodGet
		post = http.MethodPost

		see      = seeStats
		note     = "platform:router:stats:update"
		setBreak = "platform:router:breaker:update"
		putQueue = "platform:router:queue:update"
		setPool  = "platform:router:pool:update"
	)
	row := func(method, path, needs, id, summary string, in, out any, add func(route)) route {
		return route{method, path, needs, id, "monitoring", summary, in, out, 0, add}
	}
	return append(s.queueRoutes(), []route{
		row(get, "/monitoring", see, "monitoring", "Everything at a glance", nil, snapshotView{}, watched(s, s.overview)),
		row(get, "/monitoring/stream", see, "monitoringStream", "The same each second, as server-sent events", nil, nil, s.plain(s.stream)),
		row(get, "/monitoring/health", see, "monitoringHealth", "Every part of the router's process; 503 when one is down", nil, telemetry.Report{}, watched(s, s.routerHealth)),
		row(get, "/monitoring/pools", see, "monitoringPools", "The same as pool-stats", nil, poolStatsAnswer{}, watched(s, s.poolStats)),
		row(get, "/monitoring/pool-stats", see, "poolStats", "Pools: slots, what waits, and how exchanges went", nil, poolStatsAnswer{}, watched(s, s.poolStats)),
		row(get, "/monitoring/endpoints", see, "endpointStats", "Endpoints that were met of late, over all pools", nil, endpointsAnswer{}, watched(s, s.endpointStats)),
		row(get, "/monitoring/queues", seeQueues, "queueStats", "What the queue holds", nil, queuesAnswer{}, watched(s, s.queueStats)),
		row(get, "/monitoring/circuit-breakers", seeBreakers, "circuitBreakers", "The breakers of endpoints: state, why, and what comes next", nil, breakersAnswer{}, watched(s, s.breakers)),
		row(post, "/monitoring/circuit-breakers/{name}/reset", setBreak, "resetCircuitBreaker", "Close a breaker in every router", nil, breakerView{}, watched(s, s.resetBreaker)),
		row(get, "/monitoring/in-flight-messages", seeQueues, "inFlightMessages", "Messages in the router's hands", nil, flightsAnswer{}, watched(s, s.flights)),
		row(get, "/monitoring/in-flight-messages/check", seeQueues, "checkInFlightMessage", "Whether the router has a message in its hands", nil, checkAnswer{}, watched(s, s.checkFlight)),
		row(post, "/monitoring/in-flight-messages/check-batch", seeQueues, "checkInFlightMessages", "The same for up to 5000 messages", checkBatchDoc{}, map[string]bool{}, watched(s, s.checkFlights)),
		row(get, "/monitoring/warnings", see, "warnings", "What people should look at, for eight hours", nil, warningsAnswer{}, watched(s, s.warnings)),
		row(post, "/monitoring/warnings/{id}/acknowledge", note, "acknowledgeWarning", "Say that somebody knows", nil, warningView{}, watched(s, s.acknowledge)),
		row(get, "/monitoring/standby-status", see, "standbyStatus", "Which role this router has", nil, standbyAnswer{}, watched(s, s.standby)),
		row(get, "/monitoring/consumer-health", see, "consumerHealth", "How the router gets on with its queue", nil, consumersAnswer{}, watched(s, s.consumers)),
		row(http.MethodPut, "/monitoring/pools/{code}", setPool, "tunePool", "Change a pool's concurrency or rate limit, for good and in every router", poolTuningDoc{}, poolView{}, watched(s, s.tunePool)),
		row(post, "/api/router/publish", putQueue, "publishMessages", "Put a message, or up to 1000, into the router's queue", messageDoc{}, messagesAnswer{}, watched(s, s.publishMessages)),

		row(get, "/api/monitoring/pool-stats", see, "getApiMonitoringPoolStats", "The same as /monitoring/pool-stats", nil, poolStatsAnswer{}, watched(s, s.poolStats)),
		row(get, "/api/monitoring/circuit-breakers", seeBreakers, "getApiMonitoringCircuitBreakers", "The same as /monitoring/circuit-breakers", nil, breakersAnswer{}, watched(s, s.breakers)),
		row(get, "/api/monitoring/in-flight-messages", seeQueues, "getApiMonitoringInFlightMessages", "The same as /monitoring/in-flight-messages", nil, flightsAnswer{}, watched(s, s.flights)),
		row(get, "/api/monitoring/standby-status", see, "getApiMonitoringStandbyStatus", "The same as /monitoring/standby-status", nil, standbyAnswer{}, watched(s, s.standby)),
	}...)
}

// unguarded is what a route needs whose listener asks for no tokens: whoever
// reaches it is the operator.
const unguarded = "unguarded"

// operator is who sends the requests of an unguarded listener.
const operator = "operator"

// NewRouterDoor makes the handler of the router's own listener: the routes of
// monitoring and of tests, which leave from here, and a health for probes. With open it asks for no tokens, and
// SignIn, Tokens and Keys are not needed.
func NewRouterDoor(o Options, open bool) (http.Handler, error) {
	if o.Platform == nil || o.Monitor == nil || !open && o.Tokens == nil {
		return nil, errors.New("make the router's API: platform and monitor are required, and tokens unless it is open")
	}
	return build(o, func(s *server) []route {
		rows := append(s.monitoringRoutes(), s.trialRoutes()...)
		if open {
			for i := range rows {
				rows[i].needs = unguarded
			}
		}
		return append(rows, route{http.MethodGet, "/health", public, "health", "system", "Whether the process is well; 503 when it is not", nil, healthAnswer{}, 0, watched(s, s.doorHealth)})
	})
}

// operatorCaller may do everything.
func operatorCaller(requestID string) caller {
	c := platform.System()
	c.PrincipalID, c.RequestID = operator, requestID
	return caller{Caller: c}
}
