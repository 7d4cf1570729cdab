//go:build unix

package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/flowcatalyst/fc/client"
	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/daemontest"
)

// Events and jobs come to the screen without a key, and a job that changes
// changes its row.
func TestTheScreenIsLive(t *testing.T) {
	t.Parallel()
	d := daemontest.Start(t, "")
	ctx := context.Background()
	var mended atomic.Bool
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !mended.Load() {
			w.WriteHeader(http.StatusBadRequest) // FAILED at once
		}
	}))
	t.Cleanup(srv.Close)
	if _, err := d.Client.Resources(resource.KindConnection).Create(ctx, &resource.Connection{Code: "warehouse", URL: srv.URL}); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Client.Resources(resource.KindSubscription).Create(ctx, &resource.Subscription{Code: "ship", ConnectionCode: "warehouse",
		EventTypes: []resource.Binding{{EventTypeCode: "shop:sales:order:placed"}}}); err != nil {
		t.Fatal(err)
	}
	publish := func(kind, group string) {
		t.Helper()
		if _, err := d.Client.Events.Publish(ctx, client.NewEvent{Type: kind, MessageGroup: group}); err != nil {
			t.Fatal(err)
		}
	}
	publish("shop:sales:order:placed", "order-1")

	events := sit(t, d)
	events.press(":").press("events shop:sales:order:*").press("enter").sees("order-1")
	jobs := sit(t, d)
	jobs.press(":").press("jobs").press("enter").sees("order-1", "FAILED")
	publish("shop:sales:basket:filled", "basket-2") // of another type
	publish("shop:sales:order:placed", "order-3")
	events.sees("order-3", "(2)")
	jobs.sees("order-3", "FAILED", "(2)")

	failed := sit(t, d)
	failed.press(":").press("jobs failed").press("enter").sees("order-1", "order-3", "(2)")
	mended.Store(true)
	jobs.press("r").sees("sent again:", "COMPLETED")
	failed.sees("(1)")
}
