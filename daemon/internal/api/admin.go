package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/flowcatalyst/fc/daemon/internal/platform"
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
	doc, err := s.openapi()
	if err != nil {
		return fmt.Errorf("write OpenAPI document: %w", err)
	}
	writeJSON(w, http.StatusOK, doc)
	return nil
}
