package router

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

// instant answers 200 without a network.
type instant struct{}

func (instant) carry(_ context.Context, _ *request, _ *desk, _ *flow.Attempt, x *flow.Exchange) {
	x.Status, x.Complete = 200, true
}

func oneOrder(url string, s resource.Signing) (*order, *courier) {
	c := connection("con_1", url, s)
	now := time.Now()
	var ids flow.IDs
	ev := &flow.Event{ID: ids.New(now), Type: "orders:fulfillment:shipment:shipped", Source: "/shop", Time: now, CorrelationID: "c1", ClientID: "clt_1",
		Data: json.RawMessage(`{"text":"` + strings.Repeat("x", 1000) + `"}`)}
	j := &flow.Job{ID: ids.New(now), EventID: ev.ID, SubscriptionID: subID, ClientID: "clt_1", Attempts: 1, Policy: flow.DefaultPolicy(), LastAttemptAt: now}
	e := &Egress{}
	co := &courier{carrier: newWire(e, nil), prepared: preparations{egress: e, userAgent: "FlowCatalyst/1"}, instance: "router-1", now: time.Now}
	rt := *routeTo(c)
	rt.Subscription = &resource.Subscription{Meta: resource.Meta{ID: subID}}
	return &order{job: j, event: ev, route: catalog.Route(rt), known: true, started: now.Add(time.Hour)}, co
}

// What the router itself allocates for a signed delivery of 1 KiB.
func BenchmarkExchangeWithoutNetwork(b *testing.B) {
	o, c := oneOrder("https://hooks.example.com/orders", resource.Signing{Scheme: resource.SchemeStandardWebhooks, Secret: resource.NewSecret(whsec)})
	c.carrier = instant{}
	var w desk
	b.ReportAllocs()
	for b.Loop() {
		if a := c.exchange(context.Background(), o, &w); a.Verdict != flow.Delivered {
			b.Fatal(a.Error)
		}
	}
}

func BenchmarkExchange(b *testing.B) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer srv.Close()
	o, c := oneOrder(srv.URL, resource.Signing{Scheme: resource.SchemeStandardWebhooks, Secret: resource.NewSecret(whsec)})
	var w desk
	b.ReportAllocs()
	for b.Loop() {
		if a := c.exchange(context.Background(), o, &w); a.Verdict != flow.Delivered {
			b.Fatal(a.Error)
		}
	}
}

// The allocations of the hot path are a promise, with a little room.
func TestAnExchangeAllocatesLittle(t *testing.T) {
	o, c := oneOrder("https://hooks.example.com/orders", resource.Signing{Scheme: resource.SchemeStandardWebhooks, Secret: resource.NewSecret(whsec)})
	c.carrier = instant{}
	var w desk
	n := testing.AllocsPerRun(200, func() { c.exchange(context.Background(), o, &w) })
	if n > 40 {
		t.Errorf("%v allocations for an exchange", n)
	}
	t.Logf("%v allocations", n)
}
