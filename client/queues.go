package client

import (
	"context"
	"net/url"
	"strconv"
	"time"
)

// QueuedMessage is a message of a queue, without what it carries.
type QueuedMessage struct {
	MessageID string `json:"messageId"`
	// JobID and Ticket are empty in messages of other producers. The ticket
	// says which hand-over of the job it is, from 1.
	JobID          string    `json:"jobId,omitempty"`
	Ticket         int64     `json:"ticket,omitempty"`
	JobCreatedAt   time.Time `json:"jobCreatedAt,omitzero"`
	PoolCode       string    `json:"poolCode,omitempty"`
	ClientID       string    `json:"clientId,omitempty"`
	ConnectionID   string    `json:"connectionId,omitempty"`
	SubscriptionID string    `json:"subscriptionId,omitempty"`
	MessageGroup   string    `json:"messageGroup,omitempty"`
	ReplayID       string    `json:"replayId,omitempty"`
	PayloadBytes   int       `json:"payloadBytes"` // 0 where the payload stays in the store
}

// QueueDeadLetter is a message that no router could use.
type QueueDeadLetter struct {
	QueuedMessage
	Key        string    `json:"key"`
	Reason     string    `json:"reason"`
	At         time.Time `json:"at"` // when it was put away
	EnqueuedAt time.Time `json:"enqueuedAt"`
	Deliveries int       `json:"deliveries"`
	Readable   bool      `json:"readable"`       // if not, a redrive leaves it where it is
	Body       string    `json:"body,omitempty"` // the beginning of one that can not be read
}

// QueuePurged is what a purge did.
type QueuePurged struct {
	Queue string `json:"queue"`
	Taken int    `json:"taken"` // tickets whose jobs are PENDING now
	Kept  int    `json:"kept"`  // messages that are in no store
}

// QueueRedriven is what a redrive did.
type QueueRedriven struct {
	Queue string `json:"queue"`
	Moved int    `json:"moved"`
	Left  int    `json:"left"`           // letters that can not be read
	More  bool   `json:"more,omitempty"` // call again for the rest
}

func queuePath(name, rest string) string { return "/queues/" + url.PathEscape(name) + rest }

// PeekQueue returns up to limit messages of a queue, the oldest first, and
// takes none; 0 is 100. Where the broker can not show them the error has
// status 501.
func (r *Router) PeekQueue(ctx context.Context, name string, limit int) ([]QueuedMessage, error) {
	v, err := got[struct {
		Messages []QueuedMessage `json:"messages"`
	}](ctx, r, queuePath(name, "/messages"), limited(limit))
	if err != nil {
		return nil, err
	}
	return v.Messages, nil
}

// QueueDeadLetters returns up to limit dead letters of a queue, the oldest
// first.
func (r *Router) QueueDeadLetters(ctx context.Context, name string, limit int) ([]QueueDeadLetter, error) {
	const most = 1000 // in one answer
	letters := []QueueDeadLetter{}
	for after := ""; len(letters) < limit; {
		q := url.Values{"limit": {strconv.Itoa(min(limit-len(letters), most))}}
		if after != "" {
			q.Set("after", after)
		}
		v, err := got[struct {
			DeadLetters []QueueDeadLetter `json:"deadLetters"`
			NextCursor  string            `json:"nextCursor"`
		}](ctx, r, queuePath(name, "/dead-letters"), q)
		if err != nil {
			return nil, err
		}
		letters = append(letters, v.DeadLetters...)
		if after = v.NextCursor; after == "" {
			break
		}
	}
	return letters, nil
}

// PurgeQueue takes the tickets that wait out of a queue. Their jobs are PENDING
// then and get new tickets as soon as they may go, so that nothing is lost.
func (r *Router) PurgeQueue(ctx context.Context, name string) (*QueuePurged, error) {
	v := new(QueuePurged)
	if err := r.post(ctx, queuePath(name, "/purge"), nil, v); err != nil {
		return nil, err
	}
	return v, nil
}

// RedriveQueue puts the dead letters of a queue back that could have another
// fate now.
func (r *Router) RedriveQueue(ctx context.Context, name string) (*QueueRedriven, error) {
	v := new(QueueRedriven)
	if err := r.post(ctx, queuePath(name, "/dead-letters/redrive"), nil, v); err != nil {
		return nil, err
	}
	return v, nil
}
