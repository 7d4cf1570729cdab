package store

import (
	"context"
	"encoding/json"
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
	Works
	Expunges
	Resources
	Entries
	Retention
	Statistics
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
	// Out says how many jobs of each lane are out (QUEUED or PROCESSING), in
	// the order of the lanes.
	Out(ctx context.Context, lanes ...string) ([]int, error)
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
	// gate, it waits for its turn, which by its position is the next. A
	// PENDING job that was tried and waits for its next time is due at once,
	// and keeps what it has spent. Any other is answered as it is; of a dead
	// letter whose payload was removed the answer is ErrExpunged.
	Retry(ctx context.Context, sc Scope, id flow.ID, now time.Time) (flow.Job, error)
	// Discard gives a dead letter up: it ends CANCELLED with
	// flow.ReasonDiscarded and the note, and if its order key is blocked by
	// it, the next goes. A job that is no dead letter is answered as it is.
	Discard(ctx context.Context, sc Scope, id flow.ID, note string, now time.Time) (flow.Job, error)
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
	// longest blocked first, each with how many wait. It looks at no more
	// than MaxExamined gates a page; ErrCursor for an After that is none.
	Blocked(ctx context.Context, sc Scope, q GateQuery) (GatePage, error)
	// Gate returns the gate of an order key with how many wait, or
	// ErrNotFound when it has no open work.
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
	Lane           string    // of its jobs
	SubscriptionID string    // "" for tasks, and for a replay to a target of its own
	ClientID       string
	MessageGroup   string
	ReplayID       flow.ID
	Waiting        int // jobs behind the holder, counted up to MaxCounted
}

// MaxCounted is up to where jobs that wait behind a gate are counted.
const MaxCounted = 1000

// Holds keep endpoints from getting anything until a time, or from getting
// much. They are how several routers agree on what an endpoint can bear.
type Holds interface {
	// Hold sets the hold of an endpoint for a reason. Until is never moved
	// back by it; Window, Trips and Detail become as given, and Since stays
	// as it was if the hold stood already. It posts Wakes.Holds.
	Hold(ctx context.Context, h Hold) error
	// Release ends the hold of an endpoint for a reason at once, or those
	// for all reasons if reason is "". What is not held is no error. It
	// posts Wakes.Holds.
	Release(ctx context.Context, endpoint, reason string) error
	// ListHolds returns the holds that stand at now: whose Until is to come,
	// or whose Window is not 0. They come by endpoint, then reason.
	ListHolds(ctx context.Context, now time.Time) ([]Hold, error)
}

// The reasons of holds.
const (
	HoldBreaker    = "BREAKER"
	HoldRetryAfter = "RETRY_AFTER"
	HoldPaused     = "PAUSED"
)

// Hold keeps one endpoint (a connection's id, or a target) from getting
// anything until a time, and from then on from having more than Window tickets
// out, until it is released.
type Hold struct {
	Endpoint string
	Reason   string // see the Hold constants
	Until    time.Time
	Window   int       // 0: the hold is over with Until
	Trips    int       // of a breaker: how often it opened in a row
	Detail   string    // for people: what led to it
	Since    time.Time // when it was set first
}

// Works is what replays and letter tasks need: to walk over many rows in small
// commits, each of which is remembered.
type Works interface {
	// Scan returns the next events that fit, in position order. It looks at
	// no more than MaxExamined rows, and at none that a FanOut has not passed
	// yet; with data it ends with the event that makes MaxScanned bytes full.
	Scan(ctx context.Context, sc Scope, q ScanQuery) (ScanPage, error)
	// Letters returns dead letters that fit in order of their ids, after one
	// id; the query's Before bounds the ids from above. Next is the id to go
	// on after, 0 at the end.
	Letters(ctx context.Context, sc Scope, after flow.ID, q JobQuery) (JobPage, error)
	// Progress says how far a piece of work is. Of one that never advanced
	// it is zero, but for its id.
	Progress(ctx context.Context, work flow.ID) (Progress, error)
	// Advance does a step of work in one commit: it moves the cursor, adds to
	// the counts, creates jobs (as FanOut does) or retries or discards dead
	// letters. It is a compare-and-set: ErrConflict, and nothing is done, if
	// the cursor is not at From.
	Advance(ctx context.Context, a Advance, now time.Time) (Progress, error)
	// Forget removes what is remembered of pieces of work.
	Forget(ctx context.Context, works ...flow.ID) error
}

// Advance is a step of work.
type Advance struct {
	Work     flow.ID
	From, To int64 // of the cursor; the first step is from 0
	Examined int   // rows that were looked at for it

	Jobs []flow.Job // of a replay, with ReplayID, SubscriptionID and Lane

	Letters []flow.ID // dead letters; those that are none any more are left
	Act     flow.LetterAct
	Note    string
}

// Progress is how far a piece of work is. Of the jobs that a replay created,
// those that are final are counted by how they ended; a dead letter that is
// retried is open again.
type Progress struct {
	Work      flow.ID
	Cursor    int64
	Examined  int64
	Created   int64 // jobs that were made, or letters that were acted on
	Completed int64
	Failed    int64
	Cancelled int64
	Expired   int64
	Erased    Erased // by an expunge
}

// Open is how many jobs of a replay are not final.
func (p Progress) Open() int64 {
	return p.Created - p.Completed - p.Failed - p.Cancelled - p.Expired
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
	Audit(ctx context.Context, sc Scope, q AuditQuery) (AuditPage, error)
	// ReportAudit keeps entries that applications make of what happened
	// within them, as a whole, and answers for each in order. An entry whose
	// DedupKey is there already is not kept again, within one call as well.
	// The version does not grow.
	ReportAudit(ctx context.Context, es []AuditEntry, now time.Time) ([]Reported, error)
	// AuditEntry returns one entry, or ErrNotFound.
	AuditEntry(ctx context.Context, sc Scope, id flow.ID) (AuditEntry, error)
	// AuditFacets says which values occur among the newest entries in scope.
	AuditFacets(ctx context.Context, sc Scope) (Facets, error)
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
	// Report is nil for what the platform itself did and wrote.
	Report *AuditReport
}

// Origin says who vouches for the entry.
func (a *AuditEntry) Origin() string {
	if a.Report != nil {
		return OriginApplication
	}
	return OriginPlatform
}

// AuditReport is what only an application vouches for. The entry around it
// says who reported it and when.
type AuditReport struct {
	PrincipalID   string          `json:"principalId,omitempty"` // a name of the application's
	PerformedAt   time.Time       `json:"performedAt,omitzero"`
	Source        string          `json:"source,omitempty"`
	CorrelationID string          `json:"correlationId,omitempty"`
	Metadata      json.RawMessage `json:"metadata,omitempty"` // an object
	DedupKey      string          `json:"-"`                  // empty: it is kept each time
}

// Reported is the answer for one entry of ReportAudit.
type Reported struct {
	ID        flow.ID // of the entry as it was kept
	Duplicate bool
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
	DeadLetters  int64
	Bytes        int64 // on disk
	// OldestBlocked and OldestLetter are when the longest blocked key was
	// blocked and when the oldest dead letter became one; zero is none.
	OldestBlocked, OldestLetter time.Time
	// Since the store was opened: how often it made something durable, and
	// for how many verbs. Zero where a backend does not know.
	Commits, Verbs int64
}
