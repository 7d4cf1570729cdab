package store

import (
	"context"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

// Expunges remove what is kept of a person, or of all of a client's, on
// somebody's demand; Retention does so by age. Rows stay, with their ids,
// positions, types and states, so that lists and counts stay what they were.
type Expunges interface {
	// Erasable returns the events and tasks that fit, by id. It looks at no
	// more than MaxExamined rows of each, and at no event that a FanOut has not
	// passed yet. Those that were erased already have lost what most filters
	// ask for; where they fit, they come again.
	Erasable(ctx context.Context, sc Scope, q EraseQuery) (ErasePage, error)
	// Erase does a step of an expunge in one commit, as Advance does one of a
	// replay: it moves the cursor, removes what the rows carry, and adds to the
	// counts. ErrConflict, and nothing is done, if the cursor is not at From.
	//
	// Of an event go its data, subject, context data and message group; of a
	// task its payload, subject, message group, headers and metadata; of their
	// jobs the message group, the note, and of each attempt the header and body
	// of the answer and the error. A correlation or causation id, or that of a
	// CloudEvent, goes where it says the same as the subject or the group.
	//
	// What an open job needs, or a dead letter that blocks an order key, stays
	// and is counted in Kept. With CancelOpen such jobs are cancelled, and such
	// dead letters discarded; while one of a row is in an exchange, the cursor
	// stops before that row, for the step to be repeated later.
	Erase(ctx context.Context, e Erase, now time.Time) (Progress, error)
}

// EraseQuery selects what an expunge erases. Zero fields filter nothing.
type EraseQuery struct {
	After, To    int64 // ids: above After, up to To
	Limit        int   // at most 1000; 0 is 50
	ClientID     string
	Subject      string
	MessageGroup string
	Source       string
	Type         string    // a pattern; of a task, its code as it is
	Before       time.Time // of CreatedAt
}

// QueryOf selects what an expunge has not passed yet.
func QueryOf(x *flow.Expunge, after int64, limit int) EraseQuery {
	return EraseQuery{After: after, To: x.To, Limit: limit, ClientID: x.DataOf, Subject: x.Subject, MessageGroup: x.MessageGroup,
		Source: x.Source, Type: x.Type, Before: x.Before}
}

// Fits says whether something is what the query asks for, but for its time.
func (q *EraseQuery) Fits(sc Scope, clientID, kind, source, subject, group string) bool {
	return sc.Sees(clientID) && (q.ClientID == "" || q.ClientID == clientID) &&
		(q.Subject == "" || q.Subject == subject) && (q.MessageGroup == "" || q.MessageGroup == group) &&
		(q.Source == "" || q.Source == source) && (q.Type == "" || q.Type == kind || MatchType(q.Type, kind))
}

// ErasePage is what fits. Next is the id to go on after; Done says that nothing
// up to To is left. Examined counts rows.
type ErasePage struct {
	Found    []Erasable
	Next     int64
	Examined int
	Done     bool
}

// Erasable is an event or a task. Open says that it would be kept as things
// are.
type Erasable struct {
	ID   flow.ID
	Task bool
	Open bool
}

// Erase is a step of an expunge.
type Erase struct {
	Work       flow.ID
	From, To   int64 // of the cursor; the first step is from 0
	Examined   int   // rows that were looked at for it
	Rows       []flow.ID
	CancelOpen bool
}

// Erased counts what an expunge removed. Matched are the events and tasks that
// were selected: those of which something was removed, those of which nothing
// was left, and those that were kept.
type Erased struct {
	Matched   int64 `json:"matched"`
	Events    int64 `json:"events"`
	Tasks     int64 `json:"tasks"`
	Attempts  int64 `json:"attempts"`
	Cancelled int64 `json:"cancelled"` // jobs, and dead letters that were discarded
	Kept      int64 `json:"kept"`
}
