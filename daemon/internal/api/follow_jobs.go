package api

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/api/sse"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// jobsPace is how long changes of jobs are gathered: a job that goes through
// several states in no time is sent once.
const jobsPace = 100 * time.Millisecond

type jobsFollowed struct {
	Following
	Status         []string `query:"status,explode" doc:"Only jobs that are now in one of these states, repeated or separated by commas"`
	SubscriptionID string   `query:"subscriptionId" doc:"Its id or code"`
	EventID        string   `query:"eventId" doc:"Only those of this event"`
	ClientID       string   `query:"clientId" doc:"Only this client's"`
	CorrelationID  string   `query:"correlationId" doc:"Only with this correlation id"`
	MessageGroup   string   `query:"messageGroup" doc:"Only of this message group"`
	OrderKey       string   `query:"orderKey" doc:"Only of this order key"`
	ReplayID       string   `query:"replayId" doc:"Only those of this replay"`
}

// followJobs sends jobs as they are after they changed: the latest state of
// each, not every state between. What changed is remembered in memory for a
// while; where that does not reach back far enough, after a restart say, a
// "reset" tells the client to list again.
func (s *server) followJobs(ctx context.Context, c *call, in *jobsFollowed) (*follower, error) {
	q, known, err := s.readJobs(ctx, c, &JobsQuery{Status: in.Status, SubscriptionID: in.SubscriptionID, EventID: in.EventID,
		ClientID: words([]string{in.ClientID}), CorrelationID: in.CorrelationID, MessageGroup: in.MessageGroup, OrderKey: in.OrderKey, ReplayID: in.ReplayID}, "jobs")
	if err != nil {
		return nil, err
	}
	feed := &s.p.Wakes().Jobs
	place := feed.At()
	if last := in.last(); last != "" {
		parts, err := unseal("jobStream", last, 2)
		epoch, bad := uint64(0), err
		if bad == nil {
			epoch, bad = strconv.ParseUint(parts[0], 36, 64)
		}
		if bad == nil {
			place.Next, bad = strconv.ParseUint(parts[1], 36, 64)
		}
		if bad != nil {
			return nil, badField("lastEventId", "is not the id of an event of this stream", "the id of the last event that was seen, or none")
		}
		place.Epoch = epoch
	}
	at := func() string {
		return seal("jobStream", strconv.FormatUint(place.Epoch, 36), strconv.FormatUint(place.Next, 36))
	}
	step := func(ctx context.Context, c *caller, out *sse.Stream) (time.Duration, error) {
		ids, next, whole := feed.After(place, followStep)
		moved := next != place
		if !whole {
			place = next
			return 0, out.Send(at(), "reset", []byte(`{"detail":"changes are missing before this; list the jobs again"}`))
		}
		if !known {
			place = next // the filter names nothing that is ours
			return time.Hour, nil
		}
		cat, err := s.p.Routes(ctx)
		if err != nil {
			return 0, err
		}
		// The id of every event but the last is that of the step before: who
		// is cut off in the middle gets the whole step again.
		before := at()
		place = next
		for i, id := range ids {
			d, err := s.p.Job(ctx, c.Caller, id.String())
			if platform.IsCode(err, platform.CodeNotFound) {
				continue // another client's, or removed meanwhile
			}
			if err != nil {
				return 0, err
			}
			v := jobOf(cat, &d.Job, d.Event)
			v.block(d.BlockedSince)
			if !fitsJob(&d.JobView, v, &q) {
				continue
			}
			data, err := json.Marshal(v)
			if err != nil {
				return 0, fmt.Errorf("write job: %w", err)
			}
			name := before
			if i == len(ids)-1 {
				name = at()
			}
			if err := out.Send(name, "job", data); err != nil {
				return 0, err
			}
		}
		if moved {
			return jobsPace, nil
		}
		return time.Hour, nil
	}
	return &follower{wake: &feed.Wake, step: step, at: at, pace: jobsPace}, nil
}

// fitsJob says whether a job, as it is shown, is one that a query asks for.
func fitsJob(j *store.JobView, v *JobView, q *store.JobQuery) bool {
	return (len(q.Status) == 0 || slices.Contains(q.Status, j.Job.Status)) &&
		(q.SubscriptionID == "" || q.SubscriptionID == j.Job.SubscriptionID) &&
		(q.EventID == 0 || q.EventID == j.Job.EventID) &&
		(len(q.Clients) == 0 || slices.Contains(q.Clients, j.Job.ClientID)) &&
		(q.CorrelationID == "" || q.CorrelationID == v.CorrelationID) &&
		(q.MessageGroup == "" || q.MessageGroup == j.Job.MessageGroup) &&
		(q.ReplayID == 0 || q.ReplayID == j.Job.ReplayID) &&
		(q.OrderKey.IsZero() || q.OrderKey == j.Job.OrderKey)
}
