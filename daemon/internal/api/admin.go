package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

func (s *server) apply(ctx context.Context, c *call, in *BodyInput) (*result, error) {
	var req platform.ApplyRequest
	if err := json.Unmarshal(in.RawBody, &req); err != nil {
		return nil, platform.Malformed(err)
	}
	c.May = s.may(&c.caller)
	answer, err := s.p.Apply(ctx, c.Caller, req)
	if err != nil {
		return nil, err
	}
	return ok(answer), nil
}

type auditView struct {
	ID          string          `json:"id"`
	EntityType  string          `json:"entityType"`
	EntityID    string          `json:"entityId"`
	Operation   string          `json:"operation"`
	Before      json.RawMessage `json:"before,omitempty" doc:"Without secrets"`
	After       json.RawMessage `json:"after,omitempty" doc:"Without secrets"`
	PrincipalID string          `json:"principalId,omitempty"`
	ClientID    string          `json:"clientId,omitempty"`
	RequestID   string          `json:"requestId,omitempty"`
	PerformedAt stamp           `json:"performedAt"`
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
	q := store.AuditQuery{
		Before: flow.ID(before), EntityTypes: words(in.EntityType), EntityID: in.EntityID, Operations: words(in.Operation),
		PrincipalID: in.PrincipalID, Clients: words(in.ClientID, in.ClientIDs), Since: in.Since, Until: in.Until,
	}
	answer := auditAnswer{AuditLogs: []auditView{}}
	next, err := gather(in.limit(), s.pageBytes, func(limit int) (step, error) {
		q.Limit = limit
		page, err := s.p.Audit(ctx, c.Caller, q)
		if err != nil {
			return step{}, err
		}
		for _, e := range page.Entries {
			answer.AuditLogs = append(answer.AuditLogs, auditView{ID: e.ID.String(), EntityType: e.EntityType, EntityID: e.EntityID, Operation: e.Operation,
				Before: e.Before, After: e.After, PrincipalID: e.PrincipalID, ClientID: e.ClientID, RequestID: e.RequestID, PerformedAt: stamp(e.PerformedAt)})
		}
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

type jwksDoc struct {
	Keys []map[string]string `json:"keys"`
}

func (s *server) jwks(w http.ResponseWriter, _ *http.Request, _ *caller) error {
	w.Header().Set("Cache-Control", "public, max-age=300")
	writeJSON(w, http.StatusOK, s.o.Keys.JWKS())
	return nil
}

type healthAnswer struct {
	Status string `json:"status" enum:"UP,DOWN"`
}

func (s *server) health(ctx context.Context, c *call, _ *struct{}) (*result, error) {
	if err := s.p.Health(ctx); err != nil {
		s.log.Warn("platform is not healthy", "request_id", c.RequestID, "error", err)
		return &result{Status: http.StatusServiceUnavailable, Body: healthAnswer{"DOWN"}}, nil
	}
	return ok(healthAnswer{"UP"}), nil
}

func (s *server) document(w http.ResponseWriter, _ *http.Request, _ *caller) error {
	writeJSON(w, http.StatusOK, s.openapi)
	return nil
}
