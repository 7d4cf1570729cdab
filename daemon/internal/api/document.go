package api

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/flowcatalyst/fc/daemon/internal/api/apidoc"
)

// limited are the paths whose calls a client may make only so often.
var limited = []string{
	"/api/events", "/api/events/batch", "/api/dispatch-jobs", "/api/dispatch-jobs/batch", "/api/dispatch/jobs/batch",
	"/api/audit-logs/batch", "/api/audit/logs/batch",
	"/auth/login", "/auth/bootstrap", "/auth/change-password",
	"/api/connections/{id}/test",
}

// completeDocument adds to the document what the rows of the table leave out.
func (s *server) completeDocument() error {
	s.documentConditional()
	examples, err := apidoc.Recorded()
	if err != nil {
		return err
	}
	apidoc.Complete(s.huma.OpenAPI(), apidoc.Options{PublicURL: s.o.PublicURL, Problem: s.schema(Problem{}), Limited: limited, Examples: examples})
	return nil
}

// docsRoutes are the rows of the document itself.
func (s *server) docsRoutes() []route {
	page := apidoc.NewPage()
	show := s.plain(func(w http.ResponseWriter, r *http.Request, _ *caller) error {
		page.ServeHTTP(w, r)
		return nil
	})
	return []route{
		{http.MethodGet, "/openapi.json", public, "openapi", "system", "This document", nil, map[string]any{}, 0, s.plain(s.document)},
		{http.MethodGet, "/docs", public, "docs", "system", "This document as a page for people", nil, nil, 0, func(rt route) {
			show(rt)
			s.huma.OpenAPI().Paths[rt.path].Get.Responses["200"].Content = map[string]*huma.MediaType{
				"text/html": {Schema: &huma.Schema{Type: "string"}, Example: "<!doctype html>…"},
			}
		}},
	}
}
