package signin

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
	"github.com/flowcatalyst/fc/daemon/internal/mail"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// Options are what signing in stands on. Platform, Store, Directory and
// Sessions are required.
type Options struct {
	Platform  *platform.Platform
	Store     store.Entries
	Directory *iam.Cache
	Sessions  *iam.Sessions
	Passwords *auth.Passwords
	Throttle  *auth.Throttle
	// Mail takes what is for people; without it they get nothing.
	Mail Poster
	// PublicURL is where links to pages begin.
	PublicURL string
	Logger    *slog.Logger
	Now       func() time.Time
}

// Poster takes a message that is made later, and says whether it did.
type Poster interface {
	Post(compose func(ctx context.Context) (mail.Message, error)) bool
}

// Service signs people in.
type Service struct {
	o Options
	// founding bounds the guesses at the bootstrap token, by address.
	founding *auth.Limit
	// asking and mailing bound what is sent, by who asks and by who gets it;
	// using bounds the tries of links, by address.
	asking, mailing, using *auth.Limit
}

// New makes a Service.
func New(o Options) (*Service, error) {
	if o.Platform == nil || o.Store == nil || o.Directory == nil || o.Sessions == nil {
		return nil, errors.New("make sign-in: a platform, a store, a directory and sessions are required")
	}
	if o.Passwords == nil {
		o.Passwords = auth.NewPasswords(0)
	}
	if o.Throttle == nil {
		o.Throttle = auth.NewThrottle(auth.ThrottleOptions{})
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Service{o: o,
		founding: auth.NewLimit(auth.Rate{Burst: 10, Every: time.Minute}),
		asking:   auth.NewLimit(auth.Rate{Burst: 10, Every: time.Minute}),
		mailing:  auth.NewLimit(auth.Rate{Burst: 3, Every: 10 * time.Minute}),
		using:    auth.NewLimit(auth.Rate{Burst: 30, Every: 2 * time.Second}),
	}, nil
}

// Sessions are the sign-ins that are going on.
func (s *Service) Sessions() *iam.Sessions { return s.o.Sessions }

// Attempt is somebody who wants to sign in with a password.
type Attempt struct {
	Email, Password    string
	Address, UserAgent string
	Remember           bool
}

// Login checks a password.
func (s *Service) Login(ctx context.Context, a Attempt) (iam.Tokens, error) {
	now := s.o.Now()
	if err := s.throttle(a.Email, a.Address, now); err != nil {
		return iam.Tokens{}, err
	}
	d, err := s.o.Directory.Get(ctx)
	if err != nil {
		return iam.Tokens{}, err
	}
	sub := d.ByEmail(a.Email)
	kept, err := passwordOf(d, sub)
	if err != nil {
		return iam.Tokens{}, err
	}
	// Without a hash this takes as long, and the answer is no.
	good, err := s.o.Passwords.Verify(ctx, kept.PasswordHash, a.Password)
	if err != nil {
		s.o.Throttle.Untried(a.Email, a.Address, now)
		return iam.Tokens{}, err
	}
	if !good {
		s.o.Logger.Info("login refused", "address", a.Address)
		return iam.Tokens{}, badLogin()
	}
	s.o.Throttle.Success(a.Email, a.Address, now)
	if auth.NeedsRehash(kept.PasswordHash) {
		if err := s.o.Platform.Rehash(ctx, sub.ID, kept.PasswordHash, a.Password); err != nil {
			s.o.Logger.Warn("a password can not be hashed anew; the old hash is still good", "principal", sub.ID, "error", err)
		}
	}
	t, err := s.o.Sessions.Start(ctx, sub, iam.Session{Method: "password", Address: a.Address, UserAgent: a.UserAgent, Remember: a.Remember, PasswordSetAt: kept.PasswordSetAt})
	if errors.Is(err, iam.ErrGone) || errors.Is(err, iam.ErrSession) {
		return iam.Tokens{}, badLogin() // they changed while we looked
	}
	return t, err
}

func (s *Service) throttle(email, address string, now time.Time) error {
	wait, ok := s.o.Throttle.Attempt(email, address, now)
	if ok {
		return nil
	}
	return tooMany(wait, "too many failed logins; try again later")
}

func tooMany(wait time.Duration, detail string) error {
	return &platform.Error{Code: platform.CodeTooManyLogins, Detail: detail, RetryAfter: wait}
}

// passwordOf is what is kept of the password of somebody who may sign in with
// one; an empty credential for everybody else, known or not.
func passwordOf(d *iam.Directory, sub *iam.Subject) (iam.Credential, error) {
	if sub == nil || !sub.Active || d.Provider(sub.Person) != resource.IdpInternal {
		return iam.Credential{}, nil
	}
	return d.Credential(sub.ID)
}

func badLogin() error {
	return &platform.Error{Code: platform.CodeBadLogin, Detail: "email or password is wrong"}
}

// Refresh exchanges a refresh token of the platform's own sessions.
func (s *Service) Refresh(ctx context.Context, token string) (iam.Tokens, error) {
	t, err := s.o.Sessions.Refresh(ctx, token, nil)
	if iam.Ended(err) {
		return iam.Tokens{}, &platform.Error{Code: platform.CodeBadLogin, Detail: "the refresh token is not valid; log in again"}
	}
	return t, err
}

// ChangePassword gives somebody who knows their password another one. Their
// other sessions end.
func (s *Service) ChangePassword(ctx context.Context, c platform.Caller, session, address, old, fresh string) error {
	d, err := s.o.Directory.Get(ctx)
	if err != nil {
		return err
	}
	sub := d.Subject(c.PrincipalID)
	if sub == nil || sub.Person == nil {
		return &platform.Error{Code: platform.CodeForbidden, Detail: "a service account has no password"}
	}
	now := s.o.Now()
	if err := s.throttle(sub.Email, address, now); err != nil {
		return err
	}
	kept, err := passwordOf(d, sub)
	if err != nil {
		return err
	}
	good, err := s.o.Passwords.Verify(ctx, kept.PasswordHash, old)
	if err != nil {
		s.o.Throttle.Untried(sub.Email, address, now)
		return err
	}
	if !good {
		return platform.Invalid("the request has a field that can not be accepted", resource.Problem{Field: "currentPassword", Detail: "is not the password"})
	}
	s.o.Throttle.Success(sub.Email, address, now)
	// Theirs is theirs, whatever else they reach.
	c.Scope, c.May = store.Everything, func(string) bool { return true }
	return s.o.Platform.SetPassword(ctx, c, sub.ID, platform.NewPassword{Password: fresh, Keep: session, Operation: "CHANGE_PASSWORD"})
}
