package courier

import (
	"context"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
	"github.com/flowcatalyst/fc/daemon/internal/router/courier/couriertest"
)

// What the router itself allocates for a signed delivery of 1 KiB.
func BenchmarkExchangeWithoutNetwork(b *testing.B) {
	o, c := oneOrder("https://hooks.example.com/orders", resource.Signing{Scheme: resource.SchemeStandardWebhooks, Secret: resource.NewSecret(whsec)})
	c.carrier = instant{}
	var w Desk
	b.ReportAllocs()
	for b.Loop() {
		if a := c.Exchange(context.Background(), o, &w); a.Verdict != flow.Delivered {
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
func BenchmarkExchangeWithBareServer(b *testing.B) { benchExchange(b, "http://"+couriertest.Bare(b)) }

// The floor: the same bytes, written and read without a thought.
func BenchmarkExchangeFloor(b *testing.B) {
	c, err := net.Dial("tcp", couriertest.Bare(b))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	out, in := make([]byte, couriertest.BareRequest), make([]byte, 4<<10)
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

func benchExchange(b *testing.B, url string, roots ...*x509.CertPool) {
	o, c := oneOrder(url, resource.Signing{Scheme: resource.SchemeStandardWebhooks, Secret: resource.NewSecret(whsec)})
	if len(roots) > 0 {
		o, c = oneOrder(url, resource.Signing{Scheme: resource.SchemeStandardWebhooks, Secret: resource.NewSecret(whsec)}, trusting(roots[0]))
	}
	var w Desk
	b.ReportAllocs()
	for b.Loop() {
		if a := c.Exchange(context.Background(), o, &w); a.Verdict != flow.Delivered {
			b.Fatal(a.Error)
		}
	}
}

// The allocations of the hot path are a promise, with a little room.
func TestAnExchangeAllocatesLittle(t *testing.T) {
	o, c := oneOrder("https://hooks.example.com/orders", resource.Signing{Scheme: resource.SchemeStandardWebhooks, Secret: resource.NewSecret(whsec)})
	c.carrier = instant{}
	var w Desk
	n := testing.AllocsPerRun(200, func() { c.Exchange(context.Background(), o, &w) })
	if n > 8 {
		t.Errorf("%v allocations for an exchange", n)
	}
	t.Logf("%v allocations", n)
}
