package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/iam"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// spaceConsent has what people have allowed clients, by person and client.
const spaceConsent = "oauth_consent"

const (
	consentLife = 365 * 24 * time.Hour
	// maxConsents is how many are remembered of one client: one more
	// forgets the oldest.
	maxConsents = 20
)

// consent is what somebody has allowed a client, the oldest first: a scope, and
// where the answer goes. Whoever changes where a client's answers go is asked
// about like a client that nobody knows.
type consent struct {
	// Client is the id of its resource: another one of the same client_id
	// asks again.
	Client  string   `json:"client"`
	Allowed []string `json:"allowed"`
}

func consentKey(principalID string, c *resource.OAuthClient) store.EntryKey {
	return store.EntryKey{Space: spaceConsent, Key: iam.HashSecret(principalID + "\x00" + c.OAuthID)}
}

func (s *Server) readConsent(ctx context.Context, principalID string, c *resource.OAuthClient) (consent, int64, error) {
	e, err := s.o.Store.Entry(ctx, consentKey(principalID, c), s.now())
	if errors.Is(err, store.ErrNotFound) {
		return consent{Client: c.ID}, 0, nil
	}
	if err != nil {
		return consent{}, 0, fmt.Errorf("read consent: %w", err)
	}
	var got consent
	if err := json.Unmarshal(e.Body, &got); err != nil {
		return consent{}, 0, fmt.Errorf("read consent: %w", err)
	}
	if got.Client != c.ID {
		got = consent{Client: c.ID}
	}
	return got, e.Revision, nil
}

func (s *Server) consented(ctx context.Context, principalID string, r *Request) (bool, error) {
	got, _, err := s.readConsent(ctx, principalID, r.Client)
	return slices.Contains(got.Allowed, r.consent()), err
}

// consent names what is asked for: a URI and words without a space in them. The
// applications bound what a client gets, so one of others is another client.
func (r *Request) consent() string {
	applications := slices.Sorted(slices.Values(r.Client.ApplicationIDs))
	return r.RedirectURI + " " + strings.Join(applications, ",") + " " + r.Scope.key()
}

// key is a scope whatever the order of its words.
func (s Scope) key() string {
	words := slices.Sorted(slices.Values(s.words))
	return Scope{words: words}.String()
}

func (s *Server) remember(ctx context.Context, principalID string, r *Request) error {
	got, revision, err := s.readConsent(ctx, principalID, r.Client)
	if err != nil || slices.Contains(got.Allowed, r.consent()) {
		return err
	}
	if got.Allowed = append(got.Allowed, r.consent()); len(got.Allowed) > maxConsents {
		got.Allowed = got.Allowed[1:]
	}
	body, err := json.Marshal(got)
	if err != nil {
		return err
	}
	key, now := consentKey(principalID, r.Client), s.now()
	err = s.o.Store.SwapEntries(ctx, []store.Entry{{Space: key.Space, Key: key.Key, Owner: principalID, Body: body, Revision: revision, ExpiresAt: now.Add(consentLife)}}, nil, now)
	if err != nil && !errors.Is(err, store.ErrConflict) { // of two at once one is remembered
		return fmt.Errorf("remember consent: %w", err)
	}
	return nil
}

// Forget forgets what somebody has allowed: their clients ask again.
func (s *Server) Forget(ctx context.Context, principalID string) error {
	_, err := s.o.Store.DropEntries(ctx, store.EntryQuery{Space: spaceConsent, Owner: principalID})
	return err
}
