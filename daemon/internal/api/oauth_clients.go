package api

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
)

// oauthClientRoutes are the rows about OAuth clients that not every kind has.
func (s *server) oauthClientRoutes() []route {
	const (
		post = http.MethodPost
		one  = "/api/oauth-clients/{id}"
		see  = "platform:iam:idp:view"
		edit = "platform:iam:idp:update"
	)
	return []route{
		{http.MethodGet, "/api/oauth-clients/by-client-id/{clientId}", see, "getOAuthClientByClientId", "oauth-clients", "One, by its client_id", nil, oauthClientView{}, 0, through(s, s.oauthClientByID)},
		{post, one + "/activate", edit, "activateOAuthClient", "oauth-clients", "Let it get tokens", nil, doneView{}, 0, through(s, s.oauthClientActive(true))},
		{post, one + "/deactivate", edit, "deactivateOAuthClient", "oauth-clients", "Let it get no more tokens", nil, doneView{}, 0, through(s, s.oauthClientActive(false))},
		{post, one + "/rotate-secret", edit, "rotateOAuthClientSecret", "oauth-clients", "Give it a new secret, which is shown once; the old one is good for another day", nil, secretView{}, 0, through(s, s.oauthSecret(secretOverlap))},
		{post, one + "/regenerate-secret", edit, "regenerateOAuthClientSecret", "oauth-clients", "Give it a new secret, which is shown once; the old one is good no more", nil, secretView{}, 0, through(s, s.oauthSecret(0))},
	}
}

// secretOverlap is how long a rotated secret of an OAuth client stays good.
const secretOverlap = 24 * time.Hour

type oauthClientView struct {
	*resource.OAuthClient
	ServiceAccountPrincipalID string `json:"serviceAccountPrincipalId,omitempty"`
}

func viewOAuthClient(c *resource.OAuthClient) oauthClientView {
	v := oauthClientView{OAuthClient: c}
	if c.ServiceAccountID != "" {
		v.ServiceAccountPrincipalID = "prn_" + strings.TrimPrefix(c.ServiceAccountID, "sac_")
	}
	return v
}

// createdOAuthClientView is an OAuth client with its secret, as the answer to its
// creation has it.
type createdOAuthClientView struct {
	ID           string          `json:"id"`
	Client       oauthClientView `json:"client"`
	ClientSecret string          `json:"clientSecret,omitempty" doc:"Of a confidential client; it is never shown again"`
}

type doneView struct {
	Success bool   `json:"success"`
	Message string `json:"message"`
}

type secretView struct {
	ClientSecret string `json:"clientSecret" doc:"It is never shown again"`
}

type oauthClientsQuery struct {
	ResourcesQuery
	Active string `query:"active" enum:"true,false"`
}

func (s *server) listOAuthClients(ctx context.Context, c *call, in *oauthClientsQuery) (*result, error) {
	info, _ := resource.InfoOf(resource.KindOAuthClient)
	return s.list(ctx, c, info, in.ResourcesQuery, func(r resource.Resource) bool {
		return in.Active == "" || r.(*resource.OAuthClient).IsActive() == (in.Active == "true")
	})
}

func (s *server) createOAuthClient(ctx context.Context, c *call, in *BodyInput) (*result, error) {
	ch, secret, err := s.p.CreateOAuthClient(ctx, c.Caller, in.RawBody)
	if err != nil {
		return nil, err
	}
	made := ch.Resource.(*resource.OAuthClient)
	return &result{Status: http.StatusCreated, ETag: etag(made), Warning: strings.Join(ch.Warnings, "; "), CacheControl: "no-store",
		Body: createdOAuthClientView{made.ID, viewOAuthClient(made), secret}}, nil
}

type oauthClientInput struct {
	ClientID string `path:"clientId" doc:"The client_id"`
}

func (s *server) oauthClientByID(ctx context.Context, c *call, in *oauthClientInput) (*result, error) {
	return s.getByKey(ctx, c, resource.KindOAuthClient, in.ClientID)
}

func (s *server) oauthClientActive(active bool) func(context.Context, *call, *ResourceInput) (*result, error) {
	body, says := `{"active":true}`, "the OAuth client is active"
	if !active {
		body, says = `{"active":false}`, "the OAuth client is not active"
	}
	return func(ctx context.Context, c *call, in *ResourceInput) (*result, error) {
		info, _ := resource.InfoOf(resource.KindOAuthClient)
		if _, err := s.p.Update(ctx, c.Caller, info, in.ID, "", []byte(body), 0); err != nil {
			return nil, err
		}
		return ok(doneView{true, says}), nil
	}
}

func (s *server) oauthSecret(overlap time.Duration) func(context.Context, *call, *ResourceInput) (*result, error) {
	return func(ctx context.Context, c *call, in *ResourceInput) (*result, error) {
		secret, err := s.p.RotateClientSecret(ctx, c.Caller, in.ID, overlap)
		if err != nil {
			return nil, err
		}
		return &result{Status: http.StatusOK, CacheControl: "no-store", Body: secretView{secret}}, nil
	}
}

// accountRoutes are the rows about service accounts that not every kind has.
func (s *server) accountRoutes() []route {
	const (
		get, post, del = http.MethodGet, http.MethodPost, http.MethodDelete
		one            = "/api/service-accounts/{id}"
		see, edit      = "platform:iam:service-account:view", "platform:iam:service-account:update"
	)
	return []route{
		{get, "/api/service-accounts/by-code/{code}", see, "getServiceAccountByCode", "service-accounts", "One, by its code", nil, accountView{}, 0, through(s, s.accountByCode)},
		{get, one + "/tokens", see, "listServiceAccountTokens", "service-accounts", "What is known of its tokens", nil, tokensAnswer{}, 0, through(s, s.accountTokens)},
		{post, one + "/tokens", edit, "createServiceAccountToken", "service-accounts", "Make one more token, which is shown once", issueTokenDoc{}, newTokenView{}, http.StatusCreated, through(s, s.newAccountToken)},
		{del, one + "/tokens/{tokenId}", edit, "revokeServiceAccountToken", "service-accounts", "End a token at once", nil, nil, http.StatusNoContent, through(s, s.revokeAccountToken)},
		{post, one + "/regenerate-token", edit, "regenerateServiceAccountToken", "service-accounts", "End all tokens and make a new one, which is shown once", nil, newTokenView{}, 0, through(s, s.regenerateAccountToken)},
		{post, one + "/regenerate-secret", edit, "regenerateServiceAccountSecret", "service-accounts", "Give its webhook credentials a new signing secret, which is shown once", nil, signingSecretView{}, 0, through(s, s.regenerateSigningSecret)},
		{get, one + "/roles", see, "listServiceAccountRoles", "service-accounts", "Its roles", nil, rolesAnswer{}, 0, through(s, s.accountRoles)},
		{http.MethodPut, one + "/roles", edit, "setServiceAccountRoles", "service-accounts", "Give it these roles and no others", rolesDoc{}, setRolesAnswer{}, 0, through(s, s.setAccountRoles)},
	}
}

// accountView is a service account as answers show it.
type accountView struct {
	*resource.ServiceAccount
	PrincipalID string `json:"principalId"`
}

type createdAccountView struct {
	accountView
	Token         string `json:"token" doc:"It is never shown again"`
	SigningSecret string `json:"signingSecret,omitempty" doc:"Where one was made; it is never shown again"`
}

func (s *server) createAccount(ctx context.Context, c *call, in *BodyInput) (*result, error) {
	made, err := s.p.CreateServiceAccount(ctx, c.Caller, in.RawBody)
	if err != nil {
		return nil, err
	}
	return &result{Status: http.StatusCreated, ETag: etag(made.Account), Warning: strings.Join(made.Warnings, "; "), CacheControl: "no-store",
		Body: createdAccountView{accountView{made.Account, made.Account.PrincipalID()}, made.Token, made.SigningSecret}}, nil
}

func (s *server) accountByCode(ctx context.Context, c *call, in *codeInput) (*result, error) {
	return s.getByKey(ctx, c, resource.KindServiceAccount, in.Code)
}

type tokenView struct {
	ID        string `json:"id"`
	Name      string `json:"name,omitempty"`
	Prefix    string `json:"prefix" doc:"Its first characters, to know it by"`
	CreatedAt stamp  `json:"createdAt"`
	ExpiresAt stamp  `json:"expiresAt,omitzero" doc:"Absent: it has no end"`
}

type newTokenView struct {
	tokenView
	Token string `json:"token" doc:"It is never shown again"`
}

type tokensAnswer struct {
	Tokens []tokenView `json:"tokens"`
	Total  int         `json:"total"`
}

type issueTokenDoc struct {
	Name             string   `json:"name,omitempty"`
	ExpiresInSeconds *float64 `json:"expiresInSeconds,omitempty" doc:"Absent: it has no end"`
}

func (issueTokenDoc) mayBeAbsent() {}

func (s *server) accountTokens(ctx context.Context, c *call, in *ResourceInput) (*result, error) {
	tokens, err := s.p.ServiceTokens(ctx, c.Caller, in.ID)
	if err != nil {
		return nil, err
	}
	answer := tokensAnswer{make([]tokenView, len(tokens)), len(tokens)}
	for i, t := range tokens {
		answer.Tokens[i] = tokenView{t.ID, t.Name, t.Prefix, stamp(t.CreatedAt), stamp(t.ExpiresAt)}
	}
	return ok(answer), nil
}

func (s *server) newAccountToken(ctx context.Context, c *call, in *actionInput) (*result, error) {
	var doc issueTokenDoc
	if err := in.into(&doc); err != nil {
		return nil, err
	}
	var life time.Duration
	if e := doc.ExpiresInSeconds; e != nil {
		const most = 10 * 365 * 24 * 3600
		if *e < 1 || *e > most {
			return nil, badField("expiresInSeconds", "must be from 1 to 315360000, which is ten years", "7776000")
		}
		life = time.Duration(*e * float64(time.Second))
	}
	token, t, err := s.p.IssueServiceToken(ctx, c.Caller, in.ID, doc.Name, life)
	if err != nil {
		return nil, err
	}
	return &result{Status: http.StatusCreated, CacheControl: "no-store",
		Body: newTokenView{tokenView{t.ID, t.Name, t.Prefix, stamp(t.CreatedAt), stamp(t.ExpiresAt)}, token}}, nil
}

type accountTokenInput struct {
	ID      string `path:"id" doc:"The id, or the code"`
	TokenID string `path:"tokenId"`
}

func (s *server) revokeAccountToken(ctx context.Context, c *call, in *accountTokenInput) (*result, error) {
	if err := s.p.RevokeServiceToken(ctx, c.Caller, in.ID, in.TokenID); err != nil {
		return nil, err
	}
	return &result{Status: http.StatusNoContent}, nil
}

func (s *server) regenerateAccountToken(ctx context.Context, c *call, in *ResourceInput) (*result, error) {
	token, t, err := s.p.RegenerateToken(ctx, c.Caller, in.ID)
	if err != nil {
		return nil, err
	}
	return &result{Status: http.StatusOK, CacheControl: "no-store",
		Body: newTokenView{tokenView{t.ID, t.Name, t.Prefix, stamp(t.CreatedAt), stamp(t.ExpiresAt)}, token}}, nil
}

type signingSecretView struct {
	SigningSecret string `json:"signingSecret" doc:"It is never shown again"`
}

func (s *server) regenerateSigningSecret(ctx context.Context, c *call, in *ResourceInput) (*result, error) {
	secret, err := s.p.RegenerateSigningSecret(ctx, c.Caller, in.ID)
	if err != nil {
		return nil, err
	}
	return &result{Status: http.StatusOK, CacheControl: "no-store", Body: signingSecretView{secret}}, nil
}

func (s *server) account(ctx context.Context, c *call, name string) (*resource.ServiceAccount, error) {
	info, _ := resource.InfoOf(resource.KindServiceAccount)
	r, err := s.p.Get(ctx, c.Caller, info, name, "")
	if err != nil {
		return nil, err
	}
	return r.(*resource.ServiceAccount), nil
}

func (s *server) accountRoles(ctx context.Context, c *call, in *ResourceInput) (*result, error) {
	a, err := s.account(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	return ok(rolesAnswer{rolesOfPrincipal(a)}), nil
}

func (s *server) setAccountRoles(ctx context.Context, c *call, in *actionInput) (*result, error) {
	a, err := s.account(ctx, c, in.ID)
	if err != nil {
		return nil, err
	}
	return s.setRolesOf(ctx, c, a.PrincipalID(), in.BodyInput)
}

// provisioned answers with a service account of an application in both of the
// shapes that existing clients read.
type provisionedView struct {
	ID               string            `json:"id"`
	ServiceAccountID string            `json:"serviceAccountId"`
	PrincipalID      string            `json:"principalId"`
	Code             string            `json:"code"`
	Name             string            `json:"name"`
	ClientID         string            `json:"clientId,omitempty" doc:"The client_id of its OAuth client"`
	ClientSecret     string            `json:"clientSecret,omitempty" doc:"It is never shown again"`
	ServiceAccount   provisionedNested `json:"serviceAccount"`
}

type provisionedNested struct {
	ID          string            `json:"id"`
	PrincipalID string            `json:"principalId"`
	Code        string            `json:"code"`
	Name        string            `json:"name"`
	OAuthClient *provisionedOAuth `json:"oauthClient,omitempty"`
}

type provisionedOAuth struct {
	ID           string `json:"id"`
	ClientID     string `json:"clientId"`
	ClientSecret string `json:"clientSecret,omitempty" doc:"It is never shown again"`
}

func viewProvisioned(p platform.Provisioned) provisionedView {
	a := p.Account
	v := provisionedView{ID: a.ID, ServiceAccountID: a.ID, PrincipalID: a.PrincipalID(), Code: a.Code, Name: a.Name, ClientSecret: p.Secret,
		ServiceAccount: provisionedNested{ID: a.ID, PrincipalID: a.PrincipalID(), Code: a.Code, Name: a.Name}}
	if o := p.Client; o != nil {
		v.ClientID = o.OAuthID
		v.ServiceAccount.OAuthClient = &provisionedOAuth{o.ID, o.OAuthID, p.Secret}
	}
	return v
}
