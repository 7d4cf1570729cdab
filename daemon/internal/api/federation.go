package api

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/flowcatalyst/fc/daemon/internal/api/pages"
	"github.com/flowcatalyst/fc/daemon/internal/federation"
)

// federationRoutes are where browsers go to sign in through the provider of
// their email domain, and where it sends them back to.
func (s *server) federationRoutes() []route {
	const get = http.MethodGet
	return []route{
		{get, "/auth/oidc/login", public, "oidcLogin", "auth", "Send a browser to the identity provider of an email domain", oidcLoginQuery{}, nil, http.StatusFound, s.plain(s.oidcLogin)},
		{get, federation.CallbackPath, public, "oidcCallback", "auth", "Where an identity provider sends a browser back to: it gets its session and goes on", oidcCallbackQuery{}, nil, http.StatusSeeOther, s.plain(s.oidcCallback)},
	}
}

type oidcLoginQuery struct {
	Domain    string `query:"domain" doc:"An email domain"`
	Email     string `query:"email" doc:"An email address instead of its domain; the provider is told"`
	ReturnURL string `query:"return_url" doc:"Where to go then: a path of this origin"`
}

type oidcCallbackQuery struct {
	State string `query:"state" doc:"What the sign-in began with"`
	Code  string `query:"code" doc:"The authorization code of the provider"`
	Error string `query:"error" doc:"Why the provider has none (RFC 6749, 4.1.2.1)"`
	Iss   string `query:"iss" doc:"Who answers (RFC 9207)"`
}

// oidcLogin begins. What goes wrong is shown to people as a page.
func (s *server) oidcLogin(w http.ResponseWriter, r *http.Request, _ *caller) error {
	noStore(w)
	if s.o.Federation == nil {
		return s.showFailure(w, r, newProblem(http.StatusNotFound, "NOT_FOUND", nothingHere))
	}
	q := r.URL.Query()
	if site := r.Header.Get("Sec-Fetch-Site"); (site == "cross-site" || site == "same-site") && federation.LocalPath(orRoot(q.Get("return_url"))) {
		// Another site must not sign a visitor in as somebody of its choice:
		// the person has a word in it.
		return pages.Render(w, http.StatusOK, pages.MessagePage, pages.Message{
			Page:  pages.Page{Title: "Sign in?", Lead: "Another site sent you here to sign in through the provider of a company. Go on only if that is what you want: it ends the session that you have here."},
			Links: []pages.Link{{Label: "Go on", Href: "/auth/oidc/login?" + q.Encode()}}})
	}
	begun, err := s.o.Federation.Begin(r.Context(), federation.Start{Domain: q.Get("domain"), Email: q.Get("email"), ReturnURL: q.Get("return_url"), Address: s.address(r)})
	if err != nil {
		return s.showFailure(w, r, err)
	}
	c := s.oidcCookie(begun.CookieName, begun.CookieValue)
	c.MaxAge = int(federation.AttemptLife.Seconds())
	http.SetCookie(w, c)
	w.Header().Set("Location", begun.URL)
	w.WriteHeader(http.StatusFound)
	return nil
}

func orRoot(path string) string {
	if path == "" {
		return "/"
	}
	return path
}

// oidcCallback ends what began, one way or the other.
func (s *server) oidcCallback(w http.ResponseWriter, r *http.Request, c *caller) error {
	noStore(w)
	if s.o.Federation == nil {
		return s.showFailure(w, r, newProblem(http.StatusNotFound, "NOT_FOUND", nothingHere))
	}
	q := r.URL.Query()
	in := federation.Callback{State: q.Get("state"), Code: q.Get("code"), Error: q.Get("error"), Issuer: q.Get("iss"),
		Address: s.address(r), UserAgent: r.UserAgent(), RequestID: c.RequestID}
	name := federation.CookieName(in.State)
	if cookie, err := r.Cookie(name); err == nil {
		in.Browser = cookie.Value
		spent := s.oidcCookie(name, "")
		spent.MaxAge = -1
		http.SetCookie(w, spent)
	}
	t, returnURL, err := s.o.Federation.Finish(r.Context(), in)
	if err != nil {
		return s.showFailure(w, r, err)
	}
	// Whoever was signed in at this browser is not any more.
	if old, _ := s.visitor(r); old != nil {
		if err := s.o.SignIn.Sessions().End(r.Context(), old.session.ID); err != nil {
			return s.showFailure(w, r, err)
		}
	}
	s.setCookie(w, r, t)
	if returnURL == "" {
		returnURL = signInPath // it says who is signed in
	}
	w.Header().Set("Location", returnURL)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// oidcCookie ties a sign-in that has begun to its browser. It goes to these
// two routes only. Lax lets it come along when the provider sends the browser
// back.
func (s *server) oidcCookie(name, value string) *http.Cookie {
	c := s.cookie(value)
	c.Name, c.Path = name, "/auth/oidc"
	if public, err := url.Parse(s.o.PublicURL); err == nil {
		c.Path = public.Path + c.Path
	}
	return c
}

// noStore keeps an answer, and the URL that led to it, out of caches and out
// of the Referer of whatever comes next.
func noStore(w http.ResponseWriter) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
}

// showFailure answers browsers with a page, and programs with the problem.
func (s *server) showFailure(w http.ResponseWriter, r *http.Request, err error) error {
	if !strings.Contains(strings.ToLower(r.Header.Get("Accept")), "text/html") {
		return err
	}
	p := s.problem(r, w.Header().Get(requestIDHeader), err)
	for name, values := range p.GetHeaders() {
		w.Header()[name] = values
	}
	return pages.Render(w, p.Status, pages.MessagePage, pages.Message{Page: pages.Page{Title: "You could not be signed in",
		Alert: sentence(p) + " (" + p.Code + ", request " + p.RequestID + ")"}})
}

func (s *server) forgetIdentity(ctx context.Context, c *call, in *ResourceInput) (*result, error) {
	if err := s.p.ForgetIdentity(ctx, c.Caller, in.ID); err != nil {
		return nil, err
	}
	return &result{Status: http.StatusNoContent}, nil
}
