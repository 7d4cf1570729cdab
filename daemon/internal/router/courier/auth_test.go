package courier

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

// receiver answers with what answer says and hands on the headers that it saw.
func receiver(t *testing.T, answer func(r *http.Request) int) (url string, seen chan http.Header) {
	t.Helper()
	seen = make(chan http.Header, 100)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		seen <- r.Header.Clone()
		w.WriteHeader(answer(r))
	}))
	t.Cleanup(srv.Close)
	return srv.URL, seen
}

func always(status int) func(*http.Request) int { return func(*http.Request) int { return status } }

// to makes an order to an endpoint with some auth.
func to(t *testing.T, url string, change func(*resource.Connection), options ...func(*Options)) (*Order, *Courier) {
	t.Helper()
	o, c := oneOrder(url, resource.Signing{}, options...)
	t.Cleanup(c.Close)
	change(o.Route.Connection)
	o.Route.Connection.Defaults()
	return o, c
}

func TestTheEndpointSeesWhoWeAre(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		auth          resource.Auth
		header, value string
	}{
		"bearer":          {resource.Auth{Type: resource.AuthBearer, Token: resource.NewSecret("t0ken")}, "Authorization", "Bearer t0ken"},
		"basic":           {resource.Auth{Type: resource.AuthBasic, Username: "Aladdin", Password: resource.NewSecret("open sesame")}, "Authorization", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="},
		"an API key":      {resource.Auth{Type: resource.AuthAPIKey, Key: resource.NewSecret("k3y")}, "X-Api-Key", "k3y"},
		"a key elsewhere": {resource.Auth{Type: resource.AuthAPIKey, Header: "x-team-key", Key: resource.NewSecret("k3y")}, "X-Team-Key", "k3y"},
		"nothing":         {resource.Auth{}, "Authorization", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, seen := receiver(t, always(200))
			o, c := to(t, url, func(con *resource.Connection) { con.Auth = tt.auth })
			var w Desk
			// What a task brings along does not replace who we are.
			for _, own := range []map[string]string{nil, {tt.header: "forged", "X-Own": "1"}} {
				if own != nil {
					o.Event, o.Job.Task = nil, &flow.Task{Headers: own, Payload: "{}"}
				}
				if a := c.Exchange(t.Context(), o, &w); a.Verdict != flow.Delivered {
					t.Fatal(a.Error)
				}
				h := <-seen
				want := tt.value
				if own != nil && want == "" {
					want = "forged" // there is nothing to protect
				}
				if got := strings.Join(h.Values(tt.header), "|"); got != want {
					t.Errorf("%s is %q, want %q", tt.header, got, want)
				}
				if own != nil && h.Get("X-Own") != "1" {
					t.Error("the task's own header is missing")
				}
			}
		})
	}
}

func TestAuthThatCanNotBeShownFailsTheJobAndNamesTheConnection(t *testing.T) {
	t.Parallel()
	url, seen := receiver(t, always(200))
	for _, kind := range []string{resource.AuthBearer, resource.AuthBasic, resource.AuthAPIKey, resource.AuthOAuth2, "MAGIC"} {
		o, c := to(t, url, func(con *resource.Connection) { con.Auth = resource.Auth{Type: kind} })
		var w Desk
		a := c.Exchange(t.Context(), o, &w)
		if a.Verdict != flow.Reject || a.ErrorType != flow.ErrorConfiguration || !strings.Contains(a.Error, "warehouse") || !strings.Contains(a.Error, "auth") {
			t.Errorf("%s: %s %s %s", kind, a.Verdict, a.ErrorType, a.Error)
		}
	}
	if len(seen) > 0 {
		t.Error("something was sent")
	}
}
