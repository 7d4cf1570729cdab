package api

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/api/pages"
	"github.com/flowcatalyst/fc/daemon/internal/federation"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
	"github.com/flowcatalyst/fc/daemon/internal/oauth"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/signin"
)

const (
	signInPath  = "/auth/sign-in"
	signOutPath = "/auth/sign-out"
)

// oauthPages are the pages that a browser is sent to.
func (s *server) oauthPages() []route {
	const get, post = http.MethodGet, http.MethodPost
	return []route{
		{get, oauth.AuthorizePath, public, "authorize", "oauth", "Ask the person at a browser to let a client in (RFC 6749, 4.1, with PKCE); answered by a redirect, or by a page that asks", authorizeQuery{}, nil, http.StatusSeeOther, s.plain(s.paged(s.authorize))},
		{post, oauth.AuthorizePath, public, "answerAuthorize", "oauth", "The answer of that page", decisionForm{}, nil, http.StatusSeeOther, s.plain(s.paged(s.answerAuthorize))},
		{get, oauth.DevicePath, public, "devicePage", "oauth", "The page where a device is let in by its user code", deviceQuery{}, nil, http.StatusOK, s.plain(s.paged(s.devicePage))},
		{post, oauth.DevicePath, public, "answerDevice", "oauth", "The answer of that page", deviceDecisionForm{}, nil, http.StatusOK, s.plain(s.paged(s.answerDevice))},
		{get, signInPath, public, "signInPage", "auth", "The page where people sign in", signInPageQuery{}, nil, http.StatusOK, s.plain(s.paged(s.signInPage))},
		{post, signInPath, public, "signIn", "auth", "Sign in from that page", signInForm{}, nil, http.StatusSeeOther, s.plain(s.paged(s.signInFrom))},
		{post, signOutPath, public, "signOut", "auth", "Sign out from that page", signOutForm{}, nil, http.StatusSeeOther, s.plain(s.paged(s.signOut))},
	}
}

type authorizeQuery struct {
	ResponseType        string `query:"response_type" doc:"code"`
	ClientID            string `query:"client_id"`
	RedirectURI         string `query:"redirect_uri" doc:"One of the client's redirectUris; of a public client on 127.0.0.1 or [::1] with any port"`
	Scope               string `query:"scope" doc:"As at the token endpoint"`
	State               string `query:"state" doc:"It comes back"`
	Nonce               string `query:"nonce" doc:"It comes back in the ID token"`
	CodeChallenge       string `query:"code_challenge" doc:"SHA-256 of the verifier in base64url (RFC 7636)"`
	CodeChallengeMethod string `query:"code_challenge_method" doc:"S256"`
	Prompt              string `query:"prompt" doc:"none, or some of login, consent and select_account"`
	MaxAge              string `query:"max_age" doc:"Seconds since they signed in"`
	LoginHint           string `query:"login_hint" doc:"The email that is expected"`
}

type decisionForm struct {
	Decision  string `json:"decision" enum:"allow,deny"`
	Principal string `json:"principal" doc:"Who the page was shown to"`
	CSRF      string `json:"csrf,omitempty" doc:"The csrfToken of the session, where the browser does not say where a form comes from"`
}

func (decisionForm) form() {}

type deviceDecisionForm struct {
	decisionForm
	UserCode string `json:"user_code"`
}

type deviceQuery struct {
	UserCode string `query:"user_code" doc:"As the device shows it"`
}

type signInPageQuery struct {
	ReturnURL string `query:"return_url" doc:"A path of this origin, where they go then"`
	Email     string `query:"email" doc:"The email that is expected"`
	Again     string `query:"again" doc:"Sign in although somebody is signed in"`
}

type signInForm struct {
	Email     string `json:"email"`
	Password  string `json:"password,omitempty" format:"password" doc:"Empty for whoever signs in through a provider"`
	Remember  string `json:"remember,omitempty" doc:"true: the cookie outlives the browser"`
	ReturnURL string `json:"return_url,omitempty"`
}

func (signInForm) form() {}

type signOutForm struct {
	CSRF string `json:"csrf,omitempty"`
}

func (signOutForm) form() {}

// paged shows errors as a page, since a person reads them.
func (s *server) paged(do func(http.ResponseWriter, *http.Request) error) func(http.ResponseWriter, *http.Request, *caller) error {
	return func(w http.ResponseWriter, r *http.Request, _ *caller) error {
		// With "no-referrer" browsers would send forms without their origin.
		w.Header().Set("Referrer-Policy", "same-origin")
		err := do(w, r)
		if err == nil {
			return nil
		}
		var told *oauth.RedirectError
		var refused *oauth.Error
		switch {
		case errors.As(err, &told):
			redirect(w, told.Location)
			return nil
		case errors.As(err, &refused):
			status := refused.Status()
			if status == http.StatusUnauthorized {
				status = http.StatusBadRequest // a browser has nothing to show
			}
			return pages.Render(w, status, pages.MessagePage, pages.Message{Page: pages.Page{Title: "This can not go on",
				Lead: "The application that sent you here asked for something that can not be answered. Tell the people who run it:", Alert: refused.Error()}})
		}
		p := s.problem(r, w.Header().Get(requestIDHeader), err)
		for name, values := range p.GetHeaders() {
			w.Header()[name] = values
		}
		return pages.Render(w, p.Status, pages.MessagePage, pages.Message{Page: pages.Page{Title: "That did not work", Alert: p.Detail, Lead: "Request " + p.RequestID + "."}})
	}
}

func redirect(w http.ResponseWriter, to string) {
	h := w.Header()
	h.Set("Location", to)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer") // the address has a code, or what was asked for
	w.WriteHeader(http.StatusSeeOther)
}

// visitor is who is signed in at a browser.
type visitor struct {
	session iam.Session
	subject *iam.Subject
	csrf    string
}

// visitor is who is signed in at the browser of a request; nil: nobody.
func (s *server) visitor(r *http.Request) (*visitor, error) {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return nil, nil
	}
	in, sub, err := s.o.SignIn.Sessions().ByCookie(r.Context(), cookie.Value)
	if errors.Is(err, iam.ErrSession) || errors.Is(err, iam.ErrGone) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &visitor{session: in, subject: sub, csrf: csrfToken(cookie.Value)}, nil
}

// answering reads the form of a page that a visitor was shown, which must be
// the one who is signed in now.
func (s *server) answering(w http.ResponseWriter, r *http.Request) (*visitor, url.Values, error) {
	form, err := readForm(w, r)
	if err != nil {
		return nil, nil, err
	}
	v, err := s.visitor(r)
	if err != nil || v == nil {
		return nil, form, err
	}
	if !s.own(r) && !sameText(form.Get("csrf"), v.csrf) {
		return nil, nil, newProblem(http.StatusForbidden, "FORBIDDEN", "the form came from another site, and nothing was done")
	}
	return v, form, nil
}

func name(sub *iam.Subject) string {
	if sub.Email != "" {
		return sub.Email
	}
	return sub.Name
}

func (s *server) authorize(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	req, err := s.o.OAuth.Parse(r.Context(), q)
	if err != nil {
		return err
	}
	v, err := s.visitor(r)
	if err != nil {
		return err
	}
	if v == nil || s.o.OAuth.MustSignIn(req, v.session) {
		if req.Wants("none") {
			return req.Refuse(&oauth.Error{Code: oauth.LoginRequired, Description: "nobody is signed in, or not recently enough"})
		}
		return s.toSignIn(w, q, req, v != nil)
	}
	asks, err := s.o.OAuth.Asks(r.Context(), req, v.session)
	if err != nil {
		return err
	}
	if asks && req.Wants("none") {
		return req.Refuse(&oauth.Error{Code: oauth.ConsentRequired, Description: "they have not allowed this before"})
	}
	if asks {
		return s.askConsent(w, r, req, v)
	}
	to, err := s.o.OAuth.Allow(r.Context(), req, v.session)
	if err != nil {
		return err
	}
	redirect(w, to)
	return nil
}

// toSignIn sends somebody to sign in and back. Having done so, they have done
// what prompt and max_age want.
func (s *server) toSignIn(w http.ResponseWriter, q url.Values, req *oauth.Request, again bool) error {
	back := url.Values{}
	for name, values := range q {
		back[name] = values
	}
	back.Del("max_age")
	prompt := slices.DeleteFunc(slices.Clone(req.Prompt), func(p string) bool { return p == "login" || p == "select_account" })
	if back.Del("prompt"); len(prompt) > 0 {
		back.Set("prompt", strings.Join(prompt, " "))
	}
	to := url.Values{"return_url": {oauth.AuthorizePath + "?" + back.Encode()}}
	if req.LoginHint != "" {
		to.Set("email", req.LoginHint)
	}
	if again {
		to.Set("again", "1")
	}
	redirect(w, signInPath+"?"+to.Encode())
	return nil
}

var choices = []pages.Choice{{Name: "decision", Value: "allow", Label: "Allow"}, {Name: "decision", Value: "deny", Label: "Deny", Second: true}}

func (s *server) askConsent(w http.ResponseWriter, r *http.Request, req *oauth.Request, v *visitor) error {
	facts := append([]pages.Fact{{Name: "Application", Value: req.Client.Name}, {Name: "Signed in as", Value: name(v.subject)}}, scopeFacts(req.Scope, req.Client)...)
	facts = append(facts, pages.Fact{Name: "You go on to", Value: whereTo(req.RedirectURI)})
	return pages.Render(w, http.StatusOK, pages.ConsentPage, pages.Consent{
		Page:  pages.Page{Title: "Allow " + req.Client.Name + "?", Lead: "It asks to act for you here.", Redirects: []string{req.RedirectURI}},
		Facts: facts, Action: oauth.AuthorizePath + "?" + r.URL.RawQuery, Choices: choices,
		Hidden: []pages.Hidden{{Name: "principal", Value: v.subject.ID}, {Name: "csrf", Value: v.csrf}},
		Links:  []pages.Link{{Label: "Use another account", Href: signInPath + "?" + url.Values{"again": {"1"}, "return_url": {oauth.AuthorizePath + "?" + r.URL.RawQuery}}.Encode()}},
	})
}

// scopeFacts say in words what a client gets.
func scopeFacts(scope oauth.Scope, c *resource.OAuthClient) []pages.Fact {
	may := "everything that you may do"
	switch {
	case len(scope.Roles) > 0:
		may = "what these roles of yours may do: " + strings.Join(scope.Roles, ", ")
	case len(c.ApplicationIDs) > 0:
		may = "what your roles of its applications may do"
	}
	reach := ""
	if len(scope.Clients) > 0 {
		reach = ", for these clients: " + strings.Join(scope.Clients, ", ")
	}
	return []pages.Fact{{Name: "It may", Value: may + reach}}
}

// whereTo is where a redirect leads, as people read it.
func whereTo(address string) string {
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return address
	case u.Hostname() == "127.0.0.1" || u.Hostname() == "::1" || u.Hostname() == "localhost":
		return "a program on this machine"
	case u.Host == "":
		return "an app on this device (" + u.Scheme + ")"
	}
	return u.Scheme + "://" + u.Host
}

func (s *server) answerAuthorize(w http.ResponseWriter, r *http.Request) error {
	req, err := s.o.OAuth.Parse(r.Context(), r.URL.Query())
	if err != nil {
		return err
	}
	v, form, err := s.answering(w, r)
	if err != nil {
		return err
	}
	if v == nil {
		return s.toSignIn(w, r.URL.Query(), req, false)
	}
	if form.Get("principal") != v.subject.ID {
		return s.askConsent(w, r, req, v) // somebody else signed in meanwhile
	}
	switch form.Get("decision") {
	case "allow":
		to, err := s.o.OAuth.Allow(r.Context(), req, v.session)
		if err != nil {
			return err
		}
		redirect(w, to)
		return nil
	case "deny":
		return req.Refuse(&oauth.Error{Code: oauth.AccessDenied, Description: "they said no"})
	}
	return s.askConsent(w, r, req, v)
}

// askCode asks for the code that a device shows.
func (s *server) askCode(w http.ResponseWriter, v *visitor, alert string) error {
	return pages.Render(w, http.StatusOK, pages.FormPage, pages.Form{
		Page:   pages.Page{Title: "Let a device in", Lead: "Type the code that the device or program shows you.", Alert: alert},
		Action: oauth.DevicePath, Submit: "Continue", Hidden: []pages.Hidden{{Name: "csrf", Value: v.csrf}},
		Fields: []pages.Field{{Name: "user_code", Label: "Code", Hint: "Eight letters, such as BCDF-GHJK", Autocomplete: "off", Autofocus: true}},
	})
}

func (s *server) devicePage(w http.ResponseWriter, r *http.Request) error {
	v, err := s.visitor(r)
	if err != nil {
		return err
	}
	if v == nil {
		back := oauth.DevicePath
		if code := r.URL.Query().Get("user_code"); code != "" {
			back += "?" + url.Values{"user_code": {code}}.Encode()
		}
		redirect(w, signInPath+"?"+url.Values{"return_url": {back}}.Encode())
		return nil
	}
	code := r.URL.Query().Get("user_code")
	if code == "" {
		return s.askCode(w, v, "")
	}
	return s.askDevice(w, r, v, code)
}

// askDevice asks whether a device may come in. Who asks and since when is
// shown, so that nobody lets in what somebody else has begun (RFC 8628, 5.4).
func (s *server) askDevice(w http.ResponseWriter, r *http.Request, v *visitor, code string) error {
	waiting, err := s.o.OAuth.Find(r.Context(), code, v.session, s.from(r))
	if errors.Is(err, oauth.ErrUserCode) {
		return s.askCode(w, v, sentence(err))
	}
	if err != nil {
		return err
	}
	facts := []pages.Fact{{Name: "Code", Value: waiting.UserCode}, {Name: "Program", Value: waiting.Client.Name}, {Name: "Asked from", Value: waiting.Address}, {Name: "It says", Value: waiting.UserAgent}, {Name: "Signed in as", Value: name(v.subject)}}
	return pages.Render(w, http.StatusOK, pages.ConsentPage, pages.Consent{
		Page:  pages.Page{Title: "Let this device in?", Lead: "Allow only what you have begun yourself, and only if the device shows the same code. Nobody from support ever sends you one."},
		Facts: append(facts, scopeFacts(waiting.Scope, waiting.Client)...), Action: oauth.DevicePath, Choices: choices,
		Hidden: []pages.Hidden{{Name: "user_code", Value: waiting.UserCode}, {Name: "principal", Value: v.subject.ID}, {Name: "csrf", Value: v.csrf}},
	})
}

func (s *server) answerDevice(w http.ResponseWriter, r *http.Request) error {
	v, form, err := s.answering(w, r)
	if err != nil {
		return err
	}
	if v == nil {
		redirect(w, signInPath+"?"+url.Values{"return_url": {oauth.DevicePath}}.Encode())
		return nil
	}
	code, decision := form.Get("user_code"), form.Get("decision")
	if decision != "allow" && decision != "deny" || form.Get("principal") != v.subject.ID {
		return s.askDevice(w, r, v, code)
	}
	waiting, err := s.o.OAuth.Find(r.Context(), code, v.session, s.from(r))
	if err == nil {
		err = s.o.OAuth.Decide(r.Context(), waiting, v.session, decision == "allow")
	}
	if errors.Is(err, oauth.ErrUserCode) {
		return s.askCode(w, v, sentence(err))
	}
	if err != nil {
		return err
	}
	done := pages.Page{Title: "The device is in", Lead: "Go back to it; this page can be closed. The session is listed under your sessions, where you can end it."}
	if decision == "deny" {
		done = pages.Page{Title: "The device stays out", Lead: "This page can be closed."}
	}
	return pages.Render(w, http.StatusOK, pages.MessagePage, pages.Message{Page: done})
}

func sentence(err error) string {
	text := err.Error()
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

func (s *server) signInPage(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	back := q.Get("return_url")
	if back != "" && !federation.LocalPath(back) {
		return badField("return_url", "must be a path of this origin", "/oauth/device")
	}
	v, err := s.visitor(r)
	if err != nil {
		return err
	}
	switch {
	case v == nil || q.Get("again") != "":
		return s.askSignIn(w, r, http.StatusOK, back, q.Get("email"), "")
	case back != "":
		redirect(w, back)
		return nil
	}
	return pages.Render(w, http.StatusOK, pages.FormPage, pages.Form{
		Page:   pages.Page{Title: "You are signed in", Lead: "As " + name(v.subject) + "."},
		Action: signOutPath, Submit: "Sign out", Hidden: []pages.Hidden{{Name: "csrf", Value: v.csrf}},
	})
}

func (s *server) askSignIn(w http.ResponseWriter, r *http.Request, status int, back, email, alert string) error {
	page := pages.Page{Title: "Sign in", Alert: alert}
	// Where the way back leads through us to a client, the browser has to
	// know of it: it stops other redirects of a form.
	if u, err := url.Parse(back); err == nil && u.Path == oauth.AuthorizePath {
		if req, err := s.o.OAuth.Parse(r.Context(), u.Query()); err == nil {
			page.Lead, page.Redirects = "To go on to "+req.Client.Name+".", []string{req.RedirectURI}
		}
	}
	return pages.Render(w, status, pages.FormPage, pages.Form{
		Page: page, Action: signInPath, Submit: "Sign in", Hidden: []pages.Hidden{{Name: "return_url", Value: back}},
		Fields: []pages.Field{
			{Name: "email", Label: "Email", Type: "email", Value: email, Autocomplete: "username", Autofocus: email == ""},
			{Name: "password", Label: "Password", Type: "password", Autocomplete: "current-password", Optional: true, Autofocus: email != "",
				Hint: "Leave it empty if you sign in through your company's provider."},
			{Name: "remember", Label: "Stay signed in on this device", Type: "checkbox"},
		},
		Links: []pages.Link{{Label: "Forgot your password?", Href: signin.ResetPath}},
	})
}

func (s *server) signInFrom(w http.ResponseWriter, r *http.Request) error {
	if !s.own(r) {
		return newProblem(http.StatusForbidden, "FORBIDDEN", "the form came from another site, and nothing was done")
	}
	form, err := readForm(w, r)
	if err != nil {
		return err
	}
	back, email := form.Get("return_url"), form.Get("email")
	if back == "" {
		back = signInPath
	}
	if !federation.LocalPath(back) {
		return badField("return_url", "must be a path of this origin", "/oauth/device")
	}
	d, err := s.p.Directory(r.Context())
	if err != nil {
		return err
	}
	// It goes by the domain, whoever has the email.
	if config := d.AuthConfig(iam.EmailDomain(email)); config != nil && config.AuthProvider == resource.IdpOIDC {
		to := "/auth/oidc/login?" + url.Values{"domain": {config.EmailDomain}, "return_url": {back}}.Encode()
		// A redirect of a form must not leave this origin; a page may.
		w.Header().Set("Refresh", "0; url="+to)
		return pages.Render(w, http.StatusOK, pages.MessagePage, pages.Message{
			Page: pages.Page{Title: "Going on to your provider", Lead: "People of " + config.EmailDomain + " sign in there."}, Links: []pages.Link{{Label: "Go on", Href: to}}})
	}
	t, err := s.o.SignIn.Login(r.Context(), signin.Attempt{Email: email, Password: form.Get("password"), Remember: form.Get("remember") == "true", Address: s.address(r), UserAgent: r.UserAgent()})
	var refused *platform.Error
	switch {
	case errors.As(err, &refused) && refused.Code == platform.CodeBadLogin:
		return s.askSignIn(w, r, http.StatusUnauthorized, form.Get("return_url"), email, sentence(refused))
	case err != nil:
		return err
	}
	// Whoever was signed in at this browser is not any more.
	if old, _ := s.visitor(r); old != nil {
		if err := s.o.SignIn.Sessions().End(r.Context(), old.session.ID); err != nil {
			return err
		}
	}
	s.setCookie(w, r, t)
	redirect(w, back)
	return nil
}

func (s *server) signOut(w http.ResponseWriter, r *http.Request) error {
	v, _, err := s.answering(w, r)
	if err != nil {
		return err
	}
	if v != nil {
		if err := s.o.SignIn.Sessions().End(r.Context(), v.session.ID); err != nil {
			return err
		}
		s.dropCookie(w)
	}
	redirect(w, signInPath)
	return nil
}
