package api

import (
	"context"
	"net/http"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
)

// schemaRoutes are the rows of event types' schemas.
func (s *server) schemaRoutes() []route {
	const one, edit = "/api/event-types/{id}", "platform:messaging:event-type:update"
	see := "platform:messaging:event-type:view"
	return []route{
		{http.MethodGet, "/api/event-types/by-code/{code}", see, "getEventTypeByCode", "event-types", "One, by its code", nil, eventTypeView{}, 0, through(s, s.eventTypeByCode)},
		{http.MethodPost, one + "/versions", edit, "addEventTypeVersion", "event-types", "Add a schema as the next version", schemaDoc{}, eventTypeView{}, 0, through(s, s.addSchema)},
		{http.MethodPost, one + "/versions/{version}/finalise", edit, "finaliseEventTypeVersion", "event-types", "Make a version FINALISED: its schema does not change any more, and is in force if it is the newest",
			nil, eventTypeView{}, 0, through(s, s.moveVersion(resource.SchemaFinalised, "FINALISE_VERSION"))},
		{http.MethodPost, one + "/versions/{version}/deprecate", edit, "deprecateEventTypeVersion", "event-types", "Make a version DEPRECATED: nothing is checked against it any more",
			nil, eventTypeView{}, 0, through(s, s.moveVersion(resource.SchemaDeprecated, "DEPRECATE_VERSION"))},
		{http.MethodPost, one + "/validate", "platform:messaging:event-type:view", "validateEventData", "event-types", "Hold data against a schema without publishing it", validateDoc{}, validatedView{}, 0, through(s, s.validateData)},
	}
}

type eventTypesQuery struct {
	ResourcesQuery
	Application string `query:"application" doc:"The first segment of the code"`
	Subdomain   string `query:"subdomain" doc:"The second"`
	Aggregate   string `query:"aggregate" doc:"The third"`
}

func (s *server) listEventTypes(ctx context.Context, c *call, in *eventTypesQuery) (*result, error) {
	return s.list(ctx, c, kindInfo(resource.KindEventType), in.ResourcesQuery, func(r resource.Resource) bool {
		application, subdomain, aggregate, _ := r.(*resource.EventType).Segments()
		return (in.Application == "" || in.Application == application) && (in.Subdomain == "" || in.Subdomain == subdomain) &&
			(in.Aggregate == "" || in.Aggregate == aggregate)
	})
}

func (s *server) eventTypeByCode(ctx context.Context, c *call, in *codeInput) (*result, error) {
	return s.getByKey(ctx, c, resource.KindEventType, in.Code)
}

type schemaInput struct {
	ResourceInput
	BodyInput
}

type schemaDoc struct {
	Version string `json:"version,omitempty" doc:"The next number if absent"`
	Schema  any    `json:"schema" doc:"A JSON Schema (draft 2020-12), or its text"`
}

func (s *server) addSchema(ctx context.Context, c *call, in *schemaInput) (*result, error) {
	ch, err := s.p.AddSchema(ctx, c.Caller, in.ID, in.ClientID, in.RawBody)
	if err != nil {
		return nil, err
	}
	return shown(http.StatusOK, ch), nil
}

type versionInput struct {
	ResourceInput
	Version string `path:"version" doc:"The version of the schema"`
}

func (s *server) moveVersion(status, operation string) func(context.Context, *call, *versionInput) (*result, error) {
	return func(ctx context.Context, c *call, in *versionInput) (*result, error) {
		ch, err := s.p.MoveVersion(ctx, c.Caller, in.ID, in.ClientID, in.Version, status, operation)
		if err != nil {
			return nil, err
		}
		return shown(http.StatusOK, ch), nil
	}
}

type validateDoc struct {
	Version string `json:"version,omitempty" doc:"The one in force if absent"`
	Data    any    `json:"data" doc:"What an event's data would be"`
}

type validatedView struct {
	Valid    bool               `json:"valid"`
	Version  string             `json:"version" doc:"What the data was held against"`
	Status   string             `json:"status" enum:"FINALISING,FINALISED,DEPRECATED"`
	Problems []platform.Problem `json:"problems" doc:"Each with a JSON Pointer (RFC 6901) as its field"`
}

func (s *server) validateData(ctx context.Context, c *call, in *schemaInput) (*result, error) {
	got, err := s.p.CheckData(ctx, c.Caller, in.ID, in.ClientID, in.RawBody)
	if err != nil {
		return nil, err
	}
	view := validatedView{Valid: len(got.Found) == 0, Version: got.Version, Status: got.Status, Problems: []platform.Problem{}}
	for _, p := range got.Found {
		view.Problems = append(view.Problems, platform.Problem{Problem: p})
	}
	return ok(view), nil
}
