package courier

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/catalog"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

const subID = "sub_0HZXEQ5Y8JY52"

const (
	whsec    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	whsecOld = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)

func connection(id, url string, s resource.Signing) *resource.Connection {
	return &resource.Connection{Meta: resource.Meta{ID: id}, Code: "warehouse", URL: url, Signing: s, Headers: map[string]string{"x-team": "shipping"}}
}

func routeTo(c *resource.Connection) *catalog.Route {
	return &catalog.Route{Endpoint: c.ID, URL: c.URL, Connection: c, Pool: &resource.DispatchPool{Code: "p", Concurrency: 1}}
}

// instant answers 200 without a network.
type instant struct{}

func (instant) carry(_ context.Context, _ *request, _ *Desk, _ *flow.Attempt, x *flow.Exchange) {
	x.Status, x.Complete = 200, true
}

func oneOrder(url string, s resource.Signing, change ...func(*Options)) (*Order, *Courier) {
	c := connection("con_1", url, s)
	now := time.Now()
	var ids flow.IDs
	ev := &flow.Event{ID: ids.New(now), Type: "orders:fulfillment:shipment:shipped", Source: "/shop", Time: now, CorrelationID: "c1", ClientID: "clt_1",
		Data: json.RawMessage(`{"text":"` + strings.Repeat("x", 1000) + `"}`)}
	j := &flow.Job{ID: ids.New(now), EventID: ev.ID, SubscriptionID: subID, ClientID: "clt_1", Attempts: 1, Policy: flow.DefaultPolicy(), LastAttemptAt: now}
	opts := Options{UserAgent: "FlowCatalyst/1", Instance: "router-1"}
	for _, f := range change {
		f(&opts)
	}
	co := New(opts)
	rt := *routeTo(c)
	rt.Subscription = &resource.Subscription{Meta: resource.Meta{ID: subID}}
	return &Order{Job: j, Event: ev, Route: rt, Known: true, Started: now.Add(time.Hour)}, co
}

func trusting(roots *x509.CertPool) func(*Options) { return func(o *Options) { o.Roots = roots } }

// eventually polls a fact that has no signal of its own.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	timeout := time.After(2 * time.Minute)
	for !holds() {
		select {
		case <-tick.C:
		case <-timeout:
			t.Fatalf("waited 2 min for %s", what)
		}
	}
}
