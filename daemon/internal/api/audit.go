package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// auditRoutes are the rows about who changed what.
func (s *server) auditRoutes() []route {
	const get, see = http.MethodGet, "platform:admin:audit-log:view"
	row := func(path, id, summary string, out any, add func(route)) route {
		return route{get, "/api/audit-logs" + path, see, id, "audit", summary, nil, out, 0, add}
	}
	return []route{
		row("", "listAuditLogs", "Who changed what, newest first", s.listOf("auditLogs", auditView{}), through(s, s.listAudit)),
		row("/recent", "recentAuditLogs", "The newest hundred", []auditView{}, through(s, s.recentAudit)),
		row("/principal/{principalId}", "auditLogsOfPrincipal", "The newest hundred of a principal", []auditView{}, through(s, s.auditOfPrincipal)),
		row("/entity/{entityType}/{entityId}", "auditLogsOfEntity", "What became of one thing, the newest hundred", entityAuditAnswer{}, through(s, s.auditOfEntity)),
		row("/entity-types", "auditEntityTypes", "Which sorts of things occur among the newest entries", entityTypesAnswer{}, through(s, s.auditTypes)),
		row("/operations", "auditOperations", "Which operations occur among the newest entries", operationsAnswer{}, through(s, s.auditOperations)),
		row("/client-ids", "auditClientIds", "Whose things occur among the newest entries", clientIDsAnswer{}, through(s, s.auditClients)),
		row("/application-ids", "auditApplicationIds", "Entries belong to no application: an empty list, for existing clients", applicationIDsAnswer{}, through(s, s.auditApplications)),
		row("/{id}", "getAuditLog", "One entry", auditView{}, through(s, s.getAudit)),
	}
}

type auditView struct {
	ID            string          `json:"id"`
	EntityType    string          `json:"entityType"`
	EntityID      string          `json:"entityId"`
	Operation     string          `json:"operation"`
	Before        json.RawMessage `json:"before,omitempty" doc:"Without secrets"`
	After         json.RawMessage `json:"after,omitempty" doc:"Without secrets"`
	OperationJSON string          `json:"operationJson,omitempty" doc:"What it was afterwards, as text; only where one entry is asked for"`
	PrincipalID   string          `json:"principalId,omitempty"`
	PrincipalName string          `json:"principalName,omitempty"`
	ClientID      string          `json:"clientId,omitempty"`
	RequestID     string          `json:"requestId,omitempty"`
	PerformedAt   stamp           `json:"performedAt"`
	Origin        string          `json:"origin" enum:"PLATFORM,APPLICATION" doc:"APPLICATION: the principal reported this at performedAt, and only the application vouches for it"`
	Reported      *reportedView   `json:"reported,omitempty" doc:"What the application says besides"`
}

func (s *server) viewAudit(ctx context.Context, es []store.AuditEntry) []auditView {
	views := make([]auditView, len(es))
	names := map[string]string{}
	for i, e := range es {
		name, known := names[e.PrincipalID]
		if !known && e.PrincipalID != "" {
			name = s.p.PrincipalName(ctx, e.PrincipalID)
			names[e.PrincipalID] = name
		}
		views[i] = auditView{ID: e.ID.String(), EntityType: e.EntityType, EntityID: e.EntityID, Operation: e.Operation,
			Before: e.Before, After: e.After, PrincipalID: e.PrincipalID, PrincipalName: name, ClientID: e.ClientID, RequestID: e.RequestID, PerformedAt: stamp(e.PerformedAt),
			Origin: e.Origin(), Reported: viewReported(e.Report)}
	}
	return views
}

type auditAnswer struct {
	AuditLogs  []auditView `json:"auditLogs"`
	NextCursor string      `json:"nextCursor"`
	HasMore    bool        `json:"hasMore"`
	Partial    bool        `json:"partial,omitempty"`
}

type auditQuery struct {
	Paging
	After    string `query:"after" doc:"The same as cursor"`
	PageSize int    `query:"pageSize" minimum:"0" maximum:"1000" doc:"The same as limit"`

	EntityType  []string  `query:"entityType,explode" doc:"One or more, repeated or separated by commas"`
	EntityID    string    `query:"entityId"`
	Operation   []string  `query:"operation,explode" doc:"One or more, repeated or separated by commas"`
	PrincipalID string    `query:"principalId" doc:"Who did it"`
	ClientID    []string  `query:"clientId,explode" doc:"One or more, repeated or separated by commas"`
	ClientIDs   []string  `query:"clientIds,explode" doc:"The same as clientId"`
	Origin      string    `query:"origin" enum:"PLATFORM,APPLICATION" doc:"Who vouches for it: the platform that did it, or an application that reported it"`
	Since       time.Time `query:"since" doc:"Done at this time or later"`
	Until       time.Time `query:"until" doc:"Done before this time"`
}

func (s *server) listAudit(ctx context.Context, c *call, in *auditQuery) (*result, error) {
	if in.Cursor == "" {
		in.Cursor = in.After
	}
	if in.Limit == 0 && in.Size == 0 {
		in.Limit = in.PageSize
	}
	before, err := unsealNumber("audit", in.Cursor)
	if err != nil {
		return nil, err
	}
	clients, err := s.p.ClientIDs(ctx, words(in.ClientID, in.ClientIDs))
	if err != nil {
		return nil, err
	}
	q := store.AuditQuery{
		Before: flow.ID(before), EntityTypes: words(in.EntityType), EntityID: in.EntityID, Operations: words(in.Operation),
		PrincipalID: in.PrincipalID, Clients: clients, Origin: in.Origin, Since: in.Since, Until: in.Until,
	}
	answer := auditAnswer{AuditLogs: []auditView{}}
	next, err := gather(in.limit(), s.pageBytes, func(limit int) (step, error) {
		q.Limit = limit
		page, err := s.p.Audit(ctx, c.Caller, q)
		if err != nil {
			return step{}, err
		}
		answer.AuditLogs = append(answer.AuditLogs, s.viewAudit(ctx, page.Entries)...)
		q.Before, answer.Partial = page.Next, page.Partial
		return step{items: len(page.Entries), next: uint64(page.Next), partial: page.Partial}, nil
	})
	if err != nil {
		return nil, err
	}
	if next != 0 {
		answer.HasMore, answer.NextCursor = true, seal("audit", strconv.FormatUint(next, 10))
	}
	return ok(answer), nil
}

// newestAudit is how many entries the lists without a cursor have.
const newestAudit = 100

func (s *server) newest(ctx context.Context, c *call, q store.AuditQuery) ([]auditView, error) {
	q.Limit = newestAudit
	page, err := s.p.Audit(ctx, c.Caller, q)
	if err != nil {
		return nil, err
	}
	return s.viewAudit(ctx, page.Entries), nil
}

func (s *server) recentAudit(ctx context.Context, c *call, _ *struct{}) (*result, error) {
	views, err := s.newest(ctx, c, store.AuditQuery{})
	if err != nil {
		return nil, err
	}
	return ok(views), nil
}

type auditPrincipalInput struct {
	PrincipalID string `path:"principalId"`
}

func (s *server) auditOfPrincipal(ctx context.Context, c *call, in *auditPrincipalInput) (*result, error) {
	views, err := s.newest(ctx, c, store.AuditQuery{PrincipalID: in.PrincipalID})
	if err != nil {
		return nil, err
	}
	return ok(views), nil
}

type auditEntityInput struct {
	EntityType string `path:"entityType"`
	EntityID   string `path:"entityId"`
}

type entityAuditAnswer struct {
	AuditLogs  []auditView `json:"auditLogs"`
	EntityType string      `json:"entityType"`
	EntityID   string      `json:"entityId"`
	Total      int         `json:"total" doc:"Of those that are listed"`
}

func (s *server) auditOfEntity(ctx context.Context, c *call, in *auditEntityInput) (*result, error) {
	views, err := s.newest(ctx, c, store.AuditQuery{EntityTypes: []string{in.EntityType}, EntityID: in.EntityID})
	if err != nil {
		return nil, err
	}
	return ok(entityAuditAnswer{views, in.EntityType, in.EntityID, len(views)}), nil
}

type (
	entityTypesAnswer struct {
		EntityTypes []string `json:"entityTypes"`
	}
	operationsAnswer struct {
		Operations []string `json:"operations"`
	}
	clientIDsAnswer struct {
		ClientIDs []string `json:"clientIds"`
	}
	applicationIDsAnswer struct {
		ApplicationIDs []string `json:"applicationIds"`
	}
)

func (s *server) auditFacet(ctx context.Context, c *call, name string) ([]string, error) {
	f, err := s.p.AuditFacets(ctx, c.Caller)
	if err != nil {
		return nil, err
	}
	if f[name] == nil {
		return []string{}, nil
	}
	return f[name], nil
}

func (s *server) auditTypes(ctx context.Context, c *call, _ *struct{}) (*result, error) {
	vs, err := s.auditFacet(ctx, c, store.FacetEntityTypes)
	return ok(entityTypesAnswer{vs}), err
}

func (s *server) auditOperations(ctx context.Context, c *call, _ *struct{}) (*result, error) {
	vs, err := s.auditFacet(ctx, c, store.FacetOperations)
	return ok(operationsAnswer{vs}), err
}

func (s *server) auditClients(ctx context.Context, c *call, _ *struct{}) (*result, error) {
	vs, err := s.auditFacet(ctx, c, store.FacetClients)
	return ok(clientIDsAnswer{vs}), err
}

func (s *server) auditApplications(context.Context, *call, *struct{}) (*result, error) {
	return ok(applicationIDsAnswer{[]string{}}), nil
}

func (s *server) getAudit(ctx context.Context, c *call, in *idInput) (*result, error) {
	e, err := s.p.AuditEntry(ctx, c.Caller, in.ID)
	if err != nil {
		return nil, err
	}
	v := s.viewAudit(ctx, []store.AuditEntry{e})[0]
	v.OperationJSON = string(e.After)
	return ok(v), nil
}
