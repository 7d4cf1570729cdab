package courier

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// proxyError says that the proxy, and not the target, is what failed.
type proxyError struct {
	what string
	err  error
}

func (e *proxyError) Error() string { return "the egress proxy " + e.what }
func (e *proxyError) Unwrap() error { return e.err }

// proxyAddr is where the proxy listens.
func proxyAddr(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = "80"
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// proxyAuth is the value of Proxy-Authorization, or "".
func proxyAuth(u *url.URL) string {
	if u.User == nil {
		return ""
	}
	password, _ := u.User.Password()
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password))
}

// maxProxyAnswer bounds the head of a proxy's answer.
const maxProxyAnswer = 16 << 10

// tunnel asks the proxy for a way through to addr, RFC 9110 §9.3.6.
func tunnel(ctx context.Context, conn net.Conn, addr string, proxy *url.URL) error {
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(past) })
	defer stop()
	b := append([]byte(nil), "CONNECT "...)
	b = append(b, addr...)
	b = append(b, " HTTP/1.1\r\n"...)
	b = appendLine(b, "Host", addr)
	b = appendLine(b, "Proxy-Authorization", proxyAuth(proxy))
	if _, err := conn.Write(append(b, "\r\n"...)); err != nil {
		return cause(ctx, &proxyError{"closed the connection: " + brief(err), err})
	}
	// Byte by byte there can be nothing left over for the handshake to miss;
	// a head is short, and this happens once for a connection.
	r := bufio.NewReaderSize(&byteReader{conn: conn, left: maxProxyAnswer}, 16)
	resp, err := http.ReadResponse(r, &http.Request{Method: http.MethodConnect})
	switch {
	case err != nil:
		return cause(ctx, &proxyError{"did not answer: " + brief(err), err})
	case resp.StatusCode == http.StatusProxyAuthRequired:
		return &proxyError{"wants other credentials (407). Check user and password of proxy in the router's egress block", nil}
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return &proxyError{fmt.Sprintf("refused to connect to the target: it answered %d. Check its rules for this host and port", resp.StatusCode), nil}
	case r.Buffered() > 0:
		return &proxyError{"sent something before the target could", nil}
	}
	if !stop() {
		return context.Cause(ctx)
	}
	return nil
}

// byteReader reads one byte at a time.
type byteReader struct {
	conn net.Conn
	left int
}

func (r *byteReader) Read(b []byte) (int, error) {
	if r.left--; r.left < 0 {
		return 0, errors.New("the head of its answer is too long")
	}
	return r.conn.Read(b[:1])
}

// checkName judges the addresses of a target that a proxy will resolve anew.
// What the proxy finds then is its own business: a name that changes its
// address in between is the proxy's to refuse.
func (e *Egress) checkName(ctx context.Context, host string) error {
	if !e.DenyPrivate {
		return nil
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return e.check(a)
	}
	addrs, err := net.DefaultResolver.LookupNetIP(ctx, "ip", strings.TrimSuffix(host, "."))
	if err != nil {
		return err
	}
	for _, a := range addrs {
		if err := e.check(a); err != nil {
			return err
		}
	}
	return nil
}
