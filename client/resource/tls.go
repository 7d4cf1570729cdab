package resource

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"strings"
)

// TLS says whom an endpoint must prove to be, and who we are to it. Texts are
// PEM.
type TLS struct {
	CA          string `json:"ca,omitempty" hcl:"ca,optional"`                   // authorities that are trusted instead of the system's
	Certificate string `json:"certificate,omitempty" hcl:"certificate,optional"` // ours, with its chain, for mTLS
	Key         Secret `json:"key,omitzero"`                                     // of the certificate
	ServerName  string `json:"serverName,omitempty" hcl:"server_name,optional"`  // the name in the endpoint's certificate, if not the URL's host
}

// maxPEM bounds each of the texts.
const maxPEM = 256 << 10

// IsZero says that nothing is set.
func (t TLS) IsZero() bool {
	return t.CA == "" && t.Certificate == "" && t.Key.IsZero() && t.ServerName == ""
}

// defaults drops a key without its certificate.
func (t *TLS) defaults() {
	if t.Certificate == "" {
		t.Key = Secret{}
	}
}

// Roots are the authorities of CA, or nil without it.
func (t *TLS) Roots() *x509.CertPool {
	if t.CA == "" {
		return nil
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(t.CA))
	return pool
}

func (t *TLS) validate(ps []Problem) []Problem {
	ps = checkPEM(ps, "tls.ca", t.CA)
	ps = checkPEM(ps, "tls.certificate", t.Certificate)
	if t.Certificate != "" && t.Key.IsZero() {
		ps = append(ps, Problem{"tls.key", "is required by the certificate", `file("client.key")`})
	}
	if t.Certificate != "" && t.Key.Known() {
		// The error may quote the key, so it is not shown.
		if _, err := tls.X509KeyPair([]byte(t.Certificate), []byte(t.Key.Reveal())); err != nil {
			ps = append(ps, Problem{"tls.key", "is not the private key of the certificate, or not PEM", `file("client.key")`})
		}
	}
	if n := t.ServerName; strings.ContainsAny(n, "/:@ \t\r\n") || len(n) > 253 {
		ps = append(ps, Problem{"tls.serverName", "must be a host name alone", `"warehouse.example.com"`})
	}
	return ps
}

// checkPEM appends what is wrong with a chain of certificates.
func checkPEM(ps []Problem, field, text string) []Problem {
	const try = `file("ca.pem")`
	if text == "" {
		return ps
	}
	if len(text) > maxPEM {
		return append(ps, Problem{field, "is longer than 256 KiB", try})
	}
	found := 0
	for rest := []byte(text); ; found++ {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			break
		}
		if b.Type != "CERTIFICATE" {
			return append(ps, Problem{field, "has a block that is not a CERTIFICATE", try})
		}
		if _, err := x509.ParseCertificate(b.Bytes); err != nil {
			return append(ps, Problem{field, "has a certificate that can not be read", try})
		}
	}
	if found == 0 {
		return append(ps, Problem{field, "has no certificate in PEM form (-----BEGIN CERTIFICATE-----)", try})
	}
	return ps
}
