package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/signin"
)

// sessionRoutes are about signing in and out.
func (s *server) sessionRoutes() []route {
	const get, post = http.MethodGet, http.MethodPost
	return []route{
		{post, "/auth/login", public, "login", "auth", "Sign in with a password; the session's cookie is set for pages of this origin", loginDoc{}, sessionAnswer{}, 0, s.plain(s.login)},
		{post, "/auth/refresh", public, "refresh", "auth", "Exchange a refresh token", refreshDoc{}, sessionAnswer{}, 0, s.plain(s.refresh)},
		{post, "/auth/logout", public, "logout", "auth", "End a session: that of the refresh token, of the bearer token and of the cookie, whichever are there", refreshDoc{}, nil, http.StatusNoContent, s.plain(s.logout)},
		{post, "/auth/logout-everywhere", anyToken, "logoutEverywhere", "auth", "End all your sessions, and forget what you have allowed OAuth clients", nil, nil, http.StatusNoContent, s.plain(s.logoutEverywhere)},
		{get, "/auth/me", anyToken, "me", "auth", "Who the token speaks for", nil, meAnswer{}, 0, through(s, s.me)},
		{get, "/auth/sessions", anyToken, "listSessions", "auth", "Your sessions, the last used first", nil, sessionsAnswer{}, 0, through(s, s.listSessions)},
		{http.MethodDelete, "/auth/sessions/{id}", anyToken, "endSession", "auth", "End one of your sessions", nil, nil, http.StatusNoContent, s.plain(s.endSession)},
		{post, "/auth/change-password", anyToken, "changePassword", "auth", "Change your password; your other sessions end", changePasswordDoc{}, nil, http.StatusNoContent, s.plain(s.changePassword)},
		{get, "/auth/check-domain", public, "checkDomain", "auth", "How people of an email's domain sign in; it tells nothing of the email", nil, signInDomain{}, 0, through(s, s.signInBy)},
		{post, "/auth/bootstrap", public, "bootstrap", "auth", "Make the first administrator with the token that the log shows", bootstrapDoc{}, sessionAnswer{}, 0, s.plain(s.bootstrap)},
	}
}

type loginDoc struct {
	Email      string `json:"email"`
	Password   string `json:"password" format:"password"`
	RememberMe bool   `json:"rememberMe,omitempty" doc:"The cookie outlives the browser"`
}

type refreshDoc struct {
	RefreshToken string `json:"refreshToken"`
}

type changePasswordDoc struct {
	CurrentPassword string `json:"currentPassword" format:"password"`
	NewPassword     string `json:"newPassword" format:"password"`
}

type bootstrapDoc struct {
	Token    string `json:"token"`
	Email    string `json:"email"`
	Name     string `json:"name"`
	Password string `json:"password" format:"password"`
}

// sessionAnswer is what signing in gives.
type sessionAnswer struct {
	AccessToken  string   `json:"accessToken"`
	RefreshToken string   `json:"refreshToken"`
	TokenType    string   `json:"tokenType"`
	ExpiresIn    int      `json:"expiresIn" doc:"Seconds"`
	SessionID    string   `json:"sessionId"`
	CSRFToken    string   `json:"csrfToken,omitempty" doc:"For the header X-CSRF-Token, where a cookie lets you in"`
	PrincipalID  string   `json:"principalId"`
	Name         string   `json:"name"`
	Email        string   `json:"email"`
	Roles        []string `json:"roles"`
	ClientID     string   `json:"clientId,omitempty"`
}

// readInto reads the JSON body of a plain handler; an empty one only where it
// may be.
func readInto(w http.ResponseWriter, r *http.Request, into any, mayBeEmpty bool) error {
	if err := wantJSON(r); err != nil {
		return err
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxOther))
	if err != nil {
		return err
	}
	if len(body) == 0 && mayBeEmpty {
		return nil
	}
	if err := json.Unmarshal(body, into); err != nil {
		return platform.Malformed(err)
	}
	return nil
}

func missing(pairs ...string) error {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			return badField(pairs[i], "is required", "")
		}
	}
	return nil
}

// answerTokens answers with tokens, which no cache may keep.
func (s *server) answerTokens(w http.ResponseWriter, r *http.Request, t iam.Tokens) error {
	s.setCookie(w, r, t)
	answer := sessionAnswer{AccessToken: t.Access, RefreshToken: t.Refresh, TokenType: "Bearer", ExpiresIn: int(t.ExpiresIn / time.Second),
		SessionID: t.Session.ID, PrincipalID: t.Subject.ID, Name: t.Subject.Name, Email: t.Subject.Email, Roles: t.Subject.Roles, ClientID: t.Subject.HomeClient}
	if t.Cookie != "" {
		answer.CSRFToken = csrfToken(t.Cookie)
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, body)
	return nil
}

func (s *server) login(w http.ResponseWriter, r *http.Request, _ *caller) error {
	var req loginDoc
	if err := readInto(w, r, &req, false); err != nil {
		return err
	}
	if err := missing("email", req.Email, "password", req.Password); err != nil {
		return err
	}
	t, err := s.o.SignIn.Login(r.Context(), signin.Attempt{Email: req.Email, Password: req.Password, Remember: req.RememberMe, Address: s.address(r), UserAgent: r.UserAgent()})
	if err != nil {
		return err
	}
	return s.answerTokens(w, r, t)
}

func (s *server) refresh(w http.ResponseWriter, r *http.Request, _ *caller) error {
	var req refreshDoc
	if err := readInto(w, r, &req, false); err != nil {
		return err
	}
	if err := missing("refreshToken", req.RefreshToken); err != nil {
		return err
	}
	t, err := s.o.SignIn.Refresh(r.Context(), req.RefreshToken)
	if err != nil {
		return err
	}
	return s.answerTokens(w, r, t)
}

// logout ends the sessions that the request names, in whatever way, and bears
// that there is none.
func (s *server) logout(w http.ResponseWriter, r *http.Request, _ *caller) error {
	var req refreshDoc
	if err := readInto(w, r, &req, true); err != nil {
		return err
	}
	sessions := s.o.SignIn.Sessions()
	if req.RefreshToken != "" {
		if err := sessions.EndByToken(r.Context(), req.RefreshToken, nil); err != nil {
			return err
		}
	}
	var c caller
	switch err := s.identify(r, &c); {
	case err == nil && c.actor.Session != "":
		if err := sessions.End(r.Context(), c.actor.Session); err != nil {
			return err
		}
	case err != nil && problemOf(err).Status >= http.StatusInternalServerError:
		return err
	}
	if _, err := r.Cookie(sessionCookie); err == nil && s.own(r) {
		s.dropCookie(w)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *server) logoutEverywhere(w http.ResponseWriter, r *http.Request, c *caller) error {
	if _, err := s.o.SignIn.Sessions().EndAll(r.Context(), c.PrincipalID, ""); err != nil {
		return err
	}
	if s.o.OAuth != nil {
		if err := s.o.OAuth.Forget(r.Context(), c.PrincipalID); err != nil {
			return err
		}
	}
	if c.cookie != "" {
		s.dropCookie(w)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

type sessionView struct {
	ID         string `json:"id"`
	Method     string `json:"method"`
	Address    string `json:"address,omitempty"`
	UserAgent  string `json:"userAgent,omitempty"`
	OAuthID    string `json:"oauthClientId,omitempty"`
	StartedAt  stamp  `json:"startedAt"`
	LastUsedAt stamp  `json:"lastUsedAt"`
	ExpiresAt  stamp  `json:"expiresAt"`
	Current    bool   `json:"current"`
}

type sessionsAnswer struct {
	Sessions []sessionView `json:"sessions"`
}

func (s *server) listSessions(ctx context.Context, c *call, _ *struct{}) (*result, error) {
	all, err := s.o.SignIn.Sessions().List(ctx, c.PrincipalID)
	if err != nil {
		return nil, err
	}
	answer := sessionsAnswer{Sessions: make([]sessionView, len(all))}
	for i, in := range all {
		answer.Sessions[i] = sessionView{ID: in.ID, Method: in.Method, Address: in.Address, UserAgent: in.UserAgent, OAuthID: in.OAuthID,
			StartedAt: stamp(in.StartedAt), LastUsedAt: stamp(in.LastUsedAt), ExpiresAt: stamp(in.ExpiresAt), Current: in.ID == c.actor.Session}
	}
	return ok(answer), nil
}

func (s *server) endSession(w http.ResponseWriter, r *http.Request, c *caller) error {
	id := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	all, err := s.o.SignIn.Sessions().List(r.Context(), c.PrincipalID)
	if err != nil {
		return err
	}
	for _, in := range all {
		if in.ID == id {
			if err := s.o.SignIn.Sessions().End(r.Context(), id); err != nil {
				return err
			}
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
	}
	return newProblem(http.StatusNotFound, "NOT_FOUND", "you have no session with this id")
}

func (s *server) changePassword(w http.ResponseWriter, r *http.Request, c *caller) error {
	var req changePasswordDoc
	if err := readInto(w, r, &req, false); err != nil {
		return err
	}
	if err := missing("currentPassword", req.CurrentPassword, "newPassword", req.NewPassword); err != nil {
		return err
	}
	if err := s.o.SignIn.ChangePassword(r.Context(), c.Caller, c.actor.Session, s.address(r), req.CurrentPassword, req.NewPassword); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *server) bootstrap(w http.ResponseWriter, r *http.Request, _ *caller) error {
	if isForm(r) {
		return s.bootstrapForm(w, r)
	}
	var req bootstrapDoc
	if err := readInto(w, r, &req, false); err != nil {
		return err
	}
	if err := missing("token", req.Token, "email", req.Email, "password", req.Password); err != nil {
		return err
	}
	t, err := s.o.SignIn.Found(r.Context(), req.Token, req.Name, signin.Attempt{Email: req.Email, Password: req.Password, Address: s.address(r), UserAgent: r.UserAgent()})
	if err != nil {
		return err
	}
	return s.answerTokens(w, r, t)
}

type meAnswer struct {
	PrincipalID   string   `json:"principalId"`
	ID            string   `json:"id" doc:"The same as principalId"`
	Type          string   `json:"type"`
	PrincipalType string   `json:"principalType" doc:"The same as type"`
	Scope         string   `json:"scope"`
	Name          string   `json:"name"`
	Email         string   `json:"email,omitempty"`
	Roles         []string `json:"roles"`
	Clients       []string `json:"clients"`
	ClientID      string   `json:"clientId,omitempty" doc:"The only client, where there is only one"`
	SessionID     string   `json:"sessionId,omitempty"`
	CSRFToken     string   `json:"csrfToken,omitempty" doc:"For the header X-CSRF-Token, where a cookie let you in"`
}

func (s *server) me(_ context.Context, c *call, _ *struct{}) (*result, error) {
	p := c.principal
	only, _ := p.OnlyClient()
	a := meAnswer{PrincipalID: p.ID, ID: p.ID, Type: string(p.Type), PrincipalType: string(p.Type), Scope: string(p.Scope), Name: p.Name, Email: p.Email,
		Roles: append([]string{}, p.Roles...), Clients: append([]string{}, p.Clients...), ClientID: only, SessionID: c.actor.Session}
	if c.cookie != "" {
		a.CSRFToken = csrfToken(c.cookie)
	}
	return &result{Status: http.StatusOK, CacheControl: "no-store", Body: a}, nil
}

type signInQuery struct {
	Email string `query:"email" doc:"An email address, or its domain"`
}

type signInDomain struct {
	Domain           string `json:"domain"`
	AuthMethod       string `json:"authMethod" enum:"INTERNAL,OIDC"`
	AuthorizationURL string `json:"authorizationUrl,omitempty" doc:"Where signing in begins, with OIDC"`
	ProviderID       string `json:"providerId,omitempty"`
}

// signInBy answers by the domain only, whoever has the email.
func (s *server) signInBy(ctx context.Context, _ *call, in *signInQuery) (*result, error) {
	domain := iam.EmailDomain("@" + in.Email[strings.LastIndexByte(in.Email, '@')+1:])
	if domain == "" || len(domain) > 253 {
		return nil, badField("email", "must be an email address", "ada@example.com")
	}
	d, err := s.p.Directory(ctx)
	if err != nil {
		return nil, err
	}
	a := signInDomain{Domain: domain, AuthMethod: resource.IdpInternal}
	if config := d.AuthConfig(domain); config != nil && config.AuthProvider == resource.IdpOIDC {
		a.AuthMethod, a.ProviderID, a.AuthorizationURL = resource.IdpOIDC, config.ID, s.o.PublicURL+"/auth/oidc/login?domain="+config.EmailDomain
	}
	return ok(a), nil
}
