package pages

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// The names of the pages.
const (
	FormPage    = "form"    // a Form
	MessagePage = "message" // a Message
	ConsentPage = "consent" // a Consent
)

// Page is what the layout shows of every page.
type Page struct {
	Title string // of the window and above the page
	Lead  string // a sentence or two beneath it
	Alert string // what went wrong
	// Redirects are URLs that the answer to the page's form may redirect to,
	// besides pages of this origin. Browsers stop a redirect to any other.
	Redirects []string
}

func (p Page) page() Page { return p }

// Form is a page that somebody fills in. It is sent as
// application/x-www-form-urlencoded by POST.
type Form struct {
	Page
	Action string // a path
	Hidden []Hidden
	Fields []Field
	// Submit is what the button says; Choices, where they are there, are
	// several buttons instead of it.
	Submit  string
	Choices []Choice
	Links   []Link // beneath the button
}

// Hidden is a value that the form sends along.
type Hidden struct{ Name, Value string }

// Field is one line of a form.
type Field struct {
	Name, Label string
	Type        string // "text", "email", "password" or "checkbox"; empty is "text"
	Value       string
	// Autocomplete tells password managers what it is: "username",
	// "current-password", "new-password", "name", …
	Autocomplete string
	Hint, Error  string // beneath it
	Optional     bool
	ReadOnly     bool
	Autofocus    bool
	Checked      bool // of a checkbox
}

// Choice is a button that sends Name=Value.
type Choice struct {
	Name, Value, Label string
	Second             bool // it is not the one that is expected
}

// Link leads to another page.
type Link struct{ Label, Href string }

// Message is a page that only tells something.
type Message struct {
	Page
	Links []Link
}

// Consent asks for a decision, and shows what it is about.
type Consent struct {
	Page
	Facts   []Fact
	Action  string // a path
	Hidden  []Hidden
	Choices []Choice
	Links   []Link
}

// Fact is a line of what a decision is about.
type Fact struct{ Name, Value string }

//go:embed *.html layout.css
var files embed.FS

var (
	templates = map[string]*template.Template{}
	style     template.CSS
	styleHash string
)

func init() {
	css, err := files.ReadFile("layout.css")
	if err != nil {
		panic(err) // it is part of the program
	}
	style = template.CSS(css)
	sum := sha256.Sum256(css)
	styleHash = base64.StdEncoding.EncodeToString(sum[:])
	funcs := template.FuncMap{"style": func() template.CSS { return style }}
	layout := template.Must(template.New("layout.html").Funcs(funcs).ParseFS(files, "layout.html"))
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(err)
	}
	for _, e := range entries {
		name, is := strings.CutSuffix(e.Name(), ".html")
		if is && name != "layout" {
			templates[name] = template.Must(template.Must(layout.Clone()).ParseFS(files, e.Name()))
		}
	}
}

// Render answers with a page. Nothing was written if it fails. A
// Referrer-Policy that is set already stays: a page without a secret in its
// address can have "same-origin", without which browsers send its form with
// "Origin: null".
func Render(w http.ResponseWriter, status int, name string, data interface{ page() Page }) error {
	t := templates[name]
	if t == nil {
		return fmt.Errorf("render page: there is no page %q", name)
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, "layout.html", data); err != nil {
		return fmt.Errorf("render page %q: %w", name, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(b.Len()))
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", policy(data.page().Redirects))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	if h.Get("Referrer-Policy") == "" {
		h.Set("Referrer-Policy", "no-referrer")
	}
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // whoever is gone is gone
	return nil
}

// policy lets a page have its style and send its form home, and no more.
// data: is for the empty icon, without which browsers ask for one.
func policy(redirects []string) string {
	to := "'self'"
	for _, r := range redirects {
		if s := source(r); s != "" {
			to += " " + s
		}
	}
	return "default-src 'none'; style-src 'sha256-" + styleHash + "'; img-src data:; form-action " + to + "; base-uri 'none'; frame-ancestors 'none'"
}

// source is a URL as a policy names where it leads: an origin, or the scheme
// that an application on the device has for itself. What can not be named
// without doubt is left out.
func source(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" || !plain(u.Host) {
		return ""
	}
	switch scheme := strings.ToLower(u.Scheme); scheme {
	case "http", "https":
		if u.Host == "" {
			return ""
		}
		return scheme + "://" + u.Host
	case "javascript", "data", "blob", "about", "file", "filesystem", "view-source", "ws", "wss":
		return ""
	default:
		return scheme + ":"
	}
}

// plain is true of a host that means nothing else within a policy.
func plain(host string) bool {
	return !strings.ContainsFunc(host, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-._:[]", c)
	})
}
