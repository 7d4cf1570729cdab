package store

import (
	"context"
	"slices"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

// Store is everything a backend does. Its methods may be called from any
// goroutine. A context bounds how long the caller waits; a verb whose caller
// has given up may still commit.
type Store interface {
	Events
	Jobs
	Gates
	Holds
	Resources
	Leases

	// Wakes tells the next stage of each commit that concerns it.
	Wakes() *Wakes
	// Stats is cheap enough to be asked every second.
	Stats(ctx context.Context) (Stats, error)
	// Health reports whether verbs would succeed now.
	Health(ctx context.Context) error
	// Close waits for running verbs and releases the database. Verbs that
	// come later return ErrClosed.
	Close() error
}

// Scope bounds a query to what a caller may see. The zero Scope sees
// nothing.
type Scope struct {
	All     bool
	Clients []string
}

// Everything is the scope of the services themselves and of anchor users.
var Everything = Scope{All: true}

// Sees says whether something of a client is within the scope. What belongs
// to no client is for those who see all.
func (s Scope) Sees(clientID string) bool {
	return s.All || clientID != "" && slices.Contains(s.Clients, clientID)
}

// Events is App → Event.
type Events interface {
	// Append stores events in the order given and answers for each, in the
	// same order, once all are durable. The store assigns ids and
	// positions: what is appended after an Append returned has a greater
	// position. An event whose DedupKey is taken, in the store or earlier in
	// the same call, is not stored; its answer is Duplicate with the stored
	// event. An error means that none is known to be stored, and repeating
	// is safe for events with a DeduplicationID.
	Append(ctx context.Context, events []flow.Event, now time.Time) ([]Appended, error)
	// Event returns one event with its data, or ErrNotFound.
	Event(ctx context.Context, sc Scope, id flow.ID) (flow.Event, error)
	// ListEvents returns events newest first, with data.
	ListEvents(ctx context.Context, sc Scope, q EventQuery) (EventPage, error)
}

// Appended is the answer for one event.
type Appended struct {
	Event     flow.Event // as stored
	Duplicate bool
}

// Batch is a run of events that have not been fanned out, in position order.
type Batch struct {
	Events   []flow.Event
	From, To int64 // what FanOut compares and sets
}

// Jobs is Event → Job → Message → Delivery → Attempt.
type Jobs interface {
	// Unfanned returns the next events to fan out, in position order, at
	// most limit of them. It never passes over an event that could still
	// become visible before one it returned. The batch is empty when there
	// is nothing to do.
	Unfanned(ctx context.Context, limit int) (Batch, error)
	// FanOut creates the jobs of a batch and marks its events as fanned out.
	// It is a compare-and-set: if anybody fanned out a part of the batch
	// meanwhile it returns ErrConflict and creates nothing. Jobs of ordered
	// modes take their gate if it is free and are Waiting otherwise. The
	// store assigns the jobs' ids; (event, subscription, replay) is unique,
	// and a job that exists already is left as it is.
	FanOut(ctx context.Context, b Batch, jobs []flow.Job, now time.Time) error
	// InsertTasks creates jobs without an event and gives each a position
	// after all earlier ones. A task whose idempotency key its client has
	// used is answered with the stored job, as Duplicate.
	InsertTasks(ctx context.Context, jobs []flow.Job, now time.Time) ([]Inserted, error)

	// Lanes returns the lanes with open work that is not Waiting, in order
	// of their names, after the one named; at most limit of them.
	Lanes(ctx context.Context, after string, limit int) ([]Lane, error)
	// Offer returns what a lane may be handed: its PENDING jobs that are due
	// at now and are not Waiting, by due time, then position, at most
	// window minus the jobs that are out (QUEUED or PROCESSING) already.
	Offer(ctx context.Context, lane string, window int, now time.Time) (Offer, error)
	// MarkQueued makes a job QUEUED if it is still PENDING with the ticket
	// before; other jobs are left as they are, without an error.
	MarkQueued(ctx context.Context, tickets []Ticket, now time.Time) error

	// Start is the last act before an exchange. A job that is PENDING with
	// the ticket before, or QUEUED with this one, and for ordered modes
	// holds its gate, becomes PROCESSING, leased to the owner, with the
	// next attempt number. A job whose lease has ended is taken over: its
	// last attempt is recorded as lost and the next one starts, or the job
	// ends FAILED after flow.MaxLost such in a row. A job whose ExpiresAt
	// has passed ends EXPIRED. Every answer says what happened, in the order
	// of the calls; only StartOK allows a request.
	Start(ctx context.Context, starts []Start, now time.Time) ([]Started, error)
	// Record ends an exchange: if the job is still PROCESSING with that
	// attempt and owner, it stores the attempt and the job as flow.After
	// made it (Settled, if somebody asked to cancel meanwhile), and passes
	// the gate on if the job's end opens it, all in one commit. A late
	// outcome changes nothing and its answer is ErrConflict. An error means
	// that nothing is known: repeat until it is. Of a job's attempts the
	// first 3 and the last 20 are kept.
	Record(ctx context.Context, outcomes []Outcome, now time.Time) ([]Recorded, error)
	// Park gives a ticket back: a job PENDING with the ticket before or
	// QUEUED with this one becomes PENDING, due at Until, with the ticket
	// spent. Nothing else is.
	Park(ctx context.Context, parks []Park, now time.Time) error
	// Recover makes jobs PENDING whose message must be lost (QUEUED before
	// staleBefore) or whose router is (PROCESSING with an ended lease, the
	// attempt recorded as lost). It looks at no more than limit jobs.
	Recover(ctx context.Context, staleBefore, now time.Time, limit int) (Recovered, error)

	// Retry makes a dead letter PENDING again, with nothing spent. If its
	// order key is blocked by it, it stays the head; if others hold the
	// gate, it waits for its turn, which by its position is the next. A job
	// that is no dead letter is answered as it is.
	Retry(ctx context.Context, sc Scope, id flow.ID, now time.Time) (flow.Job, error)
	// Cancel ends a PENDING or QUEUED job CANCELLED at once, passing its
	// gate on, and marks a PROCESSING one. A final job is answered as it is.
	Cancel(ctx context.Context, sc Scope, id flow.ID, why flow.Reason, now time.Time) (flow.Job, error)
	// CancelLane cancels up to limit open jobs of a lane, Waiting and
	// blocked ones included, and says how many; 0 means that none is left.
	CancelLane(ctx context.Context, lane string, why flow.Reason, now time.Time, limit int) (int, error)

	// Job returns one job with the head of its event, or ErrNotFound.
	Job(ctx context.Context, sc Scope, id flow.ID) (JobView, error)
	// ListJobs returns jobs newest first.
	ListJobs(ctx context.Context, sc Scope, q JobQuery) (JobPage, error)
	// Attempts returns the kept attempts of a job by number.
	Attempts(ctx context.Context, sc Scope, id flow.ID) ([]flow.Attempt, error)
}

// Inserted is the answer for one task.
type Inserted struct {
	Job       flow.Job
	Duplicate bool
}

// Lane is a line of jobs. Next is when its first PENDING job is due; zero
// when all its open jobs are out.
type Lane struct {
	Name string
	Next time.Time
}

// Offer is what a lane may be handed, how many of its jobs are out, and when
// the first job that is not due yet will be (zero: there is none).
type Offer struct {
	Jobs []flow.Job
	Out  int
	Next time.Time
}

// Ticket is one hand-over of a job.
type Ticket struct {
	Job    flow.ID
	Number int64 // the ticket after this hand-over
}

// Start asks to begin an exchange.
type Start struct {
	Job    flow.ID
	Ticket int64
	Owner  string
	// Slack is added to the timeout of the job's policy to make the lease.
	Slack time.Duration
}

// StartResult is what came of a Start.
type StartResult uint8

// The results of Start.
const (
	StartOK     StartResult = iota
	StartStale              // stale ticket, final or unknown job: ack the message
	StartLeased             // another router has it until Until: nack until then
	StartEnded              // the job ended in this call (expired, too many lost): ack
)

// Started is the answer to a Start. Job is set unless the job is unknown;
// Event only with StartOK, for a job that has one.
type Started struct {
	Result StartResult
	Job    flow.Job
	Event  *flow.Event
	Until  time.Time
}

// Outcome is an attempt and the job as it becomes by it. Owner is who held
// the lease.
type Outcome struct {
	Job     flow.Job
	Attempt flow.Attempt
	Owner   string
}

// Recorded is the answer for one outcome: the job as stored, or ErrConflict.
type Recorded struct {
	Job flow.Job
	Err error
}

// Park gives back one ticket until a time.
type Park struct {
	Job    flow.ID
	Ticket int64
	Until  time.Time
}

// Recovered counts what Recover did.
type Recovered struct {
	Stale, Lost int
}

// Gates is the order keys' side.
type Gates interface {
	// Blocked lists gates whose head is a dead letter in BLOCK_ON_ERROR,
	// longest blocked first.
	Blocked(ctx context.Context, sc Scope, limit int) ([]Gate, error)
	// Gate returns the gate of an order key, or ErrNotFound when it has no
	// open work.
	Gate(ctx context.Context, sc Scope, key flow.OrderKey) (Gate, error)
	// Skip ends the dead letter that blocks a key CANCELLED and lets the
	// next go. ErrConflict if the key is not blocked by that job.
	Skip(ctx context.Context, sc Scope, key flow.OrderKey, head flow.ID, now time.Time) error
	// CancelWaiting cancels up to limit jobs that wait behind a gate's
	// holder, which stays, and says how many; 0 means that none is left.
	CancelWaiting(ctx context.Context, sc Scope, key flow.OrderKey, now time.Time, limit int) (int, error)
}

// Gate lets one job of an order key through at a time.
type Gate struct {
	Key            flow.OrderKey
	Holder         flow.ID
	BlockedSince   time.Time // zero: not blocked
	SubscriptionID string
	ClientID       string
	MessageGroup   string
}

// Holds keep endpoints from getting anything until a time.
type Holds interface {
	// Hold sets or lengthens a hold; a hold is never shortened by it.
	Hold(ctx context.Context, h Hold) error
	// Release ends a hold at once.
	Release(ctx context.Context, endpoint string) error
	// ListHolds returns the holds that stand at now.
	ListHolds(ctx context.Context, now time.Time) ([]Hold, error)
}

// Hold keeps one endpoint (a connection's id, or a target) until a time.
type Hold struct {
	Endpoint string
	Until    time.Time
	Reason   string // PAUSED, BREAKER or RETRY_AFTER
}

// Resources is what operators declare, kept as documents.
type Resources interface {
	// Version grows with every Write. It costs next to nothing to ask.
	Version(ctx context.Context) (int64, error)
	// Documents returns all documents of the kinds (of all, if none is
	// named) and the version at which they were read, in one snapshot.
	Documents(ctx context.Context, kinds ...string) ([]Document, int64, error)
	// Write applies a set of changes as a whole if the version is still
	// IfVersion, else returns ErrConflict and changes nothing. The audit
	// entries are part of the same commit. It returns the new version. What
	// is appended after a Write returned is fanned out by it.
	Write(ctx context.Context, w WriteSet, now time.Time) (int64, error)
	// Audit lists audit entries, newest first.
	Audit(ctx context.Context, sc Scope, before flow.ID, limit int) ([]AuditEntry, error)
}

// Document is one resource. Body is its JSON, with secrets sealed.
type Document struct {
	Kind     string
	ID       string
	ClientID string
	Code     string
	Body     []byte
	Revision int64
}

// DocumentKey names a document.
type DocumentKey struct{ Kind, ID string }

// WriteSet is a set of changes that happen together or not at all.
type WriteSet struct {
	IfVersion int64
	Put       []Document
	Delete    []DocumentKey
	Audit     []AuditEntry
}

// AuditEntry says who changed what. Before and After are JSON without
// secrets.
type AuditEntry struct {
	ID          flow.ID
	EntityType  string
	EntityID    string
	Operation   string
	Before      []byte
	After       []byte
	PrincipalID string
	ClientID    string
	RequestID   string
	PerformedAt time.Time
}

// Leases say which process is in charge of something.
type Leases interface {
	// Acquire takes or renews a lease until a time if it is free, ended or
	// the owner's own, and returns its fencing token, which grows with each
	// change of owner. Otherwise ErrConflict.
	Acquire(ctx context.Context, name, owner string, until, now time.Time) (int64, error)
	// Drop ends a lease if the owner still has it.
	Drop(ctx context.Context, name, owner string) error
}

// Stats is the state of a store in numbers.
type Stats struct {
	LastPosition int64 // of the last event or task
	Backlog      int64 // positions not fanned out yet
	OpenJobs     int64 // PENDING, QUEUED and PROCESSING, waiting included
	BlockedKeys  int64
	Bytes        int64 // on disk
	// Since the store was opened: how often it made something durable, and
	// for how many verbs. Zero where a backend does not know.
	Commits, Verbs int64
}
