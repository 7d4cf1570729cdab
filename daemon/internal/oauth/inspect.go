package oauth

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
)

// Introspection is what a token is good for at this moment (RFC 7662, 2.2),
// with the claims of the wire contract. Of a token that is good for nothing
// only Active is said.
type Introspection struct {
	Active    bool     `json:"active"`
	Scope     string   `json:"scope,omitempty"`
	ClientID  string   `json:"client_id,omitempty"`
	Username  string   `json:"username,omitempty"`
	TokenType string   `json:"token_type,omitempty"`
	ExpiresAt int64    `json:"exp,omitempty"`
	IssuedAt  int64    `json:"iat,omitempty"`
	NotBefore int64    `json:"nbf,omitempty"`
	Subject   string   `json:"sub,omitempty"`
	Audience  string   `json:"aud,omitempty"`
	Issuer    string   `json:"iss,omitempty"`
	ID        string   `json:"jti,omitempty"`
	Session   string   `json:"sid,omitempty"`
	Type      string   `json:"type,omitempty" doc:"USER or SERVICE"`
	Name      string   `json:"name,omitempty"`
	Roles     []string `json:"roles,omitempty" doc:"Those of the token that its subject still has"`
	Clients   []string `json:"clients,omitempty" doc:"Those of the token that its subject still reaches; * is every client"`
}

// Introspect says what a token is good for, to a confidential client. What a
// subject may do counts as it is now.
func (s *Server) Introspect(ctx context.Context, call Call) (Introspection, error) {
	none := Introspection{}
	if err := once(call.Form); err != nil {
		return none, err
	}
	d, err := s.o.Directory.Get(ctx)
	if err != nil {
		return none, err
	}
	client, err := s.client(d, call)
	if err != nil {
		return none, err
	}
	if client.Type != resource.OAuthConfidential {
		// Anybody could be one, and try tokens (RFC 7662, 2.1).
		return none, refuse(UnauthorizedClient, "introspection is for confidential clients")
	}
	token := call.Form.Get("token")
	if token == "" {
		return none, refuse(InvalidRequest, "token is missing")
	}
	now := s.o.Now()
	if strings.HasPrefix(token, iam.TokenPrefix) {
		sub, kept := d.ByToken(token, now)
		actor, err := d.Act(sub, now)
		if err != nil {
			return none, nil
		}
		in := introspected(actor, s.o.Tokens.Issuer())
		if in.IssuedAt = kept.CreatedAt.Unix(); !kept.ExpiresAt.IsZero() {
			in.ExpiresAt = kept.ExpiresAt.Unix()
		}
		return in, nil
	}
	claims, err := s.o.Tokens.Verify(token)
	if err != nil {
		return s.introspectRefresh(ctx, d, client, token)
	}
	if s.o.Revoked.Is(claims.Session, claims.ID) {
		return none, nil
	}
	actor, err := d.Admit(&claims, now)
	if err != nil {
		return none, nil
	}
	in := introspected(actor, claims.Issuer)
	in.ClientID, in.ExpiresAt, in.IssuedAt, in.NotBefore, in.ID, in.Session = claims.OAuthID, claims.ExpiresAt, claims.IssuedAt, claims.NotBefore, claims.ID, claims.Session
	if claims.Session != "" {
		session, err := s.o.Sessions.Read(ctx, claims.Session)
		switch {
		case errors.Is(err, iam.ErrSession) || errors.Is(err, iam.ErrGone):
			return none, nil
		case err != nil:
			return none, err
		}
		in.Scope = session.Scope
	}
	return in, nil
}

func introspected(a iam.Actor, issuer string) Introspection {
	p := a.Principal
	in := Introspection{Active: true, TokenType: "Bearer", Subject: p.ID, Audience: auth.Audience, Issuer: issuer, Type: string(p.Type), Name: p.Name, Roles: p.Roles, Clients: p.Clients}
	if in.Username = p.Email; in.Username == "" {
		in.Username = p.Name
	}
	return in
}

// introspectRefresh knows the refresh tokens of the client that asks, and of
// no other.
func (s *Server) introspectRefresh(ctx context.Context, d *iam.Directory, client *resource.OAuthClient, token string) (Introspection, error) {
	session, ends, err := s.o.Sessions.ByRefresh(ctx, token)
	if errors.Is(err, iam.ErrSession) || errors.Is(err, iam.ErrGone) || err == nil && session.OAuthID != client.OAuthID {
		return Introspection{}, nil
	}
	if err != nil {
		return Introspection{}, err
	}
	return Introspection{Active: true, TokenType: "refresh_token", ClientID: client.OAuthID, Scope: session.Scope, Subject: session.PrincipalID,
		Issuer: s.o.Tokens.Issuer(), IssuedAt: session.StartedAt.Unix(), ExpiresAt: ends.Unix(), Session: session.ID}, nil
}

// Revoke ends a token (RFC 7009): with a refresh token its session, with an
// access token only that. A token that is not known is no error, and neither
// is one that has ended.
func (s *Server) Revoke(ctx context.Context, call Call) error {
	if err := once(call.Form); err != nil {
		return err
	}
	d, err := s.o.Directory.Get(ctx)
	if err != nil {
		return err
	}
	client, err := s.client(d, call)
	if err != nil {
		return err
	}
	token := call.Form.Get("token")
	if token == "" {
		return refuse(InvalidRequest, "token is missing")
	}
	foreign := refuse(UnauthorizedClient, "the token was given to another client")
	claims, err := s.o.Tokens.Verify(token)
	switch {
	case err == nil && claims.OAuthID != client.OAuthID:
		return foreign
	case err == nil:
		return s.o.Revoked.Add(ctx, time.Unix(claims.ExpiresAt, 0).Add(time.Minute), claims.ID)
	case errors.Is(err, auth.ErrExpired):
		return nil
	}
	return s.o.Sessions.EndByToken(ctx, token, func(in iam.Session) error {
		if in.OAuthID != client.OAuthID {
			return foreign
		}
		return nil
	})
}

// UserInfo is what OpenID Connect Core, 5.3 tells of who signed in.
type UserInfo struct {
	Subject string `json:"sub"`
	Name    string `json:"name,omitempty"`
	Email   string `json:"email,omitempty"`
}

// ErrNotOpenID says that a token is not for asking who signed in.
var ErrNotOpenID = errors.New("the token was not given for the scope openid")

// UserInfo tells the bearer of an access token about its subject, as far as
// the scope of its session goes. A token of the platform's own sign-in tells
// everything.
func (s *Server) UserInfo(ctx context.Context, a iam.Actor, oauthID string) (UserInfo, error) {
	info := UserInfo{Subject: a.ID, Name: a.Name, Email: a.Email}
	if oauthID == "" {
		return info, nil
	}
	if a.Session == "" {
		return UserInfo{}, ErrNotOpenID
	}
	in, err := s.o.Sessions.Read(ctx, a.Session)
	if errors.Is(err, iam.ErrSession) || errors.Is(err, iam.ErrGone) {
		return UserInfo{}, ErrNotOpenID
	}
	if err != nil {
		return UserInfo{}, err
	}
	scope := must(parseScope(in.Scope))
	if !scope.OpenID {
		return UserInfo{}, ErrNotOpenID
	}
	if !scope.Profile {
		info.Name = ""
	}
	if !scope.Email {
		info.Email = ""
	}
	return info, nil
}
