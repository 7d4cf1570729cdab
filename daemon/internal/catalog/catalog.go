// Package catalog is the services' view of what operators declared: the
// store's documents, decoded once per version, with secrets opened.
//
// A Catalog is a value that never changes; whoever holds one sees one
// consistent world. A Cache hands out the Catalog of the store's current
// version, and asking costs next to nothing when nothing changed, so each
// stage asks before each batch: that is how a subscription counts for every
// event accepted after its own 2xx, and how a mended connection mends the
// jobs that wait for it.
package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// Sealer encrypts secrets at rest.
type Sealer interface {
	Seal(plain string) (string, error)
	Open(sealed string) (string, error)
}

// Catalog is all resources at one version.
type Catalog struct {
	Version         int64
	EventTypes      map[string]*resource.EventType // by id
	Clients         map[string]*resource.Client
	ServiceAccounts map[string]*resource.ServiceAccount
	Subscriptions   map[string]*resource.Subscription
	Connections     map[string]*resource.Connection
	Pools           map[string]*resource.DispatchPool
	Replays         map[flow.ID]*flow.Replay
	LetterTasks     map[flow.ID]*flow.LetterTask
	Expunges        map[flow.ID]*flow.Expunge
	// Others are the resources that no stage of the flow looks at, by id.
	Others map[resource.Kind]map[string]resource.Resource
	// Credentials are the hashes that go with principals, service accounts
	// and OAuth clients, by the id of whose they are, as they are stored.
	Credentials map[string][]byte
	// Broken are documents that could not be read, by kind and id.
	Broken []error

	defaultPool  *resource.DispatchPool
	identifiers  map[string]*resource.Client
	holdsClients bool
	unreadable   map[string]bool   // by id; they are there all the same
	prints       map[string]uint64 // by id, of the bodies that were read
}

// Route is where a job goes as things stand now.
type Route struct {
	Endpoint     string // the key of holds and limits: the connection's id, or the target
	URL          string
	Subscription *resource.Subscription // nil for a task
	Connection   *resource.Connection   // nil for a direct target; its secrets are open
	Pool         *resource.DispatchPool
	// Account, if not nil, is the service account whose webhook credentials
	// go out: the connection, if there is one, has none of its own.
	Account *resource.ServiceAccount
	Replay  *flow.Replay // not nil: the job goes beneath live traffic, at the replay's rate
	Wait    string       // not empty: why the job must not go now
}

// The kinds of documents that are no declared resources and yet concern all
// stages.
const (
	KindReplay     = "replay"
	KindLetterTask = "letter-task"
	KindExpunge    = "expunge"
	// KindCredential documents hold what proves who somebody is. They are
	// no resources: nothing shows them.
	KindCredential = "credential"
)

// Gone says that a subscription was deleted. One that can not be read (its
// key is missing, say) is not gone: its jobs wait until it is mended.
func (c *Catalog) Gone(subscriptionID string) bool {
	return c.Subscriptions[subscriptionID] == nil && !c.unreadable[subscriptionID]
}

// ReplayGone says that a replay was cancelled, or that nothing is known of it
// any more. One that can not be read is not gone: its jobs wait.
func (c *Catalog) ReplayGone(id flow.ID) bool {
	if rp := c.Replays[id]; rp != nil {
		return rp.Status == flow.WorkCancelled
	}
	return !c.unreadable[id.String()]
}

// Route resolves a job. It is false when the job's subscription or connection
// is gone or can not be read.
func (c *Catalog) Route(j *flow.Job) (Route, bool) {
	r, known := c.route(j)
	if r.Wait == "" {
		r.Wait = c.held(j.ClientID)
	}
	return r, known
}

// held says why a client's jobs must not go now, or "".
func (c *Catalog) held(clientID string) string {
	if t := c.Clients[clientID]; t != nil && t.Status != resource.ClientActive {
		return "client " + t.Identifier + " is " + strings.ToLower(t.Status)
	}
	return ""
}

// HoldsClients says that there are clients whose jobs must not go now: then
// the jobs of one lane may differ in that.
func (c *Catalog) HoldsClients() bool { return c.holdsClients }

func (c *Catalog) route(j *flow.Job) (Route, bool) {
	if j.ReplayID != 0 {
		return c.routeReplay(j.ReplayID, j.SubscriptionID)
	}
	if j.SubscriptionID != "" {
		return c.RouteSubscription(j.SubscriptionID)
	}
	var r Route
	if j.Task == nil {
		return r, false
	}
	r.Pool = c.Pool(j.Task.PoolID)
	return c.finish(r, j.Task.ConnectionID, j.Task.TargetURL, j.Task.ServiceAccountID)
}

// RouteLane resolves the lane of a subscription or of a replay, whose jobs all
// go the same way. Jobs in the lane of a task do not; ask Route.
func (c *Catalog) RouteLane(lane string) (Route, bool) {
	if replay, subscription, ok := flow.ParseReplayLane(lane); ok {
		return c.routeReplay(replay, subscription)
	}
	return c.RouteSubscription(lane)
}

// routeReplay is the route of a replay's job: the subscription's as it is
// now, or the replay's own, beneath live traffic.
func (c *Catalog) routeReplay(id flow.ID, subscriptionID string) (r Route, known bool) {
	rp := c.Replays[id]
	switch {
	case subscriptionID != "":
		r, known = c.RouteSubscription(subscriptionID)
	case rp == nil:
		r.Pool = c.defaultPool
	default:
		r, known = c.finish(Route{Pool: c.Pool(rp.PoolID)}, rp.ConnectionID, rp.Target, "")
	}
	if rp == nil && c.unreadable[id.String()] {
		r.Wait = "replay " + id.String() + " can not be read"
	}
	if r.Replay = rp; rp != nil && rp.Status == flow.WorkPaused {
		r.Wait = "replay " + rp.ID.String() + " is paused"
	}
	return r, known
}

// RouteSubscription resolves a subscription by id.
func (c *Catalog) RouteSubscription(id string) (Route, bool) {
	s := c.Subscriptions[id]
	if s == nil {
		r := Route{Pool: c.defaultPool}
		if c.unreadable[id] {
			r.Wait = "subscription " + id + " can not be read"
		}
		return r, false
	}
	r := Route{Subscription: s, Pool: c.Pool(s.DispatchPoolID)}
	if s.DispatchPoolID == "" && s.DispatchPoolCode != "" {
		r.Pool = c.PoolByCode(s.DispatchPoolCode, s.ClientID) // it came later than the subscription
	}
	if s.Status == resource.SubscriptionPaused {
		r.Wait = "subscription " + s.Code + " is paused"
	}
	r, known := c.finish(r, s.ConnectionID, s.Target, s.ServiceAccountID)
	if a := r.Account; a != nil && s.ClientID != "" && !slices.Equal(a.ClientIDs, []string{s.ClientID}) {
		// Those who manage this client would get what is of others.
		r.Wait = "service account " + a.Code + " is of more than the subscription's client"
	}
	return r, known
}

func (c *Catalog) finish(r Route, connectionID, target, account string) (Route, bool) {
	r.Endpoint, r.URL = target, target
	if connectionID != "" {
		conn := c.Connections[connectionID]
		if conn == nil {
			if c.unreadable[connectionID] {
				r.Wait = "connection " + connectionID + " can not be read"
			}
			return r, false
		}
		// The URL is the connection's, whatever target stands beside it: what
		// its credentials open is there, and they go nowhere else.
		r.Connection, r.Endpoint, r.URL = conn, conn.ID, conn.URL
		if conn.Status == resource.ConnectionPaused {
			r.Wait = "connection " + conn.Code + " is paused"
		}
	}
	if a := c.ServiceAccounts[account]; a != nil && a.Webhook.Shows() && !r.Connection.Shows() {
		if r.Account = a; !a.IsActive() {
			r.Wait = "service account " + a.Code + " is not active"
		}
	} else if c.unreadable[account] {
		r.Wait = "service account " + account + " can not be read"
	}
	if r.Pool.Status == resource.PoolSuspended {
		r.Wait = "pool " + r.Pool.Code + " is suspended"
	}
	return r, r.URL != ""
}

// Client returns the tenant that people call by its id or its identifier, or
// nil.
func (c *Catalog) Client(name string) *resource.Client {
	if t := c.Clients[name]; t != nil {
		return t
	}
	return c.identifiers[name]
}

// Showing is the connection with what is shown to the endpoint: as it is, or
// with the credentials of the service account. It is nil where there is
// neither.
func (r *Route) Showing() *resource.Connection {
	if r.Account == nil {
		return r.Connection
	}
	con := resource.Connection{Code: r.Account.Code}
	if r.Connection != nil {
		con = *r.Connection
	}
	con.Auth, con.Signing = r.Account.Webhook.Delivery()
	return &con
}

// Pool returns a pool by id or code, or the default pool.
func (c *Catalog) Pool(id string) *resource.DispatchPool {
	if p := c.Pools[id]; p != nil {
		return p
	}
	return c.defaultPool
}

// PoolByCode returns the pool of that code that a client's messages may
// use, or the default pool.
func (c *Catalog) PoolByCode(code, clientID string) *resource.DispatchPool {
	found := c.defaultPool
	for _, p := range c.Pools {
		if p.Code != code {
			continue
		}
		if p.ClientID == clientID {
			return p
		}
		if p.ClientID == "" {
			found = p
		}
	}
	return found
}

// Cache keeps the Catalog of a store.
type Cache struct {
	st     store.Resources
	sealer Sealer
	now    atomic.Pointer[Catalog]
	mu     sync.Mutex // held while loading
}

// New makes a cache; it loads at the first Get.
func New(st store.Resources, sealer Sealer) *Cache { return &Cache{st: st, sealer: sealer} }

// Get returns the catalog at the store's version, or a newer one.
func (c *Cache) Get(ctx context.Context) (*Catalog, error) {
	v, err := c.st.Version(ctx)
	if err != nil {
		return nil, fmt.Errorf("read resource version: %w", err)
	}
	if cat := c.now.Load(); cat != nil && cat.Version >= v {
		return cat, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if cat := c.now.Load(); cat != nil && cat.Version >= v {
		return cat, nil
	}
	cat, err := load(ctx, c.st, c.sealer, c.now.Load())
	if err != nil {
		return nil, err
	}
	c.now.Store(cat)
	return cat, nil
}

// Load reads and decodes all resources.
func Load(ctx context.Context, st store.Resources, sealer Sealer) (*Catalog, error) {
	return load(ctx, st, sealer, nil)
}

// load reads all resources and decodes those that differ from a catalog of
// before: with ten thousand people the change of one must not cost the others.
func load(ctx context.Context, st store.Resources, sealer Sealer, before *Catalog) (*Catalog, error) {
	kinds := make([]string, 0, len(resource.Kinds)+4)
	for _, k := range resource.Kinds {
		kinds = append(kinds, string(k.Kind))
	}
	kinds = append(kinds, KindReplay, KindLetterTask, KindExpunge, KindCredential)
	docs, version, err := st.Documents(ctx, kinds...)
	if err != nil {
		return nil, fmt.Errorf("load resources: %w", err)
	}
	cat := &Catalog{
		Version:         version,
		EventTypes:      map[string]*resource.EventType{},
		Clients:         map[string]*resource.Client{},
		ServiceAccounts: map[string]*resource.ServiceAccount{},
		Others:          map[resource.Kind]map[string]resource.Resource{},
		Credentials:     map[string][]byte{},
		identifiers:     map[string]*resource.Client{},
		prints:          make(map[string]uint64, len(docs)),
		Subscriptions:   map[string]*resource.Subscription{},
		Connections:     map[string]*resource.Connection{},
		Pools:           map[string]*resource.DispatchPool{},
		Replays:         map[flow.ID]*flow.Replay{},
		LetterTasks:     map[flow.ID]*flow.LetterTask{},
		Expunges:        map[flow.ID]*flow.Expunge{},
		unreadable:      map[string]bool{},
	}
	for _, d := range docs {
		if d.Kind == KindCredential {
			cat.Credentials[d.ID] = d.Body
			continue
		}
		if own, err := cat.addWork(d); own {
			if err != nil {
				cat.Broken = append(cat.Broken, err)
				cat.unreadable[strings.TrimPrefix(d.ID, "rpl_")] = true
			}
			continue
		}
		r := before.same(d)
		if r == nil {
			if r, err = Decode(d, sealer); err != nil {
				cat.Broken = append(cat.Broken, err)
				cat.unreadable[d.ID] = true
				continue
			}
		}
		cat.prints[d.ID] = fingerprint(d)
		switch v := r.(type) {
		case *resource.Client:
			cat.Clients[v.ID] = v
			cat.holdsClients = cat.holdsClients || v.Status != resource.ClientActive
			cat.identifiers[v.Identifier] = v
		case *resource.ServiceAccount:
			cat.ServiceAccounts[v.ID] = v
		case *resource.EventType:
			cat.EventTypes[v.ID] = v
		case *resource.Subscription:
			cat.Subscriptions[v.ID] = v
		case *resource.Connection:
			cat.Connections[v.ID] = v
		case *resource.DispatchPool:
			cat.Pools[v.ID] = v
			if v.Code == resource.DefaultPool && v.ClientID == "" {
				cat.defaultPool = v
			}
		default:
			of := cat.Others[r.Kind()]
			if of == nil {
				of = map[string]resource.Resource{}
				cat.Others[r.Kind()] = of
			}
			of[d.ID] = r
		}
	}
	if cat.defaultPool == nil {
		p := &resource.DispatchPool{Code: resource.DefaultPool, Concurrency: 20}
		p.Defaults()
		cat.defaultPool = p
	}
	return cat, nil
}

// same is a resource as this catalog has it, if a document says nothing new.
func (c *Catalog) same(d store.Document) resource.Resource {
	if c == nil {
		return nil
	}
	if known, ok := c.prints[d.ID]; !ok || known != fingerprint(d) {
		return nil
	}
	switch kind := resource.Kind(d.Kind); kind {
	case resource.KindClient:
		return orNil(c.Clients[d.ID])
	case resource.KindServiceAccount:
		return orNil(c.ServiceAccounts[d.ID])
	case resource.KindEventType:
		return orNil(c.EventTypes[d.ID])
	case resource.KindSubscription:
		return orNil(c.Subscriptions[d.ID])
	case resource.KindConnection:
		return orNil(c.Connections[d.ID])
	case resource.KindDispatchPool:
		return orNil(c.Pools[d.ID])
	default:
		return c.Others[kind][d.ID]
	}
}

var seed = maphash.MakeSeed()

// fingerprint tells bodies of a document apart, for as long as the process lives.
func fingerprint(d store.Document) uint64 { return maphash.Bytes(seed, d.Body) }

// orNil keeps a nil pointer from becoming an interface that is not nil.
func orNil[R any, P interface {
	*R
	resource.Resource
}](r P) resource.Resource {
	if r == nil {
		return nil
	}
	return r
}

// addWork takes the document of a replay, a letter task or an expunge.
func (c *Catalog) addWork(d store.Document) (own bool, err error) {
	switch d.Kind {
	case KindReplay:
		v := new(flow.Replay)
		if err = json.Unmarshal(d.Body, v); err == nil {
			c.Replays[v.ID] = v
		}
	case KindLetterTask:
		v := new(flow.LetterTask)
		if err = json.Unmarshal(d.Body, v); err == nil {
			c.LetterTasks[v.ID] = v
		}
	case KindExpunge:
		v := new(flow.Expunge)
		if err = json.Unmarshal(d.Body, v); err == nil {
			c.Expunges[v.ID] = v
		}
	default:
		return false, nil
	}
	if err != nil {
		return true, fmt.Errorf("read %s %s: %w", d.Kind, d.ID, err)
	}
	return true, nil
}

// Decode reads a document and opens its secrets.
func Decode(d store.Document, sealer Sealer) (resource.Resource, error) {
	info, ok := resource.InfoOf(resource.Kind(d.Kind))
	if !ok {
		return nil, fmt.Errorf("read %s %s: unknown kind", d.Kind, d.ID)
	}
	r := info.New()
	if err := json.Unmarshal(d.Body, r); err != nil {
		return nil, fmt.Errorf("read %s %s: %w", d.Kind, d.ID, err)
	}
	err := resource.EachSecret(r, func(_ string, s *resource.Secret) error {
		if !s.Known() {
			return nil
		}
		plain, err := sealer.Open(s.Reveal())
		*s = resource.NewSecret(plain)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open secrets of %s %s: %w", d.Kind, d.ID, err)
	}
	return r, nil
}

// Encode writes a resource as a document, its secrets sealed.
func Encode(r resource.Resource, sealer Sealer) (store.Document, error) {
	m := r.Base()
	d := store.Document{Kind: string(r.Kind()), ID: m.ID, ClientID: m.ClientID, Code: r.Key(), Revision: m.Revision}
	r = resource.CopySecrets(r)
	err := resource.EachSecret(r, func(_ string, s *resource.Secret) error {
		if !s.Known() {
			return nil
		}
		sealed, err := sealer.Seal(s.Reveal())
		*s = resource.NewSecret(sealed).Open()
		return err
	})
	if err != nil {
		return d, fmt.Errorf("seal secrets of %s %s: %w", d.Kind, m.ID, err)
	}
	body, err := json.Marshal(r)
	d.Body = body
	return d, err
}
