package api

import (
	"mime"
	"net/http"

	"github.com/flowcatalyst/fc/daemon/internal/api/pages"
	"github.com/flowcatalyst/fc/daemon/internal/signin"
)

// maxPageForm bounds what a page sends, in bytes.
const maxPageForm = 16 << 10

// isForm says whether a request is what a page's form sends.
func isForm(r *http.Request) bool {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && media == "application/x-www-form-urlencoded"
}

// readPageForm reads what one of these pages sends; only the body counts, so that nothing of
// it is in an address.
func readPageForm(w http.ResponseWriter, r *http.Request) error {
	if !isForm(r) {
		return newProblem(http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", "the body must be application/x-www-form-urlencoded")
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxPageForm)
	if err := r.ParseForm(); err != nil {
		return bodyProblem(err, maxPageForm)
	}
	return nil
}

// failPage shows an error to a person. Of fields it says what is wrong with
// them, by their name.
func (s *server) failPage(w http.ResponseWriter, r *http.Request, form *pages.Form, err error) error {
	p := s.problem(r, w.Header().Get(requestIDHeader), err)
	for name, values := range p.GetHeaders() {
		if name != "Www-Authenticate" { // browsers would ask for a password
			w.Header()[name] = values
		}
	}
	if form == nil || p.Status == http.StatusUnauthorized {
		title := "This does not work now"
		if p.Status == http.StatusUnauthorized {
			title, p.Detail = "This link is not good any more", "It was used, is too old, or a newer one was sent."
		}
		return pages.Render(w, p.Status, pages.MessagePage, pages.Message{Page: pages.Page{Title: title, Lead: fullStop(p.Detail)}})
	}
	named := false
	for i := range form.Fields {
		for _, wrong := range p.Problems {
			if wrong.Field == form.Fields[i].Name {
				form.Fields[i].Error, named = fullStop(wrong.Detail), true
			}
		}
	}
	if !named {
		form.Alert = fullStop(p.Detail)
	}
	return pages.Render(w, p.Status, pages.FormPage, *form)
}

// fullStop makes a sentence for people of one for programs.
func fullStop(s string) string {
	if s == "" {
		return s
	}
	if s[0] >= 'a' && s[0] <= 'z' {
		s = string(s[0]-'a'+'A') + s[1:]
	}
	return s + "."
}

const passwordHint = "At least 12 characters: a few words that have nothing to do with one another will do."

func askResetPage() *pages.Form {
	return &pages.Form{
		Page:   pages.Page{Title: "Forgot your password?", Lead: "You get a message with a link to choose a new one."},
		Action: signin.ResetPath, Submit: "Send the link",
		Fields: []pages.Field{{Name: "email", Label: "Email", Type: "email", Autocomplete: "username", Autofocus: true}},
	}
}

func chooseResetPage(token, email string) *pages.Form {
	return &pages.Form{
		Page:   pages.Page{Title: "Choose a new password", Lead: "All sessions that you have end with it."},
		Action: signin.ResetPath, Submit: "Set password",
		Hidden: []pages.Hidden{{Name: "token", Value: token}},
		Fields: []pages.Field{
			{Name: "email", Label: "Email", Type: "email", Value: email, Autocomplete: "username", ReadOnly: true},
			{Name: "password", Label: "New password", Type: "password", Autocomplete: "new-password", Hint: passwordHint, Autofocus: true},
			{Name: "repeat", Label: "The same again", Type: "password", Autocomplete: "new-password"},
		},
	}
}

func (s *server) resetPage(w http.ResponseWriter, r *http.Request, _ *caller) error {
	token := r.URL.Query().Get("token")
	if token == "" {
		return pages.Render(w, http.StatusOK, pages.FormPage, *askResetPage())
	}
	good, err := s.o.SignIn.CheckReset(r.Context(), token, s.address(r))
	if err != nil {
		return s.failReset(w, r, nil, err)
	}
	return pages.Render(w, http.StatusOK, pages.FormPage, *chooseResetPage(token, good.Email))
}

// failReset offers a new link where the old one is not good.
func (s *server) failReset(w http.ResponseWriter, r *http.Request, form *pages.Form, err error) error {
	if problemOf(err).Status != http.StatusUnauthorized {
		return s.failPage(w, r, form, err)
	}
	ask := askResetPage()
	ask.Title, ask.Lead = "This link is not good any more", "It was used, is more than an hour old, or a newer one was sent. You can have another."
	return pages.Render(w, http.StatusUnauthorized, pages.FormPage, *ask)
}

func (s *server) resetForm(w http.ResponseWriter, r *http.Request, _ *caller) error {
	if err := readPageForm(w, r); err != nil {
		return s.failPage(w, r, nil, err)
	}
	token := r.PostForm.Get("token")
	if token == "" {
		ask := askResetPage()
		ask.Fields[0].Value = r.PostForm.Get("email")
		if err := s.o.SignIn.RequestReset(r.PostForm.Get("email"), s.address(r)); err != nil {
			return s.failPage(w, r, ask, err)
		}
		return pages.Render(w, http.StatusAccepted, pages.MessagePage, pages.Message{Page: pages.Page{Title: "Look into your mail", Lead: fullStop(resetAsked)}})
	}
	form := chooseResetPage(token, r.PostForm.Get("email"))
	password := r.PostForm.Get("password")
	err := missing("password", password)
	if err == nil {
		err = repeated(r, password)
	}
	if err == nil {
		err = s.o.SignIn.Reset(r.Context(), w.Header().Get(requestIDHeader), token, password, s.address(r))
	}
	if err != nil {
		return s.failReset(w, r, form, err)
	}
	return pages.Render(w, http.StatusOK, pages.MessagePage, pages.Message{
		Page:  pages.Page{Title: "Your password is set", Lead: "All your sessions have ended. Sign in with the new password."},
		Links: []pages.Link{{Label: "Sign in", Href: signInPath}},
	})
}

// repeated says whether a password was typed the same way twice.
func repeated(r *http.Request, password string) error {
	if r.PostForm.Get("repeat") == password {
		return nil
	}
	return badField("repeat", "is not the same", "")
}

func foundPage(token, email, name string) *pages.Form {
	return &pages.Form{
		Page:   pages.Page{Title: "The first administrator", Lead: "Whoever has this link may do everything here, and lets the others in."},
		Action: signin.BootstrapPath, Submit: "Begin",
		Hidden: []pages.Hidden{{Name: "token", Value: token}},
		Fields: []pages.Field{
			{Name: "email", Label: "Email", Type: "email", Value: email, Autocomplete: "username", Autofocus: true},
			{Name: "name", Label: "Name", Value: name, Autocomplete: "name", Optional: true},
			{Name: "password", Label: "Password", Type: "password", Autocomplete: "new-password", Hint: passwordHint},
			{Name: "repeat", Label: "The same again", Type: "password", Autocomplete: "new-password"},
		},
	}
}

func (s *server) bootstrapPage(w http.ResponseWriter, r *http.Request, _ *caller) error {
	token := r.URL.Query().Get("token")
	if err := s.o.SignIn.CheckBootstrap(r.Context(), token, s.address(r)); err != nil {
		return s.failBootstrap(w, r, nil, err)
	}
	return pages.Render(w, http.StatusOK, pages.FormPage, *foundPage(token, "", ""))
}

func (s *server) failBootstrap(w http.ResponseWriter, r *http.Request, form *pages.Form, err error) error {
	if problemOf(err).Status != http.StatusUnauthorized {
		return s.failPage(w, r, form, err)
	}
	return pages.Render(w, http.StatusUnauthorized, pages.MessagePage, pages.Message{Page: pages.Page{Title: "This link is not good any more",
		Lead: "There is an administrator already, or the link is more than a day old, or fcd was started again. While there is no administrator, each start writes a new link into the log."}})
}

func (s *server) bootstrapForm(w http.ResponseWriter, r *http.Request) error {
	if err := readPageForm(w, r); err != nil {
		return s.failPage(w, r, nil, err)
	}
	f := r.PostForm
	token, password := f.Get("token"), f.Get("password")
	form := foundPage(token, f.Get("email"), f.Get("name"))
	err := missing("email", f.Get("email"), "password", password)
	if err == nil {
		err = repeated(r, password)
	}
	if err != nil {
		return s.failPage(w, r, form, err)
	}
	t, err := s.o.SignIn.Found(r.Context(), token, f.Get("name"), signin.Attempt{Email: f.Get("email"), Password: password, Address: s.address(r), UserAgent: r.UserAgent()})
	if err != nil {
		return s.failBootstrap(w, r, form, err)
	}
	s.setCookie(w, r, t)
	return pages.Render(w, http.StatusOK, pages.MessagePage, pages.Message{Page: pages.Page{Title: "You are the administrator",
		Lead: "Go on with: fcctl login --url " + s.o.PublicURL + " --email " + t.Subject.Email}})
}
