package resource

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// Subscription says which events go to which endpoint, and how.
type Subscription struct {
	Meta
	Code             string     `json:"code"`
	Name             string     `json:"name" hcl:"name,optional"`
	Description      string     `json:"description,omitempty" hcl:"description,optional"`
	EventTypes       []Binding  `json:"eventTypes"`
	Target           string     `json:"target,omitempty" hcl:"target,optional"` // a URL, when there is no connection
	ConnectionID     string     `json:"connectionId,omitempty"`
	ConnectionCode   string     `json:"connectionCode,omitempty"`
	DispatchPoolID   string     `json:"dispatchPoolId,omitempty"`
	DispatchPoolCode string     `json:"dispatchPoolCode,omitempty"`
	ServiceAccountID string     `json:"serviceAccountId,omitempty"`
	Queue            string     `json:"queue,omitempty"`
	CustomConfig     []KeyValue `json:"customConfig,omitempty"` // sent as x-fc-config-* headers
	Mode             string     `json:"mode" hcl:"mode,optional"`
	DelaySeconds     int        `json:"delaySeconds"`   // of the first attempt
	Sequence         int        `json:"sequence"`       // stored and returned; orders nothing
	TimeoutSeconds   int        `json:"timeoutSeconds"` // of one exchange
	MaxRetries       int        `json:"maxRetries"`     // exchanges spent in all
	RetryStrategy    string     `json:"retryStrategy"`  // see the Strategy constants
	RetrySchedule    []Duration `json:"retrySchedule,omitempty"`
	RetryJitter      float64    `json:"retryJitter,omitempty"` // 0.2 spreads a delay over ±20 %
	RetryOn          []int      `json:"retryOn,omitempty"`     // statuses to retry that would fail at once
	MaxAgeSeconds    int        `json:"maxAgeSeconds"`         // from the first attempt
	DataOnly         bool       `json:"dataOnly"`              // the body is the event's data alone
	Status           string     `json:"status"`                // ACTIVE, PAUSED or ARCHIVED
}

// Binding is one pattern of a subscription, with an optional filter.
type Binding struct {
	EventTypeCode string `json:"eventTypeCode"`
	Filter        Filter `json:"filter,omitempty"`
}

// Filter is a CEL expression, or the JSON text of the structured form
// {"path", "operator", "value"} of existing clients.
type Filter string

// Structured says that the filter is the JSON form.
func (f Filter) Structured() bool { return len(f) > 0 && (f[0] == '{' || f[0] == '[') }

// MarshalJSON writes CEL as a string and the structured form as it is.
func (f Filter) MarshalJSON() ([]byte, error) {
	if f.Structured() && json.Valid([]byte(f)) {
		return []byte(f), nil
	}
	return json.Marshal(string(f))
}

// UnmarshalJSON reads a string or a structured filter.
func (f *Filter) UnmarshalJSON(b []byte) error {
	b = bytes.TrimSpace(b)
	if len(b) > 0 && (b[0] == '{' || b[0] == '[') {
		var buf bytes.Buffer
		if err := json.Compact(&buf, b); err != nil {
			return err
		}
		*f = Filter(buf.String())
		return nil
	}
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	*f = Filter(s)
	return nil
}

// The modes: no order; in order, a dead letter lets the next go; in order,
// a dead letter blocks its key until someone acts.
const (
	ModeImmediate    = "IMMEDIATE"
	ModeNextOnError  = "NEXT_ON_ERROR"
	ModeBlockOnError = "BLOCK_ON_ERROR"
)

// The retry strategies. SCHEDULE follows RetrySchedule, FIXED_DELAY repeats
// its first delay, EXPONENTIAL_BACKOFF doubles it up to an hour, IMMEDIATE
// waits for nothing.
const (
	StrategySchedule    = "SCHEDULE"
	StrategyFixedDelay  = "FIXED_DELAY"
	StrategyExponential = "EXPONENTIAL_BACKOFF"
	StrategyImmediate   = "IMMEDIATE"
)

// The states of a subscription. Paused, it still matches and its jobs wait.
const (
	SubscriptionActive   = "ACTIVE"
	SubscriptionPaused   = "PAUSED"
	SubscriptionArchived = "ARCHIVED"
)

// DefaultRetrySchedule is used where a subscription names none. The first
// exchange goes at once; entry k is the delay after exchange k+1, and the
// last one repeats.
var DefaultRetrySchedule = []Duration{Duration(time.Minute), Duration(5 * time.Minute), Duration(15 * time.Minute), Duration(time.Hour)}

// Kind implements Resource.
func (*Subscription) Kind() Kind { return KindSubscription }

// Key implements Resource.
func (s *Subscription) Key() string { return s.Code }

// Refs implements Resource.
func (s *Subscription) Refs() []Ref {
	var rs []Ref
	if s.ConnectionID != "" || s.ConnectionCode != "" {
		rs = append(rs, Ref{KindConnection, s.ConnectionCode, s.ConnectionID, "connectionId"})
	}
	if s.DispatchPoolID != "" || s.DispatchPoolCode != "" {
		rs = append(rs, Ref{KindDispatchPool, s.DispatchPoolCode, s.DispatchPoolID, "dispatchPoolCode"})
	}
	if s.ServiceAccountID != "" {
		rs = append(rs, Ref{KindServiceAccount, "", s.ServiceAccountID, "serviceAccountId"})
	}
	return rs
}

// Defaults implements Resource.
func (s *Subscription) Defaults() {
	if s.Name == "" {
		s.Name = s.Code
	}
	if s.Mode == "" {
		s.Mode = ModeImmediate
	}
	if s.Status == "" {
		s.Status = SubscriptionActive
	}
	if s.Sequence == 0 {
		s.Sequence = 99
	}
	if s.TimeoutSeconds == 0 {
		s.TimeoutSeconds = 30
	}
	if s.MaxRetries == 0 {
		s.MaxRetries = 5
	}
	if s.RetryStrategy == "" {
		s.RetryStrategy = StrategySchedule
	}
	if s.MaxAgeSeconds == 0 {
		s.MaxAgeSeconds = 86400
	}
}

// Validate implements Resource.
func (s *Subscription) Validate() []Problem {
	ps := checkCode(nil, s.Code)
	ps = checkName(ps, s.Name, s.Description)
	if len(s.EventTypes) == 0 {
		ps = append(ps, Problem{"eventTypes", "needs at least one pattern", "orders:fulfillment:shipment:*"})
	}
	if len(s.EventTypes) > 100 {
		ps = append(ps, Problem{"eventTypes", "has more than 100 patterns", "a wildcard segment"})
	}
	for i, b := range s.EventTypes {
		if p := CheckPattern(b.EventTypeCode); p != "" {
			ps = append(ps, Problem{fmt.Sprintf("eventTypes[%d].eventTypeCode", i), p, "orders:fulfillment:shipment:*"})
		}
	}
	hasConnection := s.ConnectionID != "" || s.ConnectionCode != ""
	switch {
	case s.Target == "" && !hasConnection:
		ps = append(ps, Problem{"target", "is required where there is no connection", "https://hooks.example.com/orders"})
	case s.Target != "" && !hasConnection:
		ps = CheckURL(ps, "target", s.Target)
	}
	ps = checkEnum(ps, "mode", s.Mode, ModeImmediate, ModeNextOnError, ModeBlockOnError)
	ps = checkEnum(ps, "status", s.Status, SubscriptionActive, SubscriptionPaused, SubscriptionArchived)
	ps = checkEnum(ps, "retryStrategy", s.RetryStrategy, StrategySchedule, StrategyFixedDelay, StrategyExponential, StrategyImmediate)
	ps = checkRange(ps, "delaySeconds", s.DelaySeconds, 0, 30*86400)
	ps = checkRange(ps, "timeoutSeconds", s.TimeoutSeconds, 1, 900)
	ps = checkRange(ps, "maxRetries", s.MaxRetries, 1, 1000)
	ps = checkRange(ps, "maxAgeSeconds", s.MaxAgeSeconds, 1, 365*86400)
	if s.RetryJitter < 0 || s.RetryJitter > 1 {
		ps = append(ps, Problem{"retryJitter", "must be from 0 to 1", "0.2"})
	}
	if len(s.RetrySchedule) > 100 {
		ps = append(ps, Problem{"retrySchedule", "has more than 100 delays", `["1m", "5m", "1h"]`})
	}
	for i, code := range s.RetryOn {
		ps = checkRange(ps, fmt.Sprintf("retryOn[%d]", i), code, 400, 599)
	}
	for i, kv := range s.CustomConfig {
		if p := checkHeader("x-fc-config-"+kv.Key, kv.Value); p != "" || kv.Key == "" {
			ps = append(ps, Problem{fmt.Sprintf("customConfig[%d]", i), "must be usable as an HTTP header: a key of letters, digits and '-', a value without line breaks", "region"})
		}
	}
	return ps
}
