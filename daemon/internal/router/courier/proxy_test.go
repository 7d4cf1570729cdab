package courier

import (
	"bufio"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

// proxy is a small proxy that does what proxies do, and notes it.
type proxy struct {
	t    *testing.T
	url  *url.URL
	mu   sync.Mutex
	seen []string
}

func newProxy(t *testing.T, answer string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	p := &proxy{t: t, url: &url.URL{Scheme: "http", Host: l.Addr().String()}}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c, answer)
		}
	}()
	return p
}

func (p *proxy) serve(c net.Conn, answer string) {
	defer func() { _ = c.Close() }()
	r := bufio.NewReader(c)
	for {
		req, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		p.mu.Lock()
		p.seen = append(p.seen, req.Method+" "+req.RequestURI+" "+req.Header.Get("Proxy-Authorization"))
		p.mu.Unlock()
		if answer != "" {
			_, _ = io.Copy(io.Discard, req.Body)
			fmt.Fprint(c, answer)
			return
		}
		if req.Method == http.MethodConnect {
			target, err := net.Dial("tcp", req.Host)
			if err != nil {
				fmt.Fprint(c, "HTTP/1.1 502 Bad Gateway\r\n\r\n")
				return
			}
			defer func() { _ = target.Close() }()
			fmt.Fprint(c, "HTTP/1.1 200 Connection established\r\nX-Proxy: yes\r\n\r\n")
			go func() { _, _ = io.Copy(target, r) }()
			_, _ = io.Copy(c, target)
			return
		}
		req.RequestURI = ""
		req.Header.Del("Proxy-Authorization")
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			fmt.Fprint(c, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
			continue
		}
		_ = resp.Write(c)
		_ = resp.Body.Close()
	}
}

func (p *proxy) saw() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.seen...)
}

func TestDeliveriesGoThroughTheProxy(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"http", "https", "h2"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			got := make(chan *http.Request, 10)
			srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				discard(w, r)
				got <- r
			}))
			if srv.EnableHTTP2 = kind == "h2"; kind == "http" {
				srv.Start()
			} else {
				srv.StartTLS()
			}
			defer srv.Close()
			roots := x509.NewCertPool()
			if kind != "http" {
				roots.AddCert(srv.Certificate())
			}
			p := newProxy(t, "")
			p.url.User = url.UserPassword("fc", "pr0xy")
			o, c := to(t, srv.URL+"/hooks?x=1", func(*resource.Connection) {}, trusting(roots), func(o *Options) { o.Egress.Proxy = p.url })
			var w Desk
			for range 2 {
				a := c.Exchange(t.Context(), o, &w)
				if a.Verdict != flow.Delivered {
					t.Fatal(a.Error)
				}
				r := <-got
				if r.URL.Path != "/hooks" || r.Host != strings.TrimPrefix(strings.TrimPrefix(srv.URL, "https://"), "http://") || r.Header.Get("Proxy-Authorization") != "" {
					t.Errorf("the receiver saw %s %s %v", r.Host, r.URL, r.Header)
				}
			}
			want := "CONNECT " + srv.Listener.Addr().String() + " Basic ZmM6cHIweHk="
			saw := p.saw()
			if kind == "http" {
				want = "POST " + srv.URL + "/hooks?x=1 Basic ZmM6cHIweHk="
				saw = saw[:1]
			}
			if len(saw) != 1 || saw[0] != want {
				t.Errorf("the proxy saw %q, want %q", saw, want)
			}
		})
	}
}

func TestATokenIsFetchedThroughTheProxy(t *testing.T) {
	t.Parallel()
	s := newIssuer(t, nil)
	hooks, seen := receiver(t, always(200))
	p := newProxy(t, "")
	o, c := to(t, hooks, oauth(s.URL), func(o *Options) { o.Egress.Proxy = p.url })
	var w Desk
	if a := c.Exchange(t.Context(), o, &w); a.Verdict != flow.Delivered {
		t.Fatal(a.Error)
	}
	if got := (<-seen).Get("Authorization"); got != "Bearer t1" || len(p.saw()) != 2 {
		t.Errorf("Authorization %q, the proxy saw %q", got, p.saw())
	}
}

func TestAProxyThatRefusesIsNamed(t *testing.T) {
	t.Parallel()
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = gone.Close()
	for name, tt := range map[string]struct {
		answer, text string
		at           string
	}{
		"wants credentials": {"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "407", ""},
		"denies the target": {"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", "403", ""},
		"is no proxy":       {"SSH-2.0-OpenSSH_9.0\r\n", "did not answer", ""},
		"answers for ever":  {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 20<<10), "too long", ""},
		"is not there":      {"", "can not be reached", gone.Addr().String()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProxy(t, tt.answer)
			if tt.at != "" {
				p.url.Host = tt.at
			}
			o, c := to(t, "https://hooks.example.com", func(*resource.Connection) {}, func(o *Options) { o.Egress.Proxy = p.url })
			var w Desk
			a := c.Exchange(t.Context(), o, &w)
			if a.Verdict != flow.Retry || a.ErrorType != flow.ErrorConnection || !strings.Contains(a.Error, "egress proxy") || !strings.Contains(a.Error, tt.text) {
				t.Errorf("%s %s: %s", a.Verdict, a.ErrorType, a.Error)
			}
		})
	}
}

func TestAHangingProxyIsBoundedByTheConnectTimeout(t *testing.T) {
	t.Parallel()
	url1, _ := dialogue(t, func(_ int, c net.Conn, r *bufio.Reader) { _, _ = io.Copy(io.Discard, r) })
	u, err := url.Parse(url1)
	if err != nil {
		t.Fatal(err)
	}
	o, c := to(t, "https://hooks.example.com", func(con *resource.Connection) { con.ConnectTimeoutSeconds = 1 }, func(o *Options) { o.Egress.Proxy = u })
	var w Desk
	a := c.Exchange(t.Context(), o, &w)
	if a.Verdict != flow.Retry || a.Duration > 5*time.Second || !strings.Contains(a.Error, "egress proxy") {
		t.Errorf("%s after %s: %s", a.Verdict, a.Duration, a.Error)
	}
}

// What a proxy would reach on our behalf is judged here first; the proxy
// itself is whom the operator named.
func TestEgressRulesHoldBeforeTheProxyIsAsked(t *testing.T) {
	t.Parallel()
	got := make(chan string, 10)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { got <- r.Host }))
	defer srv.Close()
	p := newProxy(t, "")
	strict := func(o *Options) { o.Egress = Egress{DenyPrivate: true, Proxy: p.url} }
	port := srv.Listener.Addr().(*net.TCPAddr).Port
	for _, target := range []string{srv.URL, fmt.Sprintf("http://localhost:%d", port), fmt.Sprintf("https://127.0.0.1:%d", port), fmt.Sprintf("https://localhost:%d", port), "http://169.254.169.254/latest"} {
		o, c := to(t, target, func(*resource.Connection) {}, strict)
		var w Desk
		if a := c.Exchange(t.Context(), o, &w); a.Verdict != flow.Reject || a.ErrorType != flow.ErrorEgressDenied {
			t.Errorf("%s: %s %s: %s", target, a.Verdict, a.ErrorType, a.Error)
		}
	}
	if len(p.saw())+len(got) != 0 {
		t.Errorf("the proxy was asked: %q", p.saw())
	}
	o, c := to(t, srv.URL, func(*resource.Connection) {}, strict, func(o *Options) {
		o.Egress.AllowCIDRs = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	var w Desk
	if a := c.Exchange(t.Context(), o, &w); a.Verdict != flow.Delivered {
		t.Errorf("an allowed target: %s", a.Error)
	}
}
