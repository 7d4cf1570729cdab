package federation

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/flowcatalyst/fc/daemon/internal/iam"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

// spaceAttempt has the sign-ins that have begun, each under the hash of its
// state.
const spaceAttempt = "oidc"

// AttemptLife is how long somebody has at their provider.
const AttemptLife = 10 * time.Minute

// attempt is a sign-in that has begun.
type attempt struct {
	Domain    string `json:"domain"`
	Issuer    string `json:"issuer"`
	ClientID  string `json:"clientId"`
	Nonce     string `json:"nonce"`
	Verifier  string `json:"verifier"`
	ReturnURL string `json:"returnUrl,omitempty"`
	Browser   string `json:"browser"` // hash of the secret in its cookie
}

// newAttempt is one with everything that is random in it.
func newAttempt() (a attempt, state, browser string) {
	state, browser = rand.Text(), rand.Text()
	return attempt{Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Browser: iam.HashSecret(browser)}, state, browser
}

// CookieName is the name of the cookie that ties an attempt to its browser.
// Each has its own, so that two tabs do not disturb each other.
func CookieName(state string) string { return "fc_oidc_" + iam.HashSecret(state)[:16] }

func (s *Service) keep(ctx context.Context, state string, a attempt) error {
	body, err := json.Marshal(a)
	if err != nil {
		return err
	}
	now, key := s.o.Now(), iam.HashSecret(state)
	err = s.o.Store.SwapEntries(ctx, []store.Entry{{Space: spaceAttempt, Key: key, Group: key, Body: body, ExpiresAt: now.Add(AttemptLife)}}, nil, now)
	if err != nil {
		return fmt.Errorf("keep sign-in: %w", err)
	}
	return nil
}

// spend is the attempt of a state and a browser, which is used up by that: of
// two who come with it at once, one has it.
func (s *Service) spend(ctx context.Context, state, browser string) (attempt, error) {
	gone := platform.Invalid("this sign-in is not known here: it took more than ten minutes, was finished before, or began in another browser; begin again")
	if state == "" || len(state) > 100 {
		return attempt{}, gone
	}
	key := iam.HashSecret(state)
	e, err := s.o.Store.Entry(ctx, store.EntryKey{Space: spaceAttempt, Key: key}, s.o.Now())
	if errors.Is(err, store.ErrNotFound) {
		return attempt{}, gone
	}
	if err != nil {
		return attempt{}, fmt.Errorf("read sign-in: %w", err)
	}
	var a attempt
	if err := json.Unmarshal(e.Body, &a); err != nil {
		return attempt{}, fmt.Errorf("read sign-in: %w", err)
	}
	if subtle.ConstantTimeCompare([]byte(iam.HashSecret(browser)), []byte(a.Browser)) != 1 {
		return attempt{}, gone
	}
	n, err := s.o.Store.DropEntries(ctx, store.EntryQuery{Space: spaceAttempt, Group: key})
	if err != nil {
		return attempt{}, fmt.Errorf("use sign-in up: %w", err)
	}
	if n == 0 {
		return attempt{}, gone
	}
	return a, nil
}

// LocalPath says whether a URL is a path of this origin, also in the eyes of
// browsers, which take backslashes for slashes and leave control characters
// out.
func LocalPath(s string) bool {
	if len(s) == 0 || len(s) > 8000 || s[0] != '/' || strings.HasPrefix(s, "//") {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '\\' {
			return false
		}
	}
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "" && u.Host == "" && u.User == nil
}
