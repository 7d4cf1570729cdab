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
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
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

// Client returns the tenant that people call by its id or its identifier, or
// nil.
func (c *Catalog) Client(name string) *resource.Client {
	if t := c.Clients[name]; t != nil {
		return t
	}
	return c.identifiers[name]
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
