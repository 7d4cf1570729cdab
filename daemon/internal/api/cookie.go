package api

import (
	"crypto/subtle"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/iam"
)

const (
	// sessionCookie lets a browser in. It holds a secret of its own, which is
	// no token: it is good in the cookie only.
	sessionCookie = "fc_session"
	csrfHeader    = "X-Csrf-Token"
)

// setCookie gives a browser its session: to pages of this origin only, so that
// no other site can sign somebody in as somebody else.
func (s *server) setCookie(w http.ResponseWriter, r *http.Request, t iam.Tokens) {
	if t.Cookie == "" || !s.own(r) {
		return
	}
	c := s.cookie(t.Cookie)
	if t.Session.Remember {
		c.MaxAge = int(time.Until(t.Session.ExpiresAt) / time.Second)
	}
	http.SetCookie(w, c)
}

func (s *server) dropCookie(w http.ResponseWriter) {
	c := s.cookie("")
	c.MaxAge = -1
	http.SetCookie(w, c)
}

func (s *server) cookie(value string) *http.Cookie {
	return &http.Cookie{Name: sessionCookie, Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode,
		Secure: strings.HasPrefix(s.o.PublicURL, "https://")}
}

// own says whether a request may come from a page of this origin, as browsers
// tell: one that only reads, or one whose Sec-Fetch-Site or, from older
// browsers, Origin says so. A change with neither came from no browser that
// can be trusted to say; one from another host of the same site is a
// stranger's too.
func (s *server) own(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return true
	}
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" {
		return site == "same-origin"
	}
	origin, err := url.Parse(r.Header.Get("Origin"))
	if err != nil || origin.Host == "" {
		return false
	}
	if public, err := url.Parse(s.o.PublicURL); err == nil && public.Host == origin.Host && public.Scheme == origin.Scheme {
		return true
	}
	return origin.Host == r.Host
}

// csrfToken is what a page sends with its changes where the browser does not
// say where they come from. It follows from the cookie, which no other page
// can read.
func csrfToken(cookie string) string { return iam.HashSecret("csrf\x00" + cookie) }

func rightCSRF(r *http.Request, cookie string) bool {
	return sameText(r.Header.Get(csrfHeader), csrfToken(cookie))
}

// sameText compares in constant time; nothing is the same as nothing.
func sameText(a, b string) bool {
	return a != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}
