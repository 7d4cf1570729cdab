package signin

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// spaceBootstrap has the hash of the token for the first administrator.
const spaceBootstrap = "bootstrap"

// BootstrapLife is how long that token is good for.
const BootstrapLife = 24 * time.Hour

// BootstrapPath is the page that its link leads to.
const BootstrapPath = "/auth/bootstrap"

// link is what is kept of a token that is sent to somebody.
type link struct {
	PrincipalID   string    `json:"principalId,omitempty"`
	Email         string    `json:"email,omitempty"` // that it was sent to
	PasswordSetAt time.Time `json:"passwordSetAt,omitzero"`
}

func badLink() error {
	return &platform.Error{Code: platform.CodeBadLogin, Detail: "the token is not valid, was used, or has ended; ask for a new one"}
}

// newLink makes a token and keeps its hash. The tokens of the same owner that
// were there before end.
func (s *Service) newLink(ctx context.Context, space, owner string, l link, life time.Duration) (string, error) {
	body, err := json.Marshal(l)
	if err != nil {
		return "", err
	}
	if _, err := s.o.Store.DropEntries(ctx, store.EntryQuery{Space: space, Owner: owner}); err != nil {
		return "", fmt.Errorf("end earlier tokens: %w", err)
	}
	token, now := rand.Text()+rand.Text(), s.o.Now()
	err = s.o.Store.SwapEntries(ctx, []store.Entry{{Space: space, Key: iam.HashSecret(token), Owner: owner, Body: body, ExpiresAt: now.Add(life)}}, nil, now)
	if err != nil {
		return "", fmt.Errorf("keep token: %w", err)
	}
	return token, nil
}

func (s *Service) readLink(ctx context.Context, space, token string) (link, store.Entry, error) {
	e, err := s.o.Store.Entry(ctx, store.EntryKey{Space: space, Key: iam.HashSecret(token)}, s.o.Now())
	if errors.Is(err, store.ErrNotFound) {
		return link{}, e, badLink()
	}
	if err != nil {
		return link{}, e, err
	}
	var l link
	return l, e, json.Unmarshal(e.Body, &l)
}

// spend uses a token up: of two who try at once, one has it.
func (s *Service) spend(ctx context.Context, e store.Entry) error {
	now := s.o.Now().Truncate(time.Millisecond) // as stores keep times
	e.ExpiresAt = now                           // it has ended
	err := s.o.Store.SwapEntries(ctx, []store.Entry{e}, nil, now.Add(-time.Nanosecond))
	if errors.Is(err, store.ErrConflict) {
		return badLink()
	}
	return err
}

// Bootstrap makes the token for the first administrator; empty where there is
// one. A token made before is good no more.
func (s *Service) Bootstrap(ctx context.Context) (string, error) {
	d, err := s.o.Directory.Get(ctx)
	if err != nil || d.HasAdministrator() {
		return "", err
	}
	return s.newLink(ctx, spaceBootstrap, "first", link{}, BootstrapLife)
}

// Found makes the first administrator by the token, and signs them in.
func (s *Service) Found(ctx context.Context, token, name string, a Attempt) (iam.Tokens, error) {
	e, err := s.bootstrapLink(ctx, token, a.Address)
	if err != nil {
		return iam.Tokens{}, err
	}
	// A password that is refused leaves the token good.
	who, err := s.o.Platform.MakeAdministrator(ctx, a.Email, name, a.Password, false)
	if err != nil {
		return iam.Tokens{}, err
	}
	if err := s.spend(ctx, e); err != nil {
		s.o.Logger.Warn("the bootstrap token is still there; with an administrator it is good for nothing", "error", err)
	}
	return s.begin(ctx, who, "bootstrap", a)
}

// CheckBootstrap says whether the token is good, without using it.
func (s *Service) CheckBootstrap(ctx context.Context, token, address string) error {
	_, err := s.bootstrapLink(ctx, token, address)
	return err
}

func (s *Service) bootstrapLink(ctx context.Context, token, address string) (store.Entry, error) {
	if wait, ok := s.founding.Address(address, s.o.Now()); !ok {
		return store.Entry{}, tooMany(wait, "too many tries; try again later")
	}
	d, err := s.o.Directory.Get(ctx)
	if err != nil {
		return store.Entry{}, err
	}
	_, e, err := s.readLink(ctx, spaceBootstrap, token)
	if err == nil && d.HasAdministrator() {
		err = badLink()
	}
	return e, err
}

// begin signs somebody in who has just set their password.
func (s *Service) begin(ctx context.Context, who *resource.Principal, method string, a Attempt) (iam.Tokens, error) {
	d, err := s.o.Directory.Get(ctx)
	if err != nil {
		return iam.Tokens{}, err
	}
	kept, err := d.Credential(who.ID)
	if err != nil {
		return iam.Tokens{}, err
	}
	return s.o.Sessions.Start(ctx, d.Subject(who.ID), iam.Session{Method: method, Address: a.Address, UserAgent: a.UserAgent, PasswordSetAt: kept.PasswordSetAt})
}
