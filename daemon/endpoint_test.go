package daemon_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/client/webhook"
	"github.com/flowcatalyst/fc/daemon/daemontest"
)

// All that a connection can show and ask for, from the API through the store to
// the endpoint, and changed while the daemon runs. No file has a secret in
// clear.
func TestAConnectionShowsWhoItIsAndItsSecretsAreSealed(t *testing.T) {
	t.Parallel()
	issuer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id, secret, _ := r.BasicAuth(); id != "fc" || secret != "client-s3cret" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		fmt.Fprint(w, `{"access_token":"t0ken-of-the-issuer","expires_in":600}`)
	}))
	defer issuer.Close()
	const first = "whsec_Zmlyc3Qtc2VjcmV0LW9mLXRoZS1ob29r"
	got := make(chan *http.Request, 10)
	bodies := make(chan []byte, 10)
	hooks := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		bodies <- b
		got <- r
	}))
	hooks.TLS = &tls.Config{}
	hooks.StartTLS()
	defer hooks.Close()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: hooks.Certificate().Raw}))

	d := daemontest.Start(t, "")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := d.Client.Resources(resource.KindConnection).Create(ctx, &resource.Connection{
		Code: "hooks", URL: hooks.URL, TLS: resource.TLS{CA: ca},
		Auth:    resource.Auth{Type: resource.AuthOAuth2, TokenURL: issuer.URL, ClientID: "fc", ClientSecret: resource.NewSecret("client-s3cret")},
		Signing: resource.Signing{Scheme: resource.SchemeStandardWebhooks, Secret: resource.NewSecret(first)},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Client.Resources(resource.KindSubscription).Create(ctx, &resource.Subscription{
		Code: "orders", ConnectionCode: "hooks", EventTypes: []resource.Binding{{EventTypeCode: "shop:sales:order:*"}},
	}); err != nil {
		t.Fatal(err)
	}
	deliver := func(authorization string, secrets ...string) {
		t.Helper()
		if _, err := d.Client.Events.Publish(ctx, client.NewEvent{Type: "shop:sales:order:placed", Data: json.RawMessage(`{"total": 120}`)}); err != nil {
			t.Fatal(err)
		}
		select {
		case r := <-got:
			if a := r.Header.Get("Authorization"); a != authorization {
				t.Errorf("Authorization is %q, want %q", a, authorization)
			}
			body := <-bodies
			for _, s := range secrets {
				if err := webhook.Verify(r.Header, body, s); err != nil {
					t.Error(err)
				}
			}
		case <-ctx.Done():
			t.Fatal("nothing was delivered")
		}
	}
	deliver("Bearer t0ken-of-the-issuer", first)

	// A rotation counts at once; whoever has either secret can verify.
	rotated, err := d.Client.RotateSecret(ctx, "hooks", client.Rotation{})
	if err != nil {
		t.Fatal(err)
	}
	deliver("Bearer t0ken-of-the-issuer", first, rotated.Secret.Reveal())

	// So does another way to show who we are; what signs is left alone.
	if _, err := d.Client.Resources(resource.KindConnection).Update(ctx, "hooks", map[string]any{
		"auth": map[string]string{"type": "BEARER_TOKEN", "token": "another-t0ken"},
	}, 0); err != nil {
		t.Fatal(err)
	}
	deliver("Bearer another-t0ken", first, rotated.Secret.Reveal())

	shown, err := d.Client.Resources(resource.KindConnection).Get(ctx, "hooks")
	if err != nil {
		t.Fatal(err)
	}
	if c := shown.(*resource.Connection); c.Auth.Token.Known() || c.Auth.Token.IsZero() || len(c.Signing.Previous) != 1 || !c.Auth.ClientSecret.IsZero() {
		t.Errorf("the connection is shown as %+v", c)
	}
	d.Stop()
	hidden := []string{"client-s3cret", "t0ken-of-the-issuer", "another-t0ken", strings.TrimPrefix(first, "whsec_"), strings.TrimPrefix(rotated.Secret.Reveal(), "whsec_")}
	files := 0
	err = filepath.WalkDir(d.DataDir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		files++
		for _, s := range hidden {
			if strings.Contains(string(b), s) {
				t.Errorf("%s has a secret in clear", e.Name())
			}
		}
		return err
	})
	if err != nil || files < 2 {
		t.Errorf("%d files were looked at, %v", files, err)
	}
}
