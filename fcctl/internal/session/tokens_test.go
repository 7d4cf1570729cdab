package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client"
)

// rotating is a server whose refresh tokens are good for once: one that comes
// again ends the session, as a stolen one would.
type rotating struct {
	*httptest.Server
	mu    sync.Mutex
	n     int
	ended bool
}

func newRotating(t *testing.T) *rotating {
	t.Helper()
	s := &rotating{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		body, _ := io.ReadAll(r.Body)
		var in struct{ RefreshToken string }
		device := r.URL.Path == "/oauth/token"
		if device {
			form, _ := url.ParseQuery(string(body))
			if form.Get("client_id") != "fcctl" || form.Get("grant_type") != "refresh_token" {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			in.RefreshToken = form.Get("refresh_token")
		} else if json.Unmarshal(body, &in) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		if s.ended || in.RefreshToken != fmt.Sprint("refresh-", s.n) {
			s.ended = true
			if device {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, `{"error":"invalid_grant","error_description":"the session is over"}`)
				return
			}
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"code":"UNAUTHENTICATED","detail":"the session is over"}`)
			return
		}
		s.n++
		format := `{"accessToken":"access-%d","refreshToken":"refresh-%d","expiresIn":3600}`
		if device {
			format = `{"access_token":"access-%d","refresh_token":"refresh-%d","expires_in":3600}`
		}
		_, _ = fmt.Fprintf(w, format, s.n, s.n)
	}))
	t.Cleanup(s.Close)
	return s
}

// logIn gives a new home a session with the server, and returns what makes one
// fcctl after another in that home.
func (s *rotating) logIn(t *testing.T, stored Stored) func() client.TokenSource {
	t.Helper()
	home := t.TempDir()
	keeper := func() *Keeper {
		return &Keeper{Env: func(n string) (string, bool) { return home, n == "HOME" }, Warn: t.Logf}
	}
	err := keeper().Change(t.Context(), func(f *File) error {
		f.Current, f.Contexts["prod"] = "prod", &Account{URL: s.URL, Session: &stored}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return func() client.TokenSource {
		k := keeper()
		target, err := k.Target(Flags{})
		if err != nil {
			t.Fatal(err)
		}
		source, err := k.Tokens(target)
		if err != nil {
			t.Fatal(err)
		}
		return source
	}
}

func TestManyRefreshAtOnceAndTheSessionLives(t *testing.T) {
	t.Parallel()
	for _, grant := range []string{"", GrantDevice} {
		t.Run("grant "+grant, func(t *testing.T) {
			t.Parallel()
			s := newRotating(t)
			fcctl := s.logIn(t, Stored{AccessToken: "ran out", RefreshToken: "refresh-0", Expires: time.Now().Add(-time.Hour), Grant: grant})
			var sources []client.TokenSource
			for range 8 {
				sources = append(sources, fcctl())
			}
			var all sync.WaitGroup
			for _, source := range sources {
				all.Go(func() {
					if token, err := source.Token(t.Context()); err != nil || token != "access-1" {
						t.Errorf("%s, %v", token, err)
					}
				})
			}
			all.Wait()

			// The server takes the token back: one gets another, and who comes
			// later with the old one finds it.
			for _, source := range sources {
				source.Reject("access-1")
				if token, err := source.Token(t.Context()); err != nil || token != "access-2" {
					t.Errorf("%s, %v", token, err)
				}
			}
			if token, err := fcctl().Token(t.Context()); err != nil || token != "access-2" || s.n != 2 {
				t.Errorf("%s, %v after %d refreshes", token, err, s.n)
			}
		})
	}
}

func TestASessionThatIsOverIsSaidToBe(t *testing.T) {
	t.Parallel()
	past := time.Now().Add(-time.Hour)
	for name, stored := range map[string]Stored{
		"ended":               {RefreshToken: "old", Expires: past},
		"ended, of a device":  {RefreshToken: "old", Expires: past, Grant: GrantDevice},
		"a token that is out": {AccessToken: "fc_x", Expires: past, Grant: GrantToken},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newRotating(t)
			if _, err := s.logIn(t, stored)().Token(t.Context()); !errors.Is(err, client.ErrSessionOver) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestAnInterruptDoesNotBreakARefreshOff(t *testing.T) {
	t.Parallel()
	s := newRotating(t)
	fcctl := s.logIn(t, Stored{RefreshToken: "refresh-0", Expires: time.Now().Add(-time.Hour)})
	ctx, interrupt := context.WithCancel(t.Context())
	s.Config.Handler = func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			interrupt()
			next.ServeHTTP(w, r)
		})
	}(s.Config.Handler)
	if token, err := fcctl().Token(ctx); err != nil || token != "access-1" {
		t.Errorf("%s, %v", token, err)
	}
	if token, err := fcctl().Token(t.Context()); err != nil || token != "access-1" {
		t.Errorf("afterwards: %s, %v", token, err)
	}
}

func TestTheLockIsWaitedForAsLongAsTheCallerLives(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/fcctl.lock"
	unlock, err := lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := lock(ctx, path); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	got := make(chan error, 1)
	go func() {
		again, err := lock(t.Context(), path)
		if err == nil {
			again()
		}
		got <- err
	}()
	unlock()
	if err := <-got; err != nil {
		t.Error(err)
	}
}
