package router

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
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
	benchExchange(b, srv.URL)
}

func BenchmarkExchangeOverTLS(b *testing.B) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer srv.Close()
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	benchExchange(b, srv.URL, roots)
}

// With a receiver that costs next to nothing, what is left is the router's.
func BenchmarkExchangeWithBareServer(b *testing.B) { benchExchange(b, "http://"+bare(b)) }

// The floor: the same bytes, written and read without a thought.
func BenchmarkExchangeFloor(b *testing.B) {
	c, err := net.Dial("tcp", bare(b))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	out, in := make([]byte, bareRequest), make([]byte, 4<<10)
	copy(out[len(out)-4:], "xxx}")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Write(out); err != nil {
			b.Fatal(err)
		}
		if _, err := c.Read(in); err != nil {
			b.Fatal(err)
		}
	}
}

const bareRequest = 1900

// bare answers whenever what it read ends like an envelope.
func bare(b *testing.B) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				in, out := make([]byte, 8<<10), []byte("HTTP/1.1 200 OK\r\nDate: Fri, 02 Jan 2026 15:04:05 GMT\r\nContent-Length: 0\r\n\r\n")
				for {
					n, err := c.Read(in)
					if err != nil {
						return
					}
					if in[n-1] == '}' {
						_, _ = c.Write(out)
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

// The whole way of a delivery through the router, between a queue and a store
// in memory.
func BenchmarkRouter(b *testing.B) {
	w := build(b, nil)
	w.store.declare(priority(32))
	w.subscribe(subID, "http://"+bare(b), inPool)
	ids := make([]flow.ID, b.N)
	for i := range ids {
		ids[i] = w.publish()
	}
	b.ReportAllocs()
	b.ResetTimer()
	w.run()
	last := ids[len(ids)-1]
	w.final(last)
	w.drained()
	b.StopTimer()
	w.end()
}

func benchExchange(b *testing.B, url string, roots ...*x509.CertPool) {
	o, c := oneOrder(url, resource.Signing{Scheme: resource.SchemeStandardWebhooks, Secret: resource.NewSecret(whsec)})
	if len(roots) > 0 {
		c.carrier = newWire(&Egress{}, roots[0])
	}
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
	if n > 8 {
		t.Errorf("%v allocations for an exchange", n)
	}
	t.Logf("%v allocations", n)
}
