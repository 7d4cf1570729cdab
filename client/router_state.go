package client

import "time"

// The states of a process and of its parts.
const (
	Up   = "UP"
	Down = "DOWN"
)

// Health is how a process is.
type Health struct {
	Status     string      `json:"status"` // Up or Down
	Ready      bool        `json:"ready"`
	Phase      string      `json:"phase"` // STARTING, RUNNING or DRAINING
	Components []Component `json:"components"`
}

// Component is how one part of a process is: the store, a queue, a service.
type Component struct {
	Name   string `json:"name"`
	Status string `json:"status"` // Up or Down
	Error  string `json:"error,omitempty"`
}

// Latency is how long exchanges took, in milliseconds. Percentiles are right
// within a tenth.
type Latency struct {
	AvgMs       float64 `json:"avgMs"`
	MinMs       float64 `json:"minMs"`
	MaxMs       float64 `json:"maxMs"`
	P50Ms       float64 `json:"p50Ms"`
	P95Ms       float64 `json:"p95Ms"`
	P99Ms       float64 `json:"p99Ms"`
	SampleCount uint64  `json:"sampleCount"`
}

// Figures are what came of exchanges in a period.
type Figures struct {
	TotalSuccess     uint64  `json:"totalSuccess"`
	TotalFailure     uint64  `json:"totalFailure"`
	TotalRateLimited uint64  `json:"totalRateLimited"` // answered 429
	TotalDeferred    uint64  `json:"totalDeferred"`    // answered with ack:false
	SuccessRate      float64 `json:"successRate"`      // from 0 to 1
	ThroughputPerSec float64 `json:"throughputPerSec"`
	ProcessingTime   Latency `json:"processingTime"`
}

// Metrics are the figures since the router met a pool or an endpoint first,
// and of the last minutes.
type Metrics struct {
	Figures
	Last5Min  Figures `json:"last5Min"`
	Last30Min Figures `json:"last30Min"`
}

// PoolStats is a dispatch pool at work.
type PoolStats struct {
	PoolCode           string         `json:"pool_code"`
	PoolID             string         `json:"pool_id"`
	ClientID           string         `json:"client_id,omitempty"`
	Status             string         `json:"status"`
	Concurrency        int            `json:"concurrency"`    // exchanges at once, now
	ActiveWorkers      int            `json:"active_workers"` // of those, in use
	QueueSize          int            `json:"queue_size"`     // messages in memory that wait for a slot
	QueueCapacity      int            `json:"queue_capacity"`
	MessageGroupCount  int            `json:"message_group_count"`
	EndpointCount      int            `json:"endpoint_count"`
	RateLimitPerMinute *float64       `json:"rate_limit_per_minute"` // nil is no limit
	IsRateLimited      bool           `json:"is_rate_limited"`
	GivenBack          uint64         `json:"given_back"` // to the store, because of the rate limit
	Adaptive           *AdaptiveState `json:"adaptive,omitempty"`
	Metrics            Metrics        `json:"metrics"`
}

// AdaptiveState is how a pool finds its concurrency by itself.
type AdaptiveState struct {
	Limit    int     `json:"limit"`
	Min      int     `json:"min"`
	Max      int     `json:"max"`
	Gradient float64 `json:"gradient"` // below 1 while answers take longer than usual
	UsualMs  float64 `json:"usualMs"`
	TookMs   float64 `json:"tookMs"`
}

// PoolsStats is all pools.
type PoolsStats struct {
	Pools                     []PoolStats `json:"pools"`
	TotalPools                int         `json:"totalPools"`
	TotalActiveWorkers        int         `json:"totalActiveWorkers"`
	TotalQueueSize            int         `json:"totalQueueSize"`
	AggregateSuccessRate      float64     `json:"aggregateSuccessRate"`
	AggregateThroughputPerSec float64     `json:"aggregateThroughputPerSec"`
}

// EndpointHold keeps an endpoint from getting anything until a time.
type EndpointHold struct {
	Reason string    `json:"reason"` // BREAKER, RETRY_AFTER or PAUSED
	Until  time.Time `json:"until,omitzero"`
	Since  time.Time `json:"since,omitzero"`
	Window int       `json:"window,omitempty"`
	Detail string    `json:"detail,omitempty"`
}

// EndpointStats is one receiver, over all pools.
type EndpointStats struct {
	Endpoint           string         `json:"endpoint"` // the connection's id, or the target
	ConnectionCode     string         `json:"connectionCode,omitempty"`
	URL                string         `json:"url"`
	ClientID           string         `json:"clientId,omitempty"`
	Active             int            `json:"active"`
	Waiting            int            `json:"waiting"`
	MaxConcurrency     int            `json:"maxConcurrency,omitempty"`
	RateLimitPerMinute float64        `json:"rateLimitPerMinute,omitempty"`
	SlowStart          int            `json:"slowStart,omitempty"` // exchanges at once that it gets now
	Breaker            string         `json:"breaker"`             // see the Breaker constants
	Holds              []EndpointHold `json:"holds"`
	Metrics            Metrics        `json:"metrics"`
}

// EndpointsStats is the endpoints that were met of late, the busiest first.
type EndpointsStats struct {
	Endpoints []EndpointStats `json:"endpoints"`
	Total     int             `json:"total"`
}

// The states of a breaker.
const (
	BreakerClosed   = "CLOSED"
	BreakerOpen     = "OPEN"
	BreakerHalfOpen = "HALF_OPEN"
)

// Breaker keeps the router from calling an endpoint that fails.
type Breaker struct {
	Name           string         `json:"name"`   // the endpoint
	Target         string         `json:"target"` // its URL
	ConnectionCode string         `json:"connectionCode,omitempty"`
	State          string         `json:"state"`
	SuccessCount   uint64         `json:"successCount"` // in the last 5 minutes
	FailureCount   uint64         `json:"failureCount"`
	LastFailure    time.Time      `json:"lastFailure,omitzero"` // when it opened
	ResetAt        time.Time      `json:"resetAt,omitzero"`     // when the next probe goes
	Trips          int            `json:"trips"`                // openings in a row
	Window         int            `json:"window,omitempty"`     // how many deliveries may be out
	Why            string         `json:"why,omitempty"`        // what opened it
	LastError      string         `json:"lastError,omitempty"`
	Story          string         `json:"story"` // what it does now, and what comes next
	Holds          []EndpointHold `json:"holds,omitempty"`
}

// Breakers is the breakers, those that are not closed first.
type Breakers struct {
	Breakers      []Breaker `json:"breakers"`
	TotalClosed   int       `json:"totalClosed"`
	TotalOpen     int       `json:"totalOpen"`
	TotalHalfOpen int       `json:"totalHalfOpen"`
}

// QueueStats is what a queue holds.
type QueueStats struct {
	Name             string  `json:"name"`
	Pending          int64   `json:"pending"`
	InFlight         int64   `json:"inFlight"`
	DeadLetters      int64   `json:"deadLetters"`
	OldestAgeSeconds float64 `json:"oldestAgeSeconds"`
}

// ConsumerHealth is how the router gets on with its queue.
type ConsumerHealth struct {
	Queue               string    `json:"queue"`
	Healthy             bool      `json:"healthy"`
	LastPollAt          time.Time `json:"lastPollAt,omitzero"`
	LastMessageAt       time.Time `json:"lastMessageAt,omitzero"`
	ConsecutiveFailures int       `json:"consecutiveFailures"`
	Error               string    `json:"error,omitempty"`
	Full                bool      `json:"full"`
}

// Snapshot is a router at a glance: the 100 busiest endpoints, and the
// breakers that are not closed. What the caller may not see is zero: the figures
// of the whole process, say, for who is bound to clients.
type Snapshot struct {
	At        time.Time      `json:"at"`
	Instance  string         `json:"instance"`
	InFlight  int            `json:"inFlight"`
	Waiting   int            `json:"waiting"`
	Active    int            `json:"active"`
	Unwritten int64          `json:"unwritten"` // outcomes the store does not take
	Pools     PoolsStats     `json:"pools"`
	Endpoints EndpointsStats `json:"endpoints"`
	Breakers  Breakers       `json:"breakers"`
	Queues    []QueueStats   `json:"queues"`
	Consumer  ConsumerHealth `json:"consumer"`
	Warnings  struct {
		Total          int `json:"total"`
		Unacknowledged int `json:"unacknowledged"`
	} `json:"warnings"`
	Problems []string `json:"problems,omitempty"` // what can not be seen now
}

// Warning is something that a person should look at.
type Warning struct {
	ID           string    `json:"id"`
	Category     string    `json:"category"`
	Severity     string    `json:"severity"` // INFO, WARN, ERROR or CRITICAL
	Message      string    `json:"message"`
	Source       string    `json:"source"`
	ClientID     string    `json:"clientId,omitempty"`
	Count        int       `json:"count"`
	CreatedAt    time.Time `json:"createdAt"`
	LastAt       time.Time `json:"lastAt"`
	Acknowledged bool      `json:"acknowledged"`
}

// InFlight is a message in the router's hands.
type InFlight struct {
	MessageID      string    `json:"messageId"`
	JobID          string    `json:"jobId,omitempty"`
	EventID        string    `json:"eventId,omitempty"`
	ClientID       string    `json:"clientId,omitempty"`
	SubscriptionID string    `json:"subscriptionId,omitempty"`
	MessageGroup   string    `json:"messageGroup,omitempty"`
	State          string    `json:"state"` // RECEIVED, WAITING or STARTED
	Attempt        int       `json:"attempt"`
	PoolID         string    `json:"poolId,omitempty"`
	PoolCode       string    `json:"poolCode,omitempty"`
	Endpoint       string    `json:"endpoint,omitempty"`
	ConnectionCode string    `json:"connectionCode,omitempty"`
	TargetURL      string    `json:"targetUrl"`
	ReceivedAt     time.Time `json:"receivedAt"`
	StartedAt      time.Time `json:"startedAt,omitzero"`
	ElapsedMs      int64     `json:"elapsedMs"`
}

// InFlightMessages is what the router has in its hands, the oldest first.
type InFlightMessages struct {
	Messages       []InFlight     `json:"messages"`
	TotalInFlight  int            `json:"totalInFlight"`
	ByPool         map[string]int `json:"byPool"`
	ByMessageGroup map[string]int `json:"byMessageGroup"`
}
