package client

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestMaybeDone(t *testing.T) {
	t.Parallel()
	gateway := answer{status: 502, body: "<html>"}
	for name, tc := range map[string]struct {
		do   func(*Client) error
		want bool
	}{
		"a change that a gateway gave up": {func(c *Client) error { _, err := c.Apply(t.Context(), ApplyRequest{Manifest: "m"}); return err }, true},
		"a look does not change anything": {func(c *Client) error { _, err := c.Events.Get(t.Context(), "1"); return err }, false},
	} {
		_, c := serve(t, Options{Retries: -1}, gateway, gateway, gateway, gateway, gateway)
		c.sleep = func(context.Context, time.Duration) error { return errors.New("enough") }
		if err := tc.do(c); err == nil || MaybeDone(err) != tc.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, c := serve(t, Options{}, answer{status: 409, body: `{"code":"STALE_PLAN"}`})
	if _, err := c.Apply(t.Context(), ApplyRequest{Manifest: "m"}); err == nil || MaybeDone(err) {
		t.Errorf("a refusal: %v", err)
	}
	away, err := New(Options{URL: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	away.sleep = func(context.Context, time.Duration) error { return errors.New("enough") }
	if _, err := away.Apply(t.Context(), ApplyRequest{Manifest: "m"}); err == nil || MaybeDone(err) {
		t.Errorf("nobody was there: %v", err)
	}
}
