package courier

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

// Trial is an exchange that was made to be looked at.
type Trial struct {
	flow.Attempt
	// Address is the one that was connected to, or that was tried last.
	// Through a proxy it is not known here.
	Address string
	Proxied bool
	// Secured is nil where there was no TLS, or none that came so far.
	Secured *Secured
	// Target, Request and Sent are the request as it went out, or would have
	// had there been a connection. They are empty if it could not be made.
	Target  string
	Request []Header
	Sent    []byte // the request's body
}

// Header is one header of a request.
type Header struct{ Name, Value string }

// Secured is what was agreed on in a TLS handshake.
type Secured struct {
	Version, Protocol   string
	Subject, Issuer     string // of the receiver's certificate
	Names               []string
	NotBefore, NotAfter time.Time
}

// hidden is shown instead of a secret.
const hidden = "[secret]"

// Try makes an exchange as Exchange does, under the same rules, but on a
// connection of its own that is closed afterwards, and with a token of its own
// if it needs one. Its request says that it is a test. It tells what was seen on
// the way. It ends early when ctx does.
func (c *Courier) Try(ctx context.Context, o *Order) Trial {
	fresh := New(c.Options)
	defer fresh.Close()
	stop := context.AfterFunc(ctx, fresh.CutAll)
	defer stop()
	seen := &sight{}
	tried := *o
	tried.seen = seen
	t := Trial{Attempt: fresh.Exchange(ctx, &tried, new(Desk))}
	// There is no job to retry, and nothing is paused over a test.
	t.Error = strings.ReplaceAll(t.Error, " and retry the job", "")
	t.Error = strings.ReplaceAll(t.Error, "The subscription is paused; change its target or delete it", "A delivery would pause its subscription")
	seen.mu.Lock()
	defer seen.mu.Unlock()
	t.Address, t.Secured, t.Proxied = seen.address, seen.secured, c.Egress.Proxy != nil
	if t.Proxied {
		t.Address = "" // the proxy's, which is not for everybody to know
	}
	t.Target, t.Request, t.Sent = seen.target, seen.request, seen.body
	for _, s := range seen.secrets { // a receiver may send back what it got
		t.Attempt.Header = bytes.ReplaceAll(t.Attempt.Header, []byte(s), []byte(hidden))
		t.Attempt.Body = bytes.ReplaceAll(t.Attempt.Body, []byte(s), []byte(hidden))
	}
	return t
}

// sight gathers what a trial sees. Several addresses may be dialled at once.
type sight struct {
	mu      sync.Mutex
	address string
	secured *Secured
	target  string
	request []Header
	body    []byte
	secrets []string
}

// dialled notes an address that is dialled or connected to.
func (s *sight) dialled(address string) {
	s.mu.Lock()
	s.address = address
	s.mu.Unlock()
}

// shook notes what a handshake showed, also one that failed over the
// receiver's certificate.
func (s *sight) shook(tc *tls.Conn, err error) {
	var chain []*x509.Certificate
	got := &Secured{}
	var refused *tls.CertificateVerificationError
	switch {
	case err == nil:
		state := tc.ConnectionState()
		got.Version, got.Protocol = tls.VersionName(state.Version), state.NegotiatedProtocol
		chain = state.PeerCertificates
	case errors.As(err, &refused):
		chain = refused.UnverifiedCertificates
	}
	if len(chain) == 0 {
		return
	}
	leaf := chain[0]
	got.Subject, got.Issuer = leaf.Subject.String(), leaf.Issuer.String()
	got.NotBefore, got.NotAfter = leaf.NotBefore, leaf.NotAfter
	got.Names = append(got.Names, leaf.DNSNames...)
	for _, ip := range leaf.IPAddresses {
		got.Names = append(got.Names, ip.String())
	}
	s.mu.Lock()
	s.secured = got
	s.mu.Unlock()
}

// sent notes a request without its secrets.
func (s *sight) sent(p *prepared, head, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.target, s.request, s.body = p.url.RequestURI(), nil, bytes.Clone(body)
	for _, line := range strings.Split(string(head), "\r\n")[1:] {
		name, value, ok := strings.Cut(line, ": ")
		if !ok || name == "Proxy-Authorization" {
			continue
		}
		if secretive(p, name) {
			s.secrets = append(s.secrets, worthHiding(value)...)
			value = hidden
		}
		s.request = append(s.request, Header{name, value})
	}
}

// secretive says that a header of a request may hold a credential. What
// shows the endpoint who we are does; of the connection's own headers those
// whose name says so.
func secretive(p *prepared, name string) bool {
	name = http.CanonicalHeaderKey(name)
	if name == p.own || name == "Authorization" {
		return true
	}
	if reserved(name) {
		return false // ours: a signature is no secret
	}
	name = strings.ToLower(name)
	for _, word := range [...]string{"auth", "key", "token", "secret", "password", "credential", "cookie", "session"} {
		if strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// worthHiding are a credential and its part after the scheme. What is shorter
// than a password would hide half of an answer.
func worthHiding(value string) (parts []string) {
	const least = 6
	if len(value) >= least {
		parts = append(parts, value)
	}
	if _, rest, ok := strings.Cut(value, " "); ok && len(rest) >= least {
		parts = append(parts, rest)
	}
	return parts
}

// markTest says in a finished head that the request is a test.
func markTest(head []byte) []byte {
	head = appendLine(head[:len(head)-len("\r\n")], "X-FlowCatalyst-Test", "true")
	return append(head, "\r\n"...)
}

// remote is the address of a connection, for people.
func remote(c net.Conn) string {
	if a := c.RemoteAddr(); a != nil {
		return a.String()
	}
	return ""
}
