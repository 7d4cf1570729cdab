package courier

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

// authority signs certificates for tests.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	text string // PEM of the certificate
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t}
	a.cert, a.key, a.text, _ = a.sign(&x509.Certificate{
		Subject: pkix.Name{CommonName: "Example CA"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	})
	return a
}

// sign makes a certificate; the first one signs itself.
func (a *authority) sign(c *x509.Certificate) (*x509.Certificate, *ecdsa.PrivateKey, string, string) {
	a.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	c.SerialNumber = big.NewInt(time.Now().UnixNano())
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		a.t.Fatal(err)
	}
	text := func(kind string, b []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}))
	}
	return cert, key, text("CERTIFICATE", der), text("PRIVATE KEY", private)
}

// server is a TLS server with a certificate for a name.
func (a *authority) server(h http.Handler, name string, notAfter time.Time, change func(*httptest.Server)) *httptest.Server {
	a.t.Helper()
	_, _, cert, key := a.sign(&x509.Certificate{DNSNames: []string{name}, NotAfter: notAfter, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
	if err != nil {
		a.t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // refused handshakes are the point
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	if change != nil {
		change(srv)
	}
	srv.StartTLS()
	a.t.Cleanup(srv.Close)
	return srv
}

// client is a client certificate of an authority.
func (a *authority) client(name string) resource.TLS {
	_, _, cert, key := a.sign(&x509.Certificate{Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	return resource.TLS{Certificate: cert, Key: resource.NewSecret(key)}
}

func discard(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }

func TestAConnectionTrustsItsOwnAuthorityAndName(t *testing.T) {
	t.Parallel()
	ours, other := newAuthority(t), newAuthority(t)
	soon := time.Now().Add(time.Hour)
	good := ours.server(http.HandlerFunc(discard), "warehouse.example.com", soon, nil)
	expired := ours.server(http.HandlerFunc(discard), "warehouse.example.com", time.Now().Add(-time.Minute), nil)
	old := ours.server(http.HandlerFunc(discard), "warehouse.example.com", soon, func(s *httptest.Server) { s.TLS.MaxVersion = tls.VersionTLS11 })
	for name, tt := range map[string]struct {
		srv  *httptest.Server
		tls  resource.TLS
		text string // of the error; empty: delivered
	}{
		"its authority and its name":   {good, resource.TLS{CA: ours.text, ServerName: "warehouse.example.com"}, ""},
		"its authority, not its name":  {good, resource.TLS{CA: ours.text}, "server_name"},
		"another authority":            {good, resource.TLS{CA: other.text, ServerName: "warehouse.example.com"}, "signed by nobody we trust"},
		"the system's authorities":     {good, resource.TLS{ServerName: "warehouse.example.com"}, "ca in the connection's tls block"},
		"a certificate that ran out":   {expired, resource.TLS{CA: ours.text, ServerName: "warehouse.example.com"}, "expired"},
		"a receiver that is too old":   {old, resource.TLS{CA: ours.text, ServerName: "warehouse.example.com"}, "TLS 1.2"},
		"an authority beside our pair": {good, resource.TLS{CA: other.text + ours.text, ServerName: "warehouse.example.com"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o, c := to(t, tt.srv.URL, func(con *resource.Connection) { con.TLS = tt.tls })
			var w Desk
			a := c.Exchange(t.Context(), o, &w)
			if (a.Verdict == flow.Delivered) != (tt.text == "") || !strings.Contains(a.Error, tt.text) || tt.text != "" && a.ErrorType != flow.ErrorTLS {
				t.Errorf("%s %s: %s", a.Verdict, a.ErrorType, a.Error)
			}
		})
	}
}

func TestMutualTLS(t *testing.T) {
	t.Parallel()
	for _, version := range []int{1, 2} {
		ours, other := newAuthority(t), newAuthority(t)
		var mu sync.Mutex
		var names []string
		srv := ours.server(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			discard(w, r)
			mu.Lock()
			names = append(names, r.TLS.PeerCertificates[0].Subject.CommonName+" "+r.Proto)
			mu.Unlock()
		}), "warehouse.example.com", time.Now().Add(time.Hour), func(s *httptest.Server) {
			s.EnableHTTP2 = version == 2
			s.TLS.ClientAuth = tls.RequireAndVerifyClientCert
			s.TLS.ClientCAs = x509.NewCertPool()
			s.TLS.ClientCAs.AddCert(ours.cert)
		})
		a, b := ours.client("alice"), ours.client("bob")
		o, c := to(t, srv.URL, func(*resource.Connection) {})
		var w Desk
		try := func(who resource.TLS) flow.Attempt {
			t.Helper()
			con := *o.Route.Connection
			con.TLS = who
			con.TLS.CA, con.TLS.ServerName = ours.text, "warehouse.example.com"
			again := *o
			again.Route.Connection = &con
			return c.Exchange(t.Context(), &again, &w)
		}
		// Each is who it is, on connections of its own, whoever came before.
		for range 2 {
			for _, who := range []resource.TLS{a, b} {
				if at := try(who); at.Verdict != flow.Delivered {
					t.Fatalf("HTTP/%d: %s", version, at.Error)
				}
			}
		}
		proto := map[int]string{1: " HTTP/1.1", 2: " HTTP/2.0"}[version]
		if got := strings.Join(names, ", "); got != strings.Join([]string{"alice" + proto, "bob" + proto, "alice" + proto, "bob" + proto}, ", ") {
			t.Errorf("the receiver saw %s", got)
		}
		for what, who := range map[string]resource.TLS{"none": {}, "of another authority": other.client("mallory")} {
			// A reset may overtake the receiver's reason; then it is a guess.
			if at := try(who); at.Verdict != flow.Retry || at.ErrorType != flow.ErrorTLS && at.ErrorType != flow.ErrorConnection || !strings.Contains(at.Error, "tls block") {
				t.Errorf("HTTP/%d, a client certificate %s: %s %s: %s", version, what, at.Verdict, at.ErrorType, at.Error)
			}
		}
		mixed := a
		mixed.Key = b.Key
		if at := try(mixed); at.Verdict != flow.Reject || at.ErrorType != flow.ErrorConfiguration || !strings.Contains(at.Error, "warehouse") || strings.Contains(at.Error, "BEGIN") {
			t.Errorf("HTTP/%d, another's key: %s", version, at.Error)
		}
	}
}

// counting counts the connections that a server accepts.
func counting(s *httptest.Server) func() int {
	var mu sync.Mutex
	n := 0
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			mu.Lock()
			n++
			mu.Unlock()
		}
	}
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}

func TestWhoeverShowsSomethingElseHasConnectionsOfItsOwn(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(discard))
	count := counting(srv)
	srv.Start()
	defer srv.Close()
	o, c := to(t, srv.URL, func(*resource.Connection) {})
	var w Desk
	for _, tt := range []struct {
		change func(*resource.Connection)
		want   int // connections in all afterwards
	}{
		{func(*resource.Connection) {}, 1},
		{func(c *resource.Connection) { c.ID, c.Headers = "con_2", nil }, 1}, // shows nothing either
		{func(c *resource.Connection) {
			c.Auth = resource.Auth{Type: resource.AuthBearer, Token: resource.NewSecret("a")}
		}, 2},
		{func(c *resource.Connection) {
			c.Auth = resource.Auth{Type: resource.AuthBearer, Token: resource.NewSecret("b")}
		}, 3},
		{func(c *resource.Connection) {
			c.Auth = resource.Auth{Type: resource.AuthBearer, Token: resource.NewSecret("a")}
		}, 3},
		{func(c *resource.Connection) { c.TLS.ServerName = "warehouse.example.com" }, 4},
		{func(*resource.Connection) {}, 4},
	} {
		con := *o.Route.Connection
		tt.change(&con)
		again := *o
		again.Route.Connection = &con
		if a := c.Exchange(t.Context(), &again, &w); a.Verdict != flow.Delivered {
			t.Fatal(a.Error)
		}
		if n := count(); n != tt.want {
			t.Errorf("%d connections, want %d", n, tt.want)
		}
	}
}

func TestWaysThatNobodyUsesAreForgotten(t *testing.T) {
	t.Parallel()
	ticks, at := newClock()
	o, c := to(t, "http://127.0.0.1:1", func(*resource.Connection) {}, at)
	var w Desk
	for _, name := range []string{"a.example.com", "b.example.com"} {
		con := *o.Route.Connection
		con.TLS.ServerName = name
		again := *o
		again.Route.Connection = &con
		c.Exchange(t.Context(), &again, &w)
	}
	known := func() int {
		c.wire.ways.mu.Lock()
		defer c.wire.ways.mu.Unlock()
		return len(c.wire.ways.all)
	}
	ticks.forward(time.Hour)
	if c.Tidy(time.Now()); known() != 2 {
		t.Errorf("%d ways are known while two routes have them", known())
	}
	c.Forget()
	ticks.forward(time.Hour)
	if c.Tidy(time.Now()); known() != 0 {
		t.Errorf("%d ways are known after the routes are gone", known())
	}
}

func TestAPoolCanDoWithoutHTTP2AndKeepAlive(t *testing.T) {
	t.Parallel()
	no, yes := false, true
	for _, tt := range []struct {
		name             string
		http2, keepAlive *bool
		proto            int
		conns            int
	}{
		{"as it is", nil, nil, 2, 1},
		{"both said", &yes, &yes, 2, 1},
		{"without HTTP/2", &no, nil, 1, 1},
		{"without keep-alive", nil, &no, 2, 3},
		{"without both", &no, &no, 1, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			protos := make(chan int, 10)
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				discard(w, r)
				protos <- r.ProtoMajor
			}))
			srv.EnableHTTP2 = true
			count := counting(srv)
			srv.StartTLS()
			defer srv.Close()
			roots := x509.NewCertPool()
			roots.AddCert(srv.Certificate())
			o, c := to(t, srv.URL, func(*resource.Connection) {}, trusting(roots))
			o.Route.Pool = &resource.DispatchPool{Code: "p", Concurrency: 1, HTTP2: tt.http2, KeepAlive: tt.keepAlive}
			var w Desk
			for range 3 {
				if a := c.Exchange(t.Context(), o, &w); a.Verdict != flow.Delivered {
					t.Fatal(a.Error)
				}
				if p := <-protos; p != tt.proto {
					t.Errorf("HTTP/%d", p)
				}
			}
			if n := count(); n != tt.conns {
				t.Errorf("%d connections for three deliveries, want %d", n, tt.conns)
			}
		})
	}
}
