package courier

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/client/webhook"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

// A receiver that sends back all that it got.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("X-Echo", r.Header.Get("X-Api-Key"))
	if err := webhook.Verify(r.Header, body, whsec); err != nil {
		w.WriteHeader(http.StatusUnauthorized)
	}
	fmt.Fprintf(w, "%v %s", r.Header, body)
}

func TestATrialShowsTheExchangeWithoutItsSecrets(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	ends := time.Now().Add(time.Hour).Truncate(time.Second)
	for _, http2 := range []bool{false, true} {
		srv := ca.server(http.HandlerFunc(echo), "hooks.example.com", ends, func(s *httptest.Server) { s.EnableHTTP2 = http2 })
		o, c := oneOrder(srv.URL+"/in?to=1", resource.Signing{Scheme: resource.SchemeStandardWebhooks, Secret: resource.NewSecret(whsec)})
		con := o.Route.Connection
		con.TLS = resource.TLS{CA: ca.text, ServerName: "hooks.example.com"}
		con.Auth = resource.Auth{Type: resource.AuthAPIKey, Header: "X-Api-Key", Key: resource.NewSecret("open-sesame")}
		con.Headers = map[string]string{"X-Team-Token": "let-me-in", "X-Team": "shipping"}
		got := c.Try(t.Context(), o)
		if got.Verdict != flow.Delivered || got.Status != 200 || got.Address != strings.TrimPrefix(srv.URL, "https://") || got.Target != "/in?to=1" || got.Timing.TLS == 0 || got.Timing.FirstByte == 0 {
			t.Fatalf("http2 %v: %+v", http2, got)
		}
		if s := got.Secured; s == nil || !s.NotAfter.Equal(ends) || s.Issuer != "CN=Example CA" || fmt.Sprint(s.Names) != "[hooks.example.com]" || s.Version != "TLS 1.3" || (s.Protocol == "h2") != http2 {
			t.Errorf("http2 %v: TLS %+v", http2, got.Secured)
		}
		sent := map[string]string{}
		for _, h := range got.Request {
			sent[h.Name] = h.Value
		}
		if sent["X-Api-Key"] != hidden || sent["X-Team-Token"] != hidden || sent["X-Team"] != "shipping" || sent["webhook-id"] == "" || sent["X-FlowCatalyst-Test"] != "true" {
			t.Errorf("http2 %v: request %+v", http2, got.Request)
		}
		if all := fmt.Sprintf("%s %s %+v", got.Header, got.Attempt.Body, got); strings.Contains(all, "sesame") || strings.Contains(all, "let-me-in") || !strings.Contains(all, "X-Flowcatalyst-Test:[true]") {
			t.Errorf("http2 %v: a secret that was sent back is shown: %s", http2, all)
		}
		// A certificate that is refused is shown all the same.
		con.TLS.ServerName = "other.example.com"
		c.Forget()
		if got := c.Try(t.Context(), o); got.ErrorType != flow.ErrorTLS || got.Secured == nil || !got.Secured.NotAfter.Equal(ends) || strings.Contains(got.Error, "retry the job") {
			t.Errorf("refused: %+v", got)
		}
	}
}

// A test goes nowhere that a delivery does not go, by whatever way.
func TestATrialKeepsTheEgressRules(t *testing.T) {
	t.Parallel()
	hits := make(chan string, 10)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hits <- r.URL.Path
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	}))
	defer srv.Close()
	o, c := oneOrder(srv.URL, resource.Signing{}, func(o *Options) { o.Egress.DenyPrivate = true })
	if got := c.Try(t.Context(), o); got.ErrorType != flow.ErrorEgressDenied || got.Address != srv.Listener.Addr().String() || len(hits) != 0 {
		t.Errorf("%+v, %d hits", got, len(hits))
	}
	proxy, err := url.Parse(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	o, c = oneOrder(srv.URL, resource.Signing{}, func(o *Options) { o.Egress = Egress{DenyPrivate: true, Proxy: proxy} })
	if got := c.Try(t.Context(), o); got.ErrorType != flow.ErrorEgressDenied || got.Address != "" || len(hits) != 0 {
		t.Errorf("through a proxy: %+v, %d hits", got, len(hits))
	}
	// Where it may go, it goes once: a redirect is an answer.
	o, c = oneOrder(srv.URL, resource.Signing{})
	if got := c.Try(t.Context(), o); got.Verdict != flow.Reject || got.Status != 307 || len(hits) != 1 {
		t.Errorf("redirected: %+v, %d hits", got, len(hits))
	}
}
