package oauth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// spaceCode has the authorization codes, under their hashes.
const spaceCode = "oauth_code"

const (
	// codeLife is how long a code waits for its client, which has it at once
	// (RFC 6749, 4.1.2 wants at most ten minutes).
	codeLife = time.Minute
	// usedLife is for how long a code that comes again is noticed.
	usedLife = time.Hour
)

// code is what is kept of an authorization code.
//
//	new ──exchange──▶ used ──▶ used, with its session
//	                   ╰──the code comes again──▶ replayed: its session ends, or never begins
type code struct {
	grant
	RedirectURI   string `json:"redirectUri"`
	RedirectGiven bool   `json:"redirectGiven,omitempty"`
	Challenge     string `json:"challenge,omitempty"`
	Nonce         string `json:"nonce,omitempty"`

	Used      bool   `json:"used,omitempty"`
	Replayed  bool   `json:"replayed,omitempty"`
	SessionID string `json:"sessionId,omitempty"`
}

func (s *Server) newCode(ctx context.Context, c code) (string, error) {
	token := rand.Text() + rand.Text()
	return token, s.putCode(ctx, iam.HashSecret(token), c, 0, codeLife)
}

func (s *Server) putCode(ctx context.Context, key string, c code, revision int64, life time.Duration) error {
	body, err := json.Marshal(c)
	if err != nil {
		return err
	}
	now := s.now()
	err = s.o.Store.SwapEntries(ctx, []store.Entry{{Space: spaceCode, Key: key, Owner: c.PrincipalID, Body: body, Revision: revision, ExpiresAt: now.Add(life)}}, nil, now)
	if err != nil {
		return fmt.Errorf("keep authorization code: %w", err)
	}
	return nil
}

func badCode() *Error {
	return refuse(InvalidGrant, "the code is not valid, was used, or has ended; ask for authorization again")
}

// exchange gives the tokens for a code (RFC 6749, 4.1.3).
func (s *Server) exchange(ctx context.Context, client *resource.OAuthClient, call Call) (Answer, error) {
	f := call.Form
	if f.Get("code") == "" {
		return Answer{}, refuse(InvalidRequest, "code is missing")
	}
	key := iam.HashSecret(f.Get("code"))
	c, revision, err := s.readCode(ctx, key)
	if err != nil {
		return Answer{}, err
	}
	if c.Client != client.ID {
		return Answer{}, badCode()
	}
	if c.Used {
		return Answer{}, s.replayed(ctx, key, c, revision)
	}
	if err := c.matches(f.Get("redirect_uri"), f.Get("code_verifier")); err != nil {
		return Answer{}, err
	}
	c.Used = true
	if err := s.putCode(ctx, key, c, revision, usedLife); errors.Is(err, store.ErrConflict) {
		return Answer{}, badCode() // another was faster, and has used it
	} else if err != nil {
		return Answer{}, err
	}
	t, err := s.start(ctx, client, c.grant, "authorization_code", call.From)
	if err != nil {
		return Answer{}, err
	}
	c.SessionID = t.Session.ID
	if err := s.putCode(ctx, key, c, revision+1, usedLife); err != nil {
		err = errors.Join(err, s.o.Sessions.End(ctx, t.Session.ID))
		if errors.Is(err, store.ErrConflict) {
			return Answer{}, badCode() // it came again meanwhile
		}
		return Answer{}, err
	}
	return s.answer(client, t, c.Nonce, c.AuthTime)
}

func (s *Server) readCode(ctx context.Context, key string) (code, int64, error) {
	e, err := s.o.Store.Entry(ctx, store.EntryKey{Space: spaceCode, Key: key}, s.now())
	if errors.Is(err, store.ErrNotFound) {
		return code{}, 0, badCode()
	}
	if err != nil {
		return code{}, 0, fmt.Errorf("read authorization code: %w", err)
	}
	var c code
	if err := json.Unmarshal(e.Body, &c); err != nil {
		return code{}, 0, fmt.Errorf("read authorization code: %w", err)
	}
	return c, e.Revision, nil
}

// replayed ends what a code gave the first time: two parties have it (RFC
// 6749, 4.1.2).
func (s *Server) replayed(ctx context.Context, key string, c code, revision int64) error {
	s.o.Logger.Warn("an authorization code came twice; what it gave has been ended", "oauth_client", c.OAuthID, "principal", c.PrincipalID)
	if c.SessionID != "" {
		if err := s.o.Sessions.End(ctx, c.SessionID); err != nil {
			return err
		}
		return badCode()
	}
	c.Replayed = true
	if err := s.putCode(ctx, key, c, revision, usedLife); err != nil && !errors.Is(err, store.ErrConflict) {
		return err
	} else if err != nil {
		// The first has its session by now.
		again, _, err := s.readCode(ctx, key)
		if err == nil && again.SessionID != "" {
			err = s.o.Sessions.End(ctx, again.SessionID)
		}
		var refused *Error
		if err != nil && !errors.As(err, &refused) {
			return err
		}
	}
	return badCode()
}

// matches says whether who has the code is who asked for it.
func (c code) matches(redirectURI, verifier string) error {
	if redirectURI != c.RedirectURI && (c.RedirectGiven || redirectURI != "") {
		return refuse(InvalidGrant, "redirect_uri is another than that of the authorization request")
	}
	switch {
	case c.Challenge == "" && verifier != "":
		// Somebody took the challenge out of the request (RFC 9700, 4.8.2).
		return refuse(InvalidGrant, "there is a code_verifier, and the authorization request had no code_challenge")
	case c.Challenge == "":
		return nil
	case verifier == "":
		return refuse(InvalidGrant, "code_verifier is missing")
	case len(verifier) < 43 || len(verifier) > 128:
		return refuse(InvalidGrant, "code_verifier must have 43 to 128 characters (RFC 7636, 4.1)")
	}
	sum := sha256.Sum256([]byte(verifier))
	if subtle.ConstantTimeCompare([]byte(strings.TrimRight(base64.URLEncoding.EncodeToString(sum[:]), "=")), []byte(c.Challenge)) != 1 {
		return refuse(InvalidGrant, "code_verifier is not that of the code_challenge")
	}
	return nil
}
