package federation

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// CallbackPath is where providers send browsers back to, beneath the public
// URL.
const CallbackPath = "/auth/oidc/callback"

// Options are what signing in through providers stands on. Platform, Store,
// Directory, Sessions and PublicURL are required.
type Options struct {
	Platform  *platform.Platform
	Store     store.Entries
	Directory *iam.Cache
	Sessions  *iam.Sessions
	// PublicURL is how browsers reach the API, without a final slash.
	PublicURL string
	// Throttle bounds how often one address begins; absent, it is 60 times at
	// once and then once a second. It sees the address as the email too.
	Throttle *auth.Throttle
	Logger   *slog.Logger
	Now      func() time.Time
}

// Service signs people in through providers.
type Service struct {
	o         Options
	providers *providers
}

// New makes a Service.
func New(o Options) (*Service, error) {
	if o.Platform == nil || o.Store == nil || o.Directory == nil || o.Sessions == nil || o.PublicURL == "" {
		return nil, errors.New("make federation: a platform, a store, a directory, sessions and a public URL are required")
	}
	if o.Throttle == nil {
		each := auth.Rate{Burst: 60, Every: time.Second}
		o.Throttle = auth.NewThrottle(auth.ThrottleOptions{PerPair: each, PerEmail: each, PerAddress: each})
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Service{o: o, providers: newProviders(o.Now)}, nil
}

// RedirectURL is what providers have to know: where they send browsers.
func (s *Service) RedirectURL() string { return s.o.PublicURL + CallbackPath }

// Start is somebody who wants to sign in.
type Start struct {
	Domain    string // an email domain
	Email     string // instead of it; the provider is told
	ReturnURL string // where to go then: a path of this origin, or nothing
	Address   string
}

// Begun is where the browser goes, and the cookie that it takes along.
type Begun struct {
	URL         string
	CookieName  string
	CookieValue string
}

// Begin sends somebody to the provider of their email domain.
func (s *Service) Begin(ctx context.Context, in Start) (Begun, error) {
	if in.ReturnURL != "" && !LocalPath(in.ReturnURL) {
		return Begun{}, platform.Invalid("the request has a field that can not be accepted",
			resource.Problem{Field: "return_url", Detail: "must be a path of this origin", Try: "/oauth/authorize?client_id=…"})
	}
	in.Email = strings.TrimSpace(in.Email)
	domain := strings.ToLower(strings.TrimSpace(in.Domain))
	if domain == "" {
		domain = iam.EmailDomain(in.Email)
	}
	if domain == "" || len(domain) > 253 || len(in.Email) > 254 {
		return Begun{}, platform.Invalid("the request has a field that can not be accepted",
			resource.Problem{Field: "domain", Detail: "or email is required", Try: "example.com"})
	}
	if wait, ok := s.o.Throttle.Attempt(in.Address, in.Address, s.o.Now()); !ok {
		return Begun{}, &platform.Error{Code: platform.CodeTooManyLogins, Detail: "too many sign-ins were begun from here; try again later", RetryAfter: wait}
	}
	d, err := s.o.Directory.Get(ctx)
	if err != nil {
		return Begun{}, err
	}
	config := d.AuthConfig(domain)
	if config == nil || config.AuthProvider != resource.IdpOIDC {
		return Begun{}, &platform.Error{Code: platform.CodeNotFound, Detail: "people of this email domain sign in with a password"}
	}
	p, err := s.provider(ctx, config)
	if err != nil {
		return Begun{}, err
	}
	a, state, browser := newAttempt()
	a.Domain, a.Issuer, a.ClientID, a.ReturnURL = domain, config.OIDCIssuerURL, config.OIDCClientID, in.ReturnURL
	if err := s.keep(ctx, state, a); err != nil {
		return Begun{}, err
	}
	options := []oauth2.AuthCodeOption{oidc.Nonce(a.Nonce), oauth2.S256ChallengeOption(a.Verifier)}
	if in.Email != "" && iam.EmailDomain(in.Email) == domain {
		options = append(options, oauth2.SetAuthURLParam("login_hint", in.Email))
	}
	if config.OIDCIssuerURL == google {
		options = append(options, oauth2.SetAuthURLParam("hd", domain))
	}
	return Begun{URL: p.client(config, s.RedirectURL()).AuthCodeURL(state, options...), CookieName: CookieName(state), CookieValue: browser}, nil
}

// spaceCode has the codes that came, under their hashes.
const spaceCode = "oidc_code"

// noteCode lets a code count with the first attempt that it comes with, and no
// other. Many providers do not say who answers (RFC 9207), so a hostile one
// could send a browser on to an honest one, be sent the code that comes back as
// if it were its own, and bring that in an attempt of its making (the mix-up of
// RFC 9700, 4.4). By then the code has come, and is good for nothing.
func (s *Service) noteCode(ctx context.Context, code string) error {
	if code == "" {
		return nil
	}
	// However it is written: some decoders overlook space and padding.
	plain := strings.TrimRight(strings.Join(strings.Fields(code), ""), "=")
	now := s.o.Now()
	err := s.o.Store.SwapEntries(ctx, []store.Entry{{Space: spaceCode, Key: iam.HashSecret(plain), ExpiresAt: now.Add(24 * time.Hour)}}, nil, now)
	if errors.Is(err, store.ErrConflict) {
		return untrusted("the code came before, with another sign-in")
	}
	if err != nil {
		return fmt.Errorf("note a code: %w", err)
	}
	return nil
}

// Callback is what the browser brings back.
type Callback struct {
	State, Code string
	Error       string // an error code of RFC 6749, section 4.1.2.1
	Issuer      string // iss of RFC 9207
	Browser     string // the value of the cookie named CookieName(State)

	Address, UserAgent, RequestID string
}

// Finish signs somebody in who comes back from their provider, and says where
// they want to go.
func (s *Service) Finish(ctx context.Context, in Callback) (t iam.Tokens, returnURL string, err error) {
	a, err := s.spend(ctx, in.State, in.Browser)
	if err != nil {
		return t, "", err
	}
	defer func() {
		var refused *platform.Error
		if errors.As(err, &refused) {
			s.o.Logger.Info("sign-in through a provider refused", "domain", a.Domain, "address", in.Address, "request_id", in.RequestID, "reason", refused.Error())
		}
	}()
	if err := s.noteCode(ctx, in.Code); err != nil {
		return t, "", err
	}
	d, err := s.o.Directory.Get(ctx)
	if err != nil {
		return t, "", err
	}
	config := d.AuthConfig(a.Domain)
	if config == nil || config.AuthProvider != resource.IdpOIDC || config.OIDCIssuerURL != a.Issuer || config.OIDCClientID != a.ClientID {
		return t, "", platform.Invalid("how people of this email domain sign in was changed meanwhile; begin again")
	}
	p, err := s.provider(ctx, config)
	if err != nil {
		return t, "", err
	}
	// Which of several providers this answer is from its sender says, so that
	// one can not pass its code off as another's.
	if in.Issuer != "" && in.Issuer != a.Issuer || in.Issuer == "" && p.namesSelf {
		return t, "", untrusted("the answer is not from the provider that was asked")
	}
	if in.Error != "" {
		return t, "", saidNo(in.Error)
	}
	if in.Code == "" {
		return t, "", untrusted("the answer has neither a code nor an error")
	}
	who, err := s.vouch(ctx, d, p, config, a, in.Code)
	if err != nil {
		return t, "", err
	}
	person, err := s.o.Platform.AdmitFederated(ctx, in.RequestID, who)
	if err != nil {
		return t, "", err
	}
	if d, err = s.o.Directory.Get(ctx); err != nil {
		return t, "", err
	}
	t, err = s.o.Sessions.Start(ctx, d.Subject(person.ID), iam.Session{Method: "oidc", Address: in.Address, UserAgent: in.UserAgent})
	if errors.Is(err, iam.ErrGone) {
		err = &platform.Error{Code: platform.CodeForbidden, Detail: "your account is not active; ask an administrator"}
	}
	return t, a.ReturnURL, err
}

// provider is the provider of an auth config.
func (s *Service) provider(ctx context.Context, config *resource.ClientAuthConfig) (*provider, error) {
	p, err := s.providers.get(ctx, config.OIDCIssuerURL)
	if err != nil {
		return nil, s.failed(ctx, config.EmailDomain, "does not say who it is", err)
	}
	return p, nil
}

// failed logs what a provider did wrong, and says so without the details,
// which are for who set it up.
func (s *Service) failed(ctx context.Context, domain, what string, err error) error {
	if ctx.Err() != nil {
		return ctx.Err() // whoever asked is gone
	}
	s.o.Logger.Warn("an identity provider "+what, "domain", domain, "error", brief(err))
	return &platform.Error{Code: platform.CodeProvider, Detail: "the identity provider of this email domain " + what + "; try again, and if it stays so an administrator finds the cause in the log"}
}

// brief is an error without the pages that providers answer with, and without
// what a token endpoint was sent or said besides its error code.
func brief(err error) string {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) {
		text := "token endpoint: " + refused.Response.Status
		if errorCode(refused.ErrorCode) {
			text += ": " + refused.ErrorCode
		}
		return text
	}
	text := strings.ToValidUTF8(err.Error(), "?")
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "…"
	}
	return text
}

// untrusted refuses an answer of a provider that is not what it must be.
func untrusted(why string) error {
	return &platform.Error{Code: platform.CodeBadLogin, Detail: why + "; begin again"}
}

// saidNo is the error that a provider sent back instead of a code.
func saidNo(code string) error {
	switch {
	case code == "access_denied":
		return &platform.Error{Code: platform.CodeForbidden, Detail: "the identity provider did not let you in, or you declined (access_denied)"}
	case code == "temporarily_unavailable" || code == "server_error":
		return &platform.Error{Code: platform.CodeProvider, Detail: "the identity provider can not do this now (" + code + "); try again"}
	case errorCode(code):
		return &platform.Error{Code: platform.CodeForbidden, Detail: "the identity provider refused (" + code + ")"}
	}
	return &platform.Error{Code: platform.CodeForbidden, Detail: "the identity provider refused"}
}

// errorCode says whether a text can be shown as an error code.
func errorCode(s string) bool {
	return s != "" && len(s) <= 60 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz_") == ""
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
