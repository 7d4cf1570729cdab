package platform

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/schema"
	"github.com/flowcatalyst/fc/internal/match"
)

// rules are what only a kind knows, or only other resources can tell. They
// may complete the resource: references get both their names, secrets that
// were left out are kept.
func (d *draft) rules(before, after resource.Resource) {
	switch r := after.(type) {
	case *resource.EventType:
		old, _ := before.(*resource.EventType)
		d.eventTypeRules(old, r)
	case *resource.DispatchPool:
		if isDefaultPool(r) && r.Status == resource.PoolArchived {
			d.problem(r, resource.Problem{Field: "status", Detail: "must not be ARCHIVED: this pool takes what names no other"})
		}
	case *resource.Subscription:
		d.subscriptionRules(r)
	case *resource.Client:
		d.clientRules(before, r)
	case *resource.Application:
		d.applicationRules(r)
	case *resource.Role:
		d.roleRules(r)
	case *resource.ServiceAccount:
		d.accountRules(r)
	case *resource.Principal:
		d.principalRules(before, r)
	case *resource.OAuthClient:
		d.oauthRules(r)
	case *resource.ClientAuthConfig:
		d.authConfigRules(r)
	case *resource.IdpRoleMapping:
		if r.RoleName != "" && d.role(r.RoleName) == nil {
			d.problem(r, noSuchRole("roleName"))
		}
	}
}

func isDefaultPool(r resource.Resource) bool {
	return r.Kind() == resource.KindDispatchPool && r.Key() == resource.DefaultPool && r.Base().ClientID == ""
}

// eventTypeRules check schemas, keep versions from going back and give them
// their times.
func (d *draft) eventTypeRules(old, t *resource.EventType) {
	for i := range t.SpecVersions {
		v := &t.SpecVersions[i]
		field := fmt.Sprintf("specVersions[%d]", i)
		v.CreatedAt, v.FinalisedAt, v.DeprecatedAt = d.now, nil, nil
		fresh := true
		if old != nil {
			if k := slices.IndexFunc(old.SpecVersions, func(o resource.SpecVersion) bool { return o.Version == v.Version }); k >= 0 {
				o := old.SpecVersions[k]
				v.CreatedAt, v.FinalisedAt, v.DeprecatedAt = o.CreatedAt, o.FinalisedAt, o.DeprecatedAt
				fresh = !sameJSON(o.Schema, v.Schema)
				if o.Status != resource.SchemaFinalising && fresh {
					d.problem(t, resource.Problem{Field: field + ".schema", Detail: "must not change once the version is finalised", Try: "a new version"})
				}
				if versionOrder[v.Status] < versionOrder[o.Status] {
					d.problem(t, resource.Problem{Field: field + ".status", Detail: "must not go back from " + o.Status, Try: "a new version"})
				}
			}
		}
		if v.Status != resource.SchemaFinalising && v.FinalisedAt == nil {
			v.FinalisedAt = &d.now
		}
		if v.Status == resource.SchemaDeprecated && v.DeprecatedAt == nil {
			v.DeprecatedAt = &d.now
		}
		var fault *schema.Fault
		if fresh && json.Valid(v.Schema) {
			if _, err := schema.Compile(v.Schema); errors.As(err, &fault) {
				d.problem(t, resource.Problem{Field: field + ".schema" + fault.Pointer, Detail: fault.Reason, Try: `{"type": "object"}`})
			}
		}
	}
}

var versionOrder = map[string]int{resource.SchemaFinalising: 1, resource.SchemaFinalised: 2, resource.SchemaDeprecated: 3}

func sameJSON(a, b []byte) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, a) == nil && json.Compact(&y, b) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}

// nextVersion is the number after the greatest one in use.
func nextVersion(t *resource.EventType) string {
	most := 0
	for _, v := range t.SpecVersions {
		if n, err := strconv.Atoi(v.Version); err == nil {
			most = max(most, n)
		}
	}
	return strconv.Itoa(most + 1)
}

func (d *draft) subscriptionRules(s *resource.Subscription) {
	for i, b := range s.EventTypes {
		if err := match.CheckFilter(b.Filter); err != nil {
			d.problem(s, resource.Problem{Field: fmt.Sprintf("eventTypes[%d].filter", i), Detail: err.Error(), Try: "data.total > 100.0"})
		}
	}
	if s.ConnectionID != "" || s.ConnectionCode != "" {
		r := d.resolve(resource.KindConnection, s.ClientID, s.ConnectionID, s.ConnectionCode)
		if r == nil {
			d.problem(s, resource.Problem{Field: refField("connection", s.ConnectionID), Detail: "names no connection of this client or of anchor level", Try: "create the connection first"})
		} else {
			s.ConnectionID, s.ConnectionCode = r.Base().ID, r.Key()
			d.warnings = unusedTarget(d.warnings, "target", s.Target, r.(*resource.Connection))
		}
	}
	d.subscriptionAccount(s)
	if s.DispatchPoolID != "" || s.DispatchPoolCode != "" {
		r := d.resolve(resource.KindDispatchPool, s.ClientID, s.DispatchPoolID, s.DispatchPoolCode)
		if r == nil && d.later && s.DispatchPoolID == "" {
			d.warnings = append(d.warnings, "subscription "+s.Code+": dispatchPoolCode names no pool yet; "+resource.DefaultPool+" takes its place until there is one")
			return
		}
		if r == nil && !d.strict {
			d.warnings = append(d.warnings, refField("dispatchPool", s.DispatchPoolID)+" names no pool of this client or of anchor level; "+resource.DefaultPool+" takes its place")
			r = d.find(worldKey{resource.KindDispatchPool, "", resource.DefaultPool})
		}
		if r == nil {
			d.problem(s, resource.Problem{Field: refField("dispatchPool", s.DispatchPoolID), Detail: "names no pool of this client or of anchor level", Try: resource.DefaultPool})
		} else {
			s.DispatchPoolID, s.DispatchPoolCode = r.Base().ID, r.Key()
		}
	}
}

// subscriptionAccount: whoever manages a client's subscriptions and connections
// says where its deliveries go, so they carry no credentials of others.
// unusedTarget warns of a target that is given beside a connection, as existing
// clients do it: what goes through a connection goes to its URL.
func unusedTarget(warnings []string, field, target string, c *resource.Connection) []string {
	if target != "" && target != c.URL {
		warnings = append(warnings, field+" is not used: deliveries through a connection go to the connection's URL")
	}
	return warnings
}

func (d *draft) subscriptionAccount(s *resource.Subscription) {
	if s.ServiceAccountID == "" {
		return
	}
	a := d.account(s.ServiceAccountID)
	if a == nil || s.ClientID != "" && !slices.Equal(a.ClientIDs, []string{s.ClientID}) {
		d.problem(s, resource.Problem{Field: "serviceAccountId", Detail: "names no service account that is of the subscription's client alone", Try: "a service account whose clientIds is this client"})
		return
	}
	s.ServiceAccountID = a.ID
}

func refField(name, id string) string {
	if id != "" {
		return name + "Id"
	}
	return name + "Code"
}

// resolve finds what a resource of a client names: by id if one is given,
// else by code, the client's own before anchor level's.
func (d *draft) resolve(kind resource.Kind, client, id, code string) resource.Resource {
	if id != "" {
		if next := d.replaced[id]; next != "" {
			id = next
		}
		r := d.get(id)
		if r == nil || r.Kind() != kind || r.Base().ClientID != client && r.Base().ClientID != "" {
			return nil
		}
		return r
	}
	if r := d.find(worldKey{kind, client, code}); r != nil {
		return r
	}
	return d.find(worldKey{kind, "", code})
}

// repoint lets what names a replaced resource name its successor.
func (d *draft) repoint() {
	if len(d.replaced) == 0 && len(d.renamed) == 0 {
		return
	}
	var stale []*resource.Subscription
	d.all(resource.KindSubscription, func(r resource.Resource) {
		s := r.(*resource.Subscription)
		if d.replaced[s.ConnectionID] != "" || d.replaced[s.DispatchPoolID] != "" || d.renamed[s.ConnectionID] != nil || d.renamed[s.DispatchPoolID] != nil {
			stale = append(stale, s)
		}
	})
	for _, s := range stale {
		next := *s
		if id := d.replaced[s.ConnectionID]; id != "" {
			next.ConnectionID = id
		}
		if id := d.replaced[s.DispatchPoolID]; id != "" {
			next.DispatchPoolID = id
		}
		if r := d.renamed[s.ConnectionID]; r != nil {
			next.ConnectionCode = r.Key()
		}
		if r := d.renamed[s.DispatchPoolID]; r != nil {
			next.DispatchPoolCode = r.Key()
		}
		d.update(s, &next, "UPDATE")
		if c := d.changes[s.ID]; s.AppliedRevision == s.Revision {
			c.applied = true // not a change that its manifest should call drift
		}
	}
}

// same says that two states of a resource differ in nothing that a caller
// may change.
func same(a, b resource.Resource) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}
