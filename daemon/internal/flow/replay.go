package flow

import (
	"strings"
	"time"
)

// WorkStatus is where work over many rows is in its life.
type WorkStatus string

// The states of a replay or of a letter task; the last two are final.
const (
	WorkRunning   WorkStatus = "RUNNING"
	WorkPaused    WorkStatus = "PAUSED"
	WorkCancelled WorkStatus = "CANCELLED"
	WorkCompleted WorkStatus = "COMPLETED"
)

// Final says that the work is over.
func (s WorkStatus) Final() bool { return s == WorkCancelled || s == WorkCompleted }

// Replay sends events again: those between two positions that fit, to
// subscriptions that match them now, or to one target of its own. What it
// selects never changes; its status does.
type Replay struct {
	ID        ID        `json:"id"`
	ClientID  string    `json:"clientId,omitempty"` // whose it is; "" is anchor level
	CreatedBy string    `json:"createdBy,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
	// IdempotencyKey makes a repeated request harmless.
	IdempotencyKey string `json:"idempotencyKey,omitempty"`

	// From and To bound the positions of its events: above From, up to To.
	// To is fixed at creation, so that a replay ends.
	From       int64     `json:"from"`
	To         int64     `json:"to"`
	Since      time.Time `json:"since,omitzero"` // of the events' CreatedAt
	Until      time.Time `json:"until,omitzero"`
	Type       string    `json:"type,omitempty"` // a pattern of four segments
	EventsOf   string    `json:"eventsOf,omitempty"`
	EventIDs   []ID      `json:"eventIds,omitempty"`
	FailedOnly bool      `json:"failedOnly,omitempty"` // only events whose job is a dead letter

	// Subscriptions bound where it goes; none is all that match. With a
	// Target or a ConnectionID it goes there instead, in order per group if
	// Ordered.
	Subscriptions []string `json:"subscriptions,omitempty"`
	Target        string   `json:"target,omitempty"`
	ConnectionID  string   `json:"connectionId,omitempty"`
	PoolID        string   `json:"poolId,omitempty"`
	Ordered       bool     `json:"ordered,omitempty"`

	// Rate bounds the exchanges that it starts per second; 0 is no bound.
	Rate float64 `json:"rate"`

	Status  WorkStatus `json:"status"`
	EndedAt time.Time  `json:"endedAt,omitzero"`
}

// Elsewhere says that the replay goes to a target of its own and not to
// subscriptions.
func (r *Replay) Elsewhere() bool { return r.Target != "" || r.ConnectionID != "" }

// LetterAct is what a letter task does with dead letters.
type LetterAct string

// The acts.
const (
	LettersRetry   LetterAct = "RETRY"
	LettersDiscard LetterAct = "DISCARD"
)

// LetterTask retries or discards the dead letters that fit.
type LetterTask struct {
	ID        ID        `json:"id"`
	ClientID  string    `json:"clientId,omitempty"`
	CreatedBy string    `json:"createdBy,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
	// IdempotencyKey makes a repeated request harmless.
	IdempotencyKey string `json:"idempotencyKey,omitempty"`

	Act  LetterAct `json:"act"`
	Note string    `json:"note,omitempty"` // why, of a discard

	// Below bounds the ids of its jobs: it looks at those that were there.
	Below          ID        `json:"below"`
	SubscriptionID string    `json:"subscriptionId,omitempty"`
	LettersOf      string    `json:"lettersOf,omitempty"` // a client
	Status         []Status  `json:"letterStatus,omitempty"`
	Reason         Reason    `json:"reason,omitempty"`
	MessageGroup   string    `json:"messageGroup,omitempty"`
	ReplayID       ID        `json:"replayId,omitempty"`
	Since          time.Time `json:"since,omitzero"` // of the jobs' CreatedAt
	Until          time.Time `json:"until,omitzero"`

	State   WorkStatus `json:"status"`
	EndedAt time.Time  `json:"endedAt,omitzero"`
}

// ReplayID is the id of a replay as the wire has it.
func ReplayID(id ID) string { return replayPrefix + id.String() }

// ParseReplayID reads an id as ReplayID writes it.
func ParseReplayID(s string) (ID, error) {
	rest, ok := strings.CutPrefix(s, replayPrefix)
	if !ok {
		return 0, ErrID
	}
	return ParseID(rest)
}

const replayPrefix = "rpl_"

// ReplayLanes begins the lanes of replays.
const ReplayLanes = "r:"

// ReplayLane is the lane of a replay's jobs for one subscription, or with ""
// for its own target.
func ReplayLane(replay ID, subscriptionID string) string {
	return ReplayLanes + replay.String() + ":" + subscriptionID
}

// ParseReplayLane takes the lane of a replay apart.
func ParseReplayLane(lane string) (replay ID, subscriptionID string, ok bool) {
	rest, ok := strings.CutPrefix(lane, ReplayLanes)
	if !ok {
		return 0, "", false
	}
	id, subscriptionID, ok := strings.Cut(rest, ":")
	if !ok {
		return 0, "", false
	}
	replay, err := ParseID(id)
	return replay, subscriptionID, err == nil
}

// SubscriptionOf is the subscription whose jobs stand in a lane; "" for the
// lane of a task and for that of a replay to a target of its own.
func SubscriptionOf(lane string) string {
	if _, sub, ok := ParseReplayLane(lane); ok {
		return sub
	}
	if strings.HasPrefix(lane, taskLane) {
		return ""
	}
	return lane
}
