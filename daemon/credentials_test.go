package daemon_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/client/webhook"
	"github.com/flowcatalyst/fc/daemon/daemontest"
)

// What a subscription delivers on behalf of a service account carries the
// account's credentials, unless its connection has some of its own.
func TestDeliveriesCarryTheCredentialsOfTheServiceAccount(t *testing.T) {
	t.Parallel()
	type delivery struct {
		header http.Header
		body   []byte
	}
	arrived := make(chan delivery, 10)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		arrived <- delivery{r.Header, body}
	}))
	defer srv.Close()
	d := daemontest.Start(t, quietly)
	create := func(r resource.Resource) resource.Resource {
		t.Helper()
		made, err := d.Client.Resources(r.Kind()).Create(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return made
	}
	next := func(eventType string) delivery {
		t.Helper()
		if _, err := d.Client.Events.Publish(t.Context(), client.NewEvent{Type: eventType, Data: []byte(`{}`)}); err != nil {
			t.Fatal(err)
		}
		select {
		case a := <-arrived:
			return a
		case <-time.After(30 * time.Second):
			t.Fatal("nothing was delivered")
		}
		return delivery{}
	}
	account := create(&resource.ServiceAccount{Code: "shop", ClientIDs: []string{"*"}, Webhook: &resource.WebhookCredentials{
		AuthType: "BEARER_TOKEN", Token: resource.NewSecret("t0ken"), SigningSecret: resource.NewSecret("s3cret"),
	}})
	create(&resource.Subscription{Code: "direct", Target: srv.URL, ServiceAccountID: account.Base().ID, EventTypes: []resource.Binding{{EventTypeCode: "shop:a:b:direct"}}})
	create(&resource.Connection{Code: "plain", URL: srv.URL, Headers: map[string]string{"X-Own": "1"}})
	create(&resource.Subscription{Code: "plain", ConnectionCode: "plain", ServiceAccountID: "shop", EventTypes: []resource.Binding{{EventTypeCode: "shop:a:b:plain"}}})
	create(&resource.Connection{Code: "own", URL: srv.URL, Auth: resource.Auth{Type: resource.AuthBearer, Token: resource.NewSecret("own")}})
	create(&resource.Subscription{Code: "own", ConnectionCode: "own", ServiceAccountID: "shop", EventTypes: []resource.Binding{{EventTypeCode: "shop:a:b:own"}}})

	for _, way := range []string{"direct", "plain"} {
		a := next("shop:a:b:" + way)
		if got := a.header.Get("Authorization"); got != "Bearer t0ken" {
			t.Errorf("%s: Authorization is %q", way, got)
		}
		if way == "plain" && a.header.Get("X-Own") != "1" {
			t.Error("the connection's own headers are gone")
		}
		if err := webhook.Verify(a.header, a.body, "s3cret"); err != nil {
			t.Errorf("%s: the signature: %v", way, err)
		}
	}
	if a := next("shop:a:b:own"); a.header.Get("Authorization") != "Bearer own" || a.header.Get("X-Flowcatalyst-Signature") != "" {
		t.Errorf("the connection's own credentials are not what counts: %v", a.header)
	}

	// A changed secret counts for the next delivery.
	if _, err := d.Client.Resources(resource.KindServiceAccount).Update(t.Context(), "shop", map[string]any{
		"webhookCredentials": map[string]any{"authType": "API_KEY", "headerName": "X-Key", "apiKey": "k3y"}}, 0); err != nil {
		t.Fatal(err)
	}
	if a := next("shop:a:b:direct"); a.header.Get("X-Key") != "k3y" || a.header.Get("Authorization") != "" {
		t.Errorf("changed credentials: %v", a.header)
	}
}

// Whoever may name a connection must not be able to send what proves who we
// are to a place of their own.
func TestTheCredentialsOfAConnectionGoToItsURLOnly(t *testing.T) {
	t.Parallel()
	receiver := func() (*httptest.Server, chan http.Header) {
		arrived := make(chan http.Header, 10)
		srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { arrived <- r.Header }))
		t.Cleanup(srv.Close)
		return srv, arrived
	}
	own, rightly := receiver()
	theirs, wrongly := receiver()
	d := daemontest.Start(t, quietly)
	for _, r := range []resource.Resource{
		&resource.Connection{Code: "own", URL: own.URL, Auth: resource.Auth{Type: resource.AuthBearer, Token: resource.NewSecret("t0ken")}},
		&resource.Subscription{Code: "both", ConnectionCode: "own", Target: theirs.URL, EventTypes: []resource.Binding{{EventTypeCode: "shop:a:b:c"}}},
	} {
		if _, err := d.Client.Resources(r.Kind()).Create(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Client.Events.Publish(t.Context(), client.NewEvent{Type: "shop:a:b:c", Data: []byte(`{}`)}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Client.Jobs.Create(t.Context(), client.NewJob{Code: "x", TargetURL: theirs.URL, ConnectionCode: "own", Payload: []byte(`{}`)}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		select {
		case h := <-rightly:
			if h.Get("Authorization") != "Bearer t0ken" {
				t.Errorf("Authorization is %q", h.Get("Authorization"))
			}
		case h := <-wrongly:
			t.Fatalf("a delivery went to the target that was given, with Authorization %q", h.Get("Authorization"))
		case <-time.After(30 * time.Second):
			t.Fatal("nothing was delivered")
		}
	}
}
