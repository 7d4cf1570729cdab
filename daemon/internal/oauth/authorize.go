package oauth

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
)

// Request is an authorization request that may be answered with a redirect.
type Request struct {
	Client      *resource.OAuthClient
	RedirectURI string
	Scope       Scope
	// Prompt is what the client wants of the person: "none", "login",
	// "consent", "select_account".
	Prompt []string
	// MaxAge is how long ago they may have signed in; nil: however long.
	MaxAge *time.Duration
	// LoginHint is the email that the client expects.
	LoginHint string

	redirectGiven bool
	state         string
	nonce         string
	challenge     string
	issuer        string
}

// RedirectError is a refusal that the client is told by a redirect.
type RedirectError struct {
	Refusal  *Error
	Location string
}

// Error implements error.
func (e *RedirectError) Error() string { return e.Refusal.Error() }

// Unwrap is the refusal itself.
func (e *RedirectError) Unwrap() error { return e.Refusal }

// Parse reads an authorization request. An *Error is for the person, since
// nobody knows yet that the redirect URI is the client's; a *RedirectError is
// for the client.
func (s *Server) Parse(ctx context.Context, q url.Values) (*Request, error) {
	if err := once(q); err != nil {
		return nil, err
	}
	d, err := s.o.Directory.Get(ctx)
	if err != nil {
		return nil, err
	}
	c := d.OAuthClient(q.Get("client_id"))
	if c == nil || !c.IsActive() {
		return nil, refuse(InvalidClient, "client_id names no client that may sign people in")
	}
	r := &Request{Client: c, RedirectURI: q.Get("redirect_uri"), LoginHint: q.Get("login_hint"),
		state: q.Get("state"), nonce: q.Get("nonce"), challenge: q.Get("code_challenge"), issuer: s.o.Tokens.Issuer()}
	switch {
	case r.RedirectURI != "":
		if r.redirectGiven = true; !redirects(c, r.RedirectURI) {
			return nil, refuse(InvalidRequest, "redirect_uri is none of the client's redirectUris, with which it must agree in every character")
		}
	case len(c.RedirectURIs) == 1:
		r.RedirectURI = c.RedirectURIs[0]
	default:
		return nil, refuse(InvalidRequest, "redirect_uri is missing, and the client has not exactly one")
	}
	if err := r.check(c, q); err != nil {
		return nil, r.Refuse(err)
	}
	return r, nil
}

func (r *Request) check(c *resource.OAuthClient, q url.Values) *Error {
	switch {
	case q.Has("request"):
		return refuse(RequestNotSupported, "request objects are not supported")
	case q.Has("request_uri"):
		return refuse(RequestURINotSupported, "request objects are not supported")
	case q.Get("response_type") != "code":
		return refuse(UnsupportedResponseType, "response_type must be code")
	case q.Get("response_mode") != "" && q.Get("response_mode") != "query":
		return refuse(InvalidRequest, "response_mode must be query")
	case !c.Allows(resource.GrantAuthorizationCode):
		return refuse(UnauthorizedClient, "the client may not use the grant authorization_code; its grantTypes say which it may")
	case r.challenge == "" && (c.NeedsPKCE() || q.Has("code_challenge_method")):
		return refuse(InvalidRequest, "code_challenge is missing: the client has to use PKCE with S256 (RFC 7636)")
	case r.challenge != "" && q.Get("code_challenge_method") != "S256":
		return refuse(InvalidRequest, "code_challenge_method must be S256")
	case r.challenge != "" && !base64url(r.challenge, 43, 43):
		return refuse(InvalidRequest, "code_challenge must be a SHA-256 in base64url, which has 43 characters")
	case len(r.state) > 4000 || len(r.nonce) > 1000 || len(r.LoginHint) > 320:
		return refuse(InvalidRequest, "state, nonce or login_hint is too long: at most 4000, 1000 and 320 characters")
	}
	r.Prompt = strings.Fields(q.Get("prompt"))
	for _, p := range r.Prompt {
		if !slices.Contains([]string{"none", "login", "consent", "select_account"}, p) || p == "none" && len(r.Prompt) > 1 {
			return refuse(InvalidRequest, "prompt must be none, or some of login, consent and select_account")
		}
	}
	if age := q.Get("max_age"); age != "" {
		n, err := strconv.Atoi(age)
		if err != nil || n < 0 || n > 1<<30 {
			return refuse(InvalidRequest, "max_age must be a number of seconds")
		}
		seconds := time.Duration(n) * time.Second
		r.MaxAge = &seconds
	}
	scope, err := scopeOf(c, q.Get("scope"))
	if err != nil {
		return err.(*Error)
	}
	r.Scope = scope
	return nil
}

// base64url says whether a text has only those characters, and how many.
func base64url(s string, least, most int) bool {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return len(s) >= least && len(s) <= most && strings.Trim(s, alphabet) == ""
}

// Wants says whether the prompt has a word.
func (r *Request) Wants(prompt string) bool { return slices.Contains(r.Prompt, prompt) }

// Refuse is a refusal as the client is told of it.
func (r *Request) Refuse(e *Error) *RedirectError {
	return &RedirectError{Refusal: e, Location: r.location("error", e.Code, "error_description", e.Description)}
}

// location is the redirect URI with an answer in its query (RFC 6749, 4.1.2),
// which says whose it is (RFC 9207).
func (r *Request) location(pairs ...string) string {
	u, err := url.Parse(r.RedirectURI)
	if err != nil {
		return r.RedirectURI // it was parsed when the client was made
	}
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	if r.state != "" {
		q.Set("state", r.state)
	}
	q.Set("iss", r.issuer)
	// What the client put there itself stays as it is.
	if u.RawQuery != "" {
		u.RawQuery += "&"
	}
	u.RawQuery += q.Encode()
	return u.String()
}

// MustSignIn says whether somebody with this session has to sign in (again)
// before the request can be answered.
func (s *Server) MustSignIn(r *Request, in iam.Session) bool {
	return r.Wants("login") || r.Wants("select_account") || r.MaxAge != nil && s.now().Sub(in.StartedAt) > *r.MaxAge
}

// Asks says whether the person has to be asked before the client gets what it
// wants. What they have allowed before is not asked for again, except by a
// client that anybody could pretend to be: one whose answers go to a port of
// their machine or to a scheme (RFC 8252, 8.6).
func (s *Server) Asks(ctx context.Context, r *Request, in iam.Session) (bool, error) {
	if r.Wants("consent") || !strings.HasPrefix(r.RedirectURI, "https://") {
		return true, nil
	}
	allowed, err := s.consented(ctx, in.PrincipalID, r)
	return !allowed, err
}

// Allow answers a request that the person with this session has allowed: it
// gives the location with the code.
func (s *Server) Allow(ctx context.Context, r *Request, in iam.Session) (string, error) {
	d, err := s.o.Directory.Get(ctx)
	if err != nil {
		return "", err
	}
	given, err := s.given(d, r.Client, r.Scope, in)
	if err != nil {
		return "", s.redirected(r, err)
	}
	if err := s.remember(ctx, in.PrincipalID, r); err != nil {
		return "", err
	}
	token, err := s.newCode(ctx, code{grant: given, RedirectURI: r.RedirectURI, RedirectGiven: r.redirectGiven, Challenge: r.challenge, Nonce: r.nonce})
	if err != nil {
		return "", err
	}
	return r.location("code", token), nil
}

// redirected is an error as the client is told of it, if it is for clients.
func (s *Server) redirected(r *Request, err error) error {
	if e, is := err.(*Error); is {
		return r.Refuse(e)
	}
	return err
}

// grant is what a person has allowed a client, until it has its tokens.
type grant struct {
	OAuthID     string `json:"oauthId"`
	Client      string `json:"client"` // the id of its resource
	PrincipalID string `json:"principalId"`
	// By is the session that allowed it: this ends with it.
	By       string    `json:"by"`
	Scope    string    `json:"scope,omitempty"`
	AuthTime time.Time `json:"authTime"`
	// PasswordSetAt is of the session that allowed it: a new password ends
	// this too.
	PasswordSetAt time.Time   `json:"passwordSetAt,omitzero"`
	Bounds        *iam.Bounds `json:"bounds,omitempty"`
}

// given is what somebody can give a client, as things stand now.
func (s *Server) given(d *iam.Directory, c *resource.OAuthClient, scope Scope, in iam.Session) (grant, error) {
	sub := d.Subject(in.PrincipalID)
	if sub == nil || !sub.Active {
		return grant{}, refuse(AccessDenied, "who signed in may not any more")
	}
	bounds, err := scope.bound(d, sub, apps(d, c), s.o.Now())
	if err != nil {
		return grant{}, err
	}
	return grant{OAuthID: c.OAuthID, Client: c.ID, By: in.ID, PrincipalID: sub.ID, Scope: scope.String(), AuthTime: in.StartedAt, PasswordSetAt: in.PasswordSetAt, Bounds: bounds}, nil
}
