package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/flowcatalyst/fc/client"
)

// DeviceClient is the client_id under which fcctl is known to platforms.
const DeviceClient = "fcctl"

// How a session began, where it was not with a password: it is refreshed and
// ended by other routes then.
const (
	GrantDevice = "device"
	GrantToken  = "token" // it was given as such and can not be refreshed
)

// early is how long before its end a token is replaced.
const early = 30 * time.Second

// refreshPatience bounds a refresh, which an interrupt does not break off: the
// server may have taken the old token back already.
const refreshPatience = 30 * time.Second

// good says that the token of a session can be used.
func (s *Stored) good(rejected string) bool {
	return s.AccessToken != "" && s.AccessToken != rejected && (s.Expires.IsZero() || time.Until(s.Expires) > early)
}

// kept is the token source of a context. Several fcctl may refresh its session
// at once: under the lock of the file, each first looks whether another has
// done it already, since a refresh token that is used twice ends the session.
type kept struct {
	k         *Keeper
	client    *client.Client
	name, url string

	mu       sync.Mutex
	session  Stored
	rejected string
}

// Token implements client.TokenSource.
func (s *kept) Token(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session.good(s.rejected) {
		return s.session.AccessToken, nil
	}
	errFresh := errors.New("another fcctl was faster")
	err := s.k.Change(ctx, func(f *File) error {
		acct := f.Contexts[s.name]
		if acct == nil || acct.Session == nil || acct.URL != s.url {
			return client.ErrSessionOver // forgotten in between
		}
		if acct.Session.good(s.rejected) {
			s.session = *acct.Session
			return errFresh
		}
		fresh, err := s.renew(ctx, acct.Session)
		if err != nil {
			return err
		}
		acct.Session = fresh
		s.session = *fresh
		return nil
	})
	if err != nil && !errors.Is(err, errFresh) {
		return "", err
	}
	return s.session.AccessToken, nil
}

func (s *kept) renew(ctx context.Context, old *Stored) (*Stored, error) {
	if old.RefreshToken == "" {
		return nil, client.ErrSessionOver
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), refreshPatience)
	defer cancel()
	var fresh *client.Session
	var err error
	if old.Grant == GrantDevice {
		fresh, err = s.client.RefreshDevice(ctx, DeviceClient, old.RefreshToken)
	} else {
		fresh, err = s.client.Refresh(ctx, old.RefreshToken)
	}
	var refused *client.Error
	if errors.As(err, &refused) && (refused.Status == http.StatusUnauthorized || refused.Code == "invalid_grant") {
		return nil, fmt.Errorf("%w: %w", client.ErrSessionOver, err)
	}
	if err != nil {
		return nil, err
	}
	now := StoredOf(*fresh, time.Now())
	now.Grant = old.Grant
	if now.RefreshToken == "" {
		now.RefreshToken = old.RefreshToken // it was not rotated (RFC 6749 §6)
	}
	return now, nil
}

// Reject implements client.TokenSource.
func (s *kept) Reject(token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rejected = token
}
