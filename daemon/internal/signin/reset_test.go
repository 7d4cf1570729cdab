package signin

import (
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/platform"
	"github.com/flowcatalyst/fc/daemon/internal/store"
)

func TestALinkGivesANewPasswordAndEndsWhatTheOldOneBegan(t *testing.T) {
	t.Parallel()
	w := setup(t)
	who := w.person(adaEmail, goodWord)
	in, err := w.login(adaEmail, goodWord)
	if err != nil {
		t.Fatal(err)
	}
	token := w.link(adaEmail)
	good, err := w.s.CheckReset(t.Context(), token, "192.0.2.1")
	if err != nil || good.Email != adaEmail || !good.ExpiresAt.Equal(w.clock().Add(ResetLife)) {
		t.Errorf("the link is %+v, %v", good, err)
	}
	for _, bad := range []string{"short", "password1234", adaEmail, strings.Repeat("a", 20)} {
		before := w.pw.Sums()
		if err := w.reset(token, bad); code(err) != platform.CodeInvalid {
			t.Errorf("the password %q: %v", bad, err)
		}
		if w.pw.Sums() != before {
			t.Errorf("the password %q cost a hash", bad)
		}
	}
	if err := w.reset(token, newWord); err != nil {
		t.Fatal(err)
	}
	if _, err := w.login(adaEmail, goodWord); code(err) != platform.CodeBadLogin {
		t.Errorf("the old password: %v", err)
	}
	if _, err := w.s.Refresh(t.Context(), in.Refresh); code(err) != platform.CodeBadLogin {
		t.Errorf("a session from before: %v", err)
	}
	if _, err := w.login(adaEmail, newWord); err != nil {
		t.Errorf("the new password: %v", err)
	}
	left, err := w.st.ListEntries(t.Context(), store.EntryQuery{Space: spaceReset, Owner: who.ID, Limit: 10}, w.clock())
	if err != nil || len(left) != 0 {
		t.Errorf("%d links are left, %v", len(left), err)
	}
	if strings.Contains(w.log.String(), token) {
		t.Error("the log has the token")
	}
}

func TestALinkIsGoodOnceForAnHourForOnePassword(t *testing.T) {
	t.Parallel()
	for name, ruin := range map[string]func(w *world, who *resource.Principal, token string) string{
		"used": func(w *world, _ *resource.Principal, token string) string {
			w.must(w.reset(token, "yet another few words"))
			return token
		},
		"too old": func(w *world, _ *resource.Principal, token string) string { w.pass(ResetLife); return token },
		"a newer one was sent": func(w *world, _ *resource.Principal, token string) string {
			w.link(adaEmail)
			return token
		},
		"the password was changed": func(w *world, who *resource.Principal, token string) string {
			w.must(w.s.ChangePassword(w.t.Context(), platform.Caller{PrincipalID: who.ID}, "", "192.0.2.1", goodWord, "yet another few words"))
			return token
		},
		"the password was set": func(w *world, who *resource.Principal, token string) string {
			w.must(w.p.SetPassword(w.t.Context(), platform.System(), who.ID, platform.NewPassword{Password: "yet another few words"}))
			return token
		},
		"deactivated": func(w *world, who *resource.Principal, token string) string {
			_, err := w.p.SetPrincipalActive(w.t.Context(), platform.System(), who.ID, false)
			w.must(err)
			return token
		},
		"deleted": func(w *world, who *resource.Principal, token string) string {
			w.must(w.p.DeletePrincipal(w.t.Context(), platform.System(), who.ID, 0))
			return token
		},
		"of a provider by now": func(w *world, who *resource.Principal, token string) string { w.federate(who); return token },
		"its hash": func(w *world, who *resource.Principal, _ string) string {
			all, err := w.st.ListEntries(w.t.Context(), store.EntryQuery{Space: spaceReset, Owner: who.ID, Limit: 10}, w.clock())
			w.must(err)
			return all[0].Key
		},
		"of the bootstrap": func(w *world, _ *resource.Principal, _ string) string {
			token, err := w.s.newLink(w.t.Context(), spaceBootstrap, "first", link{}, time.Hour)
			w.must(err)
			return token
		},
		"cut short": func(_ *world, _ *resource.Principal, token string) string { return token[:len(token)-1] },
		"empty":     func(*world, *resource.Principal, string) string { return "" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := setup(t)
			who := w.person(adaEmail, goodWord)
			w.pass(time.Minute)
			token := ruin(w, who, w.link(adaEmail))
			if _, err := w.s.CheckReset(t.Context(), token, "192.0.2.1"); code(err) != platform.CodeBadLogin {
				t.Errorf("looking at it: %v", err)
			}
			if err := w.reset(token, newWord); code(err) != platform.CodeBadLogin {
				t.Errorf("using it: %v", err)
			}
			if _, err := w.login(adaEmail, newWord); code(err) != platform.CodeBadLogin {
				t.Errorf("the new password lets somebody in: %v", err)
			}
		})
	}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func TestOfManyWhoUseALinkAtOnceOneDoes(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.person(adaEmail, goodWord)
	w.pass(time.Minute)
	token := w.link(adaEmail)
	passwords := []string{"the first of five words", "the second of five words", "the third of five words", "the fourth of five words"}
	type outcome struct {
		password string
		err      error
	}
	ended := make(chan outcome)
	for _, p := range passwords {
		go func() { ended <- outcome{p, w.reset(token, p)} }()
	}
	var won []string
	for range passwords {
		o := <-ended
		if o.err == nil {
			won = append(won, o.password)
		} else if code(o.err) != platform.CodeBadLogin {
			t.Errorf("who lost got %v", o.err)
		}
	}
	if len(won) != 1 {
		t.Fatalf("%d won: %v", len(won), won)
	}
	if _, err := w.login(adaEmail, won[0]); err != nil {
		t.Errorf("the winner's password: %v", err)
	}
}

func TestWhoHasNoPasswordYetCanChooseOne(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.person(adaEmail, "")
	token := w.link(adaEmail)
	w.must(w.reset(token, newWord))
	if _, err := w.login(adaEmail, newWord); err != nil {
		t.Error(err)
	}
	if err := w.reset(token, "yet another few words"); code(err) != platform.CodeBadLogin {
		t.Errorf("a second time: %v", err)
	}
}

// links are the keys of all that were sent.
func (w *world) links() (keys string) {
	w.t.Helper()
	all, err := w.st.ListEntries(w.t.Context(), store.EntryQuery{Space: spaceReset, Limit: 10}, w.clock())
	w.must(err)
	for _, e := range all {
		keys += e.Key + " "
	}
	return keys
}

func TestAskingForALinkTellsNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.person(adaEmail, goodWord)
	gone := w.person("gone@example.com", goodWord)
	if _, err := w.p.SetPrincipalActive(t.Context(), platform.System(), gone.ID, false); err != nil {
		t.Fatal(err)
	}
	w.federate(w.person("elsewhere@example.com", goodWord))
	for email, mails := range map[string]int{adaEmail: 1, " ADA@example.com ": 1, "nobody@example.com": 0, "gone@example.com": 0, "elsewhere@example.com": 1, "x": 0} {
		before, links := w.pw.Sums(), w.links()
		if err := w.s.RequestReset(email, "192.0.2.1"); err != nil {
			t.Errorf("%s: %v", email, err)
		}
		if w.pw.Sums() != before {
			t.Errorf("%s: a hash was worked out", email)
		}
		if w.links() != links {
			t.Errorf("%s: something was done before the answer", email)
		}
		all := w.mails()
		if len(all) != mails {
			t.Fatalf("%s: %d messages, want %d", email, len(all), mails)
		}
		if email == "elsewhere@example.com" && (strings.Contains(all[0].Text, "token") || all[0].Private) {
			t.Errorf("somebody of a provider got a link: %s", all[0].Text)
		}
	}
	if err := w.s.RequestReset(strings.Repeat("a", 300), "192.0.2.1"); code(err) != platform.CodeInvalid {
		t.Errorf("something very long: %v", err)
	}
}

func TestLinksAreNotSentWithoutEnd(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, email := range []string{adaEmail, "nobody@example.com"} {
		if email == adaEmail {
			w.person(adaEmail, goodWord)
		}
		for i := range 4 {
			err := w.s.RequestReset(email, "2001:db8:0:"+string(rune('1'+i))+"::1")
			if want := map[bool]platform.Code{true: "", false: platform.CodeTooManyLogins}[i < 3]; code(err) != want {
				t.Errorf("%s, the %d. time: %v", email, i+1, err)
			}
		}
	}
	refused := 0
	for i := range 20 {
		if err := w.s.RequestReset("p"+strings.Repeat("x", i)+"@example.com", "198.51.100.9"); code(err) == platform.CodeTooManyLogins {
			refused++
		}
	}
	if refused != 10 {
		t.Errorf("%d of 20 from one place were refused, want 10", refused)
	}
	refused = 0
	for range 40 {
		if _, err := w.s.CheckReset(t.Context(), "guess", "198.51.100.9"); code(err) == platform.CodeTooManyLogins {
			refused++
		}
	}
	if refused != 10 {
		t.Errorf("%d of 40 guesses at a link were refused, want 10", refused)
	}
}
