package flow

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"
)

// Status is where a job is in its life.
type Status uint8

// The states of a job. The order matters: open states come first.
const (
	Pending Status = iota
	Queued
	Processing
	Completed
	Failed
	Cancelled
	Expired
)

var statusNames = [...]string{"PENDING", "QUEUED", "PROCESSING", "COMPLETED", "FAILED", "CANCELLED", "EXPIRED"}

func (s Status) String() string {
	if int(s) < len(statusNames) {
		return statusNames[s]
	}
	return "UNKNOWN"
}

// ParseStatus reads the name of a state.
func ParseStatus(name string) (Status, bool) {
	for i, n := range statusNames {
		if n == name {
			return Status(i), true
		}
	}
	return 0, false
}

// Final says that the job's life is over.
func (s Status) Final() bool { return s >= Completed }

// DeadLetter says that the job ended without delivery and can be retried.
func (s Status) DeadLetter() bool { return s == Failed || s == Expired }

// Mode is how deliveries of one order key relate.
type Mode uint8

// The modes, as resource names them.
const (
	Immediate Mode = iota
	NextOnError
	BlockOnError
)

var modeNames = [...]string{"IMMEDIATE", "NEXT_ON_ERROR", "BLOCK_ON_ERROR"}

func (m Mode) String() string {
	if int(m) < len(modeNames) {
		return modeNames[m]
	}
	return "UNKNOWN"
}

// ParseMode reads the name of a mode.
func ParseMode(name string) (Mode, bool) {
	for i, n := range modeNames {
		if n == name {
			return Mode(i), true
		}
	}
	return 0, false
}

// Reason says in one word why a job ended as it did, or why it waits.
type Reason string

// The reasons.
const (
	ReasonNone          Reason = ""
	ReasonExhausted     Reason = "RETRIES_EXHAUSTED"
	ReasonConfiguration Reason = "CONFIGURATION"
	ReasonGone          Reason = "GONE"
	ReasonMaxAge        Reason = "MAX_AGE"
	ReasonExpiresAt     Reason = "EXPIRES_AT"
	ReasonRouterLost    Reason = "ROUTER_LOST"
	ReasonCancelled     Reason = "CANCELLED"
	ReasonSkipped       Reason = "SKIPPED"
	ReasonSubscription  Reason = "SUBSCRIPTION_DELETED"
	ReasonDiscarded     Reason = "DISCARDED"
	ReasonReplay        Reason = "REPLAY_CANCELLED"
)

// OrderKey names what must go in order: the first half of a SHA-256 over
// its parts. The zero key is no order.
type OrderKey [16]byte

// IsZero says that the job goes in no order.
func (k OrderKey) IsZero() bool { return k == OrderKey{} }

func (k OrderKey) String() string {
	if k.IsZero() {
		return ""
	}
	return hex.EncodeToString(k[:])
}

// ParseOrderKey reads the 32 hex digits that String writes.
func ParseOrderKey(s string) (OrderKey, bool) {
	var k OrderKey
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(k) {
		return k, false
	}
	copy(k[:], b)
	return k, true
}

// NewOrderKey makes the key of a job: lane is its subscription or, for a job
// made by API, its target. Without a group there is no order to keep.
func NewOrderKey(mode Mode, lane, clientID, group string, replay ID) OrderKey {
	if mode == Immediate || group == "" {
		return OrderKey{}
	}
	h := sha256.New()
	var n [8]byte
	for _, part := range [...]string{lane, clientID, group} {
		binary.BigEndian.PutUint64(n[:], uint64(len(part)))
		h.Write(n[:])
		h.Write([]byte(part))
	}
	binary.BigEndian.PutUint64(n[:], uint64(replay))
	h.Write(n[:])
	var sum [32]byte
	return OrderKey(h.Sum(sum[:0])[:16])
}

// Job is one event for one subscription, or a task: the thing that is
// delivered or not.
type Job struct {
	ID       ID
	Position int64 // of its event, or its own if it is a task

	EventID        ID     // no id for a task
	SubscriptionID string // "" for a task, and for a replay to a target of its own
	ClientID       string // the event's tenant
	ReplayID       ID
	MessageGroup   string
	Mode           Mode
	OrderKey       OrderKey
	// Lane is the line that the job stands in for a ticket: its
	// subscription, for a task "t:" and its connection or target, for a
	// replay's job see ReplayLane.
	Lane   string
	Policy Policy

	Status  Status
	Ticket  int64     // number of the last hand-over to the queue
	Due     time.Time // PENDING: not before; see Store for the other states
	Waiting bool      // ordered, and another job holds the gate

	Attempts       int // number of the last attempt
	Spent          int // attempts that used up the policy
	Lost           int // routers lost in a row
	FirstAttemptAt time.Time
	LastAttemptAt  time.Time
	LeaseOwner     string
	LeaseUntil     time.Time
	CancelAsked    bool // cancelled while PROCESSING
	Reason         Reason
	LastError      string

	CreatedAt   time.Time
	QueuedAt    time.Time
	CompletedAt time.Time
	ExpiresAt   time.Time     // absolute; zero is never
	Duration    time.Duration // of the last exchange

	Task *Task // what a job without an event carries itself
}

// Task is the content of a job that was made by API or adopted from a queue.
type Task struct {
	ExternalID         string            `json:"externalId,omitempty"`
	IdempotencyKey     string            `json:"idempotencyKey,omitempty"`
	Code               string            `json:"code"`
	Source             string            `json:"source"`
	Subject            string            `json:"subject,omitempty"`
	CorrelationID      string            `json:"correlationId,omitempty"`
	EventID            string            `json:"eventId,omitempty"` // an event the caller names; opaque
	TargetURL          string            `json:"targetUrl,omitempty"`
	ConnectionID       string            `json:"connectionId,omitempty"`
	PoolID             string            `json:"dispatchPoolId,omitempty"`
	ServiceAccountID   string            `json:"serviceAccountId,omitempty"`
	Payload            string            `json:"payload"`
	PayloadContentType string            `json:"payloadContentType"`
	DataOnly           bool              `json:"dataOnly"`
	Sequence           int               `json:"sequence"`
	Headers            map[string]string `json:"headers,omitempty"`
	Metadata           map[string]string `json:"metadata,omitempty"`
	Expunged           bool              `json:"expunged,omitempty"` // the payload was removed
}

// Ordered says that the job must wait for its turn.
func (j *Job) Ordered() bool { return !j.OrderKey.IsZero() }

// taskLane begins the lanes of tasks.
const taskLane = "t:"

// TaskLane is the lane of a task.
func TaskLane(connectionID, target string) string {
	if connectionID != "" {
		return taskLane + connectionID
	}
	return taskLane + target
}

// ParseTaskLane returns the endpoint of a lane of tasks; ok is false for another.
func ParseTaskLane(lane string) (endpoint string, ok bool) { return strings.CutPrefix(lane, taskLane) }

// Kind is "EVENT" or "TASK".
func (j *Job) Kind() string {
	if j.Task != nil || j.EventID == 0 {
		return "TASK"
	}
	return "EVENT"
}

// Attempt is one exchange with a receiver and what came of it.
type Attempt struct {
	JobID        ID
	Number       int // from 1
	At           time.Time
	Duration     time.Duration
	Timing       Timing
	Verdict      Verdict
	Delay        time.Duration // what the receiver asked for: ack:false or Retry-After
	Status       int           // HTTP status; 0 when there was no answer
	Header       json.RawMessage
	Body         []byte // the first 8 KiB of the answer
	Error        string
	ErrorType    ErrorType
	Router       string
	Warn         bool // a problem that a person should look at
	PauseSubject bool // 410: the subscription is to be paused
	Unsent       bool // Deferred before anything was sent: it was paused or held meanwhile
}

// Timing is where an exchange's time went.
type Timing struct {
	DNS, Connect, TLS, FirstByte time.Duration
}

// ErrorType is the kind of failure that an attempt met.
type ErrorType string

// The error types, as they are written on the wire.
const (
	ErrorNone          ErrorType = ""
	ErrorConnection    ErrorType = "CONNECTION"
	ErrorTimeout       ErrorType = "TIMEOUT"
	ErrorTLS           ErrorType = "TLS"
	ErrorRateLimited   ErrorType = "RATE_LIMITED"
	ErrorClient        ErrorType = "CLIENT_ERROR"
	ErrorServer        ErrorType = "SERVER_ERROR"
	ErrorConfiguration ErrorType = "CONFIGURATION"
	ErrorEgressDenied  ErrorType = "EGRESS_DENIED"
	ErrorUnknown       ErrorType = "UNKNOWN"
)
