package platform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// kindPrincipal is the kind of the documents that hold who may log in.
const kindPrincipal = "principal"

// TokenLife is how long an access token is good for.
const TokenLife = time.Hour

// principal is the document of somebody who may log in. Its code is the email
// in lower case.
type principal struct {
	ID           string             `json:"id"`
	Type         auth.PrincipalType `json:"type"`
	Scope        auth.Scope         `json:"scope"`
	ClientID     string             `json:"clientId,omitempty"`
	Email        string             `json:"email"`
	Name         string             `json:"name"`
	Active       bool               `json:"active"`
	Clients      []string           `json:"clients"`
	Roles        []string           `json:"roles"`
	PasswordHash string             `json:"passwordHash,omitempty"`
	Revision     int64              `json:"revision"`
	CreatedAt    time.Time          `json:"createdAt"`
	UpdatedAt    time.Time          `json:"updatedAt"`
}

// AccountOptions are what Accounts stand on. Store and Tokens are required;
// the others have defaults.
type AccountOptions struct {
	Store     store.Resources
	Tokens    *auth.Tokens
	Passwords *auth.Passwords
	Throttle  *auth.Throttle
	Refresher *auth.Refresher // absent: refresh tokens live in memory
	Logger    *slog.Logger
	Now       func() time.Time
}

// Accounts are the people and services that log in.
type Accounts struct {
	o   AccountOptions
	ids flow.IDs
}

// NewAccounts makes the accounts of a store.
func NewAccounts(o AccountOptions) (*Accounts, error) {
	if o.Store == nil || o.Tokens == nil {
		return nil, errors.New("make accounts: a store and tokens are required")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Passwords == nil {
		o.Passwords = auth.NewPasswords(0)
	}
	if o.Throttle == nil {
		o.Throttle = auth.NewThrottle(auth.ThrottleOptions{})
	}
	if o.Refresher == nil {
		o.Refresher = auth.NewRefresher(auth.NewMemoryRefreshStore(10_000), auth.RefreshOptions{Now: o.Now})
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Accounts{o: o}, nil
}

// Session is what a login gives.
type Session struct {
	AccessToken  string   `json:"accessToken"`
	RefreshToken string   `json:"refreshToken"`
	ExpiresIn    int      `json:"expiresIn"` // seconds
	PrincipalID  string   `json:"principalId"`
	Name         string   `json:"name"`
	Email        string   `json:"email"`
	Roles        []string `json:"roles"`
	ClientID     string   `json:"clientId,omitempty"`
}

// Bootstrap makes the first administrator, a user of every role and client,
// and says whether it did: somebody who exists already is left alone.
func (a *Accounts) Bootstrap(ctx context.Context, email, password string) (created bool, err error) {
	_, err = a.save(ctx, email, "CREATE", func(p *principal) (bool, error) {
		if p.ID != "" {
			return false, nil
		}
		created = true
		p.Type, p.Scope, p.Active = auth.TypeUser, auth.ScopeAnchor, true
		p.Email, p.Name = strings.TrimSpace(email), "Administrator"
		p.Clients, p.Roles = []string{auth.EveryClient}, []string{auth.RoleSuperAdmin}
		p.PasswordHash, err = a.o.Passwords.Hash(ctx, password)
		return true, err
	})
	if err != nil {
		return false, fmt.Errorf("make the first administrator: %w", err)
	}
	return created, nil
}

// SetPassword gives somebody a new password and ends their logins.
func (a *Accounts) SetPassword(ctx context.Context, email, password string) error {
	p, err := a.save(ctx, email, "SET_PASSWORD", func(p *principal) (bool, error) {
		if p.ID == "" {
			return false, refuse(CodeNotFound, "there is no principal with this email")
		}
		hash, err := a.o.Passwords.Hash(ctx, password)
		p.PasswordHash = hash
		return true, err
	})
	if err == nil {
		err = a.o.Refresher.RevokePrincipal(ctx, p.ID)
	}
	if err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	return nil
}

// Login checks a password. Whether an email exists can be told neither from
// the answer nor from the time it takes.
func (a *Accounts) Login(ctx context.Context, email, password, address string) (Session, error) {
	now := a.o.Now()
	if wait, ok := a.o.Throttle.Attempt(email, address, now); !ok {
		refused := refuse(CodeTooManyLogins, "too many failed logins; try again later")
		refused.RetryAfter = wait
		return Session{}, refused
	}
	p, _, err := a.find(ctx, func(p *principal) bool { return strings.EqualFold(p.Email, strings.TrimSpace(email)) })
	if err != nil {
		return Session{}, err
	}
	good, err := a.o.Passwords.Verify(ctx, p.PasswordHash, password)
	if err != nil {
		return Session{}, err
	}
	if !good || !p.Active {
		a.o.Logger.Info("login refused", "address", address)
		return Session{}, refuse(CodeBadLogin, "email or password is wrong")
	}
	a.o.Throttle.Success(email, address, now)
	refresh, err := a.o.Refresher.Start(ctx, p.ID)
	if err != nil {
		return Session{}, err
	}
	return a.session(p, refresh)
}

// Refresh exchanges a refresh token for a new session.
func (a *Accounts) Refresh(ctx context.Context, token string) (Session, error) {
	id, next, err := a.o.Refresher.Rotate(ctx, token)
	switch {
	case errors.Is(err, auth.ErrRefreshReused):
		a.o.Logger.Warn("a refresh token was used twice; the login that it came from has been ended")
		fallthrough
	case errors.Is(err, auth.ErrRefreshUnknown), errors.Is(err, auth.ErrRefreshExpired):
		return Session{}, refuse(CodeBadLogin, "the refresh token is not valid; log in again")
	case err != nil:
		return Session{}, err
	}
	p, _, err := a.find(ctx, func(p *principal) bool { return p.ID == id })
	if err != nil {
		return Session{}, err
	}
	if !p.Active {
		return Session{}, refuse(CodeBadLogin, "the refresh token is not valid; log in again")
	}
	return a.session(p, next)
}

// Logout ends the login that a refresh token comes from.
func (a *Accounts) Logout(ctx context.Context, token string) error {
	if token == "" {
		return nil
	}
	return a.o.Refresher.Revoke(ctx, token)
}

func (a *Accounts) session(p *principal, refresh string) (Session, error) {
	who := &auth.Principal{ID: p.ID, Type: p.Type, Scope: p.Scope, Email: p.Email, Name: p.Name, Clients: p.Clients, Roles: p.Roles}
	token, err := a.o.Tokens.Issue(auth.ClaimsOf(who), TokenLife)
	if err != nil {
		return Session{}, err
	}
	return Session{
		AccessToken: token, RefreshToken: refresh, ExpiresIn: int(TokenLife / time.Second),
		PrincipalID: p.ID, Name: p.Name, Email: p.Email, Roles: p.Roles, ClientID: p.ClientID,
	}, nil
}

// find returns the principal that is meant, or an empty one.
func (a *Accounts) find(ctx context.Context, is func(*principal) bool) (*principal, int64, error) {
	docs, version, err := a.o.Store.Documents(ctx, kindPrincipal)
	if err != nil {
		return nil, 0, fmt.Errorf("read principals: %w", err)
	}
	for _, d := range docs {
		p := new(principal)
		if err := json.Unmarshal(d.Body, p); err != nil {
			return nil, 0, fmt.Errorf("read principal %s: %w", d.ID, err)
		}
		if is(p) {
			return p, version, nil
		}
	}
	return new(principal), version, nil
}

// save changes the principal of an email and writes it with its audit entry,
// anew when somebody else wrote first.
func (a *Accounts) save(ctx context.Context, email, operation string, do func(*principal) (bool, error)) (*principal, error) {
	code := strings.ToLower(strings.TrimSpace(email))
	if p := checkText(code, 254); p != "" || !strings.Contains(code, "@") {
		return nil, invalidField("email", "must be an email address", "admin@example.com")
	}
	for try := range maxTries {
		p, version, err := a.find(ctx, func(p *principal) bool { return strings.EqualFold(p.Email, code) })
		if err != nil {
			return nil, err
		}
		before := *p
		if write, err := do(p); err != nil || !write {
			return p, err
		}
		now := a.o.Now().UTC().Truncate(time.Millisecond)
		if p.ID == "" {
			p.ID, p.CreatedAt = "prn_"+a.ids.New(now).String(), now
		}
		p.Revision, p.UpdatedAt = p.Revision+1, now
		body, err := json.Marshal(p)
		if err != nil {
			return nil, err
		}
		entry := store.AuditEntry{ID: a.ids.New(now), EntityType: "Principal", EntityID: p.ID, Operation: operation, PrincipalID: "system", PerformedAt: now}
		if before.ID != "" {
			if entry.Before, err = json.Marshal(before.shown()); err != nil {
				return nil, err
			}
		}
		if entry.After, err = json.Marshal(p.shown()); err != nil {
			return nil, err
		}
		_, err = a.o.Store.Write(ctx, store.WriteSet{
			IfVersion: version,
			Put:       []store.Document{{Kind: kindPrincipal, ID: p.ID, Code: code, Body: body, Revision: p.Revision}},
			Audit:     []store.AuditEntry{entry},
		}, now)
		if err == nil {
			return p, nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return nil, fmt.Errorf("write principal: %w", err)
		}
		if err := pause(ctx, try); err != nil {
			return nil, err
		}
	}
	return nil, refuse(CodeBusy, "too many changes at once; nothing was changed, try again")
}

// shown is the principal as an audit entry shows it.
func (p principal) shown() principal {
	p.PasswordHash = ""
	return p
}
