package federation

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
)

// google lets anybody make an account with the address that they have at this
// moment. Only those with the claim hd are their domain's own, and go when
// their domain says so.
const google = "https://accounts.google.com"

// maxRoles bounds the roles that are read of a token.
const maxRoles = 2000

// vouch exchanges a code, and is what the provider says of who it is.
func (s *Service) vouch(ctx context.Context, d *iam.Directory, p *provider, config *resource.ClientAuthConfig, a attempt, code string) (platform.Federated, error) {
	none := platform.Federated{}
	asking, cancel := context.WithTimeout(oidc.ClientContext(ctx, s.providers.client), 2*requestTime)
	defer cancel()
	tokens, err := p.client(config, s.RedirectURL()).Exchange(asking, code, oauth2.VerifierOption(a.Verifier))
	if err != nil {
		return none, s.failed(ctx, a.Domain, "did not give a token for its code", err)
	}
	raw, _ := tokens.Extra("id_token").(string)
	if raw == "" {
		return none, s.failed(ctx, a.Domain, "gave no ID token", errors.New("the answer of its token endpoint has no id_token"))
	}
	token, err := p.Verifier(&oidc.Config{ClientID: config.OIDCClientID, Now: s.o.Now}).Verify(asking, raw)
	if err != nil {
		if asking.Err() != nil || strings.Contains(err.Error(), "fetching keys") { // which says nothing of the token
			return none, s.failed(ctx, a.Domain, "did not give its keys", err)
		}
		s.o.Logger.Warn("an ID token is not valid", "domain", a.Domain, "error", brief(err))
		return none, untrusted("the identity provider's answer is not valid")
	}
	claims := map[string]any{}
	if err := token.Claims(&claims); err != nil {
		return none, untrusted("the identity provider's answer can not be read")
	}
	if why := amiss(token, tokens.AccessToken, claims, a, s.o.Now()); why != "" {
		s.o.Logger.Warn("an ID token is not valid", "domain", a.Domain, "error", why)
		return none, untrusted("the identity provider's answer is not valid")
	}
	known := d.ByIdentity(a.Issuer, token.Subject) != nil
	_, hasEmail := claims["email"]
	_, hasRoles := rolesIn(claims, config.OIDCRolesClaim)
	wantsRoles := len(d.RoleMappings(a.Domain)) > 0
	if p.UserInfoEndpoint() != "" && (!known && !hasEmail || wantsRoles && !hasRoles) {
		if err := askMore(asking, p, tokens, token.Subject, claims); err != nil {
			return none, s.failed(ctx, a.Domain, "does not say more of you", err)
		}
	}
	return told(config, a, token.Subject, claims)
}

// amiss is what is wrong with a verified ID token by OpenID Connect Core,
// section 3.1.3.7, beyond what the library looks at.
func amiss(token *oidc.IDToken, access string, claims map[string]any, a attempt, now time.Time) string {
	azp, hasAzp := claims["azp"].(string)
	switch {
	case !equal(token.Nonce, a.Nonce):
		return "the nonce is not that of this sign-in"
	case token.Subject == "" || len(token.Subject) > 255:
		return "sub is missing, or longer than 255 characters"
	case hasAzp && azp != a.ClientID, len(token.Audience) > 1 && !hasAzp:
		return "azp is not our client"
	case token.IssuedAt.After(now.Add(5 * time.Minute)):
		return "iat is to come"
	case token.AccessTokenHash != "" && token.VerifyAccessToken(access) != nil:
		return "at_hash is not of the access token"
	}
	return ""
}

// askMore adds what the userinfo endpoint says and the ID token does not.
func askMore(ctx context.Context, p *provider, tokens *oauth2.Token, subject string, claims map[string]any) error {
	info, err := p.UserInfo(ctx, oauth2.StaticTokenSource(tokens))
	if err != nil {
		return err
	}
	if info.Subject != subject {
		return errors.New("userinfo speaks of another subject than the ID token")
	}
	more := map[string]any{}
	if err := info.Claims(&more); err != nil {
		return err
	}
	mine, has := claims["email"].(string)
	if theirs, _ := more["email"].(string); has && !strings.EqualFold(mine, theirs) {
		delete(more, "email_verified") // of the email that is not taken
	}
	maps.Copy(more, claims)
	maps.Copy(claims, more)
	return nil
}

// told is what the claims say of somebody.
func told(config *resource.ClientAuthConfig, a attempt, subject string, claims map[string]any) (platform.Federated, error) {
	text := func(name string) string {
		v, _ := claims[name].(string)
		return v
	}
	if a.Issuer == google && !strings.EqualFold(text("hd"), a.Domain) {
		return platform.Federated{}, &platform.Error{Code: platform.CodeForbidden, Detail: "this is not a Google Workspace account of your email domain"}
	}
	f := platform.Federated{Domain: a.Domain, Issuer: a.Issuer, Subject: subject, Email: text("email"), Name: text("name")}
	if f.Name == "" {
		f.Name = strings.TrimSpace(text("given_name") + " " + text("family_name"))
	}
	if len(f.Email) > 254 || strings.Count(f.Email, "@") != 1 {
		f.Email = "" // no address
	}
	switch v := claims["email_verified"].(type) {
	case bool:
		f.Unverified = !v
	case string: // as some write it
		f.Unverified = !strings.EqualFold(v, "true")
	case nil: // it does not say
	default:
		f.Unverified = true
	}
	f.Roles, _ = rolesIn(claims, config.OIDCRolesClaim)
	return f, nil
}

// rolesIn are the roles in a claim, and whether it is there. Its name is that
// of a claim, or a path with dots into objects: "realm_access.roles". The value
// is an array of texts, one text, or an object whose members are the roles.
func rolesIn(claims map[string]any, name string) ([]string, bool) {
	v, ok := claims[name]
	if !ok {
		at := claims
		steps := strings.Split(name, ".")
		for _, step := range steps[:len(steps)-1] {
			if at, ok = at[step].(map[string]any); !ok {
				return nil, false
			}
		}
		if v, ok = at[steps[len(steps)-1]]; !ok {
			return nil, false
		}
	}
	var roles []string
	switch v := v.(type) {
	case string:
		roles = []string{v}
	case []any:
		for _, r := range v {
			if s, is := r.(string); is {
				roles = append(roles, s)
			}
		}
	case map[string]any:
		roles = slices.Sorted(maps.Keys(v))
	}
	return roles[:min(len(roles), maxRoles)], true
}
