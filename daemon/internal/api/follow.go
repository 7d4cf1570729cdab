package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/flowcatalyst/fc/daemon/internal/api/adapter"
	"github.com/flowcatalyst/fc/daemon/internal/api/sse"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

const (
	// maxFollowers is how many may follow events and jobs at once, and
	// maxFollowing how many of those are one caller's.
	maxFollowers = 64
	maxFollowing = 16
	// followStep is how many changes one question to the store brings.
	followStep = 100
)

// Following are the parameters of every stream with resume.
type Following struct {
	LastEventID string `header:"Last-Event-ID" doc:"The id of the last event that was seen: the stream goes on after it"`
	Last        string `query:"lastEventId" doc:"The same, for clients that can not set the header"`
}

func (f *Following) last() string {
	if f.LastEventID != "" {
		return f.LastEventID
	}
	return f.Last
}

// streamed is the answer of a stream, once its request is understood.
type streamed struct{ Body func(huma.Context) }

// follower is what one stream does. Step sends what is new and says how long
// to wait for the next at most: not at all when there is more, else until the
// wake or the heartbeat.
type follower struct {
	wake *store.Wake
	step func(ctx context.Context, c *caller, out *sse.Stream) (wait time.Duration, err error)
	at   func() string // where it stands, as the id of an event
	pace time.Duration // how long the wake is not heeded after a step that brought something
}

// follow makes a row's registration for a stream: the guard, then huma, then
// start, then steps until the client, its token or this process ends.
func follow[I any](s *server, start func(ctx context.Context, c *call, in *I) (*follower, error)) func(route) {
	return func(rt route) {
		door(s, func(ctx context.Context, c *call, in *I) (*streamed, error) {
			f, err := start(ctx, c, in)
			if err != nil {
				return nil, err
			}
			give, ok := s.followers.Take(c.PrincipalID)
			if !ok {
				return nil, newProblem(http.StatusServiceUnavailable, "BUSY", "too many streams are open already; close one, or try again later").after(30 * time.Second)
			}
			return &streamed{func(ctx huma.Context) {
				defer give()
				_, w, _ := adapter.Request(ctx)
				s.pump(w, c.request, &c.caller, rt.needs, f)
			}}, nil
		})(rt)
		s.huma.OpenAPI().Paths[rt.path].Get.Responses["200"].Content = map[string]*huma.MediaType{"text/event-stream": {Schema: s.schema(rt.out)}}
	}
}

// pump runs a stream. With each heartbeat it asks the guard again, so that who
// was locked out sees no more.
func (s *server) pump(w http.ResponseWriter, r *http.Request, c *caller, needs string, f *follower) {
	news := f.wake.Listen()
	defer news.Close()
	until := time.Now().Add(streamFor)
	if !c.expires.IsZero() && c.expires.Before(until) {
		until = c.expires
	}
	end := time.NewTimer(time.Until(until))
	defer end.Stop()
	beat := time.NewTicker(s.beat)
	defer beat.Stop()
	out, err := sse.Open(w)
	if err != nil || out.Keep(f.at()) != nil {
		return
	}
	for {
		wait, err := f.step(r.Context(), c, out)
		if err == nil {
			err = out.Flush()
		}
		if err != nil {
			if r.Context().Err() == nil {
				// The client comes again and goes on where it was.
				s.log.Warn("stream ended early", "request_id", c.RequestID, "route", r.Pattern, "error", err)
			}
			return
		}
		pause, wake := time.NewTimer(wait), news.C
		if wait <= f.pace {
			wake = nil // changes gather
		}
		select {
		case <-wake:
			news.Take()
		case <-pause.C:
		case <-beat.C:
			now, refused := s.admit(r, c.RequestID, needs)
			if refused != nil {
				_ = out.End()
				return
			}
			*c = now
			err = out.Keep(f.at())
		case <-end.C:
			_ = out.End()
			return
		case <-r.Context().Done():
			return
		case <-s.o.Closing:
			_ = out.End()
			return
		}
		pause.Stop()
		if err != nil {
			return
		}
	}
}
