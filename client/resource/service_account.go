package resource

import "strings"

// ServiceAccount is a program that uses the API, and the credentials with
// which deliveries on its behalf are made. Its tokens are not part of it: only
// their hashes are kept, apart.
type ServiceAccount struct {
	Meta
	Code          string              `json:"code"`
	Name          string              `json:"name" hcl:"name,optional"`
	Description   string              `json:"description,omitempty" hcl:"description,optional"`
	ApplicationID string              `json:"applicationId,omitempty"`
	ClientIDs     []string            `json:"clientIds"` // whose things it reaches; "*" alone is every client and anchor level
	Roles         []string            `json:"roles"`     // without any it may do nothing
	Active        *bool               `json:"active" hcl:"active,optional"`
	Webhook       *WebhookCredentials `json:"webhookCredentials,omitempty"`
}

// WebhookCredentials are what deliveries carry where a subscription names the
// account and its connection has no credentials of its own.
type WebhookCredentials struct {
	AuthType      string `json:"authType"` // NONE, BEARER_TOKEN, BASIC_AUTH, API_KEY or HMAC_SIGNATURE
	Token         Secret `json:"token,omitzero"`
	Username      string `json:"username,omitempty"`
	Password      Secret `json:"password,omitzero"`
	HeaderName    string `json:"headerName,omitempty"` // of an API key
	APIKey        Secret `json:"apiKey,omitzero"`
	SigningSecret Secret `json:"signingSecret,omitzero"`
}

// Kind implements Resource.
func (*ServiceAccount) Kind() Kind { return KindServiceAccount }

// Key implements Resource.
func (a *ServiceAccount) Key() string { return a.Code }

// Refs implements Resource.
func (a *ServiceAccount) Refs() []Ref {
	var refs []Ref
	if a.ApplicationID != "" {
		refs = append(refs, Ref{Kind: KindApplication, ID: a.ApplicationID, Field: "applicationId"})
	}
	for _, id := range a.ClientIDs {
		if id != "*" {
			refs = append(refs, Ref{Kind: KindClient, ID: id, Field: "clientIds"})
		}
	}
	for _, role := range a.Roles {
		refs = append(refs, Ref{Kind: KindRole, Code: role, Field: "roles"})
	}
	return refs
}

// IsActive says whether the account may be used; absent is yes.
func (a *ServiceAccount) IsActive() bool { return a.Active == nil || *a.Active }

// PrincipalID is the account as a principal.
func (a *ServiceAccount) PrincipalID() string {
	return "prn_" + strings.TrimPrefix(a.ID, "sac_")
}

// Defaults implements Resource.
func (a *ServiceAccount) Defaults() {
	if a.Name == "" {
		a.Name = a.Code
	}
	if a.Active == nil {
		a.Active = yes()
	}
	if a.ClientIDs == nil {
		a.ClientIDs = []string{}
	}
	if a.Roles == nil {
		a.Roles = []string{}
	}
	if a.Webhook != nil && a.Webhook.AuthType == "" {
		a.Webhook.AuthType = "NONE"
	}
}

// Validate implements Resource.
func (a *ServiceAccount) Validate() []Problem {
	ps := checkCode(nil, a.Code)
	ps = checkName(ps, a.Name, a.Description)
	for _, id := range a.ClientIDs {
		if id == "" || id == "*" && len(a.ClientIDs) > 1 {
			ps = append(ps, Problem{"clientIds", `must be ids of clients, or "*" alone`, `["*"]`})
			break
		}
	}
	if len(a.ClientIDs) > 1000 {
		ps = append(ps, Problem{"clientIds", "has more than 1000 clients", `["*"]`})
	}
	if len(a.Roles) > 100 {
		ps = append(ps, Problem{"roles", "has more than 100 roles", ""})
	}
	if w := a.Webhook; w != nil {
		ps = checkEnum(ps, "webhookCredentials.authType", w.AuthType, "NONE", "BEARER_TOKEN", "BASIC_AUTH", "API_KEY", "HMAC_SIGNATURE")
		missing := func(cond bool, field string) {
			if cond {
				ps = append(ps, Problem{"webhookCredentials." + field, "is required with this authType", ""})
			}
		}
		missing(w.AuthType == "BEARER_TOKEN" && w.Token.IsZero(), "token")
		missing(w.AuthType == "BASIC_AUTH" && w.Username == "", "username")
		missing(w.AuthType == "BASIC_AUTH" && w.Password.IsZero(), "password")
		missing(w.AuthType == "API_KEY" && w.APIKey.IsZero(), "apiKey")
		missing(w.AuthType == "HMAC_SIGNATURE" && w.SigningSecret.IsZero(), "signingSecret")
	}
	return ps
}

// Shows says whether there is anything that a delivery would carry. Nil has
// nothing.
func (w *WebhookCredentials) Shows() bool {
	return w != nil && (w.AuthType != "" && w.AuthType != AuthNone || !w.SigningSecret.IsZero())
}

// Delivery is what deliveries carry, as a connection has it. A signing secret
// signs whatever the type is.
func (w *WebhookCredentials) Delivery() (Auth, Signing) {
	var a Auth
	switch w.AuthType {
	case AuthBearer:
		a = Auth{Type: AuthBearer, Token: w.Token}
	case AuthBasic:
		a = Auth{Type: AuthBasic, Username: w.Username, Password: w.Password}
	case AuthAPIKey:
		a = Auth{Type: AuthAPIKey, Header: w.HeaderName, Key: w.APIKey}
	}
	if w.SigningSecret.IsZero() {
		return a, Signing{}
	}
	return a, Signing{Scheme: SchemeFlowCatalyst, Secret: w.SigningSecret}
}
