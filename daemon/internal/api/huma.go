package api

import (
	"context"
	"fmt"
	"mime"
	"net/http"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/api/adapter"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
)

// result is what a handler answers. Body is documented by the route's row.
type result struct {
	Status       int
	ETag         string `header:"ETag" doc:"The revision of the resource"`
	Warning      string `header:"X-FlowCatalyst-Warning" doc:"What was accepted otherwise than asked"`
	CacheControl string `header:"Cache-Control"`
	Body         any
}

func ok(body any) *result { return &result{Status: http.StatusOK, Body: body} }

// BodyInput is the input of a route that reads its body by itself.
type BodyInput struct {
	RawBody []byte `contentType:"application/json"`
}

// newHuma makes huma for one API: JSON only, no $schema, and its errors in
// our form.
func (s *server) newHuma() huma.API {
	config := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{Title: "FlowCatalyst", Version: s.o.Version,
				Description: "Publish events, declare who receives them, and see what became of each."},
			Components: &huma.Components{
				Schemas:         huma.NewMapRegistry("#/components/schemas/", schemaName),
				SecuritySchemes: map[string]*huma.SecurityScheme{"bearer": {Type: "http", Scheme: "bearer", BearerFormat: "JWT"}},
			},
		},
		Formats:       map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{s.translate},
	}
	config.AllowAdditionalPropertiesByDefault = true
	config.FieldsOptionalByDefault = true
	reg := config.Components.Schemas
	for t, as := range map[reflect.Type]reflect.Type{
		reflect.TypeFor[resource.Secret]():   reflect.TypeFor[secretDoc](),
		reflect.TypeFor[resource.Filter]():   reflect.TypeFor[anyDoc](),
		reflect.TypeFor[resource.Duration](): reflect.TypeFor[string](),
		reflect.TypeFor[stamp]():             reflect.TypeFor[timeDoc](),
		reflect.TypeFor[flow.ID]():           reflect.TypeFor[string](),
	} {
		reg.RegisterTypeAlias(t, as)
	}
	return huma.NewAPI(config, s.router)
}

// schemaName names a type in the document after what it is there, not after
// what it is called here.
func schemaName(t reflect.Type, hint string) string {
	if t == reflect.TypeFor[platform.Problem]() || t == reflect.TypeFor[[]platform.Problem]() {
		return "FieldProblem"
	}
	name := huma.DefaultSchemaNamer(t, hint)
	if name == "JobView" {
		return "DispatchJob"
	}
	for _, suffix := range []string{"Doc", "View"} {
		name = strings.TrimSuffix(name, suffix)
	}
	if strings.HasPrefix(t.PkgPath(), "github.com/flowcatalyst/fc/client/resource") && t.Kind() == reflect.Struct {
		switch t.Name() {
		case "Subscription", "Connection", "DispatchPool", "EventType", "Role", "OAuthClient":
			return "New" + name // beside the view that answers show
		}
	}
	return name
}

// Types that only document others.
type (
	secretDoc struct{}
	anyDoc    struct{}
	timeDoc   struct{}
)

// Schema says how secrets travel.
func (secretDoc) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Description: "The value in requests; in answers an object with its fingerprint. An update without it keeps the old one."}
}

// Schema says that anything may stand here.
func (anyDoc) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Description: "A CEL expression, or the structured form {path, operator, value}."}
}

// Schema says how times are written.
func (timeDoc) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: "string", Format: "date-time", Description: "RFC 3339, UTC, milliseconds"}
}

// translate puts the errors of huma itself into our form, without the values
// that it would repeat.
func (s *server) translate(ctx huma.Context, _ string, v any) (any, error) {
	model, isError := v.(*huma.ErrorModel)
	if !isError {
		return v, nil
	}
	var p *Problem
	switch model.Status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		p = newProblem(http.StatusBadRequest, string(platform.CodeInvalid), "the request can not be accepted")
		if len(model.Errors) == 0 && model.Detail != "" {
			p.Detail = model.Detail
		}
	case http.StatusRequestEntityTooLarge:
		p = newProblem(model.Status, "TOO_LARGE", fmt.Sprintf("the body is larger than %d bytes", maxOther))
	case http.StatusRequestTimeout:
		p = newProblem(model.Status, "TIMEOUT", "the body took too long to arrive")
	default:
		p = newProblem(model.Status, "INTERNAL_ERROR", "something went wrong here")
	}
	for _, e := range model.Errors {
		field := e.Location
		for _, where := range []string{"query.", "path.", "header.", "body."} {
			field = strings.TrimPrefix(field, where)
		}
		p.Problems = append(p.Problems, platform.Problem{Problem: resource.Problem{Field: field, Detail: e.Message}})
	}
	if len(p.Problems) > 0 {
		p.Detail += ": " + p.Problems[0].String()
	}
	p.Message = p.Detail
	if _, w, ok := adapter.Request(ctx); ok {
		p.RequestID = w.Header().Get(requestIDHeader)
	}
	return p, nil
}

// strict is a huma context in which a failed validation is 400, and a 204 has
// no content type.
type strict struct{ humaContext }

// humaContext is embedded under a name that its method Context leaves free.
type humaContext = huma.Context

func (c strict) SetStatus(code int) {
	if code == http.StatusUnprocessableEntity {
		code = http.StatusBadRequest
	}
	if _, w, ok := adapter.Request(c.humaContext); ok && (code == http.StatusNoContent || code == http.StatusNotModified) {
		w.Header().Del("Content-Type")
	}
	c.humaContext.SetStatus(code)
}

// Unwrap lets adapter.Request through.
func (c strict) Unwrap() huma.Context { return c.humaContext }

type callKey struct{}

// call is one request as handlers see it.
type call struct {
	caller
	request *http.Request
}

// mayBeAbsent marks bodies of which nothing is needed.
type mayBeAbsent interface{ mayBeAbsent() }

// through makes a row's registration: the guard, then huma, then do.
func through[I any](s *server, do func(ctx context.Context, c *call, in *I) (*result, error)) func(route) {
	return door(s, func(ctx context.Context, c *call, in *I) (*result, error) {
		res, err := do(ctx, c, in)
		if err == nil && known(c.request, res) {
			return &result{Status: http.StatusNotModified, ETag: res.ETag}, nil
		}
		return res, err
	})
}

// door is through for answers of any form that huma knows.
func door[I, O any](s *server, do func(ctx context.Context, c *call, in *I) (*O, error)) func(route) {
	return func(rt route) {
		op := s.operation(rt)
		op.SkipValidateBody = true
		op.MaxBodyBytes = maxOther + 1 // huma refuses what reaches the limit
		if rt.in != nil {
			op.RequestBody = &huma.RequestBody{Required: true}
		}
		takesBody := rt.in != nil
		op.Middlewares = huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) {
			r, w, _ := adapter.Request(ctx)
			who, err := s.admit(r, w.Header().Get(requestIDHeader), rt.needs)
			if who.May == nil {
				who.May = s.may(&who)
			}
			if err == nil && takesBody {
				err = wantJSON(r)
			}
			if err == nil && len(r.Header["Content-Encoding"]) > 0 {
				var done func()
				if done, err = s.expand(w, r, rt.needs); err == nil && r.ContentLength < 0 {
					err = s.readAhead(w, r)
				}
				done()
			}
			if err != nil {
				s.fail(w, r, err)
				return
			}
			next(strict{huma.WithValue(ctx, callKey{}, &call{who, r})})
		}}
		huma.Register(s.huma, op, func(ctx context.Context, in *I) (*O, error) {
			c := ctx.Value(callKey{}).(*call)
			res, err := do(ctx, c, in)
			if err != nil {
				return nil, s.problem(c.request, c.RequestID, err)
			}
			return res, nil
		})
		if rt.in != nil {
			op.RequestBody.Content["application/json"].Schema = s.schema(rt.in)
			_, may := rt.in.(mayBeAbsent)
			op.RequestBody.Required = !may
		}
		if rt.out == nil {
			op.Responses[fmt.Sprint(op.DefaultStatus)].Content = nil
		}
		for _, own := range []string{"ErrorModel", "ErrorDetail"} {
			delete(s.huma.OpenAPI().Components.Schemas.Map(), own) // huma's errors never leave: see translate
		}
	}
}

// queryParameters are the fields of a struct that stand in a query.
func queryParameters(in any) []*huma.Param {
	var params []*huma.Param
	t := reflect.TypeOf(in)
	for i := range t.NumField() {
		f := t.Field(i)
		params = append(params, &huma.Param{Name: f.Tag.Get("query"), In: "query", Description: f.Tag.Get("doc"), Schema: &huma.Schema{Type: "string"}})
	}
	return params
}

// plain makes a row's registration for a handler that reads and writes by
// itself: the guard, then do. Huma documents it.
func (s *server) plain(do func(w http.ResponseWriter, r *http.Request, c *caller) error) func(route) {
	return func(rt route) {
		op := s.operation(rt)
		switch _, isForm := rt.in.(interface{ form() }); {
		case rt.in == nil:
		case rt.method == http.MethodGet:
			op.Parameters = append(op.Parameters, queryParameters(rt.in)...)
		case isForm:
			op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/x-www-form-urlencoded": {Schema: s.schema(rt.in)}}}
		default:
			op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: s.schema(rt.in)}}}
		}
		for rest := rt.path; strings.Contains(rest, "{"); {
			_, rest, _ = strings.Cut(rest, "{")
			name, after, _ := strings.Cut(rest, "}")
			op.Parameters = append(op.Parameters, &huma.Param{Name: name, In: "path", Required: true, Schema: &huma.Schema{Type: "string"}})
			rest = after
		}
		s.huma.OpenAPI().AddOperation(&op)
		s.router.HandleHTTP(rt.method, rt.path, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, err := s.admit(r, w.Header().Get(requestIDHeader), rt.needs)
			if err == nil {
				var done func()
				if done, err = s.expand(w, r, rt.needs); err == nil {
					err = do(w, r, &c)
				}
				done()
			}
			if err != nil {
				s.fail(w, r, err)
			}
		}))
	}
}

// operation is what the document says of a row.
func (s *server) operation(rt route) huma.Operation {
	op := huma.Operation{
		OperationID: rt.id, Method: rt.method, Path: rt.path, Summary: rt.summary, Tags: []string{rt.tag}, DefaultStatus: rt.status,
		Responses: map[string]*huma.Response{
			"default": {Description: "A problem", Content: map[string]*huma.MediaType{problemJSON: {Schema: s.schema(Problem{})}}},
		},
	}
	if op.DefaultStatus == 0 {
		op.DefaultStatus = http.StatusOK
	}
	answer := &huma.Response{Description: http.StatusText(op.DefaultStatus)}
	if rt.out != nil {
		answer.Content = map[string]*huma.MediaType{"application/json": {Schema: s.schema(rt.out)}}
	}
	op.Responses[fmt.Sprint(op.DefaultStatus)] = answer
	if rt.method == http.MethodPost && rt.needs != public && strings.HasPrefix(rt.path, "/api/") && !ownKeys[rt.path] {
		op.Parameters = append(op.Parameters, &huma.Param{Name: idempotencyKey, In: "header", Schema: &huma.Schema{Type: "string"},
			Description: "Makes it safe to send the same request again: a repeat within 24 hours gets the first answer"})
	}
	switch rt.needs {
	case public, unguarded:
		op.Security = []map[string][]string{}
	case anyToken:
		op.Security = []map[string][]string{{"bearer": {}}}
		op.Description = "Needs a token."
	default:
		op.Security = []map[string][]string{{"bearer": {}}}
		op.Description = "Needs the permission " + rt.needs + "."
		op.Extensions = map[string]any{"x-permission": rt.needs}
	}
	return op
}

func (s *server) schema(of any) *huma.Schema {
	if ready, is := of.(*huma.Schema); is {
		return ready
	}
	t := reflect.TypeOf(of)
	return s.huma.OpenAPI().Components.Schemas.Schema(t, true, t.Name())
}

// listOf documents a page of things under their plural name.
func (s *server) listOf(name string, of any) *huma.Schema {
	return &huma.Schema{Type: "object", Properties: map[string]*huma.Schema{
		name:         {Type: "array", Items: s.schema(of)},
		"nextCursor": {Type: "string", Description: "Empty at the end"},
		"hasMore":    {Type: "boolean"},
		"partial":    {Type: "boolean", Description: "The page ended early because a filter without an index looked at too much; the cursor goes on"},
		"total":      {Type: "integer", Description: "Of all pages, where it is known"},
	}}
}

// wantJSON refuses bodies that say that they are something else.
func wantJSON(r *http.Request) error {
	ct := r.Header.Get("Content-Type")
	if ct == "" || ct == "application/json" {
		return nil
	}
	media, _, err := mime.ParseMediaType(ct)
	if err == nil && (media == "application/json" || strings.HasPrefix(media, "application/") && strings.HasSuffix(media, "+json")) {
		return nil
	}
	return newProblem(http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", "the body must be application/json")
}
