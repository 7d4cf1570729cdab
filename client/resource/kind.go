package resource

import (
	"reflect"
	"sort"
	"strings"
)

// Kind names a kind of resource as HCL blocks do: "dispatch_pool".
type Kind string

// The kinds, in the spelling of HCL block types.
const (
	KindClient           Kind = "client"
	KindApplication      Kind = "application"
	KindRole             Kind = "role"
	KindServiceAccount   Kind = "service_account"
	KindOAuthClient      Kind = "oauth_client"
	KindAnchorDomain     Kind = "anchor_domain"
	KindClientAuthConfig Kind = "client_auth_config"
	KindIdpRoleMapping   Kind = "idp_role_mapping"
	KindPrincipal        Kind = "principal"

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

// Level says to whom the resources of a kind belong.
type Level uint8

// The levels.
const (
	// LevelClient: to a client, or to none (anchor level), which only those
	// who reach every client see.
	LevelClient Level = iota
	// LevelShared: to nobody. Everyone with the permission sees them; only
	// who reaches every client changes them.
	LevelShared
	// LevelAnchor: to nobody. Only who reaches every client sees them.
	LevelAnchor
)

// KindInfo is one row of the Kinds table.
type KindInfo struct {
	Kind       Kind
	Collection string // path segment: "dispatch-pools"
	ListName   string // JSON name of the list in an answer: "pools"
	Title      string // for people: "dispatch pool"
	Prefix     string // of its ids: "dpl"
	Permission string // without its action: "platform:messaging:dispatch-pool"
	Level      Level
	Manifest   bool // declared in manifests
	New        func() Resource
}

// May is the permission for an action: "create".
func (i KindInfo) May(action string) string { return i.Permission + ":" + action }

// Noun is the kind in the spelling of types, as audit entries and the ids of
// operations have it: "DispatchPool".
func (i KindInfo) Noun() string { return reflect.TypeOf(i.New()).Elem().Name() }

// Everywhere says that a key of the kind is there once, whichever client a
// resource belongs to. What belongs to the platform is so; a manifest that
// declares it is of no client.
func (k Kind) Everywhere() bool { return k.Order() < KindEventType.Order() }

// Renamed says that a resource of this kind can get another code. The others
// are what events, accounts or tokens name.
func (k Kind) Renamed() bool {
	return k == KindDispatchPool || k == KindConnection || k == KindSubscription
}

// KeyField is the JSON name of what Key returns: what people call a resource.
func (k Kind) KeyField() string {
	switch k {
	case KindClient:
		return "identifier"
	case KindRole:
		return "name"
	case KindPrincipal:
		return "email"
	case KindOAuthClient:
		return "clientId"
	case KindAnchorDomain:
		return "domain"
	case KindClientAuthConfig:
		return "emailDomain"
	case KindIdpRoleMapping:
		return "idpRoleName" // a part of it
	}
	return "code"
}

// Kinds lists every kind in dependency order: what is named comes before
// what names it. Creates follow the order and deletes go backwards.
var Kinds = []KindInfo{
	{KindClient, "clients", "clients", "client", "clt", "platform:admin:client", LevelClient, true, func() Resource { return new(Client) }},
	{KindApplication, "applications", "applications", "application", "app", "platform:admin:application", LevelShared, true, func() Resource { return new(Application) }},
	{KindRole, "roles", "roles", "role", "rol", "platform:iam:role", LevelShared, true, func() Resource { return new(Role) }},
	{KindServiceAccount, "service-accounts", "serviceAccounts", "service account", "sac", "platform:iam:service-account", LevelClient, true, func() Resource { return new(ServiceAccount) }},
	{KindOAuthClient, "oauth-clients", "clients", "OAuth client", "oac", "platform:iam:idp", LevelAnchor, false, func() Resource { return new(OAuthClient) }},
	{KindAnchorDomain, "anchor-domains", "anchorDomains", "anchor domain", "acd", "platform:iam:idp", LevelAnchor, false, func() Resource { return new(AnchorDomain) }},
	{KindClientAuthConfig, "client-auth-configs", "clientAuthConfigs", "client auth config", "cac", "platform:iam:idp", LevelAnchor, false, func() Resource { return new(ClientAuthConfig) }},
	{KindIdpRoleMapping, "idp-role-mappings", "idpRoleMappings", "IdP role mapping", "irm", "platform:iam:idp", LevelAnchor, false, func() Resource { return new(IdpRoleMapping) }},
	{KindPrincipal, "principals", "principals", "principal", "prn", "platform:iam:user", LevelClient, false, func() Resource { return new(Principal) }},

	{KindEventType, "event-types", "items", "event type", "evt", "platform:messaging:event-type", LevelClient, true, func() Resource { return new(EventType) }},
	{KindDispatchPool, "dispatch-pools", "pools", "dispatch pool", "dpl", "platform:messaging:dispatch-pool", LevelClient, true, func() Resource { return new(DispatchPool) }},
	{KindConnection, "connections", "connections", "connection", "con", "platform:messaging:connection", LevelClient, true, func() Resource { return new(Connection) }},
	{KindSubscription, "subscriptions", "subscriptions", "subscription", "sub", "platform:messaging:subscription", LevelClient, true, func() Resource { return new(Subscription) }},
}

// Declared are the kinds that manifests declare, in dependency order.
func Declared() []KindInfo {
	var declared []KindInfo
	for _, i := range Kinds {
		if i.Manifest {
			declared = append(declared, i)
		}
	}
	return declared
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
	switch n {
	case "pool":
		return InfoOf(KindDispatchPool)
	case "user", "users":
		return InfoOf(KindPrincipal)
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
