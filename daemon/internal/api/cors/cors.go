// Package cors lets pages of other origins call the API from a browser, as the
// Fetch standard has it (https://fetch.spec.whatwg.org/#http-cors-protocol).
package cors

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Policy says who may.
type Policy struct {
	// Origins may call, each as browsers write it: "https://app.example.com".
	// "*" is any, and never goes with Credentials.
	Origins []string
	// Credentials lets pages send cookies.
	Credentials bool
	// MaxAge is how long a browser may remember the answer to a preflight.
	MaxAge time.Duration
}

// Handler answers for a policy. A nil one lets nobody.
type Handler struct {
	any         bool
	origins     map[string]bool
	credentials bool
	maxAge      []string
}

// New makes a handler; a policy without origins makes none.
func New(p Policy) *Handler {
	if len(p.Origins) == 0 {
		return nil
	}
	h := &Handler{origins: make(map[string]bool, len(p.Origins)), credentials: p.Credentials,
		maxAge: []string{strconv.Itoa(int(p.MaxAge.Seconds()))}}
	for _, o := range p.Origins {
		if o == "*" && !p.Credentials {
			h.any = true
		}
		h.origins[o] = true
	}
	return h
}

// The values of headers that never differ.
var (
	methods = []string{"GET, HEAD, POST, PUT, PATCH, DELETE"}
	exposed = []string{"ETag, Location, Retry-After, X-Request-Id, X-FlowCatalyst-Warning, Idempotency-Replayed"}
	yes     = []string{"true"}
	anyone  = []string{"*"}
)

// Answer sets the headers that let a page read the answer. It reports true for
// a preflight that it has answered: nothing else is to be done then. A request
// of an origin that may not call goes on as if it came from no page, and its
// browser keeps the answer from the page.
func (h *Handler) Answer(w http.ResponseWriter, r *http.Request) bool {
	if h == nil {
		return false
	}
	out := w.Header()
	if !h.any {
		out.Add("Vary", "Origin")
	}
	origin := r.Header["Origin"]
	if len(origin) != 1 || !h.any && !h.origins[origin[0]] {
		return false
	}
	if h.any {
		out["Access-Control-Allow-Origin"] = anyone
	} else {
		out["Access-Control-Allow-Origin"] = origin[:1:1]
	}
	if h.credentials {
		out["Access-Control-Allow-Credentials"] = yes
	}
	if r.Method != http.MethodOptions || r.Header.Get("Access-Control-Request-Method") == "" {
		out["Access-Control-Expose-Headers"] = exposed
		return false
	}
	out["Access-Control-Allow-Methods"] = methods
	// Which headers mean something is for the routes to know, and the origin
	// may call them all.
	if asked := r.Header.Get("Access-Control-Request-Headers"); names(asked) {
		out["Access-Control-Allow-Headers"] = []string{asked}
	}
	out["Access-Control-Max-Age"] = h.maxAge
	out.Add("Vary", "Access-Control-Request-Headers")
	w.WriteHeader(http.StatusNoContent)
	return true
}

// names says whether a text is a list of names of headers, and not too long to
// be repeated.
func names(list string) bool {
	const token = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_, "
	return list != "" && len(list) <= 1024 && !strings.ContainsFunc(list, func(c rune) bool { return !strings.ContainsRune(token, c) })
}
