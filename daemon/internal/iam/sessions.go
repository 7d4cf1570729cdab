package iam

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// spaceSession has the sessions, by id.
const spaceSession = "session"

// TokenLife is how long an access token is good for.
const TokenLife = time.Hour

// maxSessions is how many sign-ins one principal has at once: one more ends
// the one that was not used for longest.
const maxSessions = 100

// Session is one sign-in. All tokens that come from it name it.
type Session struct {
	ID          string `json:"id"`
	PrincipalID string `json:"principalId"`
	// Method is how they signed in: "password", "oidc", "bootstrap", or what
	// an OAuth client used: "authorization_code", "device".
	Method     string    `json:"method"`
	Address    string    `json:"address,omitempty"`
	UserAgent  string    `json:"userAgent,omitempty"`
	StartedAt  time.Time `json:"startedAt"`
	LastUsedAt time.Time `json:"lastUsedAt"`
	ExpiresAt  time.Time `json:"expiresAt"`
	// PasswordSetAt is of the password that it began with. A new one ends
	// it.
	PasswordSetAt time.Time `json:"passwordSetAt,omitzero"`
	// OAuthID is the client_id of whoever has the refresh token; empty: the
	// platform's own.
	OAuthID string `json:"oauthId,omitempty"`
	// Scope is what the OAuth client was granted, as RFC 6749 writes it.
	Scope string `json:"scope,omitempty"`
	// AuthTime is when they signed in who allowed it.
	AuthTime time.Time `json:"authTime,omitzero"`
	// Bounded says that the tokens have no more than these Roles and Clients
	// of what the principal has.
	Bounded bool     `json:"bounded,omitempty"`
	Roles   []string `json:"roles,omitempty"`
	Clients []string `json:"clients,omitempty"`
	// Remember lets the cookie outlive the browser.
	Remember bool `json:"remember,omitempty"`
	// CookieHash is of the secret in the session's cookie; empty: it has none.
	CookieHash string `json:"cookieHash,omitempty"`
}

// Tokens are what a sign-in or a refresh gives.
type Tokens struct {
	Access, Refresh string
	ExpiresIn       time.Duration
	// Cookie is the value of the session's cookie; empty on a refresh.
	Cookie  string
	Session Session
	Subject *Subject
}

// What is wrong with a refresh token or a cookie, besides what package auth
// says of refresh tokens.
var ErrSession = errors.New("the session has ended")

// SessionOptions are what Sessions stand on. All but Now and Logger are
// required.
type SessionOptions struct {
	Store     store.Entries
	Directory *Cache
	Tokens    *auth.Tokens
	Revoked   *Revoked
	Refresh   auth.RefreshOptions
	Logger    *slog.Logger
	Now       func() time.Time
}

// Sessions are the sign-ins of everybody. They are kept in the store and
// survive a restart.
type Sessions struct {
	o       SessionOptions
	refresh *auth.Refresher
}

// NewSessions makes the sessions of a store.
func NewSessions(o SessionOptions) *Sessions {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.Refresh.Now = o.Now
	return &Sessions{o: o, refresh: auth.NewRefresher(refreshStore{o.Store}, o.Refresh)}
}

// Start begins a session of an active subject. Of the session given it takes
// how it came about and its bounds, and fills in the rest.
func (s *Sessions) Start(ctx context.Context, sub *Subject, in Session) (Tokens, error) {
	if sub == nil || !sub.Active {
		return Tokens{}, ErrGone
	}
	now := s.o.Now().UTC().Truncate(time.Millisecond)
	in.ID, in.PrincipalID, in.StartedAt, in.LastUsedAt = rand.Text(), sub.ID, now, now
	in.UserAgent = Printable(in.UserAgent, 200)
	in.Address = Printable(in.Address, 64)
	secret := rand.Text()
	if in.OAuthID == "" {
		in.CookieHash = HashSecret(secret)
	}
	if err := s.makeRoom(ctx, sub.ID, now); err != nil {
		return Tokens{}, err
	}
	refresh, kept, err := s.refresh.Start(ctx, in.ID, sub.ID)
	if err != nil {
		return Tokens{}, err
	}
	in.ExpiresAt = kept.ExpiresAt
	if err := s.put(ctx, in, 0, now); err != nil {
		return Tokens{}, err
	}
	// A password that was changed meanwhile has ended the sessions that it
	// saw, which may not have been this one.
	if _, err := s.still(ctx, in); err != nil {
		return Tokens{}, errors.Join(err, s.End(ctx, in.ID))
	}
	t, err := s.issue(sub, in, refresh, now)
	if in.CookieHash != "" {
		t.Cookie = in.ID + "." + secret
	}
	return t, err
}

// makeRoom ends the session that was not used for longest if there are too
// many.
func (s *Sessions) makeRoom(ctx context.Context, principalID string, now time.Time) error {
	all, err := s.List(ctx, principalID)
	if err != nil || len(all) < maxSessions {
		return err
	}
	slices.SortFunc(all, func(a, b Session) int { return a.LastUsedAt.Compare(b.LastUsedAt) })
	for _, old := range all[:len(all)-maxSessions+1] {
		if err := s.End(ctx, old.ID); err != nil {
			return err
		}
	}
	return nil
}

func (s *Sessions) put(ctx context.Context, in Session, revision int64, now time.Time) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	err = s.o.Store.SwapEntries(ctx, []store.Entry{{Space: spaceSession, Key: in.ID, Owner: in.PrincipalID, Body: body, Revision: revision, ExpiresAt: in.ExpiresAt}}, nil, now)
	if err != nil {
		return fmt.Errorf("write session: %w", err)
	}
	return nil
}

func (s *Sessions) get(ctx context.Context, id string) (Session, int64, error) {
	e, err := s.o.Store.Entry(ctx, store.EntryKey{Space: spaceSession, Key: id}, s.o.Now())
	if errors.Is(err, store.ErrNotFound) || err == nil && s.o.Revoked.Is(id, "") {
		return Session{}, 0, ErrSession
	}
	if err != nil {
		return Session{}, 0, fmt.Errorf("read session: %w", err)
	}
	var in Session
	if err := json.Unmarshal(e.Body, &in); err != nil {
		return Session{}, 0, fmt.Errorf("read session: %w", err)
	}
	return in, e.Revision, nil
}

// still is who a session is of, as long as they may have it.
func (s *Sessions) still(ctx context.Context, in Session) (*Subject, error) {
	d, err := s.o.Directory.Get(ctx)
	if err != nil {
		return nil, err
	}
	sub := d.Subject(in.PrincipalID)
	if sub == nil || !sub.Active {
		return nil, ErrGone
	}
	if in.OAuthID != "" && !d.mayHold(in.OAuthID, in.StartedAt) {
		return nil, ErrSession
	}
	if !in.PasswordSetAt.IsZero() {
		c, err := d.Credential(sub.CredentialID())
		if err != nil {
			return nil, err
		}
		if !c.PasswordSetAt.Equal(in.PasswordSetAt) {
			return nil, ErrSession
		}
	}
	return sub, nil
}

// issue makes the tokens of a session.
func (s *Sessions) issue(sub *Subject, in Session, refresh string, now time.Time) (Tokens, error) {
	p := in.bound(sub, now)
	claims := auth.ClaimsOf(p)
	claims.Session, claims.OAuthID = in.ID, in.OAuthID
	access, err := s.o.Tokens.Issue(claims, TokenLife)
	if err != nil {
		return Tokens{}, err
	}
	return Tokens{Access: access, Refresh: refresh, ExpiresIn: TokenLife, Session: in, Subject: sub}, nil
}

// bound is the subject with what the session leaves it.
func (in Session) bound(sub *Subject, now time.Time) *auth.Principal {
	if !in.Bounded {
		return sub.Principal(now)
	}
	roles, _ := common(sub.Roles, in.Roles)
	clients := sub.Clients(now)
	switch {
	case slices.Contains(in.Clients, auth.EveryClient):
	case sub.Everything():
		clients = in.Clients
	default:
		clients, _ = common(clients, in.Clients)
	}
	return sub.principal(clients, roles)
}

// Refresh exchanges a refresh token for the next tokens of its session. Fits
// may refuse the session before the token is used up; nil accepts those of the
// platform itself.
func (s *Sessions) Refresh(ctx context.Context, token string, fits func(Session) error) (Tokens, error) {
	kept, err := s.refresh.Find(ctx, token)
	if err != nil {
		return Tokens{}, err
	}
	in, revision, err := s.get(ctx, kept.Family)
	if err != nil {
		return Tokens{}, err
	}
	if fits == nil {
		fits = ownSession
	}
	if err := fits(in); err != nil {
		return Tokens{}, err
	}
	sub, err := s.still(ctx, in)
	if err != nil {
		return Tokens{}, err
	}
	next, kept, err := s.refresh.Rotate(ctx, token)
	if errors.Is(err, auth.ErrRefreshReused) {
		s.o.Logger.Warn("a refresh token was used twice; the sign-in that it came from has been ended", "principal", in.PrincipalID, "session", in.ID)
		return Tokens{}, errors.Join(err, s.End(ctx, in.ID))
	}
	if err != nil {
		return Tokens{}, err
	}
	now := s.o.Now().UTC().Truncate(time.Millisecond)
	in.LastUsedAt, in.ExpiresAt = now, kept.ExpiresAt
	// Of two refreshes at once one is enough to note. But a session that
	// ended meanwhile stays ended.
	if err := s.put(ctx, in, revision, now); err != nil {
		if !errors.Is(err, store.ErrConflict) {
			return Tokens{}, err
		}
		if _, _, err := s.get(ctx, in.ID); err != nil {
			return Tokens{}, errors.Join(err, s.refresh.Forget(ctx, in.ID))
		}
	}
	return s.issue(sub, in, next, now)
}

func ownSession(in Session) error {
	if in.OAuthID != "" {
		return ErrSession
	}
	return nil
}

// ByCookie is the session of a cookie and who it is of.
func (s *Sessions) ByCookie(ctx context.Context, cookie string) (Session, *Subject, error) {
	id, secret, ok := strings.Cut(cookie, ".")
	if !ok || len(cookie) > 200 {
		return Session{}, nil, ErrSession
	}
	in, revision, err := s.get(ctx, id)
	if err != nil {
		return Session{}, nil, err
	}
	if in.CookieHash == "" || subtle.ConstantTimeCompare([]byte(in.CookieHash), []byte(HashSecret(secret))) != 1 {
		return Session{}, nil, ErrSession
	}
	sub, err := s.still(ctx, in)
	if err != nil {
		return Session{}, nil, err
	}
	s.noteUse(ctx, in, revision)
	return in, sub, nil
}

// How often the use of a cookie is noted, which lets its session go on.
const noteEvery = 10 * time.Minute

func (s *Sessions) noteUse(ctx context.Context, in Session, revision int64) {
	now := s.o.Now().UTC().Truncate(time.Millisecond)
	if now.Sub(in.LastUsedAt) < noteEvery {
		return
	}
	in.LastUsedAt, in.ExpiresAt = now, s.refresh.Until(in.StartedAt, now)
	if err := s.put(ctx, in, revision, now); err != nil && !errors.Is(err, store.ErrConflict) {
		s.o.Logger.Warn("the use of a session can not be noted", "error", err)
	}
}

// Actor is who acts with a session.
func (s *Sessions) Actor(ctx context.Context, in Session) (Actor, error) {
	d, err := s.o.Directory.Get(ctx)
	if err != nil {
		return Actor{}, err
	}
	sub := d.Subject(in.PrincipalID)
	if sub == nil || !sub.Active {
		return Actor{}, ErrGone
	}
	now := s.o.Now()
	claims := auth.ClaimsOf(in.bound(sub, now))
	claims.Session, claims.ExpiresAt = in.ID, in.ExpiresAt.Unix()
	return d.Admit(&claims, now)
}

// Read is the session of an id, as long as it goes on.
func (s *Sessions) Read(ctx context.Context, id string) (Session, error) {
	in, _, err := s.get(ctx, id)
	if err != nil {
		return Session{}, err
	}
	_, err = s.still(ctx, in)
	return in, err
}

// ByRefresh is the session of a refresh token that could be used now, and
// until when; it uses nothing up.
func (s *Sessions) ByRefresh(ctx context.Context, token string) (in Session, until time.Time, err error) {
	kept, err := s.refresh.Find(ctx, token)
	if Ended(err) || err == nil && (!kept.UsedAt.IsZero() || !s.o.Now().Before(kept.ExpiresAt)) {
		return Session{}, until, ErrSession
	}
	if err != nil {
		return Session{}, until, err
	}
	in, err = s.Read(ctx, kept.Family)
	return in, kept.ExpiresAt, err
}

// Ended says that an error is about a session, and that signing in again helps.
func Ended(err error) bool {
	for _, e := range []error{auth.ErrRefreshReused, auth.ErrRefreshUnknown, auth.ErrRefreshExpired, ErrSession, ErrGone} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// List is the sessions of a principal, the last used first.
func (s *Sessions) List(ctx context.Context, principalID string) ([]Session, error) {
	entries, err := s.o.Store.ListEntries(ctx, store.EntryQuery{Space: spaceSession, Owner: principalID, Limit: 1000}, s.o.Now())
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	all := make([]Session, 0, len(entries))
	for _, e := range entries {
		var in Session
		if err := json.Unmarshal(e.Body, &in); err != nil {
			return nil, fmt.Errorf("read session: %w", err)
		}
		if !s.o.Revoked.Is(in.ID, "") {
			all = append(all, in)
		}
	}
	slices.SortFunc(all, func(a, b Session) int {
		return cmp.Or(b.LastUsedAt.Compare(a.LastUsedAt), cmp.Compare(a.ID, b.ID))
	})
	return all, nil
}

// End ends a session: its tokens are refused from now on, here at once.
func (s *Sessions) End(ctx context.Context, id string) error {
	err := s.o.Revoked.Add(ctx, s.o.Now().Add(TokenLife+time.Minute), id)
	drop := s.o.Store.SwapEntries(ctx, nil, []store.EntryKey{{Space: spaceSession, Key: id}}, s.o.Now())
	if err = errors.Join(err, drop, s.refresh.Forget(ctx, id)); err != nil {
		return fmt.Errorf("end session: %w", err)
	}
	return nil
}

// EndByToken ends the session of a refresh token that fits; one that is not
// known is no error.
func (s *Sessions) EndByToken(ctx context.Context, token string, fits func(Session) error) error {
	kept, err := s.refresh.Find(ctx, token)
	if errors.Is(err, auth.ErrRefreshUnknown) {
		return nil
	}
	if err != nil {
		return err
	}
	in, _, err := s.get(ctx, kept.Family)
	if errors.Is(err, ErrSession) {
		return nil
	}
	if err != nil {
		return err
	}
	if fits != nil {
		if err := fits(in); err != nil {
			return err
		}
	}
	return s.End(ctx, in.ID)
}

// EndAll ends the sessions of a principal but one, and says how many.
func (s *Sessions) EndAll(ctx context.Context, principalID, except string) (int, error) {
	ended := 0
	for {
		all, err := s.List(ctx, principalID)
		if err != nil {
			return ended, err
		}
		before := ended
		for _, in := range all {
			if in.ID == except {
				continue
			}
			if err := s.End(ctx, in.ID); err != nil {
				return ended, err
			}
			ended++
		}
		if ended == before {
			return ended, nil
		}
	}
}

// Keep lets a session go on with a new password: that of who changed it.
func (s *Sessions) Keep(ctx context.Context, id string, passwordSetAt time.Time) error {
	in, revision, err := s.get(ctx, id)
	if err != nil {
		return err
	}
	in.PasswordSetAt = passwordSetAt
	return s.put(ctx, in, revision, s.o.Now())
}

// Printable is the beginning of a text that strangers sent, fit to be shown:
// in ASCII, without control characters.
func Printable(s string, most int) string {
	b := []byte(s[:min(len(s), most)])
	for i, c := range b {
		if c < ' ' || c > '~' {
			b[i] = '?'
		}
	}
	return string(b)
}
