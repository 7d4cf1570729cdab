package platform

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// ListQuery filters resources; empty fields filter nothing.
type ListQuery struct {
	ClientID, Status, Code, ManagedBy string
	// AfterID and AfterCode are the last resource of the page before.
	AfterID, AfterCode string
	Page               int // from 0, instead of a cursor
	Limit              int
	// Fits is a further filter; nil is none.
	Fits func(resource.Resource) bool
}

// ListPage is a page of resources, by code.
type ListPage struct {
	Resources []resource.Resource
	Total     int // of all pages
	More      bool
}

// Changed is what a change did.
type Changed struct {
	Resource resource.Resource
	Warnings []string
}

// List returns the resources of a kind that the caller sees.
func (p *Platform) List(ctx context.Context, c Caller, kind resource.Kind, q ListQuery) (ListPage, error) {
	w, err := p.currentWorld(ctx)
	if err != nil {
		return ListPage{}, err
	}
	q.ClientID = clientID(w.cat, q.ClientID)
	limit := store.PageLimit(q.Limit)
	var page ListPage
	skip := q.Page * limit
	for _, r := range w.sorted[kind] {
		m := r.Base()
		if !c.sees(r) || q.Fits != nil && !q.Fits(r) || q.ClientID != "" && m.ClientID != q.ClientID ||
			q.Code != "" && r.Key() != q.Code || q.ManagedBy != "" && m.ManagedBy != q.ManagedBy ||
			q.Status != "" && statusOf(r) != q.Status {
			continue
		}
		page.Total++
		switch {
		case q.AfterCode != "" && !after(r, q):
		case skip > 0:
			skip--
		case len(page.Resources) < limit:
			page.Resources = append(page.Resources, c.view(r))
		default:
			page.More = true
		}
	}
	return page, nil
}

// after says that a resource comes after the cursor.
func after(r resource.Resource, q ListQuery) bool {
	return r.Key() > q.AfterCode || r.Key() == q.AfterCode && r.Base().ID > q.AfterID
}

func statusOf(r resource.Resource) string {
	switch r := r.(type) {
	case *resource.Client:
		return r.Status
	case *resource.EventType:
		return r.Status
	case *resource.DispatchPool:
		return r.Status
	case *resource.Connection:
		return r.Status
	case *resource.Subscription:
		return r.Status
	}
	return ""
}

// Get returns the resource of an id, or of a code.
func (p *Platform) Get(ctx context.Context, c Caller, info resource.KindInfo, name, clientID string) (resource.Resource, error) {
	w, err := p.currentWorld(ctx)
	if err != nil {
		return nil, err
	}
	r, err := w.lookup(c, info, name, clientID)
	if err != nil {
		return nil, err
	}
	return c.view(r), nil
}

// Create makes a resource of a JSON object.
func (p *Platform) Create(ctx context.Context, c Caller, info resource.KindInfo, body []byte) (Changed, error) {
	f, err := readFields(info.Kind, body)
	if err != nil {
		return Changed{}, err
	}
	return p.create(ctx, c, info, f, nil)
}

// create makes a resource of fields. Also, if it is there, has its say before
// the draft is checked.
func (p *Platform) create(ctx context.Context, c Caller, info resource.KindInfo, f fields, also func(*draft, resource.Resource) error) (Changed, error) {
	var made resource.Resource
	d, err := p.change(ctx, c, false, func(d *draft) error {
		r, ps := build(info, f)
		if len(ps) > 0 {
			return Invalid("the request has fields that can not be accepted", ps...)
		}
		m := r.Base()
		if err := d.prepare(r); err != nil {
			return err
		}
		client, refused := d.owner(info, m.ClientID)
		if refused != nil {
			return refused
		}
		*m = resource.Meta{ClientID: client, Protected: m.Protected, Source: sourceOf(info.Kind, m.Source)}
		if d.find(keyOf(r)) != nil {
			return refuse(CodeExists, "this %s is taken by another %s", info.Kind.KeyField(), info.Title)
		}
		made = r
		d.add(r, "CREATE")
		if also != nil {
			return also(d, r)
		}
		return nil
	})
	if err != nil {
		return Changed{}, err
	}
	return Changed{made, d.warnings}, nil
}

func sourceOf(kind resource.Kind, asked string) string {
	if kind == resource.KindRole {
		return RoleDatabase
	}
	if asked == "UI" || asked == "CODE" {
		return asked
	}
	return "API"
}

// Update lays the fields of a JSON object over a resource. With ifRevision
// not 0 the resource must be at that revision.
func (p *Platform) Update(ctx context.Context, c Caller, info resource.KindInfo, name, clientID string, body []byte, ifRevision int64) (Changed, error) {
	f, err := readFields(info.Kind, body)
	if err != nil {
		return Changed{}, err
	}
	for _, own := range []string{"id", "managedBy", "source", "revision", "appliedRevision", "createdBy", "createdAt", "updatedAt"} {
		delete(f, own) // the server's, whatever a client sends back
	}
	return p.edit(ctx, c, info, name, clientID, ifRevision, "UPDATE", func(before resource.Resource) (resource.Resource, error) {
		return patched(info, before, f)
	})
}

// SetStatus moves a resource to a state; being there already is no error. What
// is archived can be brought back, but not put on hold.
func (p *Platform) SetStatus(ctx context.Context, c Caller, info resource.KindInfo, name, clientID, status, operation string) (Changed, error) {
	text, err := json.Marshal(status)
	if err != nil {
		return Changed{}, err
	}
	return p.edit(ctx, c, info, name, clientID, 0, operation, func(before resource.Resource) (resource.Resource, error) {
		if now := statusOf(before); now == "ARCHIVED" && (status == resource.SubscriptionPaused || status == resource.PoolSuspended) {
			return nil, refuse(CodeConflict, "%s %s is archived", info.Title, before.Key())
		}
		return patched(info, before, fields{"status": text})
	})
}

// AddSchema gives an event type its next version.
func (p *Platform) AddSchema(ctx context.Context, c Caller, name, clientID string, body []byte) (Changed, error) {
	var in struct {
		Version string          `json:"version"`
		Schema  json.RawMessage `json:"schema"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return Changed{}, Malformed(err)
	}
	var text string // SDKs send the schema as a text
	if json.Unmarshal(in.Schema, &text) == nil && json.Valid([]byte(text)) {
		in.Schema = json.RawMessage(text)
	}
	if len(in.Schema) == 0 || in.Schema[0] != '{' && string(in.Schema) != "true" && string(in.Schema) != "false" {
		return Changed{}, invalidField("schema", "must be a JSON Schema document", `{"type": "object"}`)
	}
	info, _ := resource.InfoOf(resource.KindEventType)
	return p.edit(ctx, c, info, name, clientID, 0, "ADD_VERSION", func(before resource.Resource) (resource.Resource, error) {
		t := *before.(*resource.EventType)
		version := in.Version
		if version == "" {
			version = nextVersion(&t)
		}
		t.SpecVersions = append(slices.Clone(t.SpecVersions), resource.SpecVersion{Version: version, Schema: in.Schema})
		return &t, nil
	})
}

func (p *Platform) edit(ctx context.Context, c Caller, info resource.KindInfo, name, clientID string, ifRevision int64, operation string,
	do func(resource.Resource) (resource.Resource, error)) (Changed, error) {
	return p.alter(ctx, c, info, name, clientID, ifRevision, operation, func(_ *draft, before resource.Resource) (resource.Resource, error) { return do(before) })
}

// alter changes one resource. Do sees the draft and may put more into it.
func (p *Platform) alter(ctx context.Context, c Caller, info resource.KindInfo, name, clientID string, ifRevision int64, operation string,
	do func(*draft, resource.Resource) (resource.Resource, error)) (Changed, error) {
	var before, after resource.Resource
	d, err := p.change(ctx, c, false, func(d *draft) error {
		var err error
		if before, err = d.lookup(c, info, name, clientID); err != nil {
			return err
		}
		if err := c.mayChange(info); err != nil {
			return err
		}
		if ifRevision != 0 && before.Base().Revision != ifRevision {
			return refuse(CodePrecondition, "the %s is at revision %d, not at the one that If-Match names", info.Title, before.Base().Revision)
		}
		if err := byHand(before); err != nil {
			return err
		}
		if after, err = do(d, before); err != nil {
			return err
		}
		home := after.Base().ClientID
		d.update(before, after, operation)
		if info.Kind == resource.KindPrincipal {
			after.Base().ClientID = home // people move
		}
		return nil
	})
	if err != nil {
		return Changed{}, err
	}
	return Changed{after, d.warnings}, nil
}

// Delete removes a resource. The open jobs of a subscription are cancelled.
func (p *Platform) Delete(ctx context.Context, c Caller, info resource.KindInfo, name, clientID string, ifRevision int64) error {
	var gone resource.Resource
	_, err := p.change(ctx, c, false, func(d *draft) error {
		r, err := d.lookup(c, info, name, clientID)
		if err != nil {
			return err
		}
		if err := c.mayChange(info); err != nil {
			return err
		}
		if ifRevision != 0 && r.Base().Revision != ifRevision {
			return refuse(CodePrecondition, "the %s is at revision %d, not at the one that If-Match names", info.Title, r.Base().Revision)
		}
		if err := mayRemove(info, r); err != nil {
			return err
		}
		if err := byHand(r); err != nil {
			return err
		}
		gone = r
		d.takeAway(r)
		return nil
	})
	if err != nil {
		return err
	}
	p.afterRemoval(ctx, gone)
	return nil
}

func mayRemove(info resource.KindInfo, r resource.Resource) error {
	switch {
	case isDefaultPool(r):
		return refuse(CodeProtected, "%s always exists", resource.DefaultPool)
	case r.Base().Protected:
		return refuse(CodeProtected, "%s %s is protected; set protected to false first", info.Title, r.Key())
	}
	return nil
}

// How a deleted subscription's jobs are cancelled: in batches, so that other
// writers get their turn, and not forever.
const (
	cancelBatch = 500
	cancelTime  = 30 * time.Second
)

// afterRemoval cancels the open jobs of a subscription that is gone. The
// delete has happened, so nobody's giving up stops this; what it does not get
// to do the scheduler does.
func (p *Platform) afterRemoval(ctx context.Context, r resource.Resource) {
	if r.Kind() != resource.KindSubscription {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelTime)
	defer cancel()
	for {
		n, err := p.st.CancelLane(ctx, r.Base().ID, flow.ReasonSubscription, p.now(), cancelBatch)
		if err != nil {
			p.log.Warn("jobs of a deleted subscription are left to the scheduler", "subscription", r.Base().ID, "error", err)
			return
		}
		if n == 0 {
			return
		}
	}
}

// openJobs counts the jobs that deleting a subscription would cancel, up to
// one page.
func (p *Platform) openJobs(ctx context.Context, subscriptionID string) (int, error) {
	page, err := p.st.ListJobs(ctx, store.Everything, store.JobQuery{SubscriptionID: subscriptionID, Limit: 1000,
		Status: []flow.Status{flow.Pending, flow.Queued, flow.Processing}})
	return len(page.Jobs), err
}

// EnsureDefaults creates what always exists: the default pool.
func (p *Platform) EnsureDefaults(ctx context.Context) error {
	_, err := p.change(ctx, System(), false, func(d *draft) error {
		if d.find(worldKey{resource.KindDispatchPool, "", resource.DefaultPool}) != nil {
			return nil
		}
		d.add(&resource.DispatchPool{
			Meta: resource.Meta{Source: "CODE"}, Code: resource.DefaultPool, Name: "Default pool",
			Description: "Takes what names no other pool.", Concurrency: 20,
		}, "CREATE")
		return nil
	})
	return err
}
