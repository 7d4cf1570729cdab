package auth

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

const day = 24 * time.Hour

type refreshWorld struct {
	*Refresher
	store *MemoryRefreshStore
	now   time.Time
}

func refreshSetup(limit int) *refreshWorld {
	w := &refreshWorld{store: NewMemoryRefreshStore(limit), now: epoch}
	w.Refresher = NewRefresher(w.store, RefreshOptions{Now: func() time.Time { return w.now }})
	return w
}

func (w *refreshWorld) start(t *testing.T, principal string) string {
	t.Helper()
	token, _, err := w.Start(t.Context(), rand.Text(), principal)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func (w *refreshWorld) rotate(t *testing.T, token string) string {
	t.Helper()
	next, kept, err := w.Rotate(t.Context(), token)
	if err != nil || kept.PrincipalID != "prn_1" || next == token {
		t.Fatalf("rotate: %+v, %v", kept, err)
	}
	return next
}

func (w *refreshWorld) refuses(t *testing.T, token string, want error) {
	t.Helper()
	if next, _, err := w.Rotate(t.Context(), token); !errors.Is(err, want) || next != "" {
		t.Errorf("got %v, want %v", err, want)
	}
}

func TestRefreshTokensRotate(t *testing.T) {
	t.Parallel()
	w := refreshSetup(0)
	token := w.start(t, "prn_1")
	for range 4 {
		w.now = w.now.Add(6 * day)
		token = w.rotate(t, token)
	}
	for hash, e := range w.store.byHash {
		if strings.Contains(fmt.Sprintf("%+v", e.Value), token) || hash == token {
			t.Error("the store has the token itself")
		}
	}
	w.now = w.now.Add(6 * day) // 30 days after the login
	w.refuses(t, token, ErrRefreshExpired)
	w.refuses(t, "fcr_unknown", ErrRefreshUnknown)
	w.refuses(t, "", ErrRefreshUnknown)
}

func TestAnUnusedRefreshTokenExpires(t *testing.T) {
	t.Parallel()
	w := refreshSetup(0)
	token := w.start(t, "prn_1")
	w.now = w.now.Add(7 * day)
	w.refuses(t, token, ErrRefreshExpired)
}

func TestReuseEndsTheWholeFamilyAndNoOther(t *testing.T) {
	t.Parallel()
	w := refreshSetup(0)
	stolen, other := w.start(t, "prn_1"), w.start(t, "prn_1")
	next := w.rotate(t, stolen)
	w.now = w.now.Add(time.Minute)
	w.refuses(t, stolen, ErrRefreshReused)
	w.refuses(t, next, ErrRefreshUnknown)
	w.refuses(t, stolen, ErrRefreshUnknown)
	w.rotate(t, other)
}

func TestAnOldTokenReusedEndsTheFamilyEvenWhenItHasExpired(t *testing.T) {
	t.Parallel()
	w := refreshSetup(0)
	stolen := w.start(t, "prn_1")
	w.now = w.now.Add(6 * day)
	next := w.rotate(t, stolen)
	w.now = w.now.Add(6 * day)
	w.refuses(t, stolen, ErrRefreshReused)
	w.refuses(t, next, ErrRefreshUnknown)
}

func TestALostAnswerMayBeAskedForAgainForAMoment(t *testing.T) {
	t.Parallel()
	w := refreshSetup(0)
	token := w.start(t, "prn_1")
	w.rotate(t, token) // the answer is lost
	w.now = w.now.Add(10 * time.Second)
	next := w.rotate(t, token)
	w.rotate(t, next)
	// The moment counts from the first use, however often it is used.
	w.now = w.now.Add(time.Nanosecond)
	w.refuses(t, token, ErrRefreshReused)
}

func TestWithoutGraceOneOfManyAtOnceWins(t *testing.T) {
	t.Parallel()
	store := NewMemoryRefreshStore(0)
	var mu sync.Mutex
	now := epoch
	r := NewRefresher(store, RefreshOptions{Grace: -1, Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}})
	token, _, err := r.Start(t.Context(), "family", "prn_1")
	if err != nil {
		t.Fatal(err)
	}
	won := 0
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			_, _, err := r.Rotate(t.Context(), token)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				won++
			case !errors.Is(err, ErrRefreshReused) && !errors.Is(err, ErrRefreshUnknown):
				t.Errorf("a loser got %v", err)
			}
		})
	}
	wg.Wait()
	if won != 1 || store.age.Len() != 0 {
		t.Errorf("%d won and %d tokens are left; want 1 and none, since the token was reused", won, store.age.Len())
	}
}

func TestAForgottenFamilyIsGone(t *testing.T) {
	t.Parallel()
	w := refreshSetup(0)
	a, other := w.start(t, "prn_1"), w.start(t, "prn_1")
	next := w.rotate(t, a)
	kept, err := w.Find(t.Context(), next)
	if err != nil || kept.PrincipalID != "prn_1" || !kept.UsedAt.IsZero() {
		t.Fatalf("find: %+v, %v", kept, err)
	}
	if err := w.Forget(t.Context(), kept.Family); err != nil {
		t.Fatal(err)
	}
	w.refuses(t, next, ErrRefreshUnknown)
	w.refuses(t, a, ErrRefreshUnknown)
	if err := w.Forget(t.Context(), "unknown"); err != nil {
		t.Errorf("forgetting what is not there: %v", err)
	}
	w.rotate(t, other)
}
