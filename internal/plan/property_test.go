package plan

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/flowcatalyst/fc/client/resource"
	"pgregory.net/rapid"
)

// world is a server as far as a plan can tell: it gives ids and revisions,
// checks ownership, and shows secrets as fingerprints only.
type world struct {
	t    *rapid.T
	live map[string]resource.Resource // by id
	next int
}

func (w *world) current() []resource.Resource {
	var out []resource.Resource
	for _, r := range w.live {
		info, _ := resource.InfoOf(r.Kind())
		b, err := json.Marshal(r)
		if err != nil {
			w.t.Fatal(err)
		}
		shown := info.New()
		if err := json.Unmarshal(b, shown); err != nil {
			w.t.Fatal(err)
		}
		out = append(out, shown)
	}
	return out
}

func (w *world) put(r resource.Resource, owner, clientID string, after int64, by bool) {
	b, err := json.Marshal(resource.OpenSecrets(r))
	if err != nil {
		w.t.Fatal(err)
	}
	info, _ := resource.InfoOf(r.Kind())
	c := info.New()
	if err := json.Unmarshal(b, c); err != nil {
		w.t.Fatal(err)
	}
	m := c.Base()
	if m.ID == "" {
		w.next++
		m.ID = fmt.Sprintf("%s_%d", info.Prefix, w.next)
	}
	m.ManagedBy, m.ClientID, m.Revision = owner, clientID, after+1
	if by {
		m.AppliedRevision = m.Revision
	}
	w.live[m.ID] = c
}

// apply carries a plan out as the server would, and fails where it would.
func (w *world) apply(p *Plan) {
	for _, c := range p.Changes {
		there := w.live[c.ID]
		if c.Action.Changes() && c.Action != Create {
			if there == nil || there.Base().Revision != c.Revision {
				w.t.Fatalf("%s of %s %s is against revision %d, not the live one", c.Action, c.Kind, c.Code, c.Revision)
			}
			if there.Base().ManagedBy != p.Manifest && !c.Adopt {
				w.t.Fatalf("%s of %s %s, which belongs to %q", c.Action, c.Kind, c.Code, there.Base().ManagedBy)
			}
		}
		switch c.Action {
		case Create:
			w.put(c.Resource, p.Manifest, p.ClientID, 0, true)
		case Update:
			r := c.Resource
			*r.Base() = resource.Meta{ID: c.ID, Protected: r.Base().Protected}
			w.put(r, p.Manifest, p.ClientID, c.Revision, true)
		case Replace:
			delete(w.live, c.ID)
			r := c.Resource
			r.Base().ID = ""
			w.put(r, p.Manifest, p.ClientID, 0, true)
		case Delete:
			if there.Base().Protected {
				w.t.Fatalf("delete of %s %s, which is protected", c.Kind, c.Code)
			}
			delete(w.live, c.ID)
		}
	}
}

var codes = rapid.SampledFrom([]string{"a", "b", "c", "d"})

func anyResource(t *rapid.T) resource.Resource {
	code := codes.Draw(t, "code")
	n := rapid.IntRange(1, 3)
	var r resource.Resource
	switch rapid.SampledFrom(resource.Declared()).Draw(t, "kind").Kind {
	case resource.KindClient:
		r = &resource.Client{Identifier: code, Status: rapid.SampledFrom([]string{"", resource.ClientSuspended, resource.ClientDeleted}).Draw(t, "status")}
	case resource.KindApplication:
		r = &resource.Application{Code: code, Active: activeOrNot(t), Description: rapid.SampledFrom([]string{"", "x"}).Draw(t, "description")}
	case resource.KindRole:
		r = &resource.Role{Name: "app:" + code, Permissions: []string{"a:b:c:d", "a:b:c:a"}[:n.Draw(t, "permissions")-1], ClientManaged: rapid.Bool().Draw(t, "managed")}
	case resource.KindServiceAccount:
		r = &resource.ServiceAccount{Code: code, Active: activeOrNot(t), ClientIDs: []string{"b", "a"}[:n.Draw(t, "clients")-1], Roles: []string{"app:b", "app:a"}[:n.Draw(t, "roles")-1]}
	case resource.KindEventType:
		e := &resource.EventType{Code: "app:sub:agg:" + code, Description: rapid.SampledFrom([]string{"", "x"}).Draw(t, "description")}
		for i := range n.Draw(t, "versions") {
			e.SpecVersions = append(e.SpecVersions, resource.SpecVersion{Version: fmt.Sprint(i + 1), Schema: json.RawMessage(fmt.Sprintf(`{"minimum": %d}`, n.Draw(t, "minimum")))})
		}
		r = e
	case resource.KindDispatchPool:
		r = &resource.DispatchPool{Code: code, HTTP2: activeOrNot(t), Concurrency: n.Draw(t, "concurrency"), RateLimit: resource.Rate(n.Draw(t, "rate")),
			Status: rapid.SampledFrom([]string{"", resource.PoolSuspended, resource.PoolArchived}).Draw(t, "status")}
	case resource.KindConnection:
		c := &resource.Connection{Code: code, URL: fmt.Sprintf("https://h%d.example.com", n.Draw(t, "url")),
			Status: rapid.SampledFrom([]string{"", resource.ConnectionPaused}).Draw(t, "status")}
		c.Signing.Scheme = rapid.SampledFrom([]string{"", resource.SchemeFlowCatalyst, resource.SchemeStandardWebhooks}).Draw(t, "scheme")
		if c.Signing.Scheme != "" {
			c.Signing.Secret = resource.NewSecret(fmt.Sprintf("s%d", n.Draw(t, "secret")))
		}
		if rapid.Bool().Draw(t, "headers") {
			c.Headers = map[string]string{"X-Team": fmt.Sprint(n.Draw(t, "team"))}
		}
		r = c
	default:
		s := &resource.Subscription{Code: code, Target: "https://h.example.com", MaxRetries: n.Draw(t, "retries"), RetryOn: []int{404, 400}[:n.Draw(t, "on")-1]}
		if rapid.Bool().Draw(t, "connected") {
			s.Target, s.ConnectionCode = "", "a"
		}
		for i := range n.Draw(t, "bindings") {
			s.EventTypes = append(s.EventTypes, resource.Binding{EventTypeCode: fmt.Sprintf("app:sub:agg:%d", i), Filter: resource.Filter(rapid.SampledFrom([]string{"", "data.x > 1", `{"path":"$.x","operator":"eq","value":1}`}).Draw(t, "filter"))})
		}
		r = s
	}
	r.Base().Protected = rapid.IntRange(0, 4).Draw(t, "protected") == 0
	r.Defaults()
	return r
}

// placeOf is where a resource of a client is, and no other can be.
func placeOf(r resource.Resource, client string) string {
	if r.Kind().Everywhere() {
		client = ""
	}
	return fmt.Sprint(r.Kind(), client, r.Key())
}

func activeOrNot(t *rapid.T) *bool {
	return rapid.SampledFrom([]*bool{nil, new(bool)}).Draw(t, "active")
}

func anyDesired(t *rapid.T) Desired {
	d := Desired{Manifest: "mine", ClientID: rapid.SampledFrom([]string{"", "clt_1"}).Draw(t, "client")}
	seen := map[string]bool{}
	for range rapid.IntRange(0, 6).Draw(t, "resources") {
		r := anyResource(t)
		if r.Kind().Everywhere() && d.ClientID != "" {
			continue // which a manifest of a client may not declare
		}
		if k := string(r.Kind()) + r.Key(); !seen[k] {
			seen[k] = true
			d.Items = append(d.Items, Item{Resource: r, Adopt: rapid.Bool().Draw(t, "adopt"), StatusStated: rapid.Bool().Draw(t, "stated"), Replace: rapid.IntRange(0, 4).Draw(t, "replace") == 0 && !r.Kind().Everywhere()})
		}
	}
	for _, it := range d.Items {
		kind, from := it.Resource.Kind(), codes.Draw(t, "from")
		if k := "moved " + string(kind) + from; kind.Renamed() && !seen[string(kind)+from] && !seen[k] && rapid.Bool().Draw(t, "moved") {
			seen[k] = true
			d.Moves = append(d.Moves, Move{kind, from, it.Resource.Key()})
		}
	}
	return d
}

// Whatever is there and whatever is declared: after the apply nothing is left
// to do but what conflicts, others' resources are untouched unless adopted,
// and the plan survives a file.
func TestApplyingAPlanLeavesNothingToDo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := &world{t: t, live: map[string]resource.Resource{}}
		taken := map[string]bool{}
		for range rapid.IntRange(0, 6).Draw(t, "live") {
			r, client := anyResource(t), rapid.SampledFrom([]string{"", "clt_1"}).Draw(t, "client")
			if k := placeOf(r, client); !taken[k] {
				taken[k] = true
				w.put(r, rapid.SampledFrom([]string{"", "mine", "theirs"}).Draw(t, "owner"), client, 4, rapid.Bool().Draw(t, "applied"))
			}
		}
		d := anyDesired(t)
		adopted := map[string]bool{}
		for _, it := range d.Items {
			adopted[placeOf(it.Resource, d.ClientID)] = it.Adopt
		}
		before := w.current()
		p := Make(d, before)

		b, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		read := new(Plan)
		if err := json.Unmarshal(b, read); err != nil {
			t.Fatal(err)
		}
		if err := read.Verify(w.current()); err != nil {
			t.Fatalf("a plan as it was made: %v\n%s", err, b)
		}
		var declared []resource.Resource
		for _, it := range d.Items {
			declared = append(declared, it.Resource)
		}
		if p, err = read.Unsealed(declared); err != nil {
			t.Fatal(err)
		}

		w.apply(p)
		for _, c := range p.Changes {
			if c.From != "" && c.Action == Update && (w.live[c.ID] == nil || w.live[c.ID].Key() != c.Code) {
				t.Fatalf("%s %s was renamed from %s, and is not what it was", c.Kind, c.Code, c.From)
			}
		}
		for _, m := range d.Moves {
			for _, r := range before {
				if r.Kind() == m.Kind && r.Key() == m.From && r.Base().ManagedBy == "mine" && r.Base().ClientID == d.ClientID && w.live[r.Base().ID] == nil {
					t.Fatalf("%s %s was to be renamed to %s, and was deleted", m.Kind, m.From, m.To)
				}
			}
		}
		for _, r := range before {
			if r.Base().ManagedBy == "mine" || adopted[placeOf(r, r.Base().ClientID)] {
				continue
			}
			if now := w.live[r.Base().ID]; now == nil || now.Base().Revision != r.Base().Revision {
				t.Fatalf("%s %s of %q was touched", r.Kind(), r.Key(), r.Base().ManagedBy)
			}
		}
		stuck := map[string]bool{}
		for _, c := range p.Conflicts() {
			stuck[string(c.Kind)+c.Code] = true
		}
		for i, it := range d.Items {
			// A replace is asked for once; what is protected refuses it still.
			d.Items[i].Replace = it.Replace && stuck[string(it.Resource.Kind())+it.Resource.Key()]
		}
		for _, r := range before {
			if r.Kind().Everywhere() && d.ClientID != "" && w.live[r.Base().ID] == nil {
				t.Fatalf("a manifest of a client deleted the %s %s", r.Kind(), r.Key())
			}
		}
		again := Make(d, w.current())
		for _, c := range again.Changes {
			if c.Action != NoOp && c.Action != Conflict {
				t.Fatalf("after the apply: %s %s %s %v", c.Action, c.Kind, c.Code, paths(c))
			}
		}
		if a, b := len(p.Conflicts()), len(again.Conflicts()); a != b {
			t.Fatalf("%d conflicts before and %d after", a, b)
		}
	})
}

// What names comes after what is named, and deletes go the other way round.
func TestOrderFollowsReferences(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := &world{t: t, live: map[string]resource.Resource{}}
		for range rapid.IntRange(0, 6).Draw(t, "live") {
			w.put(anyResource(t), "mine", "", 1, true)
		}
		last, deleting := -1, false
		for _, c := range Make(anyDesired(t), w.current()).Changes {
			if c.Action == Delete && !deleting {
				deleting, last = true, len(resource.Kinds)
			}
			if deleting && c.Action != Delete {
				t.Fatalf("%s of %s after a delete", c.Action, c.Code)
			}
			o := c.Kind.Order()
			if deleting && o > last || !deleting && o < last {
				t.Fatalf("%s %s of a %s is out of order", c.Action, c.Code, c.Kind)
			}
			last = o
		}
	})
}
