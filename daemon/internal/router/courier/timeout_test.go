package courier

import (
	"bufio"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

func TestAConnectionsTimeoutsBoundEachPart(t *testing.T) {
	t.Parallel()
	hang := func(_ int, _ net.Conn, r *bufio.Reader) { _, _ = io.Copy(io.Discard, r) }
	begins := func(_ int, c net.Conn, r *bufio.Reader) {
		readWhole(r)
		fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
		_, _ = io.Copy(io.Discard, r)
	}
	slow := func(_ int, c net.Conn, r *bufio.Reader) {
		// The first byte is in time; the rest may take longer than that.
		readWhole(r)
		fmt.Fprint(c, "H")
		tick := time.NewTimer(1500 * time.Millisecond)
		defer tick.Stop()
		<-tick.C
		fmt.Fprint(c, okEmpty[1:])
	}
	for name, tt := range map[string]struct {
		serve  func(int, net.Conn, *bufio.Reader)
		change func(*resource.Connection)
		secure bool
		want   flow.Verdict
		text   string
	}{
		"a handshake that does not end":     {hang, func(c *resource.Connection) { c.ConnectTimeoutSeconds = 1 }, true, flow.Retry, "connect_timeout"},
		"an answer that does not begin":     {hang, func(c *resource.Connection) { c.FirstByteTimeoutSeconds = 1 }, false, flow.Retry, "first_byte_timeout"},
		"an answer that begins and is slow": {slow, func(c *resource.Connection) { c.FirstByteTimeoutSeconds = 1 }, false, flow.Delivered, ""},
		"an answer that does not end":       {begins, func(c *resource.Connection) { c.TimeoutSeconds, c.FirstByteTimeoutSeconds = 1, 1 }, false, flow.Retry, "the connection's timeout"},
		"a connection that is more patient": {hang, func(c *resource.Connection) { c.TimeoutSeconds = 60 }, false, flow.Retry, "the subscription's timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url, _ := dialogue(t, tt.serve)
			if tt.secure {
				url = strings.Replace(url, "http", "https", 1)
			}
			o, c := to(t, url, tt.change)
			o.Job.Policy.Timeout = 20 * time.Second
			if strings.Contains(tt.text, "subscription") {
				o.Job.Policy.Timeout = time.Second
			}
			var w Desk
			a := c.Exchange(t.Context(), o, &w)
			if a.Verdict != tt.want || !strings.Contains(a.Error, tt.text) || a.Duration > 5*time.Second || tt.text != "" && a.ErrorType != flow.ErrorTimeout {
				t.Errorf("%s %s after %s: %s", a.Verdict, a.ErrorType, a.Duration, a.Error)
			}
		})
	}
}

func TestTheFirstByteIsAwaitedOverHTTP2AsWell(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		discard(w, r)
		if r.Header.Get("X-Flowcatalyst-Correlation-Id") == "hang" {
			<-r.Context().Done()
		}
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	roots := x509.NewCertPool()
	roots.AddCert(srv.Certificate())
	o, c := to(t, srv.URL, func(con *resource.Connection) { con.FirstByteTimeoutSeconds = 1 }, trusting(roots))
	var w Desk
	if a := c.Exchange(t.Context(), o, &w); a.Verdict != flow.Delivered {
		t.Fatal(a.Error)
	}
	ev := *o.Event
	ev.CorrelationID = "hang"
	slow := *o
	slow.Event = &ev
	if a := c.Exchange(t.Context(), &slow, &w); a.Verdict != flow.Retry || a.ErrorType != flow.ErrorTimeout || !strings.Contains(a.Error, "first_byte_timeout") || a.Duration > 5*time.Second {
		t.Errorf("%s %s after %s: %s", a.Verdict, a.ErrorType, a.Duration, a.Error)
	}
	if a := c.Exchange(t.Context(), o, &w); a.Verdict != flow.Delivered {
		t.Errorf("after one that was given up: %s", a.Error)
	}
}
