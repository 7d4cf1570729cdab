package platform

import (
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// Caller is who asks, as far as the rules need to know. Permissions are the
// API's to check, with one exception: Apply asks May for each change.
type Caller struct {
	PrincipalID string
	RequestID   string
	Scope       store.Scope
	May         func(permission string) bool
}

// System is the daemon itself, at its first start.
func System() Caller {
	return Caller{PrincipalID: "system", Scope: store.Everything, May: func(string) bool { return true }}
}

// sees says whether a resource is there for the caller. This and the store's
// scopes are the only places that tell tenants apart.
func (c Caller) sees(r resource.Resource) bool {
	if c.Scope.Sees(r.Base().ClientID) {
		return true
	}
	info, _ := resource.InfoOf(r.Kind())
	return info.Level == resource.LevelShared
}

// mayChange refuses changes of what belongs to no client by who does not
// reach every client.
func (c Caller) mayChange(info resource.KindInfo) error {
	if c.Scope.All || info.Level == resource.LevelClient && info.Kind != resource.KindClient {
		return nil
	}
	return refuse(CodeForbidden, "only who reaches every client may change a %s", info.Title)
}

func checkClient(id string) string {
	if len(id) > 64 {
		return "is longer than 64 characters"
	}
	for i := range len(id) {
		c := id[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '-' && c != '.' {
			return "may have letters, digits, '_', '-' and '.'"
		}
	}
	return ""
}
