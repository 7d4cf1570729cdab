package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/api/cors"
)

func TestPagesOfOtherOrigins(t *testing.T) {
	t.Parallel()
	w := setup(t)
	const app, other = "https://app.example.com", "https://evil.example.net"
	preflight := func(origin, asks string) *answer {
		return w.do("OPTIONS", "/api/events", "", "", "Origin", origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", asks)
	}
	header := func(a *answer, name, want string) {
		t.Helper()
		if got := strings.Join(a.header[http.CanonicalHeaderKey(name)], ","); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}

	// By default nobody may.
	header(preflight(app, "authorization").is(405), "Access-Control-Allow-Origin", "")

	w.api.o.CORS = cors.New(cors.Policy{Origins: []string{app}, Credentials: true, MaxAge: time.Hour})
	a := preflight(app, "authorization,content-type").is(204)
	header(a, "Access-Control-Allow-Origin", app)
	header(a, "Access-Control-Allow-Credentials", "true")
	header(a, "Access-Control-Allow-Headers", "authorization,content-type")
	header(a, "Access-Control-Max-Age", "3600")
	header(a, "Vary", "Origin,Access-Control-Request-Headers")
	header(preflight(app, "x\x00y").is(204), "Access-Control-Allow-Headers", "")
	for _, origin := range []string{other, "null", app + ".example.net", "http://app.example.com", strings.ToUpper(app)} {
		header(preflight(origin, "authorization").is(405), "Access-Control-Allow-Origin", "")
		header(w.do("GET", "/health", "", "", "Origin", origin).is(200), "Access-Control-Allow-Origin", "")
	}
	a = w.do("GET", "/openapi.json", "", "", "Origin", app).is(200)
	header(a, "Access-Control-Allow-Origin", app)
	header(a, "Vary", "Origin,Accept-Encoding")
	if !strings.Contains(a.header.Get("Access-Control-Expose-Headers"), "ETag") {
		t.Error("a page may not read the ETag")
	}
	header(w.do("GET", "/health", "", "").is(200), "Vary", "Origin,Accept-Encoding")
	// A refusal can be read too, and OPTIONS without a page is as it was.
	header(w.do("POST", "/api/events", "", smallEvent, "Origin", app).is(401), "Access-Control-Allow-Origin", app)
	w.do("OPTIONS", "/api/events", "", "", "Origin", app).problem(405, "METHOD_NOT_ALLOWED")

	w.api.o.CORS = cors.New(cors.Policy{Origins: []string{"*"}})
	a = w.do("GET", "/health", "", "", "Origin", other).is(200)
	header(a, "Access-Control-Allow-Origin", "*")
	header(a, "Access-Control-Allow-Credentials", "")
	header(a, "Vary", "Accept-Encoding")
}
