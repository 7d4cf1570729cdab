package resource

import (
	"sort"
	"strings"
)

// Kind names a kind of resource as HCL blocks do: "dispatch_pool".
type Kind string

// The kinds, in the spelling of HCL block types.
const (
	KindEventType    Kind = "event_type"
	KindDispatchPool Kind = "dispatch_pool"
	KindConnection   Kind = "connection"
	KindSubscription Kind = "subscription"
)

// Resource is what every declared noun can do.
type Resource interface {
	// Kind is the row of the Kinds table that the noun belongs to.
	Kind() Kind
	// Key is the name people give it, unique per kind and client: its code.
	Key() string
	// Base is the part that all nouns share.
	Base() *Meta
	// Defaults fills what was left out with the documented default.
	Defaults()
	// Validate reports everything that is wrong with the noun by itself.
	// What only other resources can tell (an unknown pool) is the server's.
	Validate() []Problem
	// Refs lists the resources it names, so that order and "in use" follow.
	Refs() []Ref
}

// Ref is one resource naming another, by code or by id, whichever is set.
type Ref struct {
	Kind  Kind
	Code  string
	ID    string
	Field string // the JSON name of the field that holds the reference
}

// KindInfo is one row of the Kinds table.
type KindInfo struct {
	Kind       Kind
	Collection string // path segment: "dispatch-pools"
	ListName   string // JSON name of the list in an answer: "pools"
	Title      string // for people: "dispatch pool"
	Prefix     string // of its ids: "dpl"
	Permission string // the aggregate in platform:messaging:<aggregate>:…
	New        func() Resource
}

// Kinds lists every kind in dependency order: what is named comes before
// what names it. Creates follow the order and deletes go backwards.
var Kinds = []KindInfo{
	{KindEventType, "event-types", "items", "event type", "evt", "event-type", func() Resource { return new(EventType) }},
	{KindDispatchPool, "dispatch-pools", "pools", "dispatch pool", "dpl", "dispatch-pool", func() Resource { return new(DispatchPool) }},
	{KindConnection, "connections", "connections", "connection", "con", "connection", func() Resource { return new(Connection) }},
	{KindSubscription, "subscriptions", "subscriptions", "subscription", "sub", "subscription", func() Resource { return new(Subscription) }},
}

// InfoOf returns the row of a kind.
func InfoOf(k Kind) (KindInfo, bool) {
	for _, i := range Kinds {
		if i.Kind == k {
			return i, true
		}
	}
	return KindInfo{}, false
}

// ParseKind finds a kind by any name a person may type: "subscription",
// "subscriptions", "dispatch-pools", "pools", "con".
func ParseKind(name string) (KindInfo, bool) {
	n := strings.ReplaceAll(strings.ToLower(name), "_", "-")
	for _, i := range Kinds {
		single := strings.ReplaceAll(string(i.Kind), "_", "-")
		if n == single || n == i.Collection || n == i.ListName && n != "items" || n == i.Prefix {
			return i, true
		}
	}
	if n == "pool" {
		return InfoOf(KindDispatchPool)
	}
	return KindInfo{}, false
}

// Order is the place of a kind in dependency order.
func (k Kind) Order() int {
	for n, i := range Kinds {
		if i.Kind == k {
			return n
		}
	}
	return len(Kinds)
}

// Sort puts resources in dependency order and, within a kind, by key.
func Sort(rs []Resource) {
	sort.SliceStable(rs, func(a, b int) bool {
		ka, kb := rs[a].Kind().Order(), rs[b].Kind().Order()
		if ka != kb {
			return ka < kb
		}
		return rs[a].Key() < rs[b].Key()
	})
}
