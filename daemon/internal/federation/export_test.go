package federation

import (
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
)

// Told is what the claims of a provider say of somebody of example.com.
func Told(issuer string, claims map[string]any) (platform.Federated, error) {
	return told(&resource.ClientAuthConfig{OIDCRolesClaim: "roles"}, attempt{Domain: "example.com", Issuer: issuer}, "1", claims)
}

// RolesIn are the roles in a claim.
var RolesIn = rolesIn
