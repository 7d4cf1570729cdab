package wire

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/flowcatalyst/fc/fcctl/internal/fault"
)

// DefaultTimeout bounds a request unless somebody says otherwise.
const DefaultTimeout = 60 * time.Second

// Options say how requests travel. The zero Options are good.
type Options struct {
	// Timeout bounds each request; 0 is DefaultTimeout and less is none. What
	// is followed until it is interrupted has no bound.
	Timeout time.Duration
	// CAFile has certificates in PEM that are trusted besides the system's.
	CAFile string
	// Insecure trusts any server.
	Insecure bool
	// Debug, if not nil, is told of each request and its answer.
	Debug io.Writer
}

// Client makes a client for requests. HTTP_PROXY, HTTPS_PROXY and NO_PROXY say
// through which proxy they go.
func Client(o Options) (*http.Client, error) {
	timeout := o.Timeout
	switch {
	case timeout == 0:
		timeout = DefaultTimeout
	case timeout < 0:
		timeout = 0
	}
	c := &http.Client{Timeout: timeout, Transport: http.DefaultTransport}
	if o.CAFile != "" || o.Insecure {
		t := http.DefaultTransport.(*http.Transport).Clone() // as net/http documents it
		t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: o.Insecure}
		if o.CAFile != "" {
			pool, err := trusted(o.CAFile)
			if err != nil {
				return nil, err
			}
			t.TLSClientConfig.RootCAs = pool
		}
		c.Transport = t
	}
	if o.Debug != nil {
		c.Transport = &debugger{next: c.Transport, out: o.Debug}
	}
	return c, nil
}

// trusted are the system's certificates and those of a file.
func trusted(path string) (*x509.CertPool, error) {
	const try = "a file of certificates in PEM, which begin with -----BEGIN CERTIFICATE-----"
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.New(fault.Misused, try, "read the certificates to trust: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool() // the file's alone, then
	}
	if !pool.AppendCertsFromPEM(b) {
		return nil, fault.Usage(fmt.Sprintf("there is no certificate in %s", path), try)
	}
	return pool, nil
}
