package courier

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/flowcatalyst/fc/client/resource"
)

// way is how connections to endpoints are made, and whom they show. Routes
// share connections only if they have the same way, so nothing is ever sent
// on a connection that was opened with another's certificate or credentials.
type way struct {
	id      string // "" is the way of all that have no TLS settings and no auth
	config  *tls.Config
	foreign *foreign
	used    time.Time // guarded by ways
}

// ways keeps the ways that are in use.
type ways struct {
	dial  *dialer
	roots *x509.CertPool

	mu  sync.Mutex
	all map[string]*way
}

// wayKept is how long a way that no route asks for any more is remembered.
const wayKept = 10 * time.Minute

// identity is what tells ways apart, and tokens: everything that a connection
// shows of us, and whom it trusts.
func identity(c *resource.Connection) string {
	if c == nil || c.TLS.IsZero() && c.Auth.IsZero() {
		return ""
	}
	// A connection of these two alone always encodes.
	b, _ := json.Marshal(resource.OpenSecrets(&resource.Connection{TLS: c.TLS, Auth: c.Auth}))
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// get finds or makes a way. The error is what is wrong with the connection's
// certificate; it does not quote it.
func (s *ways) get(c *resource.Connection, http2 bool, now time.Time) (*way, error) {
	id := identity(c)
	if !http2 {
		id += "-http1"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.all[id]
	if w == nil {
		config := newTLSConfig(s.roots, http2)
		if c != nil {
			if err := adapt(config, &c.TLS); err != nil {
				return nil, err
			}
		}
		w = &way{id: id, config: config, foreign: newForeign(s.dial, config)}
		if s.all == nil {
			s.all = map[string]*way{}
		}
		s.all[id] = w
	}
	w.used = now
	return w, nil
}

// toIssuer is how a token endpoint is reached: as everybody reaches it, but that
// a connection's own authorities are trusted there beside the others. It shows
// no client certificate.
func (s *ways) toIssuer(t *resource.TLS, now time.Time) (send *http.Transport, own bool) {
	if t.CA == "" {
		w, _ := s.get(nil, true, now) // without a connection it does not fail
		return w.foreign.transport, false
	}
	config := newTLSConfig(s.roots, true)
	if s.roots != nil {
		config.RootCAs = s.roots.Clone()
	} else if system, err := x509.SystemCertPool(); err == nil {
		config.RootCAs = system
	} else {
		config.RootCAs = x509.NewCertPool() // a machine without authorities
	}
	config.RootCAs.AppendCertsFromPEM([]byte(t.CA))
	return newForeign(s.dial, config).transport, true
}

// keep marks a way as in use still.
func (s *ways) keep(w *way, now time.Time) {
	s.mu.Lock()
	w.used = now
	s.mu.Unlock()
}

// expire forgets what no route has asked for since a time, and ends the idle
// connections of what it forgets. A zero time is any. The way of those who have
// nothing of their own stays: requests for tokens take it.
func (s *ways) expire(before time.Time) {
	var old []*way
	s.mu.Lock()
	for id, w := range s.all {
		if before.IsZero() || id != "" && w.used.Before(before) {
			old = append(old, w)
			delete(s.all, id)
		}
	}
	s.mu.Unlock()
	for _, w := range old {
		w.foreign.transport.CloseIdleConnections()
	}
}

// http2Name is the protocol's name in a TLS handshake, RFC 9113 §3.1.
const http2Name = "h2"

func newTLSConfig(roots *x509.CertPool, http2 bool) *tls.Config {
	c := &tls.Config{
		MinVersion: tls.VersionTLS12, RootCAs: roots,
		NextProtos:         []string{"http/1.1"},
		ClientSessionCache: tls.NewLRUClientSessionCache(256),
	}
	if http2 {
		c.NextProtos = []string{http2Name, "http/1.1"}
	}
	return c
}

// adapt puts a connection's own settings into a configuration.
func adapt(config *tls.Config, t *resource.TLS) error {
	if roots := t.Roots(); roots != nil {
		config.RootCAs = roots
	}
	config.ServerName = t.ServerName
	if t.Certificate == "" {
		return nil
	}
	if !t.Key.Known() {
		return errors.New("the key of its client certificate is missing")
	}
	pair, err := tls.X509KeyPair([]byte(t.Certificate), []byte(t.Key.Reveal()))
	if err != nil {
		return errors.New("its client certificate and key do not belong together, or are not PEM")
	}
	// It is sent whatever authorities the endpoint names, so that a refusal
	// is the endpoint's and says so.
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	return nil
}

// handshake makes a connection a TLS connection, to the host of addr unless
// the configuration names another.
func handshake(ctx context.Context, conn net.Conn, addr string, base *tls.Config) (*tls.Conn, error) {
	config := base
	if base.ServerName == "" {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			host = addr
		}
		config = base.Clone()
		config.ServerName = host
	}
	began := time.Now()
	tc := tls.Client(conn, config)
	err := tc.HandshakeContext(ctx)
	if c := callOf(ctx); c != nil {
		c.tls.Store(int64(time.Since(began)))
		if c.seen != nil {
			c.seen.shook(tc, err)
		}
	}
	if err != nil {
		_ = conn.Close() // the handshake's error is the one that counts
		return nil, &tlsError{err}
	}
	return tc, nil
}

// tlsError marks what went wrong in a handshake, whatever its type.
type tlsError struct{ err error }

func (e *tlsError) Error() string { return "TLS handshake: " + e.err.Error() }
func (e *tlsError) Unwrap() error { return e.err }
