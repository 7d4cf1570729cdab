package store

import (
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

// MaxExamined is how many rows a page may look at for the sake of filters
// that have no index; a page that stops there is Partial.
const MaxExamined = 10_000

// MaxFaceted is how many of the newest rows are looked at for the values that
// occur among them.
const MaxFaceted = 2_000

// MaxScanned is after how many bytes of data a scan's page ends early.
const MaxScanned = 8 << 20

// EventQuery filters events. Zero fields filter nothing.
type EventQuery struct {
	Before        int64 // position; the cursor
	Limit         int   // at most 1000; 0 is 50
	Type          TypeFilter
	Clients       []string // any of them; "" is anchor level
	CorrelationID string
	MessageGroup  string
	Subject       string
	Source        string
	Since, Until  time.Time // of CreatedAt
	Search        *Search   // of the page that the query is for; nil is one of its own
}

// EventPage is a page of events. Next is 0 when there are no more.
type EventPage struct {
	Events  []flow.Event
	Next    int64
	Partial bool
}

// JobQuery filters jobs. Zero fields filter nothing.
type JobQuery struct {
	Before         flow.ID // the cursor
	Limit          int     // at most 1000; 0 is 50
	Status         []flow.Status
	SubscriptionID string
	EventID        flow.ID
	Type           TypeFilter // of the event, or the code of a task
	Source         string     // of the event or task
	Clients        []string   // any of them; "" is anchor level
	CorrelationID  string
	MessageGroup   string
	OrderKey       flow.OrderKey
	Reason         flow.Reason
	ReplayID       flow.ID
	Since, Until   time.Time // of CreatedAt
	Search         *Search   // of the page that the query is for; nil is one of its own
}

// JobView is a job with the head of its event, which is nil for a task and
// when the event is gone. The event comes without its data.
type JobView struct {
	Job   flow.Job
	Event *flow.Event
}

// JobPage is a page of jobs. Next is 0 when there are no more.
type JobPage struct {
	Jobs    []JobView
	Next    flow.ID
	Partial bool
}

// AuditQuery filters audit entries. Zero fields filter nothing.
type AuditQuery struct {
	Before       flow.ID // the cursor
	Limit        int     // at most 1000; 0 is 50
	EntityTypes  []string
	EntityID     string
	Operations   []string
	PrincipalID  string
	Clients      []string // any of them; "" is anchor level
	Origin       string   // one of the origins
	Since, Until time.Time
}

// Who vouches for an audit entry.
const (
	OriginPlatform    = "PLATFORM"    // the platform did it
	OriginApplication = "APPLICATION" // an application says that it did it
)

// AuditPage is a page of audit entries. Next is 0 when there are no more.
type AuditPage struct {
	Entries []AuditEntry
	Next    flow.ID
	Partial bool
}

// GateQuery filters blocked order keys. Zero fields filter nothing.
type GateQuery struct {
	After          string // the cursor: opaque, from GatePage.Next
	Limit          int    // at most 1000; 0 is 50
	SubscriptionID string
	ClientID       string
}

// GatePage is a page of blocked order keys. Next is "" when there are no more.
type GatePage struct {
	Gates   []Gate
	Next    string
	Partial bool
}

// ScanQuery selects events for a replay. Zero fields filter nothing. Events
// whose data was removed come Expunged.
type ScanQuery struct {
	After, To    int64 // positions: above After, up to To
	Limit        int   // at most 1000; 0 is 50
	Type         string
	ClientID     string
	Since, Until time.Time // of CreatedAt
	// FailedIn keeps only events of which a job in one of these lanes is a
	// dead letter; Failed does so for any lane that is no replay's.
	Failed   bool
	FailedIn []string
	// Data says whether the events come with their data.
	Data bool
}

// ScanPage is what a scan found, in position order. Next is the position to go
// on after; Done says that nothing up to To is left. Examined counts rows.
type ScanPage struct {
	Events   []flow.Event
	Next     int64
	Examined int
	Done     bool
}

// PageLimit is the limit of a query with its default and bound applied.
func PageLimit(n int) int {
	if n <= 0 {
		return 50
	}
	return min(n, 1000)
}

// Facets are the values that occur among the newest MaxFaceted rows of a list.
type Facets map[string][]string

// The names of facets.
const (
	FacetTypes       = "types"       // of events
	FacetEntityTypes = "entityTypes" // of audit entries, as are the following
	FacetOperations  = "operations"
	FacetClients     = "clientIds"
)
