package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/flowcatalyst/fc/daemon/internal/api/monitor"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/queue"
)

// queueRoutes are the rows about what is in a queue.
func (s *server) queueRoutes() []route {
	const update = "platform:router:queue:update"
	row := func(method, path, needs, id, summary string, out any, add func(route)) route {
		return route{method, "/monitoring/queues/{name}" + path, needs, id, "monitoring", summary, nil, out, 0, add}
	}
	return []route{
		row(http.MethodGet, "/messages", seeQueues, "peekQueue", "The oldest messages of a queue, without taking them", queuedAnswer{}, watched(s, s.peekQueue)),
		row(http.MethodGet, "/dead-letters", seeQueues, "queueDeadLetters", "Messages that no router could use, the oldest first, and why", queueLettersAnswer{}, watched(s, s.queueLetters)),
		row(http.MethodPost, "/purge", update, "purgeQueue", "Take out the tickets that wait; their jobs become PENDING and get new ones", purgedView{}, watched(s, s.purgeQueue)),
		row(http.MethodPost, "/dead-letters/redrive", update, "redriveQueue", "Put dead letters back that could have another fate; those that can not be read stay", redrivenView{}, watched(s, s.redriveQueue)),
	}
}

// QueueInput names a queue. It is exported for huma, which looks into it.
type QueueInput struct {
	Name string `path:"name" doc:"The queue's, as GET /monitoring/queues has it"`
}

// PeekInput bounds what is shown of it.
type PeekInput struct {
	QueueInput
	Limit int `query:"limit" minimum:"0" maximum:"1000" doc:"0 or absent is 100"`
}

func (in *PeekInput) limit() int {
	if in.Limit == 0 {
		return 100
	}
	return in.Limit
}

// queuedView is a message without its payload and headers, which are the job's,
// and without what a producer put in to be kept.
type queuedView struct {
	MessageID      string `json:"messageId"`
	JobID          string `json:"jobId,omitempty" doc:"Absent in messages of other producers"`
	Ticket         int64  `json:"ticket,omitempty" doc:"Which hand-over of the job, from 1"`
	JobCreatedAt   *stamp `json:"jobCreatedAt,omitempty"`
	PoolCode       string `json:"poolCode,omitempty"`
	ClientID       string `json:"clientId,omitempty"`
	ConnectionID   string `json:"connectionId,omitempty"`
	SubscriptionID string `json:"subscriptionId,omitempty"`
	MessageGroup   string `json:"messageGroup,omitempty"`
	ReplayID       string `json:"replayId,omitempty"`
	PayloadBytes   int    `json:"payloadBytes" doc:"0 where the payload stays in the store"`
}

type queuedAnswer struct {
	Queue    string       `json:"queue"`
	Messages []queuedView `json:"messages"`
}

type queueLetterView struct {
	queuedView
	Key        string `json:"key"`
	Reason     string `json:"reason"`
	At         stamp  `json:"at" doc:"When it was put away"`
	EnqueuedAt stamp  `json:"enqueuedAt"`
	Deliveries int    `json:"deliveries"`
	Readable   bool   `json:"readable" doc:"false: redrive leaves it where it is"`
	Body       string `json:"body,omitempty" doc:"The first KiB of one that can not be read"`
}

type queueLettersAnswer struct {
	Queue       string            `json:"queue"`
	DeadLetters []queueLetterView `json:"deadLetters"`
	NextCursor  string            `json:"nextCursor,omitempty" doc:"For after; absent at the end"`
}

type purgedView struct {
	Queue string `json:"queue"`
	Taken int    `json:"taken" doc:"Tickets whose jobs are PENDING now"`
	Kept  int    `json:"kept" doc:"Messages of other producers, and unreadable ones, which are in no store"`
}

type redrivenView struct {
	Queue string `json:"queue"`
	Moved int    `json:"moved"`
	Left  int    `json:"left" doc:"Letters that can not be read, which would only come back"`
	More  bool   `json:"more,omitempty" doc:"There are more than one call moves; call again"`
}

// theQueue checks that a queue of a name is this router's.
func theQueue(m *monitor.Monitor, name string) error {
	if name != m.QueueName() {
		return newProblem(http.StatusNotFound, string(platform.CodeNotFound), "this router has no queue of this name; GET /monitoring/queues says which it has")
	}
	return nil
}

// everyones refuses who is bound to clients what concerns all of them.
func everyones(c *call) error {
	if !c.Scope.All {
		return newProblem(http.StatusForbidden, string(platform.CodeForbidden), "all clients share the queue, so this takes somebody who is bound to none")
	}
	return nil
}

// brokerProblem says what the broker can not do.
func brokerProblem(err error, what string) error {
	if errors.Is(err, queue.ErrUnsupported) {
		return newProblem(http.StatusNotImplemented, "NOT_IMPLEMENTED", "this broker can not "+what+" through the router; use its own tools")
	}
	return err
}

func viewQueued(m *queue.Message) queuedView {
	v := queuedView{MessageID: m.ID, JobID: m.JobID, Ticket: m.Ticket, PoolCode: m.PoolCode, ClientID: m.ClientID, ConnectionID: m.ConnectionID,
		SubscriptionID: m.SubscriptionID, MessageGroup: m.MessageGroupID, ReplayID: m.ReplayID, PayloadBytes: len(m.Payload)}
	if id, err := flow.ParseID(m.JobID); err == nil && m.JobID != "" {
		at := stamp(id.Time())
		v.JobCreatedAt = &at
	}
	return v
}

func (s *server) peekQueue(ctx context.Context, m *monitor.Monitor, c *call, in *PeekInput) (*result, error) {
	if err := theQueue(m, in.Name); err != nil {
		return nil, err
	}
	messages, err := m.Peek(ctx, in.limit())
	if err != nil {
		return nil, brokerProblem(err, "show messages without taking them")
	}
	a := queuedAnswer{Queue: in.Name, Messages: []queuedView{}}
	for i := range messages {
		if c.Scope.Sees(messages[i].ClientID) {
			a.Messages = append(a.Messages, viewQueued(&messages[i]))
		}
	}
	return live(a), nil
}

type queueLettersInput struct {
	PeekInput
	After string `query:"after" doc:"The nextCursor of the page before"`
}

// shownLetter is how much of an unreadable message is shown.
const shownLetter = 1 << 10

func (s *server) queueLetters(ctx context.Context, m *monitor.Monitor, c *call, in *queueLettersInput) (*result, error) {
	if err := theQueue(m, in.Name); err != nil {
		return nil, err
	}
	if err := everyones(c); err != nil { // nobody knows whose an unreadable one is
		return nil, err
	}
	if strings.Trim(in.After, "0123456789") != "" {
		return nil, badField("after", "is not a cursor of this list", "")
	}
	letters, err := m.DeadLetters(ctx, in.After, in.limit())
	if err != nil {
		return nil, brokerProblem(err, "list dead letters")
	}
	a := queueLettersAnswer{Queue: in.Name, DeadLetters: []queueLetterView{}}
	for i := range letters {
		l := &letters[i]
		a.DeadLetters = append(a.DeadLetters, queueLetterView{viewQueued(&l.Message), l.Key, l.Reason, stamp(l.At), stamp(l.EnqueuedAt), l.Deliveries,
			l.Err == nil && l.Validate() == nil, harmless(string(l.Raw[:min(len(l.Raw), shownLetter)]))})
	}
	if len(letters) == in.limit() {
		a.NextCursor = letters[len(letters)-1].Key
	}
	return live(a), nil
}

func (s *server) purgeQueue(ctx context.Context, m *monitor.Monitor, c *call, in *QueueInput) (*result, error) {
	return s.onQueue(ctx, m, c, in.Name, "PURGE", func() (any, error) {
		taken, kept, err := m.Purge(ctx)
		if err != nil && taken > 0 {
			err = fmt.Errorf("after %d tickets: %w", taken, err)
		}
		return purgedView{in.Name, taken, kept}, err
	})
}

func (s *server) redriveQueue(ctx context.Context, m *monitor.Monitor, c *call, in *QueueInput) (*result, error) {
	return s.onQueue(ctx, m, c, in.Name, "REDRIVE", func() (any, error) {
		done, err := m.Redrive(ctx)
		return redrivenView{in.Name, done.Moved, done.Left, done.More}, brokerProblem(err, "put dead letters back")
	})
}

// onQueue does something to a whole queue, which is audited first.
func (s *server) onQueue(ctx context.Context, m *monitor.Monitor, c *call, name, operation string, do func() (any, error)) (*result, error) {
	if err := theQueue(m, name); err != nil {
		return nil, err
	}
	if err := everyones(c); err != nil {
		return nil, err
	}
	if err := s.p.Note(ctx, c.Caller, "Queue", name, operation); err != nil {
		return nil, err
	}
	view, err := do()
	if err != nil {
		return nil, err
	}
	s.log.Info("queue changed", "queue", name, "operation", operation, "result", fmt.Sprintf("%+v", view), "by", c.PrincipalID, "request_id", c.RequestID)
	return live(view), nil
}
