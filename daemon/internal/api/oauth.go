package api

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/api/cors"
	"github.com/flowcatalyst/fc/daemon/internal/oauth"
)

// oauthRoutes are the authorization server: its endpoints for programs here,
// its pages in oauth_pages.go.
func (s *server) oauthRoutes() []route {
	const get, post = http.MethodGet, http.MethodPost
	if s.o.OAuth == nil {
		return nil
	}
	rows := []route{
		{get, oauth.DiscoveryPath, public, "openidConfiguration", "oauth", "Where the endpoints are and what they can do (OpenID Connect Discovery 1.0)", nil, oauth.Metadata{}, 0, s.plain(s.oauthMetadata)},
		{get, oauth.MetadataPath, public, "oauthServerMetadata", "oauth", "Where the endpoints are and what they can do (RFC 8414)", nil, oauth.Metadata{}, 0, s.plain(s.oauthMetadata)},
		{post, oauth.TokenPath, public, "token", "oauth", "Tokens for a code, a refresh token, a device code or a client's credentials (RFC 6749); bad credentials are 401 invalid_client", tokenForm{}, oauth.Answer{}, 0, s.plain(s.oauthToken)},
		{post, oauth.DeviceRequestPath, public, "authorizeDevice", "oauth", "Begin to let in a device that has no browser (RFC 8628)", deviceForm{}, oauth.Authorization{}, 0, s.plain(s.oauthDevice)},
		{post, oauth.IntrospectPath, public, "introspect", "oauth", "What a token is good for at this moment, told to confidential clients (RFC 7662)", introspectForm{}, oauth.Introspection{}, 0, s.plain(s.oauthIntrospect)},
		{post, oauth.RevokePath, public, "revoke", "oauth", "End an access token, or a refresh token with its session (RFC 7009)", introspectForm{}, nil, http.StatusOK, s.plain(s.oauthRevoke)},
		{get, oauth.UserInfoPath, anyToken, "userinfo", "oauth", "Who signed in, as far as the scope of the token goes (OpenID Connect Core, 5.3)", nil, oauth.UserInfo{}, 0, s.plain(s.oauthUserInfo)},
		{post, oauth.UserInfoPath, anyToken, "userinfoPost", "oauth", "The same as GET", nil, oauth.UserInfo{}, 0, s.plain(s.oauthUserInfo)},
	}
	return append(rows, s.oauthPages()...)
}

type clientForm struct {
	ClientID     string `json:"client_id,omitempty" doc:"Who asks; or HTTP Basic"`
	ClientSecret string `json:"client_secret,omitempty" format:"password" doc:"Of a confidential client; or HTTP Basic"`
}

func (clientForm) form() {}

type tokenForm struct {
	clientForm
	GrantType    string `json:"grant_type" enum:"authorization_code,refresh_token,client_credentials,urn:ietf:params:oauth:grant-type:device_code"`
	Code         string `json:"code,omitempty" doc:"With authorization_code"`
	RedirectURI  string `json:"redirect_uri,omitempty" doc:"With authorization_code: that of the authorization request"`
	CodeVerifier string `json:"code_verifier,omitempty" doc:"With authorization_code: the verifier of its code_challenge (RFC 7636)"`
	RefreshToken string `json:"refresh_token,omitempty" doc:"With refresh_token; each can be used once"`
	DeviceCode   string `json:"device_code,omitempty" doc:"With urn:ietf:params:oauth:grant-type:device_code"`
	Scope        string `json:"scope,omitempty" doc:"openid, profile, email, offline_access, role:<name>, client:<id or identifier>; without the last two the token has all that its subject has"`
}

type deviceForm struct {
	clientForm
	Scope string `json:"scope,omitempty" doc:"As at the token endpoint"`
}

type introspectForm struct {
	clientForm
	Token         string `json:"token"`
	TokenTypeHint string `json:"token_type_hint,omitempty" doc:"It is not needed"`
}

// oauthCall reads the form of an endpoint for programs.
func (s *server) oauthCall(w http.ResponseWriter, r *http.Request) (oauth.Call, error) {
	form, err := readForm(w, r)
	if err != nil {
		return oauth.Call{}, err
	}
	return oauth.Call{Form: form, Authorization: r.Header.Get("Authorization"), From: s.from(r)}, nil
}

func (s *server) from(r *http.Request) oauth.From {
	return oauth.From{Address: s.address(r), UserAgent: r.UserAgent()}
}

const maxForm = 64 << 10

// readForm reads a form from the body, and only from there: what stands in a
// URL ends up in logs (RFC 6749, 2.3.1).
func readForm(w http.ResponseWriter, r *http.Request) (url.Values, error) {
	bad := func(text string) error { return &oauth.Error{Code: oauth.InvalidRequest, Description: text} }
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, bad("the body must be a form, with the Content-Type application/x-www-form-urlencoded")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if err != nil {
		return nil, bad("the form can not be read, or is longer than 64 KiB")
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, bad("the form is not well written")
	}
	return form, nil
}

// oauthAnswer answers a program: with its JSON, which no cache may keep, or
// with an error as RFC 6749, 5.2 writes it.
func (s *server) oauthAnswer(w http.ResponseWriter, answer any, err error) error {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-cache")
	var refused *oauth.Error
	status := http.StatusOK
	switch {
	case errors.As(err, &refused):
		status = refused.Status()
		answer = map[string]string{"error": refused.Code, "error_description": refused.Description}
		if refused.Basic {
			h.Set("WWW-Authenticate", `Basic realm="oauth", charset="UTF-8"`)
		}
		if refused.RetryAfter > 0 {
			p := newProblem(status, refused.Code, "")
			p.after(refused.RetryAfter)
			h.Set("Retry-After", p.GetHeaders().Get("Retry-After"))
		}
	case err != nil:
		return err
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	writeJSON(w, status, body)
	return nil
}

func (s *server) oauthToken(w http.ResponseWriter, r *http.Request, _ *caller) error {
	var answer oauth.Answer
	call, err := s.oauthCall(w, r)
	if err == nil {
		answer, err = s.o.OAuth.Token(r.Context(), call)
	}
	return s.oauthAnswer(w, answer, err)
}

func (s *server) oauthDevice(w http.ResponseWriter, r *http.Request, _ *caller) error {
	var answer oauth.Authorization
	call, err := s.oauthCall(w, r)
	if err == nil {
		answer, err = s.o.OAuth.AuthorizeDevice(r.Context(), call)
	}
	return s.oauthAnswer(w, answer, err)
}

func (s *server) oauthIntrospect(w http.ResponseWriter, r *http.Request, _ *caller) error {
	var answer oauth.Introspection
	call, err := s.oauthCall(w, r)
	if err == nil {
		answer, err = s.o.OAuth.Introspect(r.Context(), call)
	}
	return s.oauthAnswer(w, answer, err)
}

func (s *server) oauthRevoke(w http.ResponseWriter, r *http.Request, _ *caller) error {
	call, err := s.oauthCall(w, r)
	if err == nil {
		err = s.o.OAuth.Revoke(r.Context(), call)
	}
	return s.oauthAnswer(w, struct{}{}, err)
}

func (s *server) oauthUserInfo(w http.ResponseWriter, r *http.Request, c *caller) error {
	info, err := s.o.OAuth.UserInfo(r.Context(), c.actor, c.actor.OAuthID)
	if errors.Is(err, oauth.ErrNotOpenID) {
		w.Header().Set("WWW-Authenticate", `Bearer error="insufficient_scope", scope="openid"`) // RFC 6750, 3.1
		return newProblem(http.StatusForbidden, "FORBIDDEN", "the token was not given for the scope openid; ask for authorization with it")
	}
	return s.oauthAnswer(w, info, err)
}

func (s *server) oauthMetadata(w http.ResponseWriter, _ *http.Request, _ *caller) error {
	body, err := json.Marshal(s.o.OAuth.Metadata())
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "public, max-age=300")
	writeJSON(w, http.StatusOK, body)
	return nil
}

// oauthOrigins lets pages of an OAuth client's allowedOrigins use what a
// client in a browser needs, and any page read what is public. It reports true
// for a preflight that it has answered.
func (s *server) oauthOrigins(w http.ResponseWriter, r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || s.o.OAuth == nil {
		return false
	}
	switch r.URL.Path {
	case oauth.DiscoveryPath, oauth.MetadataPath, oauth.KeysPath:
		origin = "*"
	case oauth.TokenPath, oauth.RevokePath, oauth.UserInfoPath:
		d, err := s.p.Directory(r.Context())
		if err != nil || !d.AllowedOrigin(origin) {
			return false
		}
	default:
		return false
	}
	return cors.New(cors.Policy{Origins: []string{origin}, MaxAge: 10 * time.Minute}).Answer(w, r)
}
