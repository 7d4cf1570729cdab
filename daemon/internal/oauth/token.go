package oauth

import (
	"context"
	"errors"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
)

// Answer is what the token endpoint gives (RFC 6749, 5.1).
type Answer struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in" doc:"Seconds"`
	RefreshToken string `json:"refresh_token,omitempty"`
	Scope        string `json:"scope,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
}

// Token is the token endpoint.
func (s *Server) Token(ctx context.Context, call Call) (Answer, error) {
	if err := once(call.Form); err != nil {
		return Answer{}, err
	}
	d, err := s.o.Directory.Get(ctx)
	if err != nil {
		return Answer{}, err
	}
	grantType := call.Form.Get("grant_type")
	var do func(context.Context, *resource.OAuthClient, Call) (Answer, error)
	switch grantType {
	case "":
		return Answer{}, refuse(InvalidRequest, "grant_type is missing")
	case resource.GrantAuthorizationCode:
		do = s.exchange
	case resource.GrantRefreshToken:
		do = s.refresh
	case resource.GrantDeviceCode:
		do = s.poll
	case resource.GrantClientCredentials:
		do = func(ctx context.Context, c *resource.OAuthClient, call Call) (Answer, error) {
			return s.machine(d, c, call)
		}
	default:
		return Answer{}, refuse(UnsupportedGrantType, "grant_type must be authorization_code, refresh_token, client_credentials or %s", resource.GrantDeviceCode)
	}
	client, err := s.client(d, call)
	if err != nil {
		return Answer{}, err
	}
	if err := allows(client, grantType); err != nil {
		return Answer{}, err
	}
	return do(ctx, client, call)
}

// machine gives a token for the service account of a client (RFC 6749, 4.4).
func (s *Server) machine(d *iam.Directory, client *resource.OAuthClient, call Call) (Answer, error) {
	account := d.ServiceAccount(client.ServiceAccountID)
	if account == nil || client.Type != resource.OAuthConfidential {
		return Answer{}, refuse(UnauthorizedClient, "the client speaks for no service account; its serviceAccountId says for which")
	}
	sub := d.Subject(account.PrincipalID())
	if sub == nil || !sub.Active {
		return Answer{}, refuse(UnauthorizedClient, "the service account of the client is not active")
	}
	scope, err := scopeOf(client, call.Form.Get("scope"))
	if err != nil {
		return Answer{}, err
	}
	if scope.OpenID {
		return Answer{}, refuse(InvalidScope, "openid is for people; a service account does not sign in")
	}
	bounds, err := scope.bound(d, sub, nil, s.o.Now())
	if err != nil {
		return Answer{}, err
	}
	access, err := s.o.Sessions.MachineToken(sub, client.OAuthID, bounds)
	if err != nil {
		return Answer{}, err
	}
	return Answer{AccessToken: access, TokenType: "Bearer", ExpiresIn: int(iam.TokenLife / time.Second), Scope: scope.String()}, nil
}

// refresh exchanges a refresh token that this client was given.
func (s *Server) refresh(ctx context.Context, client *resource.OAuthClient, call Call) (Answer, error) {
	token := call.Form.Get("refresh_token")
	if token == "" {
		return Answer{}, refuse(InvalidRequest, "refresh_token is missing")
	}
	asked, err := parseScope(call.Form.Get("scope"))
	if err != nil {
		return Answer{}, err
	}
	t, err := s.o.Sessions.Refresh(ctx, token, func(in iam.Session) error {
		switch {
		case in.OAuthID != client.OAuthID:
			return iam.ErrSession
		case len(asked.words) > 0 && asked.key() != must(parseScope(in.Scope)).key():
			return refuse(InvalidScope, "scope is another than that of the grant; leave it out, or ask for authorization again")
		}
		return nil
	})
	if iam.Ended(err) {
		return Answer{}, refuse(InvalidGrant, "the refresh token is not valid, was used, or its session has ended; sign in again")
	}
	if err != nil {
		return Answer{}, err
	}
	return s.answer(client, t, "", t.Session.AuthTime)
}

// must is for scopes that were read before.
func must(s Scope, _ error) Scope { return s }

// start begins the session of a grant.
func (s *Server) start(ctx context.Context, client *resource.OAuthClient, g grant, method string, from From) (iam.Tokens, error) {
	gone := refuse(InvalidGrant, "who allowed this may not sign in any more, or has signed out; ask for authorization again")
	if s.o.Revoked.Is(g.By, "") {
		return iam.Tokens{}, gone
	}
	d, err := s.o.Directory.Get(ctx)
	if err != nil {
		return iam.Tokens{}, err
	}
	in := iam.Session{Method: method, OAuthID: client.OAuthID, Scope: g.Scope, AuthTime: g.AuthTime,
		PasswordSetAt: g.PasswordSetAt, Address: from.Address, UserAgent: from.UserAgent}
	into(&in, g.Bounds)
	t, err := s.o.Sessions.Start(ctx, d.Subject(g.PrincipalID), in)
	if errors.Is(err, iam.ErrGone) || errors.Is(err, iam.ErrSession) {
		return t, gone
	}
	return t, err
}

// answer is the tokens of a session as its client gets them.
func (s *Server) answer(client *resource.OAuthClient, t iam.Tokens, nonce string, authTime time.Time) (Answer, error) {
	a := Answer{AccessToken: t.Access, TokenType: "Bearer", ExpiresIn: int(t.ExpiresIn / time.Second), Scope: t.Session.Scope}
	if client.Allows(resource.GrantRefreshToken) {
		a.RefreshToken = t.Refresh
	}
	scope := must(parseScope(t.Session.Scope))
	if !scope.OpenID {
		return a, nil
	}
	var err error
	a.IDToken, err = s.o.Sessions.IDToken(t, nonce, authTime, scope.Profile, scope.Email)
	return a, err
}
