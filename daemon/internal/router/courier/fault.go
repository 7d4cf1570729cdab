package courier

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/flowcatalyst/fc/daemon/internal/flow"
)

// ErrCut is the cause with which a shutdown ends the context of exchanges that
// it does not let finish.
var ErrCut = errors.New("the router was stopped before the answer came; the receiver may have had this delivery")

// fault says what a failed exchange was, and what an operator should check.
func fault(err error, q *request) (flow.ErrorType, string) {
	timeout := q.timeout
	var (
		egress   *egressError
		proxy    *proxyError
		limit    *limitError
		tlsErr   *tlsError
		dns      *net.DNSError
		op       *net.OpError
		unknown  x509.UnknownAuthorityError
		hostname x509.HostnameError
		invalid  x509.CertificateInvalidError
		record   tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &egress):
		return flow.ErrorEgressDenied, egress.Error()
	case errors.As(err, &proxy):
		return flow.ErrorConnection, proxy.Error()
	case errors.As(err, &unknown):
		return flow.ErrorTLS, "the receiver's certificate is signed by nobody we trust. Check its certificate chain, or name its authority as ca in the connection's tls block"
	case errors.As(err, &hostname):
		return flow.ErrorTLS, "the receiver's certificate is for another host name. Check the target's host, or set server_name in the connection's tls block"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return flow.ErrorTLS, "the receiver's certificate has expired or is not valid yet. Renew it, or check the clock of this machine"
	case errors.As(err, &invalid):
		return flow.ErrorTLS, "the receiver's certificate is not valid: " + brief(invalid)
	case isAlert(err) && errors.As(err, &op):
		return flow.ErrorTLS, alertText(op.Err)
	case errors.As(err, &limit):
		return flow.ErrorTimeout, limit.Error()
	case errors.As(err, &record):
		return flow.ErrorTLS, "the receiver does not speak TLS at this port. Check whether the target should begin with http://"
	case (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)) && !errors.As(err, &tlsErr):
		whose := "subscription"
		if q.own {
			whose = "connection"
		}
		return flow.ErrorTimeout, fmt.Sprintf("no whole answer within %s. Check the receiver's load, or raise the %s's timeout", timeout, whose)
	case errors.As(err, &tlsErr):
		return flow.ErrorTLS, brief(tlsErr)
	case errors.As(err, &dns) && dns.IsNotFound:
		return flow.ErrorConnection, "the target's host name does not exist. Check its spelling and the DNS"
	case errors.As(err, &dns):
		return flow.ErrorConnection, "the target's host name could not be resolved: check the DNS of this machine"
	case errors.Is(err, syscall.ECONNREFUSED):
		return flow.ErrorConnection, "the receiver refused the connection. Check whether it runs and listens at this port"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return flow.ErrorConnection, "the receiver's network can not be reached from here. Check routes and firewalls"
	case errors.As(err, &op) && op.Op == "dial" && op.Timeout():
		return flow.ErrorTimeout, fmt.Sprintf("no connection within %s. Check whether a firewall drops our packets", min(timeout, connectTimeout))
	case lost(err), strings.Contains(err.Error(), "http2: server sent GOAWAY"), strings.Contains(err.Error(), "stream error"):
		text := "the receiver closed the connection before the answer was whole. Check its log, and any proxy before it"
		if q.route != nil && q.route.secure {
			// Its reason, a TLS alert, may be lost with the connection.
			text += "; if it wants a client certificate, the connection's tls block"
		}
		return flow.ErrorConnection, text
	case errors.Is(err, errMalformed), strings.Contains(err.Error(), "malformed"):
		return flow.ErrorConnection, "the answer was not HTTP. Check the target's port"
	case errors.Is(err, errLongHead), strings.Contains(err.Error(), "server response headers exceeded"):
		return flow.ErrorConnection, fmt.Sprintf("the answer's headers are longer than %d bytes", maxHeaderBytes)
	case strings.Contains(err.Error(), "invalid header field"):
		return flow.ErrorConfiguration, "a header of the delivery has a name or value that HTTP does not allow"
	}
	var ne net.Error
	if errors.As(err, &ne) {
		if ne.Timeout() {
			return flow.ErrorTimeout, brief(err)
		}
		return flow.ErrorConnection, brief(err)
	}
	return flow.ErrorUnknown, brief(err)
}

// lost says that the connection is gone.
func lost(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		strings.Contains(err.Error(), "server closed idle connection") || strings.Contains(err.Error(), "http2: client conn")
}

// isAlert says that the receiver ended the TLS connection with a reason.
func isAlert(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "remote error"
}

// alertText says what a receiver's TLS alert (RFC 8446 §6.2) asks for.
func alertText(alert error) string {
	const mTLS = "Set certificate and key in the connection's tls block"
	text := brief(alert)
	switch {
	case strings.Contains(text, "certificate required"):
		return "the receiver wants a client certificate. " + mTLS
	case strings.Contains(text, "bad certificate"), strings.Contains(text, "unknown certificate"), strings.Contains(text, "unsupported certificate"),
		strings.Contains(text, "expired certificate"), strings.Contains(text, "revoked certificate"), strings.Contains(text, "access denied"):
		return "the receiver does not accept our client certificate (" + text + "). Check certificate and key in the connection's tls block"
	case strings.Contains(text, "unrecognized name"):
		return "the receiver does not know the host name that we ask for. Check the target's host, or set server_name in the connection's tls block"
	case strings.Contains(text, "no application protocol"):
		return "the receiver speaks no version of HTTP that the pool allows. Set http2 = true in the pool"
	case strings.Contains(text, "protocol version"), strings.Contains(text, "handshake failure"), strings.Contains(text, "insufficient security"):
		return "the receiver and we have no TLS version or cipher in common, or it wants a client certificate (" + text + "). It needs TLS 1.2 or newer. " + mTLS + " if it wants one"
	}
	return "the receiver ended the TLS connection: " + text
}

// brokeOff notes that an answer ended before its meaning was known.
func brokeOff(x *flow.Exchange, status int, err error, q *request) {
	x.Failure, x.Problem = fault(err, q)
	x.Problem = fmt.Sprintf("the answer %d broke off: %s", status, x.Problem)
}

// brief bounds an error's text, which may quote what a receiver sent.
func brief(err error) string {
	s := strings.ToValidUTF8(err.Error(), "?")
	s = strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	const most = 300
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
