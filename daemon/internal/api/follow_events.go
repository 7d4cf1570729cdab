package api

import (
	"context"
	"strconv"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/api/sse"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// The bounds of how soon a stream asks again for events that wait to be fanned
// out: nobody tells it when they were.
const (
	firstAsk = 10 * time.Millisecond
	lastAsk  = time.Second
)

// eventsPace is how long events are gathered after some were sent.
const eventsPace = 50 * time.Millisecond

type eventsFollowed struct {
	Following
	Type          string    `query:"type" doc:"Four segments, each a word or *"`
	ClientID      string    `query:"clientId" doc:"Only this client's"`
	CorrelationID string    `query:"correlationId" doc:"Only with this correlation id"`
	MessageGroup  string    `query:"messageGroup" doc:"Only of this message group"`
	Subject       string    `query:"subject" doc:"Only with this subject"`
	Source        string    `query:"source" doc:"Only from this source"`
	Heads         bool      `query:"heads" doc:"Only the heads of events: id, type, source, subject, time, messageGroup, correlationId, clientId and createdAt, which costs less to send and to read"`
	Since         time.Time `query:"since" doc:"Begin with what was accepted at this time; without it and without a last id, with what comes"`
}

func (in *eventsFollowed) fits(e *flow.Event) bool {
	return (in.CorrelationID == "" || in.CorrelationID == e.CorrelationID) &&
		(in.MessageGroup == "" || in.MessageGroup == e.MessageGroup) &&
		(in.Subject == "" || in.Subject == e.Subject) &&
		(in.Source == "" || in.Source == e.Source)
}

// followEvents sends each event once its jobs are made, in the order in which
// events were accepted. An id is a position, so whoever comes again has missed
// nothing that is still kept. Once, "current" says that all is sent that was
// there: who was away has caught up.
func (s *server) followEvents(ctx context.Context, c *call, in *eventsFollowed) (*follower, error) {
	if in.Type != "" {
		if p := resource.CheckPattern(in.Type); p != "" {
			return nil, badField("type", p, "orders:fulfillment:*:*")
		}
	}
	client, err := s.p.ClientID(ctx, in.ClientID)
	if err != nil {
		return nil, err
	}
	q := store.ScanQuery{Limit: followStep, Type: in.Type, ClientID: client, Since: in.Since}
	switch last := in.last(); {
	case last != "":
		n, err := unsealNumber("eventStream", last)
		if err != nil {
			return nil, badField("lastEventId", "is not the id of an event of this stream", "the id of the last event that was seen, or none")
		}
		q.After = int64(n - 1)
	case in.Since.IsZero():
		var err error
		if q.After, err = s.p.LastEvent(ctx); err != nil {
			return nil, err
		}
	}
	ask, current := firstAsk, false
	at := func() string {
		// One more, because no number of a cursor is 0, and a stream may
		// begin before the first event.
		return seal("eventStream", strconv.FormatInt(q.After+1, 10))
	}
	step := func(ctx context.Context, c *caller, out *sse.Stream) (time.Duration, error) {
		page, err := s.p.ScanEvents(ctx, c.Caller, q)
		if err != nil {
			return 0, err
		}
		for i := range page.Events {
			e := page.Events[i]
			if !in.fits(&e) {
				continue
			}
			shown := headOf
			if !in.Heads {
				shown = readEvent
				// The data is read now and not with the page: a slow client
				// must not keep a page of large events in memory.
				e, err = s.p.Event(ctx, c.Caller, e.ID.String())
				if platform.IsCode(err, platform.CodeNotFound) {
					continue // it was removed meanwhile
				}
				if err != nil {
					return 0, err
				}
			}
			q.After = e.Position
			if err := out.Send(at(), "event", shown(&e)); err != nil {
				return 0, err
			}
		}
		moved := page.Next > q.After || len(page.Events) > 0
		q.After = max(q.After, page.Next)
		switch {
		case page.Done:
			ask = firstAsk
			if !current {
				current = true
				err = out.Send(at(), "current", []byte("{}"))
			}
			if moved {
				return eventsPace, err
			}
			return time.Hour, err
		case moved:
			ask = firstAsk
			return 0, nil
		}
		wait := ask
		ask = min(2*ask, lastAsk)
		return wait, nil
	}
	return &follower{wake: &s.p.Wakes().Events, step: step, at: at, pace: eventsPace}, nil
}
