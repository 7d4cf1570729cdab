package resource

import (
	"fmt"
	"net/url"
)

// Application is a program that publishes or receives: the first segment of
// event types and the first half of roles' names.
type Application struct {
	Meta
	Code             string              `json:"code"`
	Name             string              `json:"name" hcl:"name,optional"`
	Description      string              `json:"description,omitempty" hcl:"description,optional"`
	Type             string              `json:"type"` // APPLICATION or INTEGRATION
	Active           *bool               `json:"active" hcl:"active,optional"`
	IconURL          string              `json:"iconUrl,omitempty" hcl:"icon_url,optional"`
	DefaultBaseURL   string              `json:"defaultBaseUrl,omitempty" hcl:"default_base_url,optional"`
	ServiceAccountID string              `json:"serviceAccountId,omitempty"` // the account that was provisioned for it
	Clients          []ApplicationClient `json:"clients,omitempty"`
}

// ApplicationClient is how one client has an application.
type ApplicationClient struct {
	ClientID        string         `json:"clientId"`
	Enabled         bool           `json:"enabled"`
	BaseURLOverride string         `json:"baseUrlOverride,omitempty"`
	Config          map[string]any `json:"config,omitempty"`
}

// The types of applications.
const (
	ApplicationOwn         = "APPLICATION"
	ApplicationIntegration = "INTEGRATION"
)

// Kind implements Resource.
func (*Application) Kind() Kind { return KindApplication }

// Key implements Resource.
func (a *Application) Key() string { return a.Code }

// Refs implements Resource.
func (a *Application) Refs() []Ref {
	refs := make([]Ref, 0, len(a.Clients)+1)
	for i, c := range a.Clients {
		refs = append(refs, Ref{Kind: KindClient, ID: c.ClientID, Field: fmt.Sprintf("clients[%d].clientId", i)})
	}
	return refs
}

// IsActive says whether the application may be used; absent is yes.
func (a *Application) IsActive() bool { return a.Active == nil || *a.Active }

// Enabled says whether a client has the application.
func (a *Application) Enabled(clientID string) bool {
	for _, c := range a.Clients {
		if c.ClientID == clientID {
			return c.Enabled
		}
	}
	return false
}

// Defaults implements Resource.
func (a *Application) Defaults() {
	if a.Name == "" {
		a.Name = a.Code
	}
	if a.Type == "" {
		a.Type = ApplicationOwn
	}
	if a.Active == nil {
		a.Active = yes()
	}
}

func yes() *bool { v := true; return &v }

// Validate implements Resource.
func (a *Application) Validate() []Problem {
	var ps []Problem
	switch {
	case a.Code == "":
		ps = append(ps, Problem{"code", "is required", `a short name such as "shop"`})
	case !slug.MatchString(a.Code):
		ps = append(ps, Problem{"code", "may have lower-case letters, digits and '-', begins with a letter or digit and has at most 63 characters", "shop"})
	}
	ps = checkName(ps, a.Name, a.Description)
	ps = checkEnum(ps, "type", a.Type, ApplicationOwn, ApplicationIntegration)
	ps = checkWebURL(ps, "iconUrl", a.IconURL)
	ps = checkWebURL(ps, "defaultBaseUrl", a.DefaultBaseURL)
	seen := map[string]bool{}
	for i, c := range a.Clients {
		field := fmt.Sprintf("clients[%d].", i)
		switch {
		case c.ClientID == "":
			ps = append(ps, Problem{field + "clientId", "is required", ""})
		case seen[c.ClientID]:
			ps = append(ps, Problem{field + "clientId", "is there twice", ""})
		}
		seen[c.ClientID] = true
		ps = checkWebURL(ps, field+"baseUrlOverride", c.BaseURLOverride)
	}
	return ps
}

// checkWebURL accepts nothing and absolute URLs of the web.
func checkWebURL(ps []Problem, field, s string) []Problem {
	if s == "" {
		return ps
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || len(s) > 2000 {
		return append(ps, Problem{field, "must be an absolute http or https URL without a user, of at most 2000 characters", "https://shop.example.com"})
	}
	return ps
}
