package apidoc

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// Options are what Complete can not see in the document.
type Options struct {
	// PublicURL is how clients reach the API; empty is where the document
	// came from.
	PublicURL string
	// Problem is the schema of errors.
	Problem *huma.Schema
	// Limited are the paths of calls that are bounded by a rate.
	Limited []string
	// Examples of the bodies, by operation; see Recorded.
	Examples map[string]Example
}

// The names of the security schemes.
const (
	Bearer   = "bearer"
	APIToken = "apiToken"
	Session  = "session"
)

// schemes are the ways to say who asks.
func schemes() map[string]*huma.SecurityScheme {
	return map[string]*huma.SecurityScheme{
		Bearer: {Type: "http", Scheme: "bearer", BearerFormat: "JWT",
			Description: "An access token, as POST /auth/login gives one. It lasts an hour; POST /auth/refresh gives the next."},
		APIToken: {Type: "http", Scheme: "bearer", BearerFormat: "fc_…",
			Description: "The token of a service account, for machines. It is shown once, when it is made, and lasts until it is taken back or its time is over."},
		Session: {Type: "apiKey", In: "cookie", Name: "fc_session",
			Description: "The cookie that signing in sets, for pages of this origin. A change must come from such a page or carry the session's X-CSRF-Token."},
	}
}

// Complete adds to a document what its operations leave out. It may be called
// once, when all operations are in.
func Complete(doc *huma.OpenAPI, o Options) {
	doc.Servers = []*huma.Server{{URL: "/", Description: "Where this document came from"}}
	if o.PublicURL != "" {
		doc.Servers = []*huma.Server{{URL: strings.TrimSuffix(o.PublicURL, "/"), Description: "This installation"}}
	}
	if doc.Components.SecuritySchemes == nil {
		doc.Components.SecuritySchemes = map[string]*huma.SecurityScheme{}
	}
	for name, scheme := range schemes() {
		doc.Components.SecuritySchemes[name] = scheme
	}
	doc.Components.Responses = problems(o.Problem)
	used := map[string]bool{}
	for path, item := range doc.Paths {
		for _, op := range operations(item) {
			for _, tag := range op.Tags {
				used[tag] = true
			}
			secure(op)
			explain(op)
			addProblems(op, slices.Contains(o.Limited, path))
			addExamples(op, o.Examples[op.OperationID])
		}
	}
	doc.Tags = nil
	for _, t := range tags {
		if used[t.Name] {
			doc.Tags = append(doc.Tags, &huma.Tag{Name: t.Name, Description: t.Description})
		}
	}
}

// operations are those of a path.
func operations(item *huma.PathItem) []*huma.Operation {
	var ops []*huma.Operation
	for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete, item.Patch, item.Head} {
		if op != nil {
			ops = append(ops, op)
		}
	}
	return ops
}

// secure lets every operation that takes a bearer token take the other proofs.
func secure(op *huma.Operation) {
	for _, scheme := range op.Security {
		if _, ok := scheme[Bearer]; ok {
			op.Security = append(op.Security, map[string][]string{APIToken: {}}, map[string][]string{Session: {}})
			return
		}
	}
}

// statusText is what each error means, by its status.
var statusText = map[int]string{
	http.StatusBadRequest:            "The request can not be accepted; `problems` says which fields and why.",
	http.StatusUnauthorized:          "There is no token, or one that does not count any more.",
	http.StatusForbidden:             "The caller may not do this.",
	http.StatusNotFound:              "There is no such thing, or it belongs to a client that the caller does not reach.",
	http.StatusConflict:              "It is there already, is in use, or is in a state that does not allow this.",
	http.StatusPreconditionFailed:    "The resource is not any more as If-Match says.",
	http.StatusRequestEntityTooLarge: "The body is too large.",
	http.StatusUnsupportedMediaType:  "The body has a type or a coding that is not read here.",
	http.StatusTooManyRequests:       "Too much, or too often; `Retry-After` says when to try again.",
	http.StatusServiceUnavailable:    "This can not be done now; `Retry-After` says when to try again.",
}

// problems are the shared answers for errors.
func problems(schema *huma.Schema) map[string]*huma.Response {
	all, examples := map[string]*huma.Response{}, problemExamples()
	for status, text := range statusText {
		r := &huma.Response{Description: text, Content: map[string]*huma.MediaType{"application/problem+json": {Schema: schema, Example: examples[status]}}}
		switch status {
		case http.StatusTooManyRequests, http.StatusServiceUnavailable:
			r.Headers = map[string]*huma.Param{"Retry-After": {Description: "Seconds", Schema: &huma.Schema{Type: "integer"}, Example: 5}}
		case http.StatusUnauthorized:
			r.Headers = map[string]*huma.Param{"WWW-Authenticate": {Description: "How to say who asks", Schema: &huma.Schema{Type: "string"}, Example: "Bearer"}}
		}
		all[problemName(status)] = r
	}
	text := func(about string) *huma.Schema { return &huma.Schema{Type: "string", Description: about} }
	all["OAuthError"] = &huma.Response{Description: "The request is refused (RFC 6749, 5.2).", Content: map[string]*huma.MediaType{"application/json": {
		Schema:  &huma.Schema{Type: "object", Properties: map[string]*huma.Schema{"error": text("Its code"), "error_description": text("A sentence for people")}, Required: []string{"error"}},
		Example: map[string]any{"error": "invalid_grant", "error_description": "the code is not good any more"},
	}}}
	return all
}

func problemName(status int) string {
	return strings.ReplaceAll(http.StatusText(status), " ", "")
}

// addProblems says which errors an operation may answer with.
func addProblems(op *huma.Operation, limited bool) {
	has := func(in, name string) bool {
		return slices.ContainsFunc(op.Parameters, func(p *huma.Param) bool { return p.In == in && (name == "" || p.Name == name) })
	}
	if form := op.RequestBody != nil && op.RequestBody.Content["application/x-www-form-urlencoded"] != nil; form || strings.HasPrefix(op.Path, "/oauth/") {
		if strings.HasPrefix(op.Path, "/oauth/") && form {
			op.Responses["400"] = &huma.Response{Ref: "#/components/responses/OAuthError"}
			op.Responses["401"] = &huma.Response{Ref: "#/components/responses/OAuthError"}
		}
		if len(op.Security) == 0 {
			return // pages, and what has the errors of its own standard
		}
	}
	secured, changes, body := len(op.Security) > 0, op.Method != http.MethodGet, op.RequestBody != nil
	for status, may := range map[int]bool{
		http.StatusBadRequest:            body || has("query", "") || has("header", ""),
		http.StatusUnauthorized:          secured || op.Method == http.MethodPost && strings.HasPrefix(op.Path, "/auth/"),
		http.StatusForbidden:             secured && (op.Extensions["x-permission"] != nil || changes),
		http.StatusNotFound:              has("path", ""),
		http.StatusConflict:              secured && changes,
		http.StatusPreconditionFailed:    has("header", "If-Match"),
		http.StatusRequestEntityTooLarge: body,
		http.StatusUnsupportedMediaType:  body,
		http.StatusTooManyRequests:       limited,
		http.StatusServiceUnavailable:    secured || body,
	} {
		if key := strconv.Itoa(status); may && op.Responses[key] == nil {
			op.Responses[key] = &huma.Response{Ref: "#/components/responses/" + problemName(status)}
		}
	}
}
