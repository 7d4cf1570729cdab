package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

type ResourcesQuery struct {
	Paging
	ClientID   string `query:"clientId"`
	Status     string `query:"status"`
	Code       string `query:"code"`
	ManagedBy  string `query:"managedBy" doc:"The manifest that owns it"`
	Page       int    `query:"page" minimum:"0" maximum:"1000000" doc:"From 0, instead of a cursor"`
	NestedPage int    `query:"pagination[page]" minimum:"0" maximum:"1000000" doc:"The same as page"`
	NestedSize int    `query:"pagination[size]" minimum:"0" maximum:"1000" doc:"The same as limit"`
}

type ResourceInput struct {
	ID       string `path:"id" doc:"The id, or the code"`
	ClientID string `query:"clientId" doc:"Whose, where {id} is a code that several clients have"`
}

type ConditionalInput struct {
	ResourceInput
	IfMatch string `header:"If-Match" doc:"The ETag that the resource must still have"`
}

type updateInput struct {
	ConditionalInput
	BodyInput
}

// Views are resources as answers show them: with the names that existing
// clients read besides our own.
type (
	subscriptionView struct {
		*resource.Subscription
		Endpoint string   `json:"endpoint,omitempty" doc:"The same as target"`
		Warnings []string `json:"warnings,omitempty"`
		// Existing clients need these, if only empty.
		CustomConfig []resource.KeyValue `json:"customConfig"`
		ClientScoped bool                `json:"clientScoped" doc:"It belongs to a client"`
	}
	connectionView struct {
		*resource.Connection
		Endpoint string `json:"endpoint" doc:"The same as url"`
	}
	poolView struct {
		*resource.DispatchPool
		MaxConcurrency int `json:"maxConcurrency" doc:"The same as concurrency"`
	}
	eventTypeView struct {
		*resource.EventType
		Application string `json:"application"`
		Subdomain   string `json:"subdomain"`
		Aggregate   string `json:"aggregate"`
		Event       string `json:"event"`
		// Existing clients need the list, if only an empty one.
		SpecVersions []resource.SpecVersion `json:"specVersions"`
	}
)

func viewResource(r resource.Resource, warnings []string) any {
	switch r := r.(type) {
	case *resource.Subscription:
		config := r.CustomConfig
		if config == nil {
			config = []resource.KeyValue{}
		}
		return subscriptionView{r, r.Target, warnings, config, r.ClientID != ""}
	case *resource.Connection:
		return connectionView{r, r.URL}
	case *resource.DispatchPool:
		return poolView{r, r.Concurrency}
	case *resource.EventType:
		a, s, g, e := r.Segments()
		versions := r.SpecVersions
		if versions == nil {
			versions = []resource.SpecVersion{}
		}
		return eventTypeView{r, a, s, g, e, versions}
	case *resource.Role:
		return viewRole(r)
	case *resource.OAuthClient:
		return viewOAuthClient(r)
	case *resource.ServiceAccount:
		return accountView{r, r.PrincipalID()}
	case *resource.Principal:
		return viewPrincipal(r)
	}
	return r
}

// viewDoc is the empty view of a kind, for the document.
func viewDoc(kind resource.Kind) any {
	switch kind {
	case resource.KindSubscription:
		return subscriptionView{}
	case resource.KindConnection:
		return connectionView{}
	case resource.KindDispatchPool:
		return poolView{}
	case resource.KindEventType:
		return eventTypeView{}
	case resource.KindRole:
		return roleView{}
	case resource.KindOAuthClient:
		return oauthClientView{}
	case resource.KindServiceAccount:
		return accountView{}
	case resource.KindPrincipal:
		return principalView{}
	}
	return resourceDoc(kind)
}

func etag(r resource.Resource) string {
	return `"` + strconv.FormatInt(r.Base().Revision, 10) + `"`
}

func shown(status int, ch platform.Changed) *result {
	return &result{Status: status, ETag: etag(ch.Resource), Warning: strings.Join(ch.Warnings, "; "), Body: viewResource(ch.Resource, ch.Warnings)}
}

// ifMatch is the revision that a request insists on; 0 is any.
func ifMatch(header string) (int64, error) {
	tag := strings.TrimSpace(header)
	if tag == "" || tag == "*" {
		return 0, nil
	}
	text := strings.Trim(strings.TrimPrefix(tag, "W/"), `"`)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n <= 0 {
		return 0, newProblem(http.StatusPreconditionFailed, string(platform.CodePrecondition), "If-Match names no revision of this resource; an ETag of this API is a quoted number")
	}
	return n, nil
}

func (q *ResourcesQuery) page() int { return max(q.Page, q.NestedPage) }

func (q *ResourcesQuery) size() int {
	if q.Limit == 0 && q.Size == 0 {
		return store.PageLimit(q.NestedSize)
	}
	return q.limit()
}

func (s *server) listResources(info resource.KindInfo) func(context.Context, *call, *ResourcesQuery) (*result, error) {
	return func(ctx context.Context, c *call, in *ResourcesQuery) (*result, error) {
		return s.list(ctx, c, info, *in, nil)
	}
}

// list answers with a page of a kind. A filter that is nil takes all.
func (s *server) list(ctx context.Context, c *call, info resource.KindInfo, in ResourcesQuery, fits func(resource.Resource) bool) (*result, error) {
	q := platform.ListQuery{ClientID: in.ClientID, Status: in.Status, Code: in.Code, ManagedBy: in.ManagedBy,
		Limit: in.size(), Page: in.page(), Fits: fits}
	after, err := unseal(info.Collection, in.Cursor, 2)
	if err != nil {
		return nil, err
	}
	if after != nil {
		q.AfterCode, q.AfterID, q.Page = after[0], after[1], 0
	}
	page, err := s.p.List(ctx, c.Caller, info.Kind, q)
	if err != nil {
		return nil, err
	}
	views := make([]any, len(page.Resources))
	next := ""
	for i, r := range page.Resources {
		views[i] = viewResource(r, nil)
		if page.More && i == len(views)-1 {
			next = seal(info.Collection, r.Key(), r.Base().ID)
		}
	}
	return ok(map[string]any{info.ListName: views, "nextCursor": next, "hasMore": page.More, "total": page.Total}), nil
}

func (s *server) createResource(info resource.KindInfo) func(context.Context, *call, *BodyInput) (*result, error) {
	return func(ctx context.Context, c *call, in *BodyInput) (*result, error) {
		ch, err := s.p.Create(ctx, c.Caller, info, in.RawBody)
		if err != nil {
			return nil, err
		}
		return shown(http.StatusCreated, ch), nil
	}
}

func (s *server) getResource(info resource.KindInfo) func(context.Context, *call, *ResourceInput) (*result, error) {
	return func(ctx context.Context, c *call, in *ResourceInput) (*result, error) {
		r, err := s.p.Get(ctx, c.Caller, info, in.ID, in.ClientID)
		if err != nil {
			return nil, err
		}
		return shown(http.StatusOK, platform.Changed{Resource: r}), nil
	}
}

func (s *server) updateResource(info resource.KindInfo) func(context.Context, *call, *updateInput) (*result, error) {
	return func(ctx context.Context, c *call, in *updateInput) (*result, error) {
		revision, err := ifMatch(in.IfMatch)
		if err != nil {
			return nil, err
		}
		ch, err := s.p.Update(ctx, c.Caller, info, in.ID, in.ClientID, in.RawBody, revision)
		if err != nil {
			return nil, err
		}
		res := shown(http.StatusNoContent, ch)
		res.Body = nil
		return res, nil
	}
}

func (s *server) deleteResource(info resource.KindInfo) func(context.Context, *call, *ConditionalInput) (*result, error) {
	return func(ctx context.Context, c *call, in *ConditionalInput) (*result, error) {
		revision, err := ifMatch(in.IfMatch)
		if err != nil {
			return nil, err
		}
		if err := s.p.Delete(ctx, c.Caller, info, in.ID, in.ClientID, revision); err != nil {
			return nil, err
		}
		return &result{Status: http.StatusNoContent}, nil
	}
}

// move puts a resource into a state.
func (s *server) move(info resource.KindInfo, status, operation string) func(context.Context, *call, *ResourceInput) (*result, error) {
	return func(ctx context.Context, c *call, in *ResourceInput) (*result, error) {
		ch, err := s.p.SetStatus(ctx, c.Caller, info, in.ID, in.ClientID, status, operation)
		if err != nil {
			return nil, err
		}
		return shown(http.StatusOK, ch), nil
	}
}
