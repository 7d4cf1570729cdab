package resource

import (
	"encoding/json"
	"strings"
)

// Auth says how a delivery shows the endpoint that it may come in. What
// belongs to another type is dropped by Defaults.
type Auth struct {
	Type string `json:"type,omitempty"` // see the Auth constants; empty is none

	Token Secret `json:"token,omitzero"` // of a bearer

	Username string `json:"username,omitempty"` // of basic
	Password Secret `json:"password,omitzero"`

	Header string `json:"header,omitempty"` // of an API key; X-API-Key if empty
	Key    Secret `json:"key,omitzero"`

	// Of OAuth2 client credentials, RFC 6749 §4.4.
	TokenURL     string   `json:"tokenUrl,omitempty"`
	ClientID     string   `json:"clientId,omitempty"`
	ClientSecret Secret   `json:"clientSecret,omitzero"`
	Scopes       []string `json:"scopes,omitempty"`
	Audience     string   `json:"audience,omitempty"`
	// ClientAuth is where the client's own credentials go: "basic", in a
	// header as the standard wants it, or "body", in the form. Empty is
	// "basic".
	ClientAuth string `json:"clientAuth,omitempty"`
}

// The types of Auth.
const (
	AuthNone   = "NONE"
	AuthBearer = "BEARER_TOKEN"
	AuthBasic  = "BASIC_AUTH"
	AuthAPIKey = "API_KEY"
	AuthOAuth2 = "OAUTH2"
)

// DefaultAPIKeyHeader carries an API key whose header is not named.
const DefaultAPIKeyHeader = "X-API-Key"

// authNames are the types as manifests and existing clients write them.
var authNames = map[string]string{
	"BEARER": AuthBearer, "BASIC": AuthBasic, "APIKEY": AuthAPIKey,
	"OAUTH2_CLIENT_CREDENTIALS": AuthOAuth2, "CLIENT_CREDENTIALS": AuthOAuth2,
}

// ParseAuthType gives the constant for a type as manifests ("bearer") or the
// wire ("BEARER_TOKEN") write it. What it does not know it returns in capitals.
func ParseAuthType(s string) string {
	up := strings.ToUpper(strings.TrimSpace(s))
	if name, ok := authNames[up]; ok {
		return name
	}
	return up
}

// UnmarshalJSON accepts the type under authType as well, which is what service
// accounts call it.
func (a *Auth) UnmarshalJSON(b []byte) error {
	type plain Auth
	in := struct {
		*plain
		AuthType string `json:"authType"`
	}{plain: (*plain)(a)}
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	if a.Type == "" {
		a.Type = in.AuthType
	}
	a.Type = ParseAuthType(a.Type)
	return nil
}

// IsZero says that there is nothing to show an endpoint.
func (a Auth) IsZero() bool {
	return a.Type == "" && a.Token.IsZero() && a.Username == "" && a.Password.IsZero() && a.Header == "" && a.Key.IsZero() &&
		a.TokenURL == "" && a.ClientID == "" && a.ClientSecret.IsZero() && len(a.Scopes) == 0 && a.Audience == "" && a.ClientAuth == ""
}

// defaults drops what does not belong to the type.
func (a *Auth) defaults() {
	switch was := *a; was.Type {
	case "", AuthNone:
		*a = Auth{}
	case AuthBearer:
		*a = Auth{Type: was.Type, Token: was.Token}
	case AuthBasic:
		*a = Auth{Type: was.Type, Username: was.Username, Password: was.Password}
	case AuthAPIKey:
		*a = Auth{Type: was.Type, Header: was.Header, Key: was.Key}
		if a.Header == "" {
			a.Header = DefaultAPIKeyHeader
		}
	case AuthOAuth2:
		*a = Auth{Type: was.Type, TokenURL: was.TokenURL, ClientID: was.ClientID, ClientSecret: was.ClientSecret,
			Scopes: was.Scopes, Audience: was.Audience, ClientAuth: was.ClientAuth}
		if a.ClientAuth == "" {
			a.ClientAuth = "basic"
		}
	}
}

// header is the name of the header that the type sends, or "".
func (a *Auth) header() string {
	switch a.Type {
	case "", AuthNone:
		return ""
	case AuthAPIKey:
		if a.Header == "" {
			return DefaultAPIKeyHeader
		}
		return a.Header
	}
	return "Authorization"
}

func (a *Auth) validate(ps []Problem) []Problem {
	needSecret := func(field string, s Secret, try string) {
		switch {
		case s.IsZero():
			ps = append(ps, Problem{field, "is required by the type", try})
		case s.Known() && !fitsHeader(s.Reveal()):
			ps = append(ps, Problem{field, "has a line break, another control character, or more than 8192 bytes", "chomp(…) around it"})
		}
	}
	needText := func(field, v, try string) {
		switch {
		case v == "":
			ps = append(ps, Problem{field, "is required by the type", try})
		case !fitsHeader(v):
			ps = append(ps, Problem{field, "has a control character, or more than 8192 bytes", try})
		}
	}
	switch a.Type {
	case "", AuthNone:
	case AuthBearer:
		needSecret("auth.token", a.Token, `env("WAREHOUSE_TOKEN")`)
	case AuthBasic:
		needText("auth.username", a.Username, `"flowcatalyst"`)
		if strings.Contains(a.Username, ":") {
			ps = append(ps, Problem{"auth.username", "must not contain a colon (RFC 7617 §2)", ""})
		}
		needSecret("auth.password", a.Password, `env("WAREHOUSE_PASSWORD")`)
	case AuthAPIKey:
		needSecret("auth.key", a.Key, `env("WAREHOUSE_KEY")`)
		if p := checkHeader(a.header(), ""); p != "" {
			ps = append(ps, Problem{"auth.header", p, `"X-API-Key"`})
		}
	case AuthOAuth2:
		ps = CheckURL(ps, "auth.tokenUrl", a.TokenURL)
		needText("auth.clientId", a.ClientID, `"flowcatalyst"`)
		needSecret("auth.clientSecret", a.ClientSecret, `env("WAREHOUSE_CLIENT_SECRET")`)
		if a.ClientAuth != "" {
			ps = checkEnum(ps, "auth.clientAuth", a.ClientAuth, "basic", "body")
		}
		for _, s := range a.Scopes {
			if s == "" || strings.ContainsAny(s, " \"\\") || !fitsHeader(s) {
				ps = append(ps, Problem{"auth.scopes", "has a scope that is empty or has a space, a quote or a backslash (RFC 6749 §3.3)", `["orders:write"]`})
				break
			}
		}
	default:
		ps = checkEnum(ps, "auth.type", a.Type, AuthNone, AuthBearer, AuthBasic, AuthAPIKey, AuthOAuth2)
	}
	return ps
}

// fitsHeader says that a text can stand in a header as it is.
func fitsHeader(v string) bool {
	for i := range len(v) {
		if c := v[i]; c < 0x20 || c == 0x7f {
			return false
		}
	}
	return len(v) <= 8192
}
