package oauth

import (
	"github.com/flowcatalyst/fc/client/resource"
)

// The paths of the server beneath its issuer.
const (
	AuthorizePath     = "/oauth/authorize"
	TokenPath         = "/oauth/token"
	IntrospectPath    = "/oauth/introspect"
	RevokePath        = "/oauth/revoke"
	UserInfoPath      = "/oauth/userinfo"
	DevicePath        = "/oauth/device"
	DeviceRequestPath = "/oauth/device_authorization"
	KeysPath          = "/.well-known/jwks.json"
	DiscoveryPath     = "/.well-known/openid-configuration"       // OpenID Connect Discovery 1.0
	MetadataPath      = "/.well-known/oauth-authorization-server" // RFC 8414
)

// Metadata is what clients find the server by: the same at both paths.
type Metadata struct {
	Issuer                string   `json:"issuer"`
	AuthorizationEndpoint string   `json:"authorization_endpoint"`
	TokenEndpoint         string   `json:"token_endpoint"`
	JWKSURI               string   `json:"jwks_uri"`
	UserInfoEndpoint      string   `json:"userinfo_endpoint"`
	IntrospectionEndpoint string   `json:"introspection_endpoint"`
	RevocationEndpoint    string   `json:"revocation_endpoint"`
	DeviceEndpoint        string   `json:"device_authorization_endpoint"`
	ScopesSupported       []string `json:"scopes_supported"`
	ResponseTypes         []string `json:"response_types_supported"`
	ResponseModes         []string `json:"response_modes_supported"`
	GrantTypes            []string `json:"grant_types_supported"`
	SubjectTypes          []string `json:"subject_types_supported"`
	IDTokenAlgorithms     []string `json:"id_token_signing_alg_values_supported"`
	TokenAuthMethods      []string `json:"token_endpoint_auth_methods_supported"`
	RevocationAuthMethods []string `json:"revocation_endpoint_auth_methods_supported"`
	IntrospectAuthMethods []string `json:"introspection_endpoint_auth_methods_supported"`
	Claims                []string `json:"claims_supported"`
	ChallengeMethods      []string `json:"code_challenge_methods_supported"`
	Prompts               []string `json:"prompt_values_supported"`
	IssInResponse         bool     `json:"authorization_response_iss_parameter_supported"`
	RequestParameter      bool     `json:"request_parameter_supported"`
	RequestURIParameter   bool     `json:"request_uri_parameter_supported"`
	ClaimsParameter       bool     `json:"claims_parameter_supported"`
	ServiceDocumentation  string   `json:"service_documentation"`
}

// Metadata is the document.
func (s *Server) Metadata() Metadata {
	at := s.o.Tokens.Issuer()
	secrets := []string{"client_secret_basic", "client_secret_post"}
	return Metadata{
		Issuer: at, AuthorizationEndpoint: at + AuthorizePath, TokenEndpoint: at + TokenPath, JWKSURI: at + KeysPath,
		UserInfoEndpoint: at + UserInfoPath, IntrospectionEndpoint: at + IntrospectPath, RevocationEndpoint: at + RevokePath, DeviceEndpoint: at + DeviceRequestPath,
		ScopesSupported: []string{ScopeOpenID, ScopeProfile, ScopeEmail, ScopeOffline},
		ResponseTypes:   []string{"code"}, ResponseModes: []string{"query"},
		GrantTypes:        []string{resource.GrantAuthorizationCode, resource.GrantRefreshToken, resource.GrantClientCredentials, resource.GrantDeviceCode},
		SubjectTypes:      []string{"public"},
		IDTokenAlgorithms: []string{"RS256"},
		TokenAuthMethods:  append(secrets, "none"), RevocationAuthMethods: append(secrets[:2:2], "none"), IntrospectAuthMethods: secrets,
		Claims:           []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "sid", "name", "email"},
		ChallengeMethods: []string{"S256"},
		Prompts:          []string{"none", "login", "consent", "select_account"},
		IssInResponse:    true,

		ServiceDocumentation: at + "/docs",
	}
}
