package router

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

// The places where a message in the router's hands can be.
const (
	FlightReceived = "RECEIVED" // about to be sorted, or about to be settled
	FlightWaiting  = "WAITING"  // for a slot of its pool and endpoint
	FlightStarted  = "STARTED"  // its job is PROCESSING: the exchange is under way
)

// Flight is one message in the router's hands.
type Flight struct {
	MessageID      string
	JobID          flow.ID
	EventID        flow.ID
	ClientID       string
	SubscriptionID string
	MessageGroup   string
	Place          string // see the Flight constants
	Attempt        int    // of a started one
	PoolID         string
	PoolCode       string
	Endpoint       string
	ConnectionCode string
	TargetURL      string
	Received       time.Time
	Started        time.Time // zero until it is started

	job flow.Job // as much as its route depends on
}

// Flights returns the messages in the router's hands that fit, the oldest
// first, and how many fit in all.
func (r *Router) Flights(ctx context.Context, fits func(*Flight) bool, limit int) ([]Flight, int) {
	cat := r.current(ctx)
	all := r.board.flights()
	got := all[:0]
	for i := range all {
		f := &all[i]
		if cat != nil && f.Endpoint != "" {
			if rt, _ := cat.Route(&f.job); rt.URL != "" {
				f.TargetURL = rt.URL
				if rt.Connection != nil {
					f.ConnectionCode = rt.Connection.Code
				}
			}
		}
		f.job = flow.Job{}
		if fits(f) {
			got = append(got, *f)
		}
	}
	slices.SortFunc(got, func(a, b Flight) int {
		return cmp.Or(a.Received.Compare(b.Received), cmp.Compare(a.MessageID, b.MessageID))
	})
	return got[:min(limit, len(got))], len(got)
}

// InHand says of each id, of a message or a job, whether the router has it.
func (r *Router) InHand(ids []string, sees func(clientID string) bool) map[string]bool {
	answer := make(map[string]bool, len(ids))
	for _, id := range ids {
		answer[id] = false
	}
	r.board.mu.Lock()
	defer r.board.mu.Unlock()
	for _, d := range r.board.all {
		for _, id := range [...]string{d.received.ID, d.received.JobID} {
			if _, asked := answer[id]; asked && sees(d.client()) {
				answer[id] = true
			}
		}
	}
	return answer
}

// client is whose a delivery is. It is asked under the board's lock: before a
// delivery has begun only its message does not change any more.
func (d *delivery) client() string {
	if d.begun {
		return d.job.ClientID
	}
	return d.received.ClientID
}

// flights copies what is on the board.
func (b *board) flights() []Flight {
	b.mu.Lock()
	defer b.mu.Unlock()
	fs := make([]Flight, 0, len(b.all))
	for _, d := range b.all {
		m := &d.received.Message
		f := Flight{
			MessageID: m.ID, ClientID: d.client(), SubscriptionID: m.SubscriptionID, MessageGroup: m.MessageGroupID,
			Place: FlightReceived, PoolCode: m.PoolCode, TargetURL: m.MediationTarget, Received: d.arrived,
		}
		if id, err := flow.ParseID(m.JobID); err == nil {
			f.JobID = id
		}
		if l := d.line; l != nil {
			f.PoolID, f.PoolCode, f.Endpoint, f.job = l.pool.key, l.pool.code, l.end.key, d.peek
			if d.phase == waiting || d.phase == picked {
				f.Place = FlightWaiting
			}
		}
		if d.begun {
			f.Place, f.Attempt, f.Started = FlightStarted, d.job.Attempts, d.job.LastAttemptAt
			f.EventID, f.SubscriptionID = d.job.EventID, d.job.SubscriptionID
			f.job = flow.Job{ID: d.job.ID, SubscriptionID: d.job.SubscriptionID, ReplayID: d.job.ReplayID, Task: d.job.Task}
		}
		fs = append(fs, f)
	}
	return fs
}
