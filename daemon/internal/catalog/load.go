package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"strings"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

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
