package apidoc

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
)

var (
	//go:embed page/page.html
	pageHTML string
	//go:embed page/page.css
	pageCSS string
	//go:embed page/page.js
	pageJS string
)

// Page serves the document as a page for people. Style and script are part of
// it, and its policy allows these two by their hashes and nothing else: the
// page asks nobody but this server, and only for the document.
type Page struct {
	body         []byte
	policy, etag string
}

// NewPage makes the page.
func NewPage() *Page {
	hash := func(s string) string {
		sum := sha256.Sum256([]byte(s))
		return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	body := strings.NewReplacer("/*STYLE*/", pageCSS, "/*SCRIPT*/", pageJS).Replace(pageHTML)
	sum := sha256.Sum256([]byte(body))
	return &Page{
		body: []byte(body),
		policy: "default-src 'none'; connect-src 'self'; img-src data:; style-src " + hash(pageCSS) + "; script-src " + hash(pageJS) +
			"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		// Weak, so that it may be compressed on the way.
		etag: `W/"` + hex.EncodeToString(sum[:8]) + `"`,
	}
}

// ServeHTTP implements http.Handler.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", p.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache")
	h.Set("ETag", p.etag)
	if r.Header.Get("If-None-Match") == p.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(p.body)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(p.body) // whoever is gone is gone
}
