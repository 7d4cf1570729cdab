package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// readRoutes are the rows by which existing clients look at events and jobs,
// besides those that everybody uses.
func (s *server) readRoutes() []route {
	const (
		get       = http.MethodGet
		seeEvents = "platform:messaging:event:view"
		rawEvents = "platform:messaging:event:view-raw"
		seeJobs   = "platform:messaging:dispatch-job:view"
		rawJobs   = "platform:messaging:dispatch-job:view-raw"
	)
	return []route{
		{get, "/api/events/raw", rawEvents, "listRawEvents", "events", "The newest events, as an array", nil, []EventDoc{}, 0, through(s, s.rawEvents)},
		{get, "/api/events/filter-options", seeEvents, "eventFilterOptions", "events", "What events can be filtered by: declared types, and those of the newest events", nil, eventOptions{}, 0, through(s, s.eventOptions)},
		{get, "/api/dispatch-jobs/raw", rawJobs, "listRawDispatchJobs", "dispatch-jobs", "The newest jobs, as an array", nil, []JobView{}, 0, through(s, s.rawJobs)},
		{get, "/api/dispatch-jobs/{id}/raw", rawJobs, "getRawDispatchJob", "dispatch-jobs", "One job with its payload", nil, JobView{}, 0, through(s, s.getJob)},
		{get, "/api/dispatch-jobs/by-event/{eventId}", seeJobs, "listDispatchJobsByEvent", "dispatch-jobs", "The jobs of an event, as an array", nil, []JobView{}, 0, through(s, s.jobsByEvent)},
		{get, "/api/dispatch-jobs/filter-options", seeJobs, "dispatchJobFilterOptions", "dispatch-jobs", "What jobs can be filtered by", nil, jobOptions{}, 0, through(s, s.jobOptions)},
	}
}

type rawQuery struct {
	Size int `query:"size" minimum:"0" maximum:"1000" doc:"How many; 0 or absent is 50"`
}

func (s *server) rawEvents(ctx context.Context, c *call, in *rawQuery) (*result, error) {
	return s.listEvents(ctx, c, &eventsQuery{Paging: Paging{Size: in.Size}})
}

func (s *server) rawJobs(ctx context.Context, c *call, in *rawQuery) (*result, error) {
	return s.listJobs(ctx, c, &JobsQuery{Paging: Paging{Size: in.Size}})
}

type eventIDInput struct {
	EventID string `path:"eventId"`
}

func (s *server) jobsByEvent(ctx context.Context, c *call, in *eventIDInput) (*result, error) {
	id, err := flow.ParseID(in.EventID)
	if err != nil {
		return ok([]*JobView{}), nil // ids are opaque: one that is not ours names nothing
	}
	views, _, _, err := s.pageOfJobs(ctx, c, store.JobQuery{EventID: id}, 1000)
	if err != nil {
		return nil, err
	}
	return ok(views), nil
}

type (
	eventOptions struct {
		Applications []string `json:"applications"`
		Subdomains   []string `json:"subdomains"`
		Aggregates   []string `json:"aggregates"`
		Types        []string `json:"types"`
	}
	filterOption struct {
		Value string `json:"value"`
		Label string `json:"label"`
	}
	jobOptions struct {
		Applications []filterOption `json:"applications"`
		Subdomains   []filterOption `json:"subdomains"`
		Aggregates   []filterOption `json:"aggregates"`
		Codes        []filterOption `json:"codes"`
		Statuses     []filterOption `json:"statuses"`
		Clients      []filterOption `json:"clients"`
	}
)

// typeParts are the types that there are and their segments, each once.
func (s *server) typeParts(ctx context.Context, c *call) (eventOptions, error) {
	types, err := s.p.EventTypes(ctx, c.Caller)
	if err != nil {
		return eventOptions{}, err
	}
	parts := [3][]string{{}, {}, {}}
	for _, t := range types {
		for i, segment := range strings.Split(t, ":") {
			if i < len(parts) {
				parts[i] = append(parts[i], segment)
			}
		}
	}
	for i := range parts {
		slices.Sort(parts[i])
		parts[i] = slices.Compact(parts[i])
	}
	if types == nil {
		types = []string{}
	}
	return eventOptions{parts[0], parts[1], parts[2], types}, nil
}

func (s *server) eventOptions(ctx context.Context, c *call, _ *struct{}) (*result, error) {
	o, err := s.typeParts(ctx, c)
	if err != nil {
		return nil, err
	}
	return ok(o), nil
}

func options(values []string) []filterOption {
	out := make([]filterOption, len(values))
	for i, v := range values {
		out[i] = filterOption{v, v}
	}
	return out
}

func (s *server) jobOptions(ctx context.Context, c *call, _ *struct{}) (*result, error) {
	o, err := s.typeParts(ctx, c)
	if err != nil {
		return nil, err
	}
	clients, err := s.p.Clients(ctx, c.Caller)
	if err != nil {
		return nil, err
	}
	answer := jobOptions{options(o.Applications), options(o.Subdomains), options(o.Aggregates), options(o.Types), nil, []filterOption{}}
	for st := flow.Pending; st <= flow.Expired; st++ {
		answer.Statuses = append(answer.Statuses, filterOption{st.String(), st.String()})
	}
	for _, t := range clients {
		answer.Clients = append(answer.Clients, filterOption{t.ID, t.Name})
	}
	return ok(answer), nil
}
