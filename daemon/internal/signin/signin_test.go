package signin

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/auth"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
)

// Time can not be measured on a machine that does other things. What takes
// the time is counted instead.
func TestLoginDoesTheSameWorkWhoeverItIs(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.person(adaEmail, goodWord)
	w.person("none@example.com", "")
	gone := w.person("gone@example.com", goodWord)
	if _, err := w.p.SetPrincipalActive(t.Context(), platform.System(), gone.ID, false); err != nil {
		t.Fatal(err)
	}
	w.federate(w.person("elsewhere@example.com", goodWord))
	for name, c := range map[string]struct {
		email, password string
		good            bool
	}{
		"right":            {adaEmail, goodWord, true},
		"wrong":            {adaEmail, "wrong", false},
		"nobody":           {"nobody@example.com", goodWord, false},
		"not even a name":  {"", "x", false},
		"without one":      {"none@example.com", goodWord, false},
		"not active":       {gone.Email, goodWord, false},
		"of a provider":    {"elsewhere@example.com", goodWord, false},
		"nothing as known": {"none@example.com", "", false},
	} {
		before := w.pw.Sums()
		_, err := w.login(c.email, c.password)
		if worked := w.pw.Sums() - before; worked != 1 {
			t.Errorf("%s: %d hashes were worked out, want 1", name, worked)
		}
		if c.good != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
		if !c.good && (code(err) != platform.CodeBadLogin || err.Error() != badLogin().Error()) {
			t.Errorf("%s: the answer differs: %v", name, err)
		}
	}
}

func TestARefreshTokenThatIsUsedAgainEndsWhatCameOfIt(t *testing.T) {
	t.Parallel()
	w := setup(t)
	who := w.person(adaEmail, goodWord)
	first, err := w.login(adaEmail, goodWord)
	if err != nil {
		t.Fatal(err)
	}
	other, err := w.login(adaEmail, goodWord)
	if err != nil {
		t.Fatal(err)
	}
	w.pass(time.Minute)
	second, err := w.s.Refresh(t.Context(), first.Refresh)
	if err != nil {
		t.Fatal(err)
	}
	w.pass(5 * time.Second)
	if _, err := w.s.Refresh(t.Context(), first.Refresh); err != nil {
		t.Errorf("a request that was sent again within the grace: %v", err)
	}
	w.pass(time.Minute)
	if _, err := w.s.Refresh(t.Context(), first.Refresh); code(err) != platform.CodeBadLogin {
		t.Errorf("used a second time: %v", err)
	}
	if _, err := w.s.Refresh(t.Context(), second.Refresh); code(err) != platform.CodeBadLogin {
		t.Errorf("the token of who was robbed, or of the thief: %v", err)
	}
	left, err := w.s.Sessions().List(t.Context(), who.ID)
	if err != nil || len(left) != 1 || left[0].ID != other.Session.ID {
		t.Errorf("sessions %+v, %v; want the other one only", left, err)
	}
	if _, err := w.s.Refresh(t.Context(), other.Refresh); err != nil {
		t.Errorf("another sign-in of theirs: %v", err)
	}
}

func TestAttemptsThatFindNoTurnAreNoGuesses(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.person(adaEmail, goodWord)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for range 50 {
		if _, err := w.s.Login(ended, Attempt{Email: adaEmail, Password: goodWord, Address: "192.0.2.1"}); err == nil || code(err) != "" {
			t.Fatalf("a request that had ended: %v", err)
		}
	}
	if _, err := w.login(adaEmail, goodWord); err != nil {
		t.Errorf("after it: %v", err)
	}
}

func TestGuessesLockOutWhoGuesses(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.s.o.Throttle = auth.NewThrottle(auth.ThrottleOptions{PerPair: auth.Rate{Burst: 2, Every: time.Minute}})
	who := w.person(adaEmail, goodWord)
	guess := func(address string) error {
		_, err := w.s.Login(t.Context(), Attempt{Email: adaEmail, Password: "wrong", Address: address})
		return err
	}
	for range 2 {
		if err := guess("198.51.100.9"); code(err) != platform.CodeBadLogin {
			t.Fatal(err)
		}
	}
	if err := guess("198.51.100.9"); code(err) != platform.CodeTooManyLogins {
		t.Errorf("the third guess: %v", err)
	}
	in, err := w.login(adaEmail, goodWord)
	if err != nil {
		t.Errorf("the owner: %v", err)
	}
	// Who took somebody's session guesses their password no faster.
	c := platform.Caller{PrincipalID: who.ID}
	for i := range 3 {
		err := w.s.ChangePassword(t.Context(), c, in.Session.ID, "203.0.113.5", "wrong", newWord)
		if want := map[bool]platform.Code{true: platform.CodeInvalid, false: platform.CodeTooManyLogins}[i < 2]; code(err) != want {
			t.Errorf("guess %d at the old password: %v", i, err)
		}
	}
}

func TestTheFirstAdministratorIsMadeOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	old, err := w.s.Bootstrap(t.Context())
	if err != nil || old == "" {
		t.Fatal(old, err)
	}
	token, err := w.s.Bootstrap(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	found := func(token, email, password, address string) error {
		_, err := w.s.Found(t.Context(), token, "Ada", Attempt{Email: email, Password: password, Address: address})
		return err
	}
	if err := found(old, adaEmail, goodWord, "192.0.2.1"); code(err) != platform.CodeBadLogin {
		t.Errorf("the token of an earlier start: %v", err)
	}
	if err := w.s.CheckBootstrap(t.Context(), token, "192.0.2.1"); err != nil {
		t.Errorf("looking at it: %v", err)
	}
	if err := found(token, adaEmail, "short", "192.0.2.1"); code(err) != platform.CodeInvalid {
		t.Errorf("a bad password: %v", err)
	}
	// Guesses from one place stop there, and no login with them.
	for i := range 11 {
		err := found("guess", adaEmail, goodWord, "198.51.100.9")
		if want := map[bool]platform.Code{true: platform.CodeBadLogin, false: platform.CodeTooManyLogins}[i < 10]; code(err) != want {
			t.Errorf("guess %d: %v", i, err)
		}
	}
	if _, err := w.s.Login(t.Context(), Attempt{Email: adaEmail, Password: "x", Address: "198.51.100.9"}); code(err) != platform.CodeBadLogin {
		t.Errorf("a login from there: %v", err)
	}
	won := make(chan error)
	for i := range 4 {
		go func() {
			won <- found(token, fmt.Sprintf("admin%d@example.com", i), goodWord, fmt.Sprint("203.0.113.", i))
		}()
	}
	first := 0
	for range 4 {
		if err := <-won; err == nil {
			first++
		} else if c := code(err); c != platform.CodeBadLogin && c != platform.CodeConflict {
			t.Errorf("who came second: %v", err)
		}
	}
	if first != 1 {
		t.Errorf("%d became the first", first)
	}
	if again, err := w.s.Bootstrap(t.Context()); again != "" || err != nil {
		t.Errorf("another token: %q, %v", again, err)
	}
	if err := w.s.CheckBootstrap(t.Context(), token, "192.0.2.1"); code(err) != platform.CodeBadLogin {
		t.Errorf("the token after it: %v", err)
	}
}
