package client

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"

	"github.com/flowcatalyst/fc/client/resource"
)

// Resources manages the resources of one kind. Where a call takes an id, it
// takes a code as well; the code is looked up among the caller's clients.
type Resources struct {
	c    *Client
	info resource.KindInfo
}

// ResourceFilter narrows a list of resources; what is empty does not.
type ResourceFilter struct {
	ClientID, Status, Code, ManagedBy string
	// PageSize is how many come with one request; 0 leaves it to the server.
	PageSize int
}

// Page returns one page, sorted by code. The cursor is empty for the first.
func (r *Resources) Page(ctx context.Context, f ResourceFilter, cursor string) (*Page[resource.Resource], error) {
	q := query{}
	q.text("clientId", f.ClientID)
	q.text("status", f.Status)
	q.text("code", f.Code)
	q.text("managedBy", f.ManagedBy)
	return list(ctx, r.c, r.path("", ""), q.page(cursor, f.PageSize), r.decode, r.info.ListName, "items")
}

// List walks all resources of the kind, sorted by code.
func (r *Resources) List(ctx context.Context, f ResourceFilter) iter.Seq2[resource.Resource, error] {
	return all(func(cursor string) (*Page[resource.Resource], error) { return r.Page(ctx, f, cursor) })
}

// Get returns one resource by id or code.
func (r *Resources) Get(ctx context.Context, id string) (resource.Resource, error) {
	return r.send(ctx, call{method: http.MethodGet, path: r.path(id, "")})
}

// Create makes a resource. What was left out gets the documented default.
func (r *Resources) Create(ctx context.Context, v resource.Resource) (resource.Resource, error) {
	got, err := r.send(ctx, call{method: http.MethodPost, path: r.path("", ""), body: resource.OpenSecrets(v), key: newKey()})
	if err != nil {
		return nil, fmt.Errorf("create %s %s: %w", r.info.Title, v.Key(), err)
	}
	return got, nil
}

// Update changes what the patch names (anything that encodes to a JSON
// object; a resource is the patch that names everything) and returns the new
// revision. A revision other than 0 makes the change conditional: if the
// resource has another one by now, the error has status 412.
func (r *Resources) Update(ctx context.Context, id string, patch any, revision int64) (int64, error) {
	if v, ok := patch.(resource.Resource); ok {
		patch = resource.OpenSecrets(v)
	}
	h, err := r.c.do(ctx, call{method: http.MethodPut, path: r.path(id, ""), body: patch, match: etag(revision)}, nil)
	if err != nil {
		return 0, fmt.Errorf("update %s %s: %w", r.info.Title, id, err)
	}
	return revisionOf(h), nil
}

// Delete removes a resource. One that is in use or protected stays: the error
// has status 409.
func (r *Resources) Delete(ctx context.Context, id string) error {
	if _, err := r.c.do(ctx, call{method: http.MethodDelete, path: r.path(id, "")}, nil); err != nil {
		return fmt.Errorf("delete %s %s: %w", r.info.Title, id, err)
	}
	return nil
}

// Pause makes a subscription, a connection or a pool hold its jobs. Nothing
// is lost meanwhile.
func (r *Resources) Pause(ctx context.Context, id string) (resource.Resource, error) {
	if r.info.Kind == resource.KindDispatchPool {
		return r.Act(ctx, id, "suspend")
	}
	return r.Act(ctx, id, "pause")
}

// Resume lets a paused subscription, connection or pool go on.
func (r *Resources) Resume(ctx context.Context, id string) (resource.Resource, error) {
	if r.info.Kind == resource.KindDispatchPool {
		return r.Act(ctx, id, "activate")
	}
	return r.Act(ctx, id, "resume")
}

// Act posts a verb of the kind, such as "archive" for an event type, and
// returns the resource as it is then.
func (r *Resources) Act(ctx context.Context, id, verb string) (resource.Resource, error) {
	return r.send(ctx, call{method: http.MethodPost, path: r.path(id, verb), key: newKey()})
}

func (r *Resources) send(ctx context.Context, k call) (resource.Resource, error) {
	var raw json.RawMessage
	if _, err := r.c.do(ctx, k, &raw); err != nil {
		return nil, err
	}
	return r.decode(raw)
}

func (r *Resources) decode(raw json.RawMessage) (resource.Resource, error) {
	if r.info.New == nil {
		return nil, fmt.Errorf("there is no kind %q", r.info.Kind)
	}
	v := r.info.New()
	if err := json.Unmarshal(raw, v); err != nil {
		return nil, fmt.Errorf("read a %s: %w", r.info.Title, err)
	}
	return v, nil
}

func (r *Resources) path(id, verb string) string {
	p := "/api/" + r.info.Collection
	if id != "" {
		p += "/" + url.PathEscape(id)
	}
	if verb != "" {
		p += "/" + verb
	}
	return p
}
