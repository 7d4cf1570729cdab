package client

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

const deviceAnswer = `{"device_code":"dc","user_code":"WDJB-MJHT","verification_uri":"https://events.example.com/device","expires_in":900,"interval":3}`

func oauthError(code string) answer {
	return answer{status: 400, body: `{"error":"` + code + `","error_description":"says why"}`}
}

func TestADeviceAsksAsOftenAsItMay(t *testing.T) {
	t.Parallel()
	s, c := serve(t, Options{Retries: -1}, answer{status: 200, body: deviceAnswer}, oauthError("authorization_pending"), oauthError("slow_down"),
		answer{cut: true}, answer{status: 502}, answer{status: 200, body: `{"access_token":"a","refresh_token":"r","expires_in":60}`})
	d, err := c.AuthorizeDevice(t.Context(), "fcctl")
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.AwaitDevice(t.Context(), "fcctl", d)
	if err != nil || got.AccessToken != "a" || got.RefreshToken != "r" || got.ExpiresIn != 60 {
		t.Fatalf("%+v, %v", got, err)
	}
	if want := "[3s 3s 8s 16s 32s]"; fmt.Sprint(s.pauses) != want {
		t.Errorf("paused %v, not %s", s.pauses, want)
	}
	form, err := url.ParseQuery(s.requests()[1].body)
	if err != nil || form.Get("device_code") != "dc" || form.Get("client_id") != "fcctl" || form.Get("grant_type") != deviceGrant {
		t.Errorf("asked with %v, %v", form, err)
	}
	if kind := s.requests()[1].header.Get("Content-Type"); kind != "application/x-www-form-urlencoded" {
		t.Errorf("as %s", kind)
	}
}

func TestADeviceThatGetsNoSessionSaysWhy(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		last answer
		want error
	}{
		"denied":      {oauthError("access_denied"), ErrDeviceDenied},
		"expired":     {oauthError("expired_token"), ErrDeviceExpired},
		"never ended": {oauthError("authorization_pending"), ErrDeviceExpired},
	} {
		t.Run(name, func(t *testing.T) {
			_, c := serve(t, Options{}, tc.last)
			if _, err := c.AwaitDevice(t.Context(), "fcctl", &DeviceCode{DeviceCode: "dc", ExpiresIn: 60}); !errors.Is(err, tc.want) {
				t.Errorf("%v", err)
			}
		})
	}
	_, c := serve(t, Options{}, oauthError("invalid_grant"))
	if _, err := c.AwaitDevice(t.Context(), "fcctl", &DeviceCode{DeviceCode: "dc"}); err == nil || !strings.Contains(err.Error(), "says why") {
		t.Errorf("%v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.AwaitDevice(ctx, "fcctl", &DeviceCode{DeviceCode: "dc"}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestClientCredentialsAreFetchedAnewOnlyWhenNeeded(t *testing.T) {
	t.Parallel()
	s, c := serve(t, Options{}, answer{status: 200, body: `{"access_token":"first","expires_in":3600}`}, answer{status: 200, body: `{"access_token":"second","expires_in":0}`}, answer{status: 200, body: `{"access_token":"third","expires_in":3600}`})
	source := &ClientCredentials{Client: c, ClientID: "a:b", Secret: "p%q"}
	ask := func(want string) {
		t.Helper()
		if got, err := source.Token(t.Context()); err != nil || got != want {
			t.Errorf("%s, %v; not %s", got, err, want)
		}
	}
	ask("first")
	ask("first")
	source.Reject("another")
	ask("first")
	source.Reject("first")
	ask("second")
	ask("third") // the second had no life
	if n := len(s.requests()); n != 3 {
		t.Errorf("%d requests", n)
	}
	basic := base64.StdEncoding.EncodeToString([]byte("a%3Ab:p%25q"))
	if got := s.requests()[0].header.Get("Authorization"); got != "Basic "+basic {
		t.Errorf("Authorization: %s", got)
	}
	if left := time.Until(source.expires); left > time.Hour-early || left < 50*time.Minute {
		t.Errorf("kept for %s", left)
	}
}
